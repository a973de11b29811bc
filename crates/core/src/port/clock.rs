//! The time of day as an argument.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::Timestamp;

/// A clock that tells the time of day. Everything that needs the time takes a clock, so that live, replay and
/// tests use the same code.
pub trait Clock: Send + Sync + Debug + 'static {
    /// Returns the current time.
    fn now(&self) -> Timestamp;

    /// Returns how often the clock was found to be wrong, or possibly wrong. A caller that has used an earlier
    /// "now" checks whether it was right. A clock that is compared with nothing always returns 0.
    fn step_count(&self) -> u64 {
        0
    }

    /// Returns whether the clock has been compared with the one it stands for since it was set; `true` where
    /// there is none to compare it with.
    fn is_measured(&self) -> bool {
        true
    }

    /// Returns the time since the machine was started, which nobody can set, where the clock is a machine's and
    /// that time is known.
    fn monotonic(&self) -> Option<Timestamp> {
        None
    }
}

/// A clock that stands still until it is set or advanced.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Creates a clock that shows `now`.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_nanos()))
    }

    /// Sets the time it shows.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_nanos(), Ordering::SeqCst);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::SeqCst))
    }
}
