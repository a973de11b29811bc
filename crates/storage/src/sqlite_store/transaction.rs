//! A transaction that changes a shard: by one process at a time, marked for all others to see.
//!
//! Not sqlx's own: when the disk is full SQLite rolls back by itself, after which sqlx 0.9 would count one transaction too
//! many for ever.

use std::path::Path;
use std::time::Duration;

use market_backbone_core::StoreError;
use sqlx::sqlite::SqliteConnection;
use tokio::time::{Instant, sleep};

use super::belief::{Belief, Epoch};
use super::database_file::execute;
use super::marks::Mark;
use super::{fault, mark_table};

/// How long one waits for other processes to finish what they write; a little less than a commit may take in all.
const PATIENCE: Duration = Duration::from_secs(55);
/// The pause before trying again, after SQLite itself has waited in vain.
const PAUSE: Duration = Duration::from_millis(5);

/// Begun: nobody else can write to the shard until it ends.
#[derive(Debug)]
pub(super) struct Transaction<'a> {
    path: &'a Path,
    belief: &'a Belief,
    mark: Mark,
    epoch: Epoch,
}

impl<'a> Transaction<'a> {
    /// Waits for the right to write to the shard at `path`.
    pub(super) async fn begin(
        conn: &mut SqliteConnection,
        path: &'a Path,
        belief: &'a Belief,
    ) -> Result<Self, StoreError> {
        lock(conn).await.map_err(|error| fault::database(path, error))?;
        let committed = mark_table::read(conn).await.map_err(|error| fault::database(path, error));
        match committed.and_then(|committed| belief.begin(committed)) {
            Ok((mark, epoch)) => Ok(Self { path, belief, mark, epoch }),
            Err(error) => {
                give_up(conn, belief).await;
                Err(error)
            }
        }
    }

    /// Commits what was `written`, or undoes it; says in which epoch that was.
    pub(super) async fn end<T>(
        self,
        conn: &mut SqliteConnection,
        written: Result<T, sqlx::Error>,
    ) -> Result<(T, Epoch), StoreError> {
        let Self { path, belief, mark, epoch } = self;
        let committed = match written {
            Ok(written) => commit(conn, mark).await.map(|()| written),
            Err(error) => Err(error),
        };
        match committed {
            Ok(written) => {
                belief.committed(mark, epoch);
                Ok((written, epoch))
            }
            Err(error) => {
                give_up(conn, belief).await;
                Err(fault::database(path, error))
            }
        }
    }
}

async fn commit(conn: &mut SqliteConnection, mark: Mark) -> Result<(), sqlx::Error> {
    mark_table::write(conn, mark).await?;
    execute(conn, "COMMIT".to_owned()).await
}

async fn give_up(conn: &mut SqliteConnection, belief: &Belief) {
    // Fails if SQLite has rolled back already, which is just as well.
    let _ = execute(conn, "ROLLBACK".to_owned()).await;
    belief.doubt();
    if let Err(error) = settle(conn, belief).await {
        // Others look at the disk until somebody succeeds.
        tracing::debug!(%error, "a commit that did not happen could not be taken back from view");
    }
}

/// Makes the mark that all see that of what is committed, whatever has been tried since.
pub(super) async fn settle(conn: &mut SqliteConnection, belief: &Belief) -> Result<(), sqlx::Error> {
    // With the right to write: nothing is under way then.
    execute(conn, "BEGIN IMMEDIATE".to_owned()).await?;
    let settled = mark_table::read(conn).await.map(|committed| belief.settle(committed));
    let ended = execute(conn, "ROLLBACK".to_owned()).await;
    if let Err(error) = settled? {
        tracing::debug!(%error, "a mark could not be written");
    }
    ended
}

/// Begins to write, however long others take, up to a limit.
async fn lock(conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match execute(conn, "BEGIN IMMEDIATE".to_owned()).await {
            Err(error) if fault::is_busy(&error) && Instant::now() < deadline => sleep(PAUSE).await,
            begun => return begun,
        }
    }
}
