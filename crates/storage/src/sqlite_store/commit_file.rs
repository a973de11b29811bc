//! Which commit was tried last, shard by shard, where every process can see it without asking SQLite.
//!
//! A file for each source, `COMMITS`, with a number of eight bytes for each shard. Whoever writes to a shard puts a number
//! that never was before into the file *before* it commits, and into the shard *with* what it commits. So a process whose
//! memory is true of a commit finds that commit's number here as long as nobody has committed since: reading it takes a
//! microsecond, where asking SQLite takes a trip to another thread.
//!
//! What is here can run ahead of the shard (a commit is under way, or was given up, or whoever tried was killed), never
//! behind it. Ahead costs a look at the disk, and is put right by the next who may write.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use market_backbone_core::{StoreError, VenueId};
use tokio::time::Instant;

use super::fault;
use super::folder_lock::is_file_at;

/// The file beside the shards of a source.
pub(super) const COMMITS: &str = "COMMITS";
/// Bytes of one number.
const WIDTH: u64 = 8;
/// How often to look whether the file is still the one that others see.
const RECHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The number of a commit: made by chance, so that no two are alike. Zero is that of a shard nothing was committed to.
pub(super) type CommitId = u64;

/// The marks of a source.
#[derive(Debug)]
pub(super) struct CommitFile {
    path: PathBuf,
    open: Mutex<OpenCommitFile>,
}

#[derive(Debug)]
struct OpenCommitFile {
    file: Arc<File>,
    /// When it was last seen to be the one at its path.
    checked_at: Instant,
}

impl CommitFile {
    /// Opens the marks of `source`, or makes them.
    pub(super) fn open(dir: &Path, source: VenueId) -> Result<Self, StoreError> {
        let folder = dir.join(source.file_name());
        fs::create_dir_all(&folder).map_err(|error| fault::io(&folder, error))?;
        let path = folder.join(COMMITS);
        let file = open(&path)?;
        Ok(Self { path, open: Mutex::new(OpenCommitFile { file, checked_at: Instant::now() }) })
    }

    /// The last commit that was tried at a shard; `None` if that cannot be told.
    pub(super) fn read(&self, shard: u32) -> Option<CommitId> {
        let file = {
            let mut open = self.lock();
            if open.checked_at.elapsed() >= RECHECK_INTERVAL && self.reopen_if_replaced(&mut open).is_err() {
                return None;
            }
            Arc::clone(&open.file)
        };
        let mut number = [0; WIDTH as usize];
        let mut filled = 0;
        while filled < number.len() {
            match read_at(&file, &mut number[filled..], u64::from(shard) * WIDTH + filled as u64) {
                Ok(0) => break, // nobody has written so far back: zeros
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        Some(CommitId::from_le_bytes(number))
    }

    /// Says which commit is tried at a shard. By who holds the shard's write lock, and no one else.
    pub(super) fn write(&self, shard: u32, mark: CommitId) -> Result<(), StoreError> {
        let file = {
            let mut open = self.lock();
            self.reopen_if_replaced(&mut open)?;
            Arc::clone(&open.file)
        };
        write_at(&file, &mark.to_le_bytes(), u64::from(shard) * WIDTH)
            .map_err(|error| fault::io(&self.path, error))
    }

    /// Opens the file anew if it was deleted or replaced.
    fn reopen_if_replaced(&self, open: &mut OpenCommitFile) -> Result<(), StoreError> {
        if !is_file_at(&open.file, &self.path) {
            open.file = self::open(&self.path)?;
        }
        open.checked_at = Instant::now();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, OpenCommitFile> {
        // Nothing is half done between its two fields.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(path: &Path) -> Result<Arc<File>, StoreError> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
    file.map(Arc::new).map_err(|error| fault::io(path, error))
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, at)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, at)
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    match std::os::windows::fs::FileExt::seek_write(file, bytes, at)? {
        written if written == bytes.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}
