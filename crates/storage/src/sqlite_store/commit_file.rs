//! The last attempted commit of each shard, where every process can see it without a query to SQLite.
//!
//! One file for each source, `COMMITS`, has a number of eight bytes for each shard. A writer of a shard puts
//! a new, unique number into the file *before* it commits, and into the shard *with* the commit. So a process
//! whose cache reflects a commit finds that commit's number here as long as nobody has committed since.
//! Reading it takes a microsecond, where a query to SQLite takes a switch to another thread.
//!
//! The file can be ahead of the shard (a commit is in progress or was given up, or its process was killed),
//! never behind it. If it is ahead, reads go to the disk until the next writer resets it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use market_backbone_core::{StoreError, VenueId};
use tokio::time::Instant;

use super::fault;
use super::folder_lock::is_file_at;
use super::positioned_file::{read_up_to, write_at};

/// The file beside the shards of a source.
pub(super) const COMMITS: &str = "COMMITS";
/// The bytes of one number.
const WIDTH: u64 = 8;
/// The interval between two checks that the open file is still the one at its path.
const RECHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The number of a commit: random, so that no two are equal. Zero is that of a shard without commits.
pub(super) type CommitId = u64;

/// The commit ids of a source.
#[derive(Debug)]
pub(super) struct CommitFile {
    path: PathBuf,
    open: Mutex<OpenCommitFile>,
}

#[derive(Debug)]
struct OpenCommitFile {
    file: Arc<File>,
    /// The time at which it was last seen to be the file at its path.
    checked_at: Instant,
}

impl CommitFile {
    /// Opens the commit ids of `source`, or creates the file.
    pub(super) fn open(dir: &Path, source: VenueId) -> Result<Self, StoreError> {
        let folder = dir.join(source.file_name());
        fs::create_dir_all(&folder).map_err(|error| fault::io(&folder, error))?;
        let path = folder.join(COMMITS);
        let file = open(&path)?;
        Ok(Self { path, open: Mutex::new(OpenCommitFile { file, checked_at: Instant::now() }) })
    }

    /// Returns the last attempted commit of a shard; `None` if it cannot be read.
    pub(super) fn read(&self, shard: u32) -> Option<CommitId> {
        let file = {
            let mut open = self.lock();
            if open.checked_at.elapsed() >= RECHECK_INTERVAL && self.reopen_if_replaced(&mut open).is_err() {
                return None;
            }
            Arc::clone(&open.file)
        };
        let mut number = [0; WIDTH as usize];
        // Where nothing was written there are no bytes: zeros.
        read_up_to(&file, &mut number, u64::from(shard) * WIDTH).ok()?;
        Some(CommitId::from_le_bytes(number))
    }

    /// Writes the attempted commit of a shard. Only for the holder of the shard's write lock.
    pub(super) fn write(&self, shard: u32, mark: CommitId) -> Result<(), StoreError> {
        let file = {
            let mut open = self.lock();
            self.reopen_if_replaced(&mut open)?;
            Arc::clone(&open.file)
        };
        write_at(&file, &mark.to_le_bytes(), u64::from(shard) * WIDTH)
            .map_err(|error| fault::io(&self.path, error))
    }

    /// Reopens the file if it was deleted or replaced.
    fn reopen_if_replaced(&self, open: &mut OpenCommitFile) -> Result<(), StoreError> {
        if !is_file_at(&open.file, &self.path) {
            open.file = self::open(&self.path)?;
        }
        open.checked_at = Instant::now();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, OpenCommitFile> {
        // Its two fields are never inconsistent.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(path: &Path) -> Result<Arc<File>, StoreError> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
    file.map(Arc::new).map_err(|error| fault::io(path, error))
}
