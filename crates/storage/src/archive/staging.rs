//! The staging folder of an archive's rows while they are written, so that no reader takes a part of them for
//! the whole.

use std::fs;
use std::path::{Path, PathBuf};

use market_backbone_core::{StoreError, StoreErrorKind};

use super::fault::io;
use super::manifest;
use super::partition_path::ROWS_DIR;

/// A name that readers of folders skip. Existing content was left by an export that was killed.
const STAGING_DIR: &str = ".data.part";

/// A folder of rows in progress. If it is dropped, it leaves nothing behind.
#[derive(Debug)]
pub(super) struct StagingDir {
    archive: PathBuf,
    committed: bool,
}

impl StagingDir {
    /// Starts an archive in `archive`, which is created if it does not exist.
    pub(super) fn begin(archive: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(archive).map_err(|error| io(archive, error))?;
        let refused = |what: String| Err(StoreError::new(StoreErrorKind::Inaccessible, what));
        let shown = archive.display();
        if manifest::is_in(archive) {
            return refused(format!("{shown} holds an archive already; name another folder"));
        }
        if fs::read_dir(archive.join(ROWS_DIR)).is_ok_and(|mut files| files.next().is_some()) {
            return refused(format!(
                "{shown}/{ROWS_DIR} holds files that no manifest lists; name another folder, or remove them"
            ));
        }
        let begun = Self { archive: archive.to_owned(), committed: false };
        begun.clear();
        Ok(begun)
    }

    /// Returns the temporary path of the file that will be `place`.
    pub(super) fn path(&self, place: &str) -> PathBuf {
        let below = place.strip_prefix(ROWS_DIR).unwrap_or(place).trim_start_matches('/');
        self.archive.join(STAGING_DIR).join(below)
    }

    /// Moves all rows into place. They must have been synced to the disk by then.
    pub(super) fn commit(mut self) -> Result<(), StoreError> {
        let (draft, target) = (self.archive.join(STAGING_DIR), self.archive.join(ROWS_DIR));
        fs::create_dir_all(&draft).map_err(|error| io(&draft, error))?; // an empty archive has the folder as well
        fs::rename(&draft, &target).map_err(|error| io(&target, error))?;
        self.committed = true;
        Ok(())
    }

    fn clear(&self) {
        let _ = fs::remove_dir_all(self.archive.join(STAGING_DIR)); // usually there is none
    }
}

impl Drop for StagingDir {
    fn drop(&mut self) {
        if !self.committed {
            self.clear();
        }
    }
}
