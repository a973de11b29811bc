//! The staging folder of an archive's rows while they are written, so that no reader takes a part of them for
//! the whole.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use market_backbone_core::{StoreError, StoreErrorKind};

use super::fault::io;
use super::manifest;
use super::partition_path::ROWS_DIR;

/// A name that readers of folders skip. Existing content was left by an export that was killed.
const STAGING_DIR: &str = ".data.part";

/// A folder of rows in progress. If it is dropped, it leaves nothing behind.
///
/// An export that is abandoned drops it while a thread may still be writing a file of it. What is open by then is
/// removed under its writer, and nothing is created any more.
#[derive(Debug)]
pub(super) struct StagingDir {
    archive: PathBuf,
    files: StagedFiles,
    /// Held so that no other export clears what this one has written. `None` where the system locks no folders.
    _lock: Option<File>,
}

/// The right to create files in a staging folder, as long as that exists.
#[derive(Clone, Debug)]
pub(super) struct StagedFiles {
    /// `true` until the folder is moved into place or removed. The lock is held while a file is created.
    is_open: Arc<Mutex<bool>>,
}

impl StagingDir {
    /// Starts an archive in `archive`, which is created if it does not exist.
    pub(super) fn begin(archive: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(archive).map_err(|error| io(archive, error))?;
        let refused = |what: String| Err(StoreError::new(StoreErrorKind::Inaccessible, what));
        let shown = archive.display();
        let lock = File::open(archive).ok(); // a folder opens as a file on Unix only
        if lock.as_ref().is_some_and(|folder| matches!(folder.try_lock(), Err(TryLockError::WouldBlock))) {
            return refused(format!(
                "another export is writing into {shown}; wait for its end, or name another folder"
            ));
        }
        if manifest::is_in(archive) {
            return refused(format!("{shown} holds an archive already; name another folder"));
        }
        if fs::read_dir(archive.join(ROWS_DIR)).is_ok_and(|mut files| files.next().is_some()) {
            return refused(format!(
                "{shown}/{ROWS_DIR} holds files that no manifest lists; name another folder, or remove them"
            ));
        }
        clear(archive);
        let files = StagedFiles { is_open: Arc::new(Mutex::new(true)) };
        Ok(Self { archive: archive.to_owned(), files, _lock: lock })
    }

    /// Returns the temporary path of the file that will be `place`.
    pub(super) fn path(&self, place: &str) -> PathBuf {
        let below = place.strip_prefix(ROWS_DIR).unwrap_or(place).trim_start_matches('/');
        self.archive.join(STAGING_DIR).join(below)
    }

    /// Returns the right to create files, for the threads that write them.
    pub(super) fn files(&self) -> StagedFiles {
        self.files.clone()
    }

    /// Moves all rows into place. They must have been synced to the disk by then.
    pub(super) fn commit(self) -> Result<(), StoreError> {
        let (draft, target) = (self.archive.join(STAGING_DIR), self.archive.join(ROWS_DIR));
        fs::create_dir_all(&draft).map_err(|error| io(&draft, error))?; // an empty archive has the folder as well
        fs::rename(&draft, &target).map_err(|error| io(&target, error)) // and then dropping it finds nothing
    }
}

impl Drop for StagingDir {
    fn drop(&mut self) {
        let mut is_open = self.files.is_open.lock().unwrap_or_else(PoisonError::into_inner);
        *is_open = false;
        clear(&self.archive);
    }
}

impl StagedFiles {
    /// Creates a file of the folder, and the folders that lead to it.
    pub(super) fn create(&self, path: &Path) -> Result<File, StoreError> {
        let is_open = self.is_open.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_open {
            let what = format!("{}: the export was abandoned", path.display());
            return Err(StoreError::new(StoreErrorKind::Inaccessible, what));
        }
        let folders = path.parent().map_or(Ok(()), fs::create_dir_all);
        folders.and_then(|()| File::create(path)).map_err(|error| io(path, error))
    }
}

fn clear(archive: &Path) {
    let _ = fs::remove_dir_all(archive.join(STAGING_DIR)); // usually there is none
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_is_late_creates_nothing_in_an_abandoned_folder() {
        let folder = tempfile::tempdir().unwrap();
        let names = || fs::read_dir(folder.path()).unwrap().count();
        let staging = StagingDir::begin(folder.path()).unwrap();
        let (files, place) = (staging.files(), |name: &str| staging.path(&format!("{ROWS_DIR}/a/{name}")));
        let (first, second) = (place("first.csv"), place("second.csv"));
        let open = files.create(&first).unwrap();
        assert!(first.exists());
        drop(staging);
        assert_eq!(names(), 0, "what was open is gone, too");
        let late = files.create(&second).unwrap_err().to_string();
        assert!(late.contains("second.csv") && late.contains("abandoned"), "{late}");
        assert_eq!(names(), 0);
        drop(open);
    }

    #[cfg(unix)]
    #[test]
    fn a_second_export_into_the_same_folder_is_refused_and_harms_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let first = StagingDir::begin(folder.path()).unwrap();
        let path = first.path(&format!("{ROWS_DIR}/a.csv"));
        first.files().create(&path).unwrap();
        let refused = StagingDir::begin(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("another export is writing into"), "{refused}");
        assert!(path.exists(), "what the first one wrote is still there");
        drop(first);
        let second = StagingDir::begin(folder.path()).unwrap();
        second.files().create(&path).unwrap();
        second.commit().unwrap();
        assert!(folder.path().join(ROWS_DIR).join("a.csv").exists());
    }

    #[test]
    fn what_is_in_place_stays() {
        let folder = tempfile::tempdir().unwrap();
        let staging = StagingDir::begin(folder.path()).unwrap();
        let (files, path) = (staging.files(), staging.path(&format!("{ROWS_DIR}/a.csv")));
        files.create(&path).unwrap();
        staging.commit().unwrap();
        assert!(folder.path().join(ROWS_DIR).join("a.csv").exists() && !path.exists());
        assert!(files.create(&path).is_err());
    }
}
