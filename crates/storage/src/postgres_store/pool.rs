//! Connections to the server, and work that is done on one of them to its end.
//!
//! Work is a task of its own and not a part of the caller, who may go away at any moment: sqlx 0.9 puts a
//! connection back whose BEGIN was abandoned half-way, and the next who gets it cannot begin. So nothing is
//! abandoned here but by the deadline, and a connection on which anything went wrong is never used again; the
//! server undoes what it had begun when it is gone.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::config::PostgresConfig;
use super::fault;
use super::recent_failure::RecentFailure;

/// Not left to the database's default: under a stricter level a transaction that has waited for the lock of
/// its series would still see the ledger as it was before the wait.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Whoever waits longer than this is told so.
const SLOW_AFTER: Duration = Duration::from_secs(2);

/// Connections that are opened when they are needed.
#[derive(Clone)]
pub(super) struct ConnectionPool {
    /// Where they lead.
    config: PostgresConfig,
    pool: PgPool,
    tasks: TaskTracker,
    recent_failure: RecentFailure,
    /// Whether it has been said that the server keeps us waiting: once is enough until it answers again.
    is_warned: Arc<AtomicBool>,
}

impl ConnectionPool {
    pub(super) fn new(config: PostgresConfig) -> Self {
        let suspicion = RecentFailure::default();
        let pool = config.pool(suspicion.clone());
        Self { config, pool, tasks: TaskTracker::new(), recent_failure: suspicion, is_warned: Arc::default() }
    }

    /// Does `work` to its end or to the deadline, whether or not the caller waits for it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        deadline: Duration,
        work: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static,
    ) -> Result<T, sqlx::Error> {
        let mut task = self.tasks.spawn(timeout(deadline, work));
        let ended = match timeout(SLOW_AFTER, &mut task).await {
            Ok(ended) => ended,
            Err(_elapsed) => {
                self.warn_slow();
                task.await
            }
        };
        let outcome = match ended {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(sqlx::Error::PoolTimedOut),
            Err(_) => Err(sqlx::Error::PoolClosed), // only when the runtime ends
        };
        match &outcome {
            Ok(_) => self.is_warned.store(false, Ordering::Relaxed),
            Err(error) if fault::breaks_connections(error) => self.recent_failure.record(),
            Err(_) => {}
        }
        outcome
    }

    fn warn_slow(&self) {
        if !self.is_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!("waiting for the database {} for {} s now", self.config, SLOW_AFTER.as_secs());
        }
    }

    /// A connection to read with.
    pub(super) async fn acquire(&self) -> Result<PooledConnection, sqlx::Error> {
        self.pool.acquire().await.map(|conn| PooledConnection { conn: Some(conn) })
    }

    /// A connection in a transaction.
    pub(super) async fn begin(&self) -> Result<PooledConnection, sqlx::Error> {
        self.begin_with(self.acquire().await?).await
    }

    /// A connection to read with, several times from one moment.
    pub(super) async fn snapshot(&self) -> Result<PooledConnection, sqlx::Error> {
        let mut lease = self.acquire().await?;
        sqlx::raw_sql(SNAPSHOT).execute(&mut *lease).await?;
        Ok(lease)
    }

    /// The same connection, in a transaction.
    pub(super) async fn begin_with(
        &self,
        mut lease: PooledConnection,
    ) -> Result<PooledConnection, sqlx::Error> {
        sqlx::raw_sql(BEGIN).execute(&mut *lease).await?;
        Ok(lease)
    }

    /// Lets nobody begin anything, and waits for those who have.
    pub(super) async fn close(&self) {
        self.tasks.close();
        self.pool.close().await;
        self.tasks.wait().await;
    }
}

/// A connection for as long as all goes well: dropped before its work is done, it is closed.
pub(super) struct PooledConnection {
    // `Some` until it is given back or dropped.
    conn: Option<PoolConnection<Postgres>>,
}

impl PooledConnection {
    /// Ends the transaction, and lets others have the connection.
    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        sqlx::raw_sql("COMMIT").execute(&mut *self).await?;
        self.release();
        Ok(())
    }

    /// Lets others have the connection.
    pub(super) fn release(mut self) {
        drop(self.conn.take());
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        drop(self.conn.take().map(PoolConnection::detach));
    }
}

impl Deref for PooledConnection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.conn.as_ref().expect("held until the lease is consumed")
    }
}

impl DerefMut for PooledConnection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.conn.as_mut().expect("held until the lease is consumed")
    }
}
