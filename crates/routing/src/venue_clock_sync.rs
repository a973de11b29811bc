//! The synchronised clock of a venue: every reply corrects it, measurements outlive the process, and a wrong
//! machine clock is reported.

mod clock_file;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use market_backbone_core::{Clock, Timestamp, TradePage, VenueClock};

use self::clock_file::ClockFile;
use crate::http_date;

/// The offset in milliseconds above which a warning is logged.
const WARN_OFFSET_MS: i64 = 2_000;
/// The change in milliseconds below which an offset is neither logged nor stored again.
const OFFSET_TOLERANCE_MS: u64 = 1_000;
/// The time by which the venue's clock is assumed to be behind where nothing shows its time.
///
/// Clocks are hours off where a time zone was wrong, and a day where the date was: nothing younger than this
/// is final.
const UNCERTAINTY: Duration = Duration::from_secs(2 * 86_400);
/// The largest time ahead of the venue's clock that a timestamp can have.
const MAX_AHEAD: Duration = Duration::from_secs(60);

/// The venue's clock, and its measurements.
#[derive(Debug)]
pub(crate) struct VenueClockSync {
    clock: Arc<VenueClock>,
    /// The name of the venue, for messages.
    venue: String,
    file: Option<ClockFile>,
    /// The offset logged last, and the one stored last, in milliseconds.
    last: Mutex<(i64, Option<i64>)>,
}

impl VenueClockSync {
    /// Creates the clock of `whose`; `file` keeps the measurements of earlier processes.
    pub(crate) fn new(clock: Arc<VenueClock>, whose: String, file: Option<PathBuf>) -> Self {
        let file = file.map(ClockFile::new);
        if let Some(file) = &file
            && let Some(noted) = file.read(&**clock.machine())
        {
            clock.restore(noted.from, noted.to);
            if noted.was_set {
                clock.invalidate();
            }
        }
        let time = Self { clock, venue: whose, file, last: Mutex::new((0, None)) };
        time.notify();
        time
    }

    /// Returns the venue's clock.
    pub(crate) const fn clock(&self) -> &Arc<VenueClock> {
        &self.clock
    }

    /// Returns the time of this machine's clock, which times requests.
    pub(crate) fn machine(&self) -> Timestamp {
        self.clock.machine().now()
    }

    /// Records that the response to a request sent at `sent`, by the machine's clock, has begun to arrive
    /// with these headers (names in lower case).
    ///
    /// Returns the earliest venue time at which the venue handled the request: a candle must never be made
    /// final whose slot was still open. The date of a response is cut to the second, which errs on the same
    /// side.
    pub(crate) fn on_response<'a>(
        &self,
        sent: Timestamp,
        header: impl Fn(&'static str) -> Option<&'a str>,
    ) -> Timestamp {
        let date = header("date").and_then(http_date::parse);
        if let Some(date) = date
            && !is_cached_response(&header)
        {
            self.clock.observe_reply_date(date, sent, self.machine());
            self.save();
            self.notify();
        }
        let asked = self.clock.lower_bound_at(sent);
        match (date, asked) {
            (Some(date), asked) => date.min(asked.unwrap_or(date)),
            (None, Some(asked)) => asked,
            (None, None) => sent.minus(UNCERTAINTY),
        }
    }

    /// Returns the latest plausible venue time of the content of a response with these headers, which has
    /// just arrived.
    pub(crate) fn latest_plausible<'a>(&self, header: impl Fn(&'static str) -> Option<&'a str>) -> Timestamp {
        let now = self.clock.now();
        match header("date").and_then(http_date::parse) {
            Some(date) => now.max(date).plus(MAX_AHEAD),
            None if self.clock.is_measured() => now.plus(MAX_AHEAD),
            None => now.plus(UNCERTAINTY),
        }
    }

    /// Records that a page of the latest trades of a market has just arrived.
    pub(crate) fn on_trades(&self, page: &TradePage) {
        if self.clock.needs_event_times() {
            self.clock.observe_latest_trades(page.trades.iter().map(|trade| trade.time));
            self.notify();
        }
    }

    /// Records the response to a handshake begun at `sent`, by the machine's clock, with these headers.
    pub(crate) fn on_handshake<'a>(&self, sent: Timestamp, header: impl Fn(&'static str) -> Option<&'a str>) {
        if let Some(date) = header("date").and_then(http_date::parse)
            && !is_cached_response(&header)
        {
            self.clock.observe_handshake_date(date, sent, self.machine());
            self.notify();
        }
    }

    /// Records an event that was received just now and happened at `time` by the venue's clock.
    pub(crate) fn on_event(&self, time: Timestamp) {
        if self.clock.needs_event_times() {
            self.clock.observe_event_time(time);
            self.notify();
        }
    }

    /// Stores the measurement, and again when it has changed.
    fn save(&self) {
        let (Some(file), Some(bounds)) = (&self.file, self.clock.bounds()) else { return };
        let offset = self.clock.reading().offset_ms;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.1.is_some_and(|kept| kept.abs_diff(offset) <= OFFSET_TOLERANCE_MS) {
            return;
        }
        last.1 = Some(offset);
        drop(last);
        if let Err(error) = file.write(&**self.clock.machine(), bounds) {
            tracing::debug!(%error, "the offset of the venue's clock cannot be stored");
        }
    }

    /// Logs that the machine's clock is wrong, and that it is right again, once each.
    fn notify(&self) {
        let offset = self.clock.reading().offset_ms;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (is_wrong, was_wrong) = (offset.abs() > WARN_OFFSET_MS, last.0 != 0);
        if is_wrong == was_wrong && last.0.abs_diff(offset) <= OFFSET_TOLERANCE_MS {
            return;
        }
        if !is_wrong && !was_wrong {
            return;
        }
        last.0 = if is_wrong { offset } else { 0 };
        drop(last);
        let (whose, seconds) = (&self.venue, offset.unsigned_abs() as f64 / 1e3);
        if is_wrong {
            let way = if offset < 0 { "ahead of" } else { "behind" };
            tracing::warn!(
                "this machine's clock is {seconds:.1} s {way} that of {whose}; answers use the venue's \
                 clock, but set this one (NTP)"
            );
        } else {
            tracing::info!("this machine's clock and that of {whose} agree again");
        }
    }
}

/// Returns whether the response comes from a cache: then its date is that of an earlier request.
fn is_cached_response<'a>(header: impl Fn(&'static str) -> Option<&'a str>) -> bool {
    header("age").is_some_and(|age| age.trim() != "0")
}

#[cfg(test)]
mod tests {
    use market_backbone_core::{Clock, ManualClock, Symbol, Trade, TradeId, VenueId};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn venue_time(machine: &str) -> VenueClockSync {
        let machine = Arc::new(ManualClock::new(at(machine)));
        VenueClockSync::new(Arc::new(VenueClock::new(machine)), "test".to_owned(), None)
    }

    #[test]
    fn a_clock_that_is_right_says_when_we_asked_unless_the_venue_is_more_cautious() {
        let asked_at = |machine: &str, date: Option<&'static str>| {
            let time = venue_time(machine);
            time.on_response(time.machine(), |name| date.filter(|_| name == "date"))
        };
        let date = Some("Mon, 03 Aug 2026 10:40:00 GMT");
        assert_eq!(asked_at("2026-08-03T10:40:00.7Z", date), at("2026-08-03T10:40:00Z"));
        assert_eq!(asked_at("2026-08-03T10:39:59.9Z", date), at("2026-08-03T10:39:59.9Z"));
        assert_eq!(asked_at("2026-08-03T10:40:05Z", None), at("2026-08-01T10:40:05Z"), "nobody knows");
    }

    #[test]
    fn what_is_stamped_a_minute_ahead_of_the_venue_has_not_happened() {
        let date = |name| (name == "date").then_some("Mon, 03 Aug 2026 10:40:00 GMT");
        let latest = |machine: &str| venue_time(machine).latest_plausible(date);
        assert_eq!(latest("2026-08-03T10:39:00Z"), at("2026-08-03T10:41:00Z"));
        assert_eq!(latest("2026-08-03T10:40:00.7Z"), at("2026-08-03T10:41:00.7Z"));
        let nobody_knows = venue_time("2026-08-03T10:40:00Z").latest_plausible(|_| None);
        assert_eq!(nobody_knows, at("2026-08-05T10:40:00Z"));
    }

    #[test]
    fn a_clock_that_is_off_says_when_we_asked_by_the_venues() {
        for machine in ["2026-08-03T11:40:00.5Z", "2026-08-03T09:40:00.5Z"] {
            let time = venue_time(machine);
            let date = "Mon, 03 Aug 2026 10:40:00 GMT";
            let asked_at = time.on_response(time.machine(), |name| (name == "date").then_some(date));
            assert!(at("2026-08-03T10:39:59Z") <= asked_at && asked_at <= at("2026-08-03T10:40:00Z"));
            let off = time.clock().now().since(at("2026-08-03T10:40:00Z"));
            assert!(off.as_secs_f64() < 1.0, "{off:?}");
        }
    }

    #[test]
    fn without_dates_an_answer_is_as_old_as_what_is_known_to_have_happened() {
        // A day ahead, as far as can be known: the market may also have been halted for a day.
        let time = venue_time("2026-08-04T10:40:30Z");
        let trade = |number: u64| Trade {
            symbol: Symbol::new(VenueId::new("test"), "A").unwrap(),
            id: TradeId::Number(number.cast_signed()),
            time: at("2026-08-03T10:40:29Z").minus(Duration::from_secs(number)),
            price: 1.0,
            size: 1.0,
            side: None,
            received: time.machine(),
        };
        time.on_trades(&TradePage {
            trades: (0..100).map(trade).collect(),
            dropped: 0,
            ..TradePage::default()
        });
        assert!(time.clock().is_measured());
        // Two of them may be wrong.
        assert_eq!(time.on_response(time.machine(), |_| None), at("2026-08-03T10:40:27Z"));
    }

    #[test]
    fn an_answer_that_was_kept_on_the_way_says_nothing_of_the_clock() {
        let time = venue_time("2026-08-03T10:40:00.5Z");
        let headers = |name| match name {
            "date" => Some("Mon, 03 Aug 2026 10:30:00 GMT"),
            "age" => Some("600"),
            _ => None,
        };
        assert_eq!(time.on_response(time.machine(), headers), at("2026-08-03T10:30:00Z"));
        assert_eq!(time.clock().now(), time.machine());
        assert!(!time.clock().is_measured());
    }
}
