//! Who is in a data folder: many programs at once, or one alone for as long as it puts the folder in order.
//!
//! A lock on the file `LOCK`, shared by all who use the folder. Whoever comes first has it to itself for a moment, makes the
//! index, brings it up to date and finishes what a killed program began; a claim asks for it again. Programs of versions that
//! did not share keep it to themselves for as long as they run, and find it taken while one of these runs.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use market_backbone_core::{StoreError, StoreErrorKind};
use tokio::time::{Instant, sleep};

use super::fault;

/// How long one waits for another program to have put the folder in order, or to leave it.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// How often one looks again.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// A place in a data folder for as long as it lives. The system gives it up when the process dies, however it dies.
#[derive(Debug)]
pub(super) struct FolderLock {
    dir: PathBuf,
    file: File,
}

/// How one has come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockMode {
    /// Nobody else is in the folder, nor can anybody come in before it is [shared](FolderLock::lock_shared).
    Exclusive,
    /// Others may be.
    Shared,
}

impl FolderLock {
    /// Goes into the folder: alone if nobody is there, else beside the others.
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

    /// Takes the folder if nobody else is in it. Whoever was in it and is refused has left it.
    pub(super) fn try_exclusive(&self) -> Result<bool, StoreError> {
        let taken = self.is_acquired(self.file.try_lock())?;
        if taken {
            // For the message of whoever is kept waiting.
            let mut file = &self.file;
            let pid = format!("{}\n", std::process::id());
            let written = file.seek(SeekFrom::Start(0)).and_then(|_| file.set_len(0));
            written.and_then(|()| file.write_all(pid.as_bytes())).map_err(|error| self.fault(error))?;
        }
        Ok(taken)
    }

    /// Goes in beside others, unless one is there alone.
    pub(super) fn try_shared(&self) -> Result<bool, StoreError> {
        self.is_acquired(self.file.try_lock_shared())
    }

    /// Lets the others in as well.
    pub(super) async fn lock_shared(&self) -> Result<(), StoreError> {
        let deadline = Instant::now() + LOCK_TIMEOUT;
        // Between letting go of one lock and having the other, somebody may have come in alone.
        while !self.try_shared()? {
            if Instant::now() >= deadline {
                return Err(self.held_error());
            }
            sleep(RETRY_INTERVAL).await;
        }
        Ok(())
    }

    /// Waits until nobody else is in the folder, or until `settled` finds while others are that there is no need any more.
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
                // Two that wait for each other to leave would wait in vain.
                self.file.unlock().map_err(|error| self.fault(error))?;
            }
            sleep(RETRY_INTERVAL).await;
            if Instant::now() >= deadline {
                self.lock_shared().await?;
                return Err(self.in_use_error());
            }
        }
    }

    /// Makes sure that the folder is still the one that was entered. What is opened by its name would else be a part of
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

    /// One is in the folder alone.
    fn held_error(&self) -> StoreError {
        let (mut file, mut holder) = (&self.file, String::new());
        // Only for the message: a holder that has not written its number yet goes unnamed.
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut holder));
        let holder = match holder.trim() {
            pid if read.is_ok() && !pid.is_empty() => format!("another process ({pid})"),
            _ => "another process".to_owned(),
        };
        StoreError::new(
            StoreErrorKind::Locked,
            format!(
                "data folder {} is held by {holder}, which does not share it: an older version of this program, or one that \
                 puts the folder in order; stop it or choose another with --data-dir",
                self.dir.display()
            ),
        )
    }

    /// Others are in the folder, for something that must be done alone.
    pub(super) fn in_use_error(&self) -> StoreError {
        StoreError::new(
            StoreErrorKind::Locked,
            format!(
                "data folder {} is in use by another process; this must be done while nobody else uses it: stop the others \
                 and say it again",
                self.dir.display()
            ),
        )
    }
}

/// Whether the file at `path` is the one that is open.
#[cfg(unix)]
pub(super) fn is_file_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let named = std::fs::metadata(path);
    let (Ok(open), Ok(named)) = (file.metadata(), named) else { return false };
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}

/// Where the system does not let anybody delete what is open.
#[cfg(not(unix))]
pub(super) fn is_file_at(_file: &File, path: &Path) -> bool {
    path.exists()
}
