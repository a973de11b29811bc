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
const PATIENCE: Duration = Duration::from_secs(1);

/// The gate.
#[derive(Debug)]
pub(super) struct Gate {
    file: File,
    /// Since when it has been found taken each time.
    taken: Mutex<Option<Instant>>,
}

impl Gate {
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::options().append(true).create(true).open(path)?;
        Ok(Self { file, taken: Mutex::default() })
    }

    /// Goes in, or answers `None` if somebody else is inside.
    pub(super) fn enter(&self) -> Option<Inside<'_>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match self.file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let now = Instant::now();
                let since = *taken.get_or_insert(now);
                (now - since >= PATIENCE).then_some(Inside { gate: None })
            }
            Err(TryLockError::Error(error)) => {
                tracing::debug!(%error, "the folder knows no locks");
                Some(Inside { gate: None })
            }
            Ok(()) => {
                *taken = None;
                Some(Inside { gate: Some(self) })
            }
        }
    }
}

/// No other process is inside, as long as this lives. A process has but one of it at a time: the lock is the file's.
#[derive(Debug)]
pub(super) struct Inside<'a> {
    /// `None` if that could not be made sure of.
    gate: Option<&'a Gate>,
}

impl Inside<'_> {
    /// Whether nobody else is inside for sure.
    pub(super) const fn is_alone(&self) -> bool {
        self.gate.is_some()
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.gate.map(|gate| gate.file.unlock()) {
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
        let open = || Gate::open(&folder.path().join("gate")).unwrap();
        let (one, other) = (open(), open());
        let inside = one.enter();
        assert!(inside.is_some() && other.enter().is_none());
        drop(inside);
        assert!(other.enter().is_some());
        let _stopped = one.enter();
        assert!(other.enter().is_none());
        tokio::time::advance(PATIENCE).await;
        assert!(!other.enter().unwrap().is_alone());
    }
}
