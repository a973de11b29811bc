//! Exponential backoff before a retry: one rule for requests, connections and writes.
//!
//! Delays grow exponentially, so that a failing server is not overloaded, up to a cap, so that its return is noticed.
//! Jitter keeps clients that failed together from retrying together. The caller supplies the randomness and counts
//! the failures: the rule is a plain value, and a test can predict its result.

use std::time::Duration;

/// An exponential backoff with a cap and jitter.
///
/// ```
/// use std::time::Duration;
/// use market_backbone_core::Backoff;
///
/// let backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(60));
/// assert_eq!(backoff.delay(0, 0.5), Duration::from_secs(5));
/// assert_eq!(backoff.delay(2, 0.5), Duration::from_secs(20));
/// assert_eq!(backoff.delay(9, 0.5), Duration::from_secs(60));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    initial: Duration,
    max: Duration,
    multiplier: f64,
    /// The factors between which a delay is spread.
    spread: (f64, f64),
}

impl Backoff {
    /// Returns a backoff that doubles from `initial` up to `max`, without jitter.
    #[must_use]
    pub const fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max, multiplier: 2.0, spread: (1.0, 1.0) }
    }

    /// Sets the factor by which a delay grows with each failure; one below 1 counts as 1.
    #[must_use]
    pub fn multiplier(self, multiplier: f64) -> Self {
        Self { multiplier: multiplier.max(1.0), ..self }
    }

    /// Spreads each delay between its `shortest` and its `longest` fraction, such as 0.8 and 1.2.
    #[must_use]
    pub fn spread(self, shortest: f64, longest: f64) -> Self {
        Self { spread: (shortest.max(0.0), longest.max(0.0)), ..self }
    }

    /// Returns the delay after `failures` failures before this one; `random` is in `0..1`. It is never above the cap.
    #[must_use]
    pub fn delay(self, failures: u32, random: f64) -> Duration {
        let steps = i32::try_from(failures).unwrap_or(i32::MAX);
        let grown = (self.initial.as_secs_f64() * self.multiplier.powi(steps)).min(self.max.as_secs_f64());
        let (shortest, longest) = self.spread;
        let spread = grown * (shortest + (longest - shortest) * random);
        // This is not a duration only if a setting is not a number. Then the longest delay is the safe one.
        Duration::try_from_secs_f64(spread).map_or(self.max, |delay| delay.min(self.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn delays_double_up_to_the_cap_and_no_count_overflows() {
        let backoff = Backoff::new(secs(1), secs(10));
        let delays = [0, 1, 2, 3, 4, u32::MAX].map(|failures| backoff.delay(failures, 0.0).as_secs());
        assert_eq!(delays, [1, 2, 4, 8, 10, 10]);
    }

    #[test]
    fn jitter_spreads_a_delay_and_never_above_the_cap() {
        let backoff = Backoff::new(secs(10), secs(11)).spread(0.8, 1.2);
        assert_eq!(backoff.delay(0, 0.0), secs(8));
        assert_eq!(backoff.delay(0, 0.5), secs(10));
        assert_eq!(backoff.delay(0, 0.999), secs(11));
    }

    #[test]
    fn a_setting_that_is_no_number_means_the_longest_delay() {
        assert_eq!(Backoff::new(secs(1), secs(9)).spread(f64::NAN, f64::INFINITY).delay(3, 0.5), secs(9));
    }
}
