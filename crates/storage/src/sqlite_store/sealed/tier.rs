//! The sealed files of one shard: their folder, and those that were found bad.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use market_backbone_core::Candle;

use super::seal::SegmentSeal;
use super::segment_file::{self, SegmentFault, SegmentFile};

/// The largest number of bad files that are remembered. Then all files of the shard count as bad, until the
/// shard is opened again.
const MAX_BAD: usize = 4_096;

/// The sealed files of one shard.
#[derive(Debug)]
pub(in crate::sqlite_store) struct SealedTier {
    folder: PathBuf,
    is_enabled: bool,
    // The ids of bad files, in case their seals cannot be deleted.
    bad: Mutex<HashSet<u64>>,
}

impl SealedTier {
    /// The files of the shard at `shard`.
    pub(in crate::sqlite_store) fn new(shard: &Path, is_enabled: bool) -> Self {
        Self { folder: segment_file::folder_of(shard), is_enabled, bad: Mutex::default() }
    }

    /// Returns whether files are read and written.
    pub(in crate::sqlite_store) fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Opens the file of a seal of the series `name`.
    pub(super) fn open(&self, name: &str, seal: &SegmentSeal) -> Result<SegmentFile, SegmentFault> {
        SegmentFile::open(&self.folder, name, seal)
    }

    /// Returns the path of the file of a seal.
    pub(in crate::sqlite_store) fn path_of(&self, seal: &SegmentSeal) -> PathBuf {
        self.folder.join(seal.file_name())
    }

    /// Reads all rows of the file of a seal of the series `name`.
    pub(in crate::sqlite_store) fn read_all(
        &self,
        name: &str,
        seal: &SegmentSeal,
    ) -> Result<Vec<Candle>, SegmentFault> {
        let columns = self.open(name, seal)?.read(0..seal.rows as usize)?;
        Ok(columns.candles().collect())
    }

    pub(super) fn is_bad(&self, id: u64) -> bool {
        let bad = self.bad();
        bad.len() >= MAX_BAD || bad.contains(&id)
    }

    /// Remembers that the file with this id cannot be used.
    pub(in crate::sqlite_store) fn mark_bad(&self, id: u64) {
        let mut bad = self.bad();
        if bad.len() < MAX_BAD {
            bad.insert(id);
        }
    }

    /// Deletes the file of a seal that no longer counts. If that fails, [sweeping](super::sweep) tries again.
    pub(super) fn remove_file(&self, seal: &SegmentSeal) {
        let _ = fs::remove_file(self.path_of(seal));
    }

    fn bad(&self) -> std::sync::MutexGuard<'_, HashSet<u64>> {
        // A set is never half changed, so a poisoned lock protects nothing half done.
        self.bad.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
