//! A lock that lets one process decide at a time: between reading what the others have sent and recording a permit.
//!
//! It is a lock on a file beside the journal, held for some microseconds. The system releases it with the process that
//! holds it, however that ends. Nobody waits for it on the spot: whoever finds it taken tries again a moment later, and
//! whoever has found it taken for a second (its holder was stopped, or the folder knows no locks) goes on without.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::contention::Contention;

/// The lock between processes.
#[derive(Debug)]
pub(super) struct ProcessLock {
    file: File,
    contention: Contention,
}

impl ProcessLock {
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::options().append(true).create(true).open(path)?;
        Ok(Self { file, contention: Contention::default() })
    }

    /// Takes the lock; `None` if another process has it, unless it has had it for too long.
    pub(super) fn try_lock(&self) -> Option<ProcessLockGuard<'_>> {
        match self.file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                self.contention.note(true);
                self.contention.is_stalled().then_some(ProcessLockGuard { lock: None })
            }
            Err(TryLockError::Error(error)) => {
                tracing::debug!(%error, "the folder knows no locks");
                Some(ProcessLockGuard { lock: None })
            }
            Ok(()) => {
                self.contention.note(false);
                Some(ProcessLockGuard { lock: Some(self) })
            }
        }
    }
}

/// The lock while it is held. A process holds one of it at a time, since the lock is the file's.
#[derive(Debug)]
pub(super) struct ProcessLockGuard<'a> {
    /// The lock; `None` if another process may be deciding as well.
    lock: Option<&'a ProcessLock>,
}

impl ProcessLockGuard<'_> {
    /// Returns whether it is certain that no other process decides.
    pub(super) const fn is_exclusive(&self) -> bool {
        self.lock.is_some()
    }
}

impl Drop for ProcessLockGuard<'_> {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.lock.map(|lock| lock.file.unlock()) {
            tracing::warn!(%error, "other processes may get no permit until this one ends");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::contention::LOCK_TIMEOUT;
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
