//! Injected faults, on purpose and repeatably.
//!
//! Which call fails is a function of the seed and the number of the request, so a failing run can be
//! repeated. What is wrong with the rows of a page is a function of the seed and the number of the page among
//! its kind.

mod delay_range;
mod fault_controller;
mod fault_script;
mod page_fault_plan;

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::hash_random;

pub use delay_range::{DelayRange, ParseDelayError};
pub(crate) use fault_controller::FaultController;
pub(crate) use fault_script::TimestampSkew;
pub use fault_script::{BadRowKind, FaultTarget, PageFault, PageKind, ScriptedFault};
pub(crate) use page_fault_plan::{
    ColumnNames, CorruptionContext, PageFaultPlan, TimestampEncoding, elements, set, value,
};

/// The longest delay, in seconds; nobody waits for more.
const MAX_DELAY_SECONDS: f64 = 86_400.0;

/// The faults that the emulator injects. By default there are none. Shares are from 0 to 1.
///
/// Pages are those of candles, trades, tickers and markets over REST.
/// [`EmulatorReport::played`](crate::EmulatorReport::played) counts, under the names of these fields, how
/// often each fault occurred.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// The delay of every REST answer, in ms.
    pub latency_ms: u64,
    /// The largest additional random delay, in ms.
    pub jitter_ms: u64,
    /// The σ of a heavy tail: the delay is multiplied by a log-normal factor with median 1; 0 for none.
    pub latency_sigma: f64,
    /// The share of the delay that passes before a request is counted against the limits.
    pub counted_after: f64,
    /// The least time that the venue needs for each REST request, one at a time, in ms.
    pub service_ms: u64,
    /// The largest random addition to it, in ms.
    pub service_jitter_ms: u64,
    /// The share of calls answered with a 5xx HTML page.
    pub html: f64,
    /// The share of calls whose body ends before its `Content-Length`.
    pub cut: f64,
    /// The share of calls whose connection is reset before any answer.
    pub reset: f64,
    /// The share of calls answered with an undeserved 429.
    pub throttle: f64,
    /// The seconds after which those 429s ask to retry; 0 for not saying.
    pub retry_after: u32,
    /// The share of the calls for the listing that are never answered.
    pub mute_listing: f64,
    /// The share of socket connects refused with a 5xx HTML page.
    pub refuse_sockets: f64,
    /// The age at which every socket is cut without a close frame, in ms; 0 for never.
    pub drop_after_ms: u64,
    /// The age at which every socket stalls, in ms: it stays open, but neither sends nor answers pings; 0 for
    /// never.
    pub stall_after_ms: u64,
    /// The time after which a stalled socket resumes, in ms, without what it missed; 0 for never.
    pub stall_for_ms: u64,
    /// The age at which every socket stops sending data, in ms, while it still answers; 0 for never.
    pub mute_after_ms: u64,
    /// The time after which a mute socket resumes, in ms, without what it missed; 0 for never.
    pub mute_for_ms: u64,
    /// The largest random addition to the ages above, in ms, drawn for each socket.
    pub age_jitter_ms: u64,
    /// The share of frames that are never sent.
    pub swallow: f64,
    /// The share of frames that are sent twice.
    pub duplicate: f64,
    /// The share of frames that are sent after the one that follows them.
    pub reorder: f64,
    /// The time after the first connect in which sockets are refused with a 5xx HTML page, in ms; 0 for
    /// never.
    pub refuse_ws_ms: u64,
    /// The share of pages of candles and trades that are empty although there are rows. Massive's forms take
    /// turns: without `results`, with `null`, as `DELAYED`, with `[]`.
    pub empty_page: f64,
    /// The share of pages of candles and trades that are `stale_age_ms` old.
    pub stale_page: f64,
    /// The age of a stale page, in ms.
    pub stale_age_ms: u64,
    /// The number of newest closed candles that are not served yet; the forming one is not served either.
    pub late_rows: u64,
    /// The share of pages of candles that lack those rows.
    pub late_share: f64,
    /// The delay of pages of candles, in ms: a candle that has just closed lacks its last trades.
    pub lagging_rows_ms: u64,
    /// The share of pages that hold one row twice.
    pub doubled_row: f64,
    /// The share of pages of candles that hold one row twice, the second time with other values.
    pub differing_row: f64,
    /// The share of pages of candles that lack one row.
    pub missing_row: f64,
    /// The share of pages in which one row is bad.
    pub bad_row: f64,
    /// The kind of error in a bad row.
    pub bad_row_kind: BadRowKind,
    /// The share of live trades that are stamped ahead of their time, with the ticker and the book that
    /// follow.
    pub future_trade: f64,
    /// The time by which such trades are ahead, in ms.
    pub future_ms: u64,
    /// The time before now of which pages of trades lack the trades, in ms.
    pub lagging_trades: u64,
    /// The share of pages of trades that lack their middle.
    pub holey_trades: f64,
    /// The offset of the venue's clock from this machine's, in ms, positive if ahead; a change makes it step.
    pub clock_offset: i64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            latency_ms: 0,
            jitter_ms: 0,
            latency_sigma: 0.0,
            counted_after: 0.0,
            service_ms: 0,
            service_jitter_ms: 0,
            html: 0.0,
            cut: 0.0,
            reset: 0.0,
            throttle: 0.0,
            retry_after: 0,
            mute_listing: 0.0,
            refuse_sockets: 0.0,
            drop_after_ms: 0,
            stall_after_ms: 0,
            stall_for_ms: 0,
            mute_after_ms: 0,
            mute_for_ms: 0,
            age_jitter_ms: 0,
            swallow: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            refuse_ws_ms: 0,
            empty_page: 0.0,
            stale_page: 0.0,
            stale_age_ms: 600_000,
            late_rows: 0,
            late_share: 1.0,
            lagging_rows_ms: 0,
            doubled_row: 0.0,
            differing_row: 0.0,
            missing_row: 0.0,
            bad_row: 0.0,
            bad_row_kind: BadRowKind::Any,
            future_trade: 0.0,
            future_ms: 3_600_000,
            lagging_trades: 0,
            holey_trades: 0.0,
            clock_offset: 0,
        }
    }
}

/// A way in which one call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallFailure {
    Html,
    Cut,
    Reset,
    Throttle,
}

impl CallFailure {
    /// Returns its name in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Cut => "cut",
            Self::Reset => "reset",
            Self::Throttle => "throttle",
        }
    }
}

impl Faults {
    /// Returns how a call fails, if it does.
    pub(crate) fn draw(&self, seed: u64, number: u64) -> Option<CallFailure> {
        let drawn = hash_random::unit(hash_random::draw(seed ^ 0xFA17, number));
        let mut reach = 0.0;
        let kinds = [
            (self.html, CallFailure::Html),
            (self.cut, CallFailure::Cut),
            (self.reset, CallFailure::Reset),
            (self.throttle, CallFailure::Throttle),
        ];
        kinds.into_iter().find_map(|(share, failure)| {
            reach += share;
            (drawn < reach).then_some(failure)
        })
    }

    /// Returns whether a call for the listing is never answered.
    pub(crate) fn mutes_listing(&self, seed: u64, number: u64) -> bool {
        hash_random::unit(hash_random::draw(seed ^ 0x1157, number)) < self.mute_listing
    }

    /// Returns how long a call is delayed after it was counted.
    pub(crate) fn delay(&self, seed: u64, number: u64) -> Duration {
        self.way(hash_random::draw(seed ^ 0xDE1A, number), 1.0 - self.counted_after)
    }

    /// Returns how long a call is delayed before it is counted.
    pub(crate) fn way_there(&self, seed: u64, call: u64) -> Duration {
        self.way(hash_random::draw(seed ^ 0x00E2, call), self.counted_after)
    }

    /// Returns a part of the delay, from a random number.
    fn way(&self, draw: u64, part: f64) -> Duration {
        let millis = self.latency_ms as f64 + hash_random::unit(draw) * self.jitter_ms as f64;
        let tail = if self.latency_sigma > 0.0 { (self.latency_sigma * normal(draw)).exp() } else { 1.0 };
        Duration::from_secs_f64((millis * tail * part.clamp(0.0, 1.0) / 1_000.0).min(MAX_DELAY_SECONDS))
    }

    /// Returns how long the venue works on a call.
    pub(crate) fn service(&self, seed: u64, number: u64) -> Duration {
        let drawn = hash_random::unit(hash_random::draw(seed ^ 0x5E4F, number));
        let millis = self.service_ms as f64 + drawn * self.service_jitter_ms as f64;
        Duration::from_secs_f64((millis / 1_000.0).min(MAX_DELAY_SECONDS))
    }

    /// Sets the delay of every answer.
    #[must_use]
    pub fn with_latency(self, range: DelayRange) -> Self {
        let DelayRange { least_ms, most_ms } = range;
        Self { latency_ms: least_ms, jitter_ms: most_ms.saturating_sub(least_ms), ..self }
    }

    /// Sets the time that the venue needs for each request.
    #[must_use]
    pub fn with_service(self, range: DelayRange) -> Self {
        let DelayRange { least_ms, most_ms } = range;
        Self { service_ms: least_ms, service_jitter_ms: most_ms.saturating_sub(least_ms), ..self }
    }
}

/// Returns a number of the standard normal distribution, from a random number.
fn normal(draw: u64) -> f64 {
    let (one, other) = (hash_random::unit(draw), hash_random::unit(hash_random::draw(draw, 1)));
    (-2.0 * one.max(f64::MIN_POSITIVE).ln()).sqrt() * (std::f64::consts::TAU * other).cos()
}

/// The reason why a list of faults is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseFaultsError(String);

/// Parses `latency_ms=40,html=0.2`: names and values of fields, or an empty text for no faults.
impl FromStr for Faults {
    type Err = ParseFaultsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut fields = serde_json::Map::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| ParseFaultsError(format!("{pair:?} is not name=value")))?;
            // A value that is no number is a name, as in bad_row_kind=zero.
            let number = serde_json::from_str::<serde_json::Number>(value.trim());
            let value = number.map_or_else(|_| value.trim().into(), serde_json::Value::Number);
            fields.insert(name.trim().to_owned(), value);
        }
        serde_json::from_value(fields.into()).map_err(|error| ParseFaultsError(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_kept_and_repeat() {
        let faults = Faults { html: 0.1, reset: 0.1, ..Faults::default() };
        let draws: Vec<_> = (0..10_000).map(|n| faults.draw(3, n)).collect();
        let share = |wanted| draws.iter().filter(|drawn| **drawn == Some(wanted)).count();
        assert!((900..1_100).contains(&share(CallFailure::Html)));
        assert!((900..1_100).contains(&share(CallFailure::Reset)));
        assert_eq!(share(CallFailure::Cut) + share(CallFailure::Throttle), 0);
        assert_eq!(draws, (0..10_000).map(|n| faults.draw(3, n)).collect::<Vec<_>>());
    }

    #[test]
    fn delays_lie_where_they_are_said_to() {
        let range = |text: &str| text.parse::<DelayRange>().unwrap();
        let faults = Faults::default().with_latency(range("40±10")).with_service(range("5..20"));
        let millis = |times: Vec<Duration>| {
            let millis = times.iter().map(|time| time.as_secs_f64() * 1_000.0);
            millis.fold((f64::MAX, 0.0_f64), |(least, most), time| (least.min(time), most.max(time)))
        };
        let all = |of: &dyn Fn(u64) -> Duration| millis((0..10_000).map(of).collect());
        let near = |(least, most): (f64, f64), (from, to): (f64, f64)| {
            assert!(
                from <= least && least < from + 0.1 && to - 0.1 < most && most <= to,
                "{least} to {most}"
            );
        };
        near(all(&|number| faults.delay(1, number)), (30.0, 50.0));
        near(all(&|number| faults.service(1, number)), (5.0, 20.0));
        let split = Faults { counted_after: 0.5, ..faults };
        near(all(&|number| split.delay(1, number)), (15.0, 25.0));
        near(all(&|call| split.way_there(1, call)), (15.0, 25.0));
        let tail = Faults { latency_ms: 40, latency_sigma: 0.8, ..Faults::default() };
        let mut times: Vec<_> =
            (0..10_001).map(|number| tail.delay(1, number).as_secs_f64() * 1_000.0).collect();
        times.sort_by(f64::total_cmp);
        // The median is the latency, and one σ up is 2.23 times as much.
        assert!(
            (38.0..42.0).contains(&times[5_000]) && (83.0..95.0).contains(&times[8_413]),
            "{}",
            times[8_413]
        );
    }

    #[test]
    fn faults_are_read_from_a_flag() {
        let want = Faults { latency_ms: 40, html: 0.2, ..Faults::default() };
        assert_eq!("latency_ms=40, html=0.2".parse(), Ok(want));
        assert_eq!("".parse(), Ok(Faults::default()));
        let want = Faults {
            bad_row: 0.5,
            bad_row_kind: BadRowKind::Zero,
            clock_offset: -3_600_000,
            ..Faults::default()
        };
        assert_eq!("bad_row=0.5,bad_row_kind=zero,clock_offset=-3600000".parse(), Ok(want));
        for kind in ["any", "unsound", "zero", "null", "offgrid", "foreign", "text", "future"] {
            assert!(format!("bad_row_kind={kind}").parse::<Faults>().is_ok(), "{kind}");
        }
        for wrong in ["html", "html=often", "htlm=1", "latency_ms=-1", "bad_row_kind=odd", "late_rows=0.5"] {
            assert!(wrong.parse::<Faults>().is_err(), "{wrong}");
        }
    }
}
