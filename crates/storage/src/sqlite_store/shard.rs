//! One shard file, open: a task that writes to it, and connections that read from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{StoreError, StoreErrorKind, VenueId};
use sqlx::Sqlite;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqlitePool;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::belief::Belief;
use super::data_lock::DataLock;
use super::database_file::{self, SHARD};
use super::marks::Mark;
use super::series_state::SeriesState;
use super::transaction;
use super::turn::Turn;
use super::writer::{Job, Order, Writer};
use super::{fault, mark_table};

/// Readers beside the writer, for each shard.
const READERS: u32 = 2;
/// Commits that may wait for the writer of a shard. When so many do, the next one waits to be let in:
/// whoever fetches faster than the disk writes is slowed down to its pace.
const QUEUE: usize = 64;
/// How long a commit may take, its wait in the queue included.
const COMMIT_DEADLINE: Duration = Duration::from_secs(60);

/// A shard file, open. Dropping it lets the writer finish what it was given and close the file.
#[derive(Debug)]
pub(super) struct Shard {
    path: PathBuf,
    jobs: mpsc::Sender<Job>,
    readers: SqlitePool,
    turn: Arc<Turn>,
    // `None` where nothing is remembered.
    belief: Option<Arc<Belief>>,
}

impl Shard {
    /// Opens the file, or makes it, and starts its writer as one of `tasks`.
    pub(super) async fn open(
        path: PathBuf,
        max_bytes: Option<u64>,
        tasks: &TaskTracker,
        (belief, lock): (Arc<Belief>, Arc<DataLock>),
    ) -> Result<Self, StoreError> {
        lock.require_same()?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| fault::io(folder, error))?;
        }
        let readers = database_file::readers(&path, READERS);
        let (jobs, inbox) = mpsc::channel(QUEUE);
        let turn = Arc::new(Turn::new());
        let held = (Arc::clone(&belief), lock);
        let mut writer = Writer::new(path.clone(), max_bytes, readers.clone(), Arc::clone(&turn), held);
        if !path.exists() || !database_file::is_current(&readers, &SHARD).await {
            // Makes it, brings it up to date, or says what is wrong with it.
            writer.connection().await?;
        }
        tasks.spawn(writer.run(inbox));
        Ok(Self { path, jobs, readers, turn, belief: Some(belief) })
    }

    /// Opens a file that another process may be writing to, to read it.
    pub(super) async fn open_read_only(path: PathBuf) -> Result<Self, StoreError> {
        database_file::require(&path, &SHARD).await?;
        let readers = database_file::guests(&path, READERS);
        // Nobody receives: whoever sends is told that the store is closed.
        let (jobs, _) = mpsc::channel(1);
        Ok(Self { path, jobs, readers, turn: Arc::new(Turn::new()), belief: None })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Who may write to the file now.
    pub(super) fn turn(&self) -> &Turn {
        &self.turn
    }

    /// A connection to read with.
    pub(super) async fn reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.readers.acquire().await.map_err(|error| self.fault(error))
    }

    /// Whose memory is true; `None` where nothing is remembered.
    pub(super) fn belief(&self) -> Option<&Belief> {
        self.belief.as_deref()
    }

    /// By which mark the last commit is known.
    pub(super) async fn committed(&self) -> Result<Mark, StoreError> {
        let mut conn = self.reader().await?;
        mark_table::read(&mut conn).await.map_err(|error| self.fault(error))
    }

    /// Makes the mark that all see that of the last commit, where one that was tried since is not going to happen. Waits for
    /// nobody: whoever is writing puts the mark right by what he writes.
    pub(super) async fn settle(&self, belief: &Belief) {
        let Some(_turn) = self.turn.try_take() else { return };
        let settled = async {
            let mut conn = database_file::caretaker_in_passing(&self.path).await?;
            let settled = transaction::settle(&mut conn, belief).await;
            database_file::close(conn).await;
            settled
        };
        if let Err(error) = settled.await {
            tracing::debug!(%error, "somebody else is writing; looked at again later");
        }
    }

    /// Has an order carried out. Giving up on the answer does not take it back.
    pub(super) async fn write(&self, series: &Arc<SeriesState>, order: Order) -> Result<(), StoreError> {
        let (done, outcome) = oneshot::channel();
        let job = Job { series: Arc::clone(series), order, done };
        let written = async {
            self.jobs.send(job).await.map_err(|_| fault::closed())?;
            outcome.await.map_err(|_| fault::closed())?
        };
        timeout(COMMIT_DEADLINE, written).await.unwrap_or_else(|_| Err(fault::too_slow(&self.path)))
    }

    pub(super) fn fault(&self, error: sqlx::Error) -> StoreError {
        fault::database(&self.path, error)
    }
}

/// Where the numbered shard of a source is: `<dir>/upbit/shard-0000.db`, `<dir>/upbit@127.0.0.1+9001/shard-0000.db`.
pub(super) fn path(dir: &Path, source: VenueId, number: u32) -> Result<PathBuf, StoreError> {
    // One that a program has made up need not be sound.
    source.as_str().parse::<VenueId>().map_err(|error| {
        StoreError::new(StoreErrorKind::Inaccessible, "a source cannot have a folder").because(error)
    })?;
    Ok(dir.join(source.file_name()).join(format!("shard-{number:04}.db")))
}

/// A shard file that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) venue: VenueId,
    pub(super) number: u32,
    pub(super) path: PathBuf,
}

/// All shard files of a data folder. Folders that cannot be read, or whose name is not that of a source, hold none.
pub(super) fn files(dir: &Path) -> Vec<Found> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for folder in entries(dir) {
        let Some(venue) = folder.file_name().to_str().and_then(VenueId::of_file_name) else { continue };
        for file in entries(&folder.path()) {
            let name = file.file_name();
            let number =
                name.to_str().and_then(|name| name.strip_prefix("shard-")?.strip_suffix(".db")?.parse().ok());
            if let Some(number) = number {
                found.push(Found { venue, number, path: file.path() });
            }
        }
    }
    found
}
