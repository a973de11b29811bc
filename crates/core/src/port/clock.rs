//! The time, as an argument.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::Timestamp;

/// Tells the time of day. Everything that needs it takes one, so that live, replay and tests are one path.
pub trait Clock: Send + Sync + Debug + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// How often it has turned out that the clock was wrong, or may be: whoever has worked with an earlier "now" looks
    /// whether that was right. A clock that is compared with nothing never finds out.
    fn step_count(&self) -> u64 {
        0
    }

    /// Whether it has been compared with the clock it stands for since it was set; true where there is none to compare it
    /// with.
    fn is_measured(&self) -> bool {
        true
    }

    /// The time since the machine was started, which nobody sets, where the clock is a machine's and that is known.
    fn monotonic(&self) -> Option<Timestamp> {
        None
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_nanos()))
    }

    /// Sets it.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_nanos(), Ordering::SeqCst);
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::SeqCst))
    }
}
