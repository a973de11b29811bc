//! A file that is written under a temporary name and renamed when it is complete.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use market_backbone_core::{StoreError, StoreErrorKind};

use super::fault::io;

/// The number of attempts to create the file when its path is replaced between opening and locking.
const ATTEMPTS: usize = 16;

/// A file in progress: `candles.csv` is `candles.csv.part` until it is complete.
///
/// If it is dropped, it leaves nothing behind, and the file in its place stays. The leftover of a killed
/// program is overwritten by the next writer. While one program writes, others are refused: a lock that the
/// system releases with the process tells the two cases apart.
#[derive(Debug)]
pub struct AtomicFile {
    temp_path: PathBuf,
    target: PathBuf,
    /// The open file that holds the lock.
    _lock: File,
    committed: bool,
}

impl AtomicFile {
    /// Creates the file that will become `target`.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or another program is writing it.
    pub fn create(target: &Path) -> Result<(Self, File), StoreError> {
        let mut draft = target.as_os_str().to_owned();
        draft.push(".part");
        let draft = PathBuf::from(draft);
        for _ in 0..ATTEMPTS {
            let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&draft);
            let file = opened.map_err(|error| io(&draft, error))?;
            if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
                break;
            }
            // On systems without locks, none is used.
            if !is_at(&file, &draft) {
                continue;
            }
            let held = file.set_len(0).and_then(|()| file.try_clone()).map_err(|error| io(&draft, error))?;
            return Ok((
                Self { temp_path: draft, target: target.to_owned(), _lock: held, committed: false },
                file,
            ));
        }
        let what =
            format!("another program is writing {}; wait for it, or name another file", target.display());
        Err(StoreError::new(StoreErrorKind::Inaccessible, what))
    }

    /// Returns the path of the finished file.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Moves the file into place. It must have been synced to the disk by then.
    ///
    /// # Errors
    ///
    /// If that fails.
    pub fn commit(mut self) -> Result<(), StoreError> {
        fs::rename(&self.temp_path, &self.target).map_err(|error| io(&self.target, error))?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_file(&self.temp_path); // nobody reads it; a leftover does no harm
        }
    }
}

/// Returns whether `path` still is this file: another program may have replaced it between opening and
/// locking.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(here), Ok(there)) = (file.metadata(), fs::metadata(path)) else { return false };
    (here.dev(), here.ino()) == (there.dev(), there.ino())
}

/// Always true on systems where an open file cannot be moved.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_is_whole_or_not_there_and_one_alone_writes_it() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("rows.csv");
        let names = || fs::read_dir(folder.path()).unwrap().count();
        let (first, mut file) = AtomicFile::create(&target).unwrap();
        file.write_all(b"first").unwrap();
        let refused = AtomicFile::create(&target).unwrap_err().to_string();
        assert!(refused.contains("another program is writing") && refused.contains("rows.csv"), "{refused}");
        first.commit().unwrap();
        // The holder of the finished file does not prevent the start of another one.
        let (second, mut next) = AtomicFile::create(&target).unwrap();
        next.write_all(b"second, and longer").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"first");
        drop((file, second, next));
        assert_eq!((fs::read(&target).unwrap().as_slice(), names()), (b"first".as_slice(), 1));
    }

    #[test]
    fn what_a_killed_program_left_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("rows.csv");
        fs::write(folder.path().join("rows.csv.part"), "half a row, and more than will be written").unwrap();
        let (draft, mut file) = AtomicFile::create(&target).unwrap();
        file.write_all(b"whole").unwrap();
        draft.commit().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"whole");
    }
}
