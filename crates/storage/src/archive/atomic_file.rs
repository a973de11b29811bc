//! A file that is written beside its place and put there when it is whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use market_backbone_core::{StoreError, StoreErrorKind};

use super::fault::io;

/// How often one begins anew because the file that one has opened has come into its place meanwhile.
const ATTEMPTS: usize = 16;

/// A file on its way: `candles.csv` is `candles.csv.part` until it is whole.
///
/// Given up, it leaves nothing behind, and what was in its place stays there. What a killed program left is written over by
/// whoever comes next; while one writes, it is refused to others: a lock that the system gives up with the process tells the
/// two apart.
#[derive(Debug)]
pub struct AtomicFile {
    temp_path: PathBuf,
    target: PathBuf,
    /// Has the lock for as long as it is open.
    _lock: File,
    committed: bool,
}

impl AtomicFile {
    /// Begins what will be `target`.
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
            // Where there are no locks, one goes without.
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

    /// Puts it in its place. What was written must have been synced to the disk by then.
    ///
    /// # Errors
    ///
    /// If that cannot be done.
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
        // Who is still holding the file that is in place now does not keep the next from beginning another.
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
