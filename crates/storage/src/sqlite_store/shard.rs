//! An open shard file: a task that writes to it, and connections that read from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use market_backbone_core::{StoreError, StoreErrorKind, VenueId};
use sqlx::Sqlite;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqlitePool;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cached_view::CachedView;
use super::commit_file::CommitId;
use super::database_file::{self, SHARD};
use super::direct_reader::DirectReaders;
use super::folder_lock::FolderLock;
use super::sealed::{SealQueue, SealedTier};
use super::series_state::SeriesState;
use super::shard_transaction;
use super::shard_writer::{ShardWriter, WriteJob, WriteOp};
use super::write_lock::WriteLock;
use super::{commit_id_table, fault};

/// The number of reader connections of each shard, beside the writer.
const READER_CONNECTIONS: u32 = 2;
/// The number of commits that may wait for the writer of a shard.
///
/// When the queue is full, the next commit waits: a fetch that is faster than the disk is slowed down to its
/// pace.
const QUEUE_CAPACITY: usize = 64;
/// The longest that a commit may take, its wait in the queue included.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(60);

/// An open shard file. Dropping it lets the writer finish its queue and close the file.
#[derive(Debug)]
pub(super) struct Shard {
    path: PathBuf,
    jobs: mpsc::Sender<WriteJob>,
    readers: SqlitePool,
    direct: Arc<DirectReaders>,
    sealed: Arc<SealedTier>,
    write_lock: Arc<WriteLock>,
    /// Cancelled when the writer has closed the file.
    closed: CancellationToken,
    serial: u64,
    // `None` where nothing is cached.
    cached_view: Option<Arc<CachedView>>,
}

/// The number of shards opened, which gives each its serial number.
static NEXT_SERIAL: AtomicU64 = AtomicU64::new(0);

impl Shard {
    /// Opens the file, or creates it, and starts its writer as one of `tasks`.
    pub(super) async fn open(
        path: PathBuf,
        max_bytes: Option<u64>,
        (tasks, queue): (&TaskTracker, &Arc<SealQueue>),
        (cached_view, lock): (Arc<CachedView>, Arc<FolderLock>),
    ) -> Result<Self, StoreError> {
        lock.require_same_folder()?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| fault::io(folder, error))?;
        }
        let readers = database_file::reader_pool(&path, READER_CONNECTIONS);
        let (jobs, receiver) = mpsc::channel(QUEUE_CAPACITY);
        let write_lock = Arc::new(WriteLock::new());
        let held = (Arc::clone(&cached_view), lock, Arc::clone(queue));
        let direct = Arc::new(DirectReaders::new(&path, false));
        let pools = (readers.clone(), Arc::clone(&direct));
        let mut writer = ShardWriter::new(path.clone(), max_bytes, pools, Arc::clone(&write_lock), held);
        if !path.exists() || !database_file::is_current(&readers, &SHARD).await {
            // Creates or migrates it, or reports what is wrong with it.
            writer.connection().await?;
        }
        let closed = CancellationToken::new();
        let guard = closed.clone().drop_guard();
        tasks.spawn(async move {
            let _guard = guard;
            writer.run(receiver).await;
        });
        let serial = NEXT_SERIAL.fetch_add(1, Ordering::Relaxed);
        let sealed = Arc::new(SealedTier::new(&path, queue.config().enabled));
        let cached_view = Some(cached_view);
        Ok(Self { path, jobs, readers, direct, sealed, write_lock, closed, serial, cached_view })
    }

    /// Opens a file for reading that another process may be writing to.
    pub(super) async fn open_read_only(path: PathBuf, queue: &SealQueue) -> Result<Self, StoreError> {
        database_file::require_current(&path, &SHARD).await?;
        let readers = database_file::read_only_pool(&path, READER_CONNECTIONS);
        // There is no receiver: a sender gets the error that the store is closed.
        let (jobs, _) = mpsc::channel(1);
        let (write_lock, closed) = (Arc::new(WriteLock::new()), CancellationToken::new());
        let serial = NEXT_SERIAL.fetch_add(1, Ordering::Relaxed);
        let direct = Arc::new(DirectReaders::new(&path, true));
        let sealed = Arc::new(SealedTier::new(&path, queue.config().enabled));
        Ok(Self { path, jobs, readers, direct, sealed, write_lock, closed, serial, cached_view: None })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the serial number, which differs from that of the shard opened after it.
    pub(super) fn serial(&self) -> u64 {
        self.serial
    }

    /// Returns a token that is cancelled when the file has been closed.
    pub(super) fn closed(&self) -> CancellationToken {
        self.closed.clone()
    }

    /// Returns the write lock of the file.
    pub(super) fn write_lock(&self) -> &WriteLock {
        &self.write_lock
    }

    /// Acquires a connection for reading.
    pub(super) async fn reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.readers.acquire().await.map_err(|error| self.fault(error))
    }

    /// Runs `work` with a connection for reading, on a blocking thread.
    pub(super) async fn direct<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut rusqlite::Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.direct.run(work).await
    }

    /// Returns the sealed files beside it.
    pub(super) fn sealed(&self) -> &Arc<SealedTier> {
        &self.sealed
    }

    /// Returns the validity of the cache; `None` where nothing is cached.
    pub(super) fn cached_view(&self) -> Option<&CachedView> {
        self.cached_view.as_deref()
    }

    /// Reads the id of the last commit.
    pub(super) async fn last_commit(&self) -> Result<CommitId, StoreError> {
        let mut conn = self.reader().await?;
        commit_id_table::read(&mut conn).await.map_err(|error| self.fault(error))
    }

    /// Resets the visible commit id to that of the last commit, after an attempt that will not happen.
    ///
    /// Does not wait: a concurrent writer resets the commit id with its own commit.
    pub(super) async fn reset_commit_id(&self, cached_view: &CachedView) {
        let Some(_guard) = self.write_lock.try_acquire() else { return };
        let settled = async {
            let mut conn = database_file::maintenance_connection_no_wait(&self.path).await?;
            let settled = shard_transaction::reset_commit_id(&mut conn, cached_view).await;
            database_file::close(conn).await;
            settled
        };
        if let Err(error) = settled.await {
            tracing::debug!(%error, "another process is writing; checked again later");
        }
    }

    /// Runs a write operation. Dropping the future does not cancel it.
    pub(super) async fn write(&self, series: &Arc<SeriesState>, order: WriteOp) -> Result<(), StoreError> {
        let (done, outcome) = oneshot::channel();
        let job = WriteJob { series: Arc::clone(series), op: order, done };
        let written = async {
            self.jobs.send(job).await.map_err(|_| fault::closed())?;
            outcome.await.map_err(|_| fault::closed())?
        };
        timeout(COMMIT_TIMEOUT, written).await.unwrap_or_else(|_| Err(fault::timed_out(&self.path)))
    }

    pub(super) fn fault(&self, error: sqlx::Error) -> StoreError {
        fault::database(&self.path, error)
    }
}

/// Returns the path of the numbered shard of a source: `<dir>/upbit/shard-0000.db`,
/// `<dir>/upbit@127.0.0.1+9001/shard-0000.db`.
pub(super) fn path(dir: &Path, source: VenueId, number: u32) -> Result<PathBuf, StoreError> {
    // A source that a program has made up need not be valid.
    source.as_str().parse::<VenueId>().map_err(|error| {
        StoreError::new(StoreErrorKind::Inaccessible, "a source cannot have a folder").with_source(error)
    })?;
    Ok(dir.join(source.file_name()).join(format!("shard-{number:04}.db")))
}

/// A shard file that was found.
#[derive(Debug)]
pub(super) struct ShardFile {
    pub(super) venue: VenueId,
    pub(super) number: u32,
    pub(super) path: PathBuf,
}

/// Returns all shard files of a data folder. Folders that cannot be read, or whose name is no source, are
/// skipped.
pub(super) fn files(dir: &Path) -> Vec<ShardFile> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for folder in entries(dir) {
        let Some(venue) = folder.file_name().to_str().and_then(VenueId::from_file_name) else { continue };
        for file in entries(&folder.path()) {
            let name = file.file_name();
            let number =
                name.to_str().and_then(|name| name.strip_prefix("shard-")?.strip_suffix(".db")?.parse().ok());
            if let Some(number) = number {
                found.push(ShardFile { venue, number, path: file.path() });
            }
        }
    }
    found
}
