//! What the coordinator has done, in figures.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a coordinator has done since it was made, and does now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CoordinatorMetrics {
    /// Pages asked of the page source. Its own repeats are not in it, ours are.
    pub pages: u64,
    /// Pages that were not asked, because the same page was under way for somebody else already.
    pub shared: u64,
    /// Times a page or the candle in progress was asked again because it failed or proved nothing.
    pub retried: u64,
    /// Queries that ended with an error.
    pub failed: u64,
    /// Pages under way that were given up because others had shown what they were to show.
    pub abandoned: u64,
    /// Times the candle in progress was asked for by itself.
    pub forming: u64,
    /// Pages under way at this moment.
    pub under_way: u64,
}

/// The figures while they grow. Relaxed throughout: nothing is decided by them.
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
