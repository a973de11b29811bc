//! A transaction that changes a shard: one process at a time, with a commit id that all others can see.
//!
//! It does not use sqlx's own transactions: when the disk is full SQLite rolls back by itself, after which
//! sqlx 0.9 would count one transaction too many for ever.

use std::path::Path;
use std::time::Duration;

use market_backbone_core::StoreError;
use sqlx::sqlite::SqliteConnection;
use tokio::time::{Instant, sleep};

use super::cached_view::{CachedView, Epoch};
use super::commit_file::CommitId;
use super::database_file::execute;
use super::{commit_id_table, fault};

/// The longest wait for other processes to finish their writes; a little less than a commit may take in all.
const LOCK_TIMEOUT: Duration = Duration::from_secs(55);
/// The pause before another attempt, after SQLite itself has timed out.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// An open transaction: nobody else can write to the shard until it ends.
#[derive(Debug)]
pub(super) struct ShardTransaction<'a> {
    path: &'a Path,
    cached_view: &'a CachedView,
    commit_id: CommitId,
    epoch: Epoch,
}

impl<'a> ShardTransaction<'a> {
    /// Waits for the right to write to the shard at `path`.
    pub(super) async fn begin(
        conn: &mut SqliteConnection,
        path: &'a Path,
        belief: &'a CachedView,
    ) -> Result<Self, StoreError> {
        begin_immediate(conn).await.map_err(|error| fault::database(path, error))?;
        let committed = commit_id_table::read(conn).await.map_err(|error| fault::database(path, error));
        match committed.and_then(|committed| belief.begin_commit(committed)) {
            Ok((mark, epoch)) => Ok(Self { path, cached_view: belief, commit_id: mark, epoch }),
            Err(error) => {
                abort(conn, belief).await;
                Err(error)
            }
        }
    }

    /// Commits what was `written`, or rolls it back; returns the epoch.
    pub(super) async fn end<T>(
        self,
        conn: &mut SqliteConnection,
        written: Result<T, sqlx::Error>,
    ) -> Result<(T, Epoch), StoreError> {
        let Self { path, cached_view: belief, commit_id: mark, epoch } = self;
        let committed = match written {
            Ok(written) => commit(conn, mark).await.map(|()| written),
            Err(error) => Err(error),
        };
        match committed {
            Ok(written) => {
                belief.confirm_commit(mark, epoch);
                Ok((written, epoch))
            }
            Err(error) => {
                abort(conn, belief).await;
                Err(fault::database(path, error))
            }
        }
    }
}

async fn commit(conn: &mut SqliteConnection, mark: CommitId) -> Result<(), sqlx::Error> {
    commit_id_table::write(conn, mark).await?;
    execute(conn, "COMMIT".to_owned()).await
}

async fn abort(conn: &mut SqliteConnection, belief: &CachedView) {
    // Fails if SQLite has rolled back already, which has the same effect.
    let _ = execute(conn, "ROLLBACK".to_owned()).await;
    belief.mark_uncertain();
    if let Err(error) = reset_commit_id(conn, belief).await {
        // Other processes read from disk until a commit succeeds.
        tracing::debug!(%error, "the id of a failed commit could not be reset");
    }
}

/// Resets the visible commit id to that of the last commit, whatever has been tried since.
pub(super) async fn reset_commit_id(
    conn: &mut SqliteConnection,
    belief: &CachedView,
) -> Result<(), sqlx::Error> {
    // Under the write lock no commit is in progress.
    execute(conn, "BEGIN IMMEDIATE".to_owned()).await?;
    let settled = commit_id_table::read(conn).await.map(|committed| belief.reset_commit_id(committed));
    let ended = execute(conn, "ROLLBACK".to_owned()).await;
    if let Err(error) = settled? {
        tracing::debug!(%error, "a commit id could not be written");
    }
    ended
}

/// Begins to write, however long others take, up to a limit.
async fn begin_immediate(conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let deadline = Instant::now() + LOCK_TIMEOUT;
    loop {
        match execute(conn, "BEGIN IMMEDIATE".to_owned()).await {
            Err(error) if fault::is_busy(&error) && Instant::now() < deadline => sleep(RETRY_INTERVAL).await,
            begun => return begun,
        }
    }
}
