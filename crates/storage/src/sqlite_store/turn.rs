//! Whose turn it is to write to a shard file: the commits' or the care's.
//!
//! SQLite has one writer for each file anyway; but whoever finds it busy there blocks a thread and fails after
//! a while. Here both wait in line, so that a commit comes next after one small step of care, and care knows
//! how long nobody has written.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// The right to write to one shard file; given in the order of asking.
#[derive(Debug)]
pub(super) struct Turn {
    permit: Semaphore,
    last_commit: Mutex<Instant>,
}

impl Turn {
    pub(super) fn new() -> Self {
        Self { permit: Semaphore::new(1), last_commit: Mutex::new(Instant::now()) }
    }

    /// Waits for the turn; it ends when what is returned is dropped. `None` never comes: it is never closed.
    pub(super) async fn take(&self) -> Option<SemaphorePermit<'_>> {
        self.permit.acquire().await.ok()
    }

    /// Notes that a commit was just written.
    pub(super) fn committed(&self) {
        *self.last_commit.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How long ago the last commit was; since the file was opened, if there was none.
    pub(super) fn quiet_for(&self) -> Duration {
        self.last_commit.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}
