//! The venue's time, as far as it is known here, for rules whose windows its clock cuts.

use std::time::Duration;

use market_backbone_core::Timestamp;
use tokio::time::Instant;

use super::Limiter;

/// The time after which a reading is used no more.
const EXPIRES_AFTER: Duration = Duration::from_secs(600);
/// Two clocks drift apart by one part in this many at most.
const MAX_DRIFT: i128 = 4_000;

/// A reading of the venue's clock: at one moment it showed a time between two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VenueTime {
    at: Instant,
    /// In nanoseconds since the Unix epoch.
    earliest: i128,
    latest: i128,
}

impl VenueTime {
    pub(super) fn new(at: Instant, earliest: Timestamp, latest: Timestamp) -> Self {
        let (earliest, latest) = (earliest.as_nanos().into(), latest.as_nanos().into());
        Self { at, earliest, latest }
    }

    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) <= EXPIRES_AFTER
    }

    /// Returns from when on the venue certainly counts a later window than any in which a request can have arrived by
    /// `arrived`: what is sent from then on shares no window with it.
    pub(super) fn next_window(&self, arrived: Instant, window: Duration) -> Option<Instant> {
        let window = i128::try_from(window.as_nanos()).ok().filter(|window| *window > 0)?;
        let since = nanos_between(self.at, arrived);
        let shown = self.latest + since + since.abs() / MAX_DRIFT;
        let begins = (shown.div_euclid(window) + 1) * window;
        let ahead = begins - self.earliest;
        offset(self.at, ahead + ahead.abs() / MAX_DRIFT + 1)
    }
}

impl Limiter {
    /// Records that the venue's clock shows a time from `earliest` to `latest` now, for rules whose windows that clock cuts.
    ///
    /// Such a rule is then kept as what it is, for ten minutes: a window may be used up at its end, and the next one from its
    /// beginning. The bounds must hold; they may be as wide as they are.
    pub fn set_venue_time(&self, earliest: Timestamp, latest: Timestamp) {
        let time = VenueTime::new(Instant::now(), earliest, latest);
        self.scope
            .groups
            .iter()
            .filter(|group| group.goes_by_clock())
            .for_each(|group| group.set_venue_time(time));
    }

    /// Returns whether any rule goes by the venue's clock.
    #[must_use]
    pub fn goes_by_clock(&self) -> bool {
        self.scope.groups.iter().any(|group| group.goes_by_clock())
    }
}

/// Returns the time from one moment to another, negative if that is earlier.
fn nanos_between(from: Instant, to: Instant) -> i128 {
    let nanos = |duration: Duration| i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX);
    match to.checked_duration_since(from) {
        Some(after) => nanos(after),
        None => -nanos(from.saturating_duration_since(to)),
    }
}

fn offset(moment: Instant, nanos: i128) -> Option<Instant> {
    let distance = Duration::from_nanos(u64::try_from(nanos.unsigned_abs()).ok()?);
    if nanos < 0 { moment.checked_sub(distance) } else { moment.checked_add(distance) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_next_window_begins_when_the_venues_clock_says_so_at_the_latest() {
        let at = Instant::now() + ms(100_000);
        // The clock shows 59.0 to 59.4 s.
        let time = VenueTime::new(at, Timestamp::from_millis(59_000), Timestamp::from_millis(59_400));
        let next = |arrived: Instant| {
            let next = time.next_window(arrived, WINDOW).unwrap();
            nanos_between(at, next) as f64 / 1e6
        };
        let near = |left: f64, right: f64| assert!((left - right).abs() < 20.0, "{left} {right}");
        near(next(at), 1_000.0);
        near(next(at + ms(599)), 1_000.0);
        near(next(at + ms(601)), 61_000.0);
        near(next(at - ms(59_300)), 1_000.0);
        near(next(at - ms(59_500)), -59_000.0);
    }

    #[test]
    fn a_reading_expires() {
        let at = Instant::now();
        let time = VenueTime::new(at, Timestamp::EPOCH, Timestamp::EPOCH);
        assert!(time.is_fresh(at + EXPIRES_AFTER) && !time.is_fresh(at + EXPIRES_AFTER + ms(1)));
    }
}
