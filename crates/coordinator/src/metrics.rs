//! The metrics of the coordinator.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counts of a coordinator since it was created, and its current load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CoordinatorMetrics {
    /// The number of pages requested from the page source, including the coordinator's own retries, not the
    /// source's.
    pub pages: u64,
    /// The number of pages not requested, because the same page was in flight for another query already
    /// (single-flight).
    pub shared: u64,
    /// The number of times a page or the forming candle was requested again because it failed or proved
    /// nothing.
    pub retried: u64,
    /// The number of queries that ended with an error.
    pub failed: u64,
    /// The number of pages in flight that were cancelled because others had shown their range.
    pub abandoned: u64,
    /// The number of separate requests for the forming candle.
    pub forming: u64,
    /// The number of pages in flight now.
    pub under_way: u64,
}

/// The counters behind the metrics. Relaxed throughout: nothing is decided by them.
#[derive(Debug, Default)]
pub(crate) struct CoordinatorCounters {
    pub(crate) pages: CoordinatorCounter,
    pub(crate) shared: CoordinatorCounter,
    pub(crate) retried: CoordinatorCounter,
    pub(crate) failed: CoordinatorCounter,
    pub(crate) abandoned: CoordinatorCounter,
    pub(crate) forming: CoordinatorCounter,
}

#[derive(Debug, Default)]
pub(crate) struct CoordinatorCounter(AtomicU64);

impl CoordinatorCounter {
    pub(crate) fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl CoordinatorCounters {
    pub(crate) fn snapshot(&self, under_way: usize) -> CoordinatorMetrics {
        CoordinatorMetrics {
            pages: self.pages.get(),
            shared: self.shared.get(),
            retried: self.retried.get(),
            failed: self.failed.get(),
            abandoned: self.abandoned.get(),
            forming: self.forming.get(),
            under_way: under_way as u64,
        }
    }
}
