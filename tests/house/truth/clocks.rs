//! The venue's clock, and what this machine takes it for.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use market_backbone_core::{Clock, ManualClock, Timestamp};

/// By how many milliseconds a measured clock may be wrong. The machine's own may be an hour off, and be set: what is
/// measured hides it.
pub(crate) const ERROR: i64 = 2_000;

/// The clock that a program goes by: the venue's with an error, which changes when it is measured anew.
#[derive(Debug)]
pub(crate) struct Clocks {
    /// The venue's own.
    pub(crate) venue: ManualClock,
    error_ms: AtomicI64,
}

impl Clocks {
    pub(crate) fn new(now: Timestamp, error_ms: i64) -> Self {
        Self { venue: ManualClock::new(now), error_ms: AtomicI64::new(error_ms) }
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.venue.advance(by);
    }

    /// The measured clock is wrong by so much from now on.
    pub(crate) fn measured(&self, error_ms: i64) {
        self.error_ms.store(error_ms, Ordering::SeqCst);
    }

    /// What it surely is at the venue: the earlier of both.
    pub(crate) fn cautious(&self) -> Timestamp {
        self.venue.now().min(self.now())
    }
}

impl Clock for Clocks {
    fn now(&self) -> Timestamp {
        let error = self.error_ms.load(Ordering::SeqCst);
        Timestamp::from_nanos(self.venue.now().as_nanos() + error * 1_000_000)
    }
}
