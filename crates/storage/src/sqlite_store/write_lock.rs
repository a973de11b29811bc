//! Whose turn it is to write to a shard file: the commits' or the care's.
//!
//! SQLite has one writer for each file anyway; but whoever finds it busy there blocks a thread and fails after
//! a while. Here both wait in line, so that a commit comes next after one small step of care, and care knows
//! how long nobody has written. Those of other processes are met at SQLite's lock.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::commit_file::CommitId;

/// The right to write to one shard file; given in the order of asking.
#[derive(Debug)]
pub(super) struct WriteLock {
    permit: Semaphore,
    last_commit: Mutex<LastCommit>,
}

#[derive(Debug)]
struct LastCommit {
    at: Instant,
    /// By which mark it is known, once that was looked at.
    commit_id: Option<CommitId>,
}

impl WriteLock {
    pub(super) fn new() -> Self {
        Self {
            permit: Semaphore::new(1),
            last_commit: Mutex::new(LastCommit { at: Instant::now(), commit_id: None }),
        }
    }

    /// Waits for the turn; it ends when what is returned is dropped. `None` never comes: it is never closed.
    pub(super) async fn acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.permit.acquire().await.ok()
    }

    /// Takes the turn if nobody has it.
    pub(super) fn try_acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.permit.try_acquire().ok()
    }

    /// Notes that a commit was just written, known by `mark`.
    pub(super) fn record_commit(&self, mark: Option<CommitId>) {
        *self.last() = LastCommit { at: Instant::now(), commit_id: mark };
    }

    /// Notes what was committed last, by whichever process: one that was not known of was just written, for all we know.
    pub(super) fn observe_commit(&self, mark: Option<CommitId>) {
        let mut last = self.last();
        if last.commit_id.is_some() && last.commit_id != mark {
            last.at = Instant::now();
        }
        last.commit_id = mark;
    }

    /// How long ago the last commit was; since the file was opened, if there was none.
    pub(super) fn idle_for(&self) -> Duration {
        self.last().at.elapsed()
    }

    fn last(&self) -> MutexGuard<'_, LastCommit> {
        self.last_commit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
