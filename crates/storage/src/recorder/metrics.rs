//! The counters of the recorder.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of the recorder so far, in slots unless stated otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecorderMetrics {
    /// The number of candles written.
    pub written: u64,
    /// The number of slots written as empty.
    pub quiet: u64,
    /// The number of slots that were not received completely, and stay unknown until they are requested.
    pub unknown: u64,
    /// The number of written slots that were withdrawn, because something proved to be missing in them.
    pub withdrawn: u64,
    /// The number of slots the venue has confirmed.
    pub confirmed: u64,
    /// The number of slots it has confirmed once more, when they were older.
    pub reconciled: u64,
    /// The number of slots it has revised, as it does with what it sends live.
    pub amended: u64,
    /// The number of slots the venue has contradicted.
    pub disputed: u64,
    /// The number of slots for which the writer's queue had no room; they are unknown too.
    pub dropped: u64,
    /// The number of failed commits, each attempt counted.
    pub failed_commits: u64,
    /// The number of failed requests for confirmation.
    pub failed_confirms: u64,
}

/// The counters behind [`RecorderMetrics`].
#[derive(Debug, Default)]
pub(super) struct RecorderCounters {
    pub(super) written: RecorderCounter,
    pub(super) quiet: RecorderCounter,
    pub(super) unknown: RecorderCounter,
    pub(super) withdrawn: RecorderCounter,
    pub(super) confirmed: RecorderCounter,
    pub(super) reconciled: RecorderCounter,
    pub(super) amended: RecorderCounter,
    pub(super) disputed: RecorderCounter,
    pub(super) dropped: RecorderCounter,
    pub(super) failed_commits: RecorderCounter,
    pub(super) failed_confirms: RecorderCounter,
}

#[derive(Debug, Default)]
pub(super) struct RecorderCounter(AtomicU64);

impl RecorderCounter {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl RecorderCounters {
    pub(super) fn snapshot(&self) -> RecorderMetrics {
        RecorderMetrics {
            written: self.written.get(),
            quiet: self.quiet.get(),
            unknown: self.unknown.get(),
            withdrawn: self.withdrawn.get(),
            confirmed: self.confirmed.get(),
            reconciled: self.reconciled.get(),
            amended: self.amended.get(),
            disputed: self.disputed.get(),
            dropped: self.dropped.get(),
            failed_commits: self.failed_commits.get(),
            failed_confirms: self.failed_confirms.get(),
        }
    }
}
