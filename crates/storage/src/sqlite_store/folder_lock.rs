//! The lock of a data folder: shared by many programs, or exclusive while one prepares the folder.
//!
//! A lock on the file `LOCK`, shared by all users of the folder. The first process has it exclusively for a
//! moment, creates or migrates the index and finishes what a killed program began; a claim acquires it
//! exclusively again. Programs of versions without sharing hold it exclusively for as long as they run, and
//! find it taken while one of these runs.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use market_backbone_core::{StoreError, StoreErrorKind};
use tokio::time::{Instant, sleep};

use super::fault;

/// The longest wait for another program to prepare the folder, or to leave it.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// The interval between two attempts.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// A lock on a data folder for as long as it lives. The system releases it when the process ends, in whatever
/// way.
#[derive(Debug)]
pub(super) struct FolderLock {
    dir: PathBuf,
    file: File,
}

/// The mode of the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockMode {
    /// No other process uses the folder or can open it before the lock is [shared](FolderLock::lock_shared).
    Exclusive,
    /// Other processes may use the folder.
    Shared,
}

impl FolderLock {
    /// Acquires the lock: exclusively if nobody uses the folder, else shared.
    pub(super) async fn acquire(dir: &Path) -> Result<(Self, LockMode), StoreError> {
        let path = dir.join("LOCK");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| fault::io(&path, error))?;
        let lock = Self { dir: dir.to_owned(), file };
        let deadline = Instant::now() + LOCK_TIMEOUT;
        loop {
            if lock.try_exclusive()? {
                return Ok((lock, LockMode::Exclusive));
            }
            if lock.try_shared()? {
                return Ok((lock, LockMode::Shared));
            }
            if Instant::now() >= deadline {
                return Err(lock.held_error());
            }
            sleep(RETRY_INTERVAL).await;
        }
    }

    /// Tries to make the lock exclusive. If that is refused, the shared lock is lost as well.
    pub(super) fn try_exclusive(&self) -> Result<bool, StoreError> {
        let taken = self.is_acquired(self.file.try_lock())?;
        if taken {
            // For the error message of processes that wait.
            let mut file = &self.file;
            let pid = format!("{}\n", std::process::id());
            let written = file.seek(SeekFrom::Start(0)).and_then(|_| file.set_len(0));
            written.and_then(|()| file.write_all(pid.as_bytes())).map_err(|error| self.fault(error))?;
        }
        Ok(taken)
    }

    /// Tries to acquire a shared lock, which fails while another process holds it exclusively.
    pub(super) fn try_shared(&self) -> Result<bool, StoreError> {
        self.is_acquired(self.file.try_lock_shared())
    }

    /// Makes an exclusive lock shared.
    pub(super) async fn lock_shared(&self) -> Result<(), StoreError> {
        let deadline = Instant::now() + LOCK_TIMEOUT;
        // Between the two locks, another process may have acquired it exclusively.
        while !self.try_shared()? {
            if Instant::now() >= deadline {
                return Err(self.held_error());
            }
            sleep(RETRY_INTERVAL).await;
        }
        Ok(())
    }

    /// Waits until nobody else uses the folder, or until `settled` says, while others do, that there is no
    /// need any more.
    pub(super) async fn exclusive_unless(
        &self,
        mut settled: impl AsyncFnMut() -> Result<bool, StoreError>,
    ) -> Result<LockMode, StoreError> {
        let deadline = Instant::now() + LOCK_TIMEOUT;
        loop {
            if self.try_exclusive()? {
                return Ok(LockMode::Exclusive);
            }
            if self.try_shared()? {
                if settled().await? {
                    return Ok(LockMode::Shared);
                }
                if Instant::now() >= deadline {
                    return Err(self.in_use_error());
                }
                // Two processes that wait for each other to leave would wait for ever.
                self.file.unlock().map_err(|error| self.fault(error))?;
            }
            sleep(RETRY_INTERVAL).await;
            if Instant::now() >= deadline {
                self.lock_shared().await?;
                return Err(self.in_use_error());
            }
        }
    }

    /// Checks that the folder is still the one that was locked. Otherwise files opened by name would be in
    /// another one.
    pub(super) fn require_same_folder(&self) -> Result<(), StoreError> {
        let path = self.dir.join("LOCK");
        if is_file_at(&self.file, &path) {
            return Ok(());
        }
        Err(StoreError::new(
            StoreErrorKind::Inaccessible,
            format!(
                "data folder {} was moved, deleted or replaced while it was in use; start the program again",
                self.dir.display()
            ),
        ))
    }

    fn is_acquired(&self, tried: Result<(), TryLockError>) -> Result<bool, StoreError> {
        match tried {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(self.fault(error)),
        }
    }

    fn fault(&self, error: std::io::Error) -> StoreError {
        fault::io(&self.dir.join("LOCK"), error)
    }

    /// Builds the error for a folder that is held exclusively.
    fn held_error(&self) -> StoreError {
        let (mut file, mut holder) = (&self.file, String::new());
        // Only for the message: a holder that has not written its process id yet goes unnamed.
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut holder));
        let holder = match holder.trim() {
            pid if read.is_ok() && !pid.is_empty() => format!("another process ({pid})"),
            _ => "another process".to_owned(),
        };
        StoreError::new(
            StoreErrorKind::Locked,
            format!(
                "data folder {} is held by {holder}, which does not share it: an older version of this \
                 program, or one that is migrating the folder; stop it or choose another with --data-dir",
                self.dir.display()
            ),
        )
    }

    /// Builds the error for a folder that others use, when exclusive use is needed.
    pub(super) fn in_use_error(&self) -> StoreError {
        StoreError::new(
            StoreErrorKind::Locked,
            format!(
                "data folder {} is in use by another process; this must be done while nobody else uses it: \
                 stop the others and try again",
                self.dir.display()
            ),
        )
    }
}

/// Returns whether the file at `path` is the one that is open.
#[cfg(unix)]
pub(super) fn is_file_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let named = std::fs::metadata(path);
    let (Ok(open), Ok(named)) = (file.metadata(), named) else { return false };
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}

/// Checks only that the file exists: this system does not delete open files.
#[cfg(not(unix))]
pub(super) fn is_file_at(_file: &File, path: &Path) -> bool {
    path.exists()
}
