//! The part of a rule's window that a group uses: less after the venue has throttled it.

use std::time::Duration;

use tokio::time::Instant;

/// The time without throttling after which the allowance grows by one step.
const RECOVERY_INTERVAL: Duration = Duration::from_secs(10);

/// An allowance that grows back in steps of one in so many of the whole, and of 1 at least.
const RECOVERY_STEPS: u32 = 100;

/// The current allowance of a window, in the rule's unit, and the time from which it holds.
#[derive(Debug)]
pub(super) struct AdaptiveLimit {
    full: u32,
    now: u32,
    /// The moment at which it last shrank or grew.
    changed: Option<Instant>,
    paused_until: Option<Instant>,
}

impl AdaptiveLimit {
    pub(super) fn new(full: u32) -> Self {
        let full = full.max(1);
        Self { full, now: full, changed: None, paused_until: None }
    }

    /// Shrinks the allowance to four fifths, but not below half, and pauses until `until`. Further throttling
    /// during a pause does not shrink it again.
    pub(super) fn on_throttled(&mut self, now: Instant, until: Instant) {
        let paused_already = self.paused_until.is_some_and(|end| end > now);
        if !paused_already {
            self.now = (self.now * 4 / 5).max(self.full.div_ceil(2));
        }
        self.changed = Some(now);
        self.pause(until);
    }

    /// Pauses until `until` without shrinking the allowance.
    pub(super) fn pause(&mut self, until: Instant) {
        self.paused_until = self.paused_until.max(Some(until));
    }

    /// Returns what a window may hold at `now`.
    pub(super) fn at(&mut self, now: Instant) -> u32 {
        while let Some(next) = self.recovers_at()
            && next <= now
        {
            self.now = (self.now + (self.full / RECOVERY_STEPS).max(1)).min(self.full);
            self.changed = Some(next);
        }
        self.now
    }

    /// Returns when it will next grow.
    pub(super) fn recovers_at(&self) -> Option<Instant> {
        self.changed.filter(|_| self.now < self.full).map(|changed| changed + RECOVERY_INTERVAL)
    }

    /// Returns until when nothing may be sent, if that lies ahead.
    pub(super) fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.paused_until.filter(|end| *end > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn shrinks_by_a_fifth_but_not_below_half_and_recovers() {
        let start = Instant::now();
        let mut allowance = AdaptiveLimit::new(10);
        let mut seen = Vec::new();
        for second in [0, 2, 4, 6] {
            let now = start + second * SECOND;
            allowance.on_throttled(now, now + SECOND);
            seen.push(allowance.at(now));
        }
        assert_eq!(seen, [8, 6, 5, 5]);
        assert_eq!(allowance.at(start + 15 * SECOND), 5);
        assert_eq!(allowance.at(start + 16 * SECOND), 6);
        assert_eq!(allowance.at(start + 1_000 * SECOND), 10);
    }

    #[test]
    fn complaints_of_one_window_shrink_it_once() {
        let now = Instant::now();
        let mut allowance = AdaptiveLimit::new(10);
        for _ in 0..7 {
            allowance.on_throttled(now, now + SECOND);
        }
        assert_eq!(allowance.at(now), 8);
        assert_eq!(allowance.paused_until(now), Some(now + SECOND));
        assert_eq!(allowance.paused_until(now + SECOND), None);
    }

    #[test]
    fn one_is_always_left() {
        let now = Instant::now();
        let mut allowance = AdaptiveLimit::new(1);
        allowance.on_throttled(now, now + SECOND);
        assert_eq!(allowance.at(now), 1);
    }

    #[test]
    fn a_large_allowance_grows_back_in_steps_of_a_hundredth() {
        let start = Instant::now();
        let mut allowance = AdaptiveLimit::new(6_000);
        allowance.on_throttled(start, start + SECOND);
        let seen = [0, 10, 20, 190, 200, 900].map(|second| allowance.at(start + second * SECOND));
        assert_eq!(seen, [4_800, 4_860, 4_920, 5_940, 6_000, 6_000]);
    }
}
