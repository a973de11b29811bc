//! Clocks for tests, beside `core`'s `ManualClock`, which stands until it is moved.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use market_backbone_core::{Clock, ManualClock, Timestamp};
use tokio::time::Instant;

/// A clock that runs with tokio's time, which a test may pause, and that can be set.
#[derive(Debug)]
pub struct TaskClock {
    origin: Instant,
    /// What the clock showed at `origin`, in nanoseconds.
    shown_at_origin: AtomicI64,
}

impl TaskClock {
    /// Creates a clock that shows `moment` now.
    #[must_use]
    pub fn showing(moment: Timestamp) -> Self {
        Self::since(Instant::now(), moment)
    }

    /// Creates a clock that showed `moment` at `origin`.
    #[must_use]
    pub const fn since(origin: Instant, moment: Timestamp) -> Self {
        Self { origin, shown_at_origin: AtomicI64::new(moment.as_nanos()) }
    }

    /// Sets the clock forward by so many seconds, or back.
    pub fn set_forward(&self, secs: i64) {
        self.shown_at_origin.fetch_add(secs * 1_000_000_000, Ordering::SeqCst);
    }
}

impl Clock for TaskClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.shown_at_origin.load(Ordering::SeqCst)).plus(self.origin.elapsed())
    }
}

/// The clock of a machine that can be set, while the time since the machine was started goes on.
#[derive(Debug)]
pub struct MachineClock {
    wall: ManualClock,
    since_boot: Option<ManualClock>,
}

impl MachineClock {
    /// Creates a clock that shows `now`, on a machine that was started `since_boot` ago, or does not know when.
    #[must_use]
    pub fn new(now: Timestamp, since_boot: Option<Duration>) -> Self {
        let since_boot = since_boot.map(|since| ManualClock::new(Timestamp::EPOCH.plus(since)));
        Self { wall: ManualClock::new(now), since_boot }
    }

    /// Sets what it shows. The time since the start of the machine stays as it is.
    pub fn set(&self, now: Timestamp) {
        self.wall.set(now);
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.wall.advance(by);
        self.since_boot.iter().for_each(|clock| clock.advance(by));
    }
}

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        self.wall.now()
    }

    fn monotonic(&self) -> Option<Timestamp> {
        self.since_boot.as_ref().map(Clock::now)
    }
}
