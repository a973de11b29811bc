//! Statistics of a market's pauses between two trades.

use market_backbone_core::Timestamp;

/// The fewest pauses from which anything is concluded.
const MIN_PAUSES: usize = 30;
/// The factor of the longest other pause above which a pause is unusual.
const UNUSUAL_FACTOR: i64 = 2;

/// The pauses between consecutive trades.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PauseStats {
    pauses: usize,
    /// The longest pause, in nanoseconds.
    longest: i64,
}

impl PauseStats {
    /// Returns the statistics of trades at these times, which must rise.
    pub(super) fn of(times: impl IntoIterator<Item = Timestamp>) -> Self {
        let mut pace = Self::default();
        let mut before: Option<Timestamp> = None;
        for time in times {
            if let Some(before) = before {
                pace.add(time.as_nanos().saturating_sub(before.as_nanos()));
            }
            before = Some(time);
        }
        pace
    }

    /// Adds a pause in nanoseconds.
    pub(super) fn add(&mut self, pause: i64) {
        self.pauses += 1;
        self.longest = self.longest.max(pause);
    }

    /// Returns the statistics of both.
    pub(super) fn merge(self, other: Self) -> Self {
        Self { pauses: self.pauses + other.pauses, longest: self.longest.max(other.longest) }
    }

    /// Returns whether a market of this pace, whatever its rhythm, hardly ever pauses this long. For
    /// independent trades, the longest of `n` pauses is twice that of `m` others in one of `m² / n` cases.
    pub(super) fn is_exceeded_by(&self, pause: i64) -> bool {
        self.pauses >= MIN_PAUSES && pause / UNUSUAL_FACTOR > self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_strange_that_is_twice_as_long_as_any_of_many_others() {
        let even = |n: i64| PauseStats::of((0..n).map(|second| Timestamp::from_secs(2 * second)));
        let pause = |secs: i64| secs * 1_000_000_000;
        assert!(even(40).is_exceeded_by(pause(5)) && !even(40).is_exceeded_by(pause(4)));
        assert!(!even(30).is_exceeded_by(pause(600)), "29 pauses tell nothing");
        let mut once = even(30).merge(even(9));
        assert!(once.is_exceeded_by(pause(15)));
        once.add(pause(9));
        assert!(!once.is_exceeded_by(pause(15)), "it has paused so before");
    }
}
