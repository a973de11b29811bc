//! The metrics of feeds: what they have left out.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counts of all feeds of a source since it was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedMetrics {
    /// The number of live trades that came later than the
    /// [`allowed_lateness`](crate::ContinuityConfig::allowed_lateness).
    ///
    /// They are not delivered, because a feed no longer knows whether it has delivered them before.
    pub late_trades: u64,
}

/// The counters behind the metrics. Relaxed throughout: nothing is decided by them.
#[derive(Debug, Default)]
pub(super) struct FeedCounters {
    late_trades: AtomicU64,
}

impl FeedCounters {
    pub(super) fn add_late_trade(&self) {
        self.late_trades.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> FeedMetrics {
        FeedMetrics { late_trades: self.late_trades.load(Ordering::Relaxed) }
    }
}
