//! Whose turn it is to write to a shard file: the commits' or the care's.
//!
//! SQLite has one writer for each file anyway; but whoever finds it busy there blocks a thread and fails after
//! a while. Here both wait in line, so that a commit comes next after one small step of care, and care knows
//! how long nobody has written. Those of other processes are met at SQLite's lock.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::marks::Mark;

/// The right to write to one shard file; given in the order of asking.
#[derive(Debug)]
pub(super) struct Turn {
    permit: Semaphore,
    last_commit: Mutex<Last>,
}

#[derive(Debug)]
struct Last {
    at: Instant,
    /// By which mark it is known, once that was looked at.
    mark: Option<Mark>,
}

impl Turn {
    pub(super) fn new() -> Self {
        Self { permit: Semaphore::new(1), last_commit: Mutex::new(Last { at: Instant::now(), mark: None }) }
    }

    /// Waits for the turn; it ends when what is returned is dropped. `None` never comes: it is never closed.
    pub(super) async fn take(&self) -> Option<SemaphorePermit<'_>> {
        self.permit.acquire().await.ok()
    }

    /// Takes the turn if nobody has it.
    pub(super) fn try_take(&self) -> Option<SemaphorePermit<'_>> {
        self.permit.try_acquire().ok()
    }

    /// Notes that a commit was just written, known by `mark`.
    pub(super) fn committed(&self, mark: Option<Mark>) {
        *self.last() = Last { at: Instant::now(), mark };
    }

    /// Notes what was committed last, by whichever process: one that was not known of was just written, for all we know.
    pub(super) fn looked(&self, mark: Option<Mark>) {
        let mut last = self.last();
        if last.mark.is_some() && last.mark != mark {
            last.at = Instant::now();
        }
        last.mark = mark;
    }

    /// How long ago the last commit was; since the file was opened, if there was none.
    pub(super) fn quiet_for(&self) -> Duration {
        self.last().at.elapsed()
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last_commit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
