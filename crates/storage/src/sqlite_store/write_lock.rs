//! The write lock of a shard file, shared by commits and maintenance.
//!
//! SQLite has one writer for each file anyway; but a second writer there blocks a thread and fails after a
//! while. Here both wait in a queue, so that a commit comes next after one small step of maintenance, and
//! maintenance knows how long nobody has written. Writers of other processes are met at SQLite's lock.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::commit_file::CommitId;

/// The right to write to one shard file, granted in the order of requests.
#[derive(Debug)]
pub(super) struct WriteLock {
    permit: Semaphore,
    last_commit: Mutex<LastCommit>,
}

#[derive(Debug)]
struct LastCommit {
    at: Instant,
    /// The id of the last commit, once it was read.
    commit_id: Option<CommitId>,
}

impl WriteLock {
    pub(super) fn new() -> Self {
        Self {
            permit: Semaphore::new(1),
            last_commit: Mutex::new(LastCommit { at: Instant::now(), commit_id: None }),
        }
    }

    /// Waits for the lock; it is released when the result is dropped. `None` never occurs, because the lock
    /// is never closed.
    pub(super) async fn acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.permit.acquire().await.ok()
    }

    /// Takes the lock if it is free.
    pub(super) fn try_acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.permit.try_acquire().ok()
    }

    /// Records that the commit `mark` was just written.
    pub(super) fn record_commit(&self, mark: Option<CommitId>) {
        *self.last() = LastCommit { at: Instant::now(), commit_id: mark };
    }

    /// Records the last commit by any process: an unknown one may have been written just now.
    pub(super) fn observe_commit(&self, mark: Option<CommitId>) {
        let mut last = self.last();
        if last.commit_id.is_some() && last.commit_id != mark {
            last.at = Instant::now();
        }
        last.commit_id = mark;
    }

    /// Returns the time since the last commit, or since the file was opened if there was none.
    pub(super) fn idle_for(&self) -> Duration {
        self.last().at.elapsed()
    }

    fn last(&self) -> MutexGuard<'_, LastCommit> {
        self.last_commit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
