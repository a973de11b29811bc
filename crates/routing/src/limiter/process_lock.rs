//! One process decides at a time: between looking what the others have sent and noting a turn nobody else gives one.
//!
//! A lock on a file beside the journal, held for some microseconds. It goes with the process that holds it, however that
//! ends. Nobody waits for it on the spot: who finds it taken looks again a moment later, and who has found it taken for a
//! second (its holder was stopped, or the folder knows no locks) goes on without.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So long a gate that is taken is believed to open again.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// The gate.
#[derive(Debug)]
pub(super) struct ProcessLock {
    file: File,
    /// Since when it has been found taken each time.
    contended_since: Mutex<Option<Instant>>,
}

impl ProcessLock {
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::options().append(true).create(true).open(path)?;
        Ok(Self { file, contended_since: Mutex::default() })
    }

    /// Goes in, or answers `None` if somebody else is inside.
    pub(super) fn try_lock(&self) -> Option<ProcessLockGuard<'_>> {
        let mut taken = self.contended_since.lock().unwrap_or_else(PoisonError::into_inner);
        match self.file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let now = Instant::now();
                let since = *taken.get_or_insert(now);
                (now - since >= LOCK_TIMEOUT).then_some(ProcessLockGuard { lock: None })
            }
            Err(TryLockError::Error(error)) => {
                tracing::debug!(%error, "the folder knows no locks");
                Some(ProcessLockGuard { lock: None })
            }
            Ok(()) => {
                *taken = None;
                Some(ProcessLockGuard { lock: Some(self) })
            }
        }
    }
}

/// No other process is inside, as long as this lives. A process has but one of it at a time: the lock is the file's.
#[derive(Debug)]
pub(super) struct ProcessLockGuard<'a> {
    /// `None` if that could not be made sure of.
    lock: Option<&'a ProcessLock>,
}

impl ProcessLockGuard<'_> {
    /// Whether nobody else is inside for sure.
    pub(super) const fn is_exclusive(&self) -> bool {
        self.lock.is_some()
    }
}

impl Drop for ProcessLockGuard<'_> {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.lock.map(|gate| gate.file.unlock()) {
            tracing::warn!(%error, "other processes may find no turn until this one ends");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_at_a_time_but_nobody_waits_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let open = || ProcessLock::open(&folder.path().join("gate")).unwrap();
        let (one, other) = (open(), open());
        let inside = one.try_lock();
        assert!(inside.is_some() && other.try_lock().is_none());
        drop(inside);
        assert!(other.try_lock().is_some());
        let _stopped = one.try_lock();
        assert!(other.try_lock().is_none());
        tokio::time::advance(LOCK_TIMEOUT).await;
        assert!(!other.try_lock().unwrap().is_exclusive());
    }
}
