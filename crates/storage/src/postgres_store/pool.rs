//! Connections to the server, and work that runs on one of them to its end.
//!
//! Work is a task of its own and not a part of the caller, who may be dropped at any moment: sqlx 0.9 returns
//! a connection to the pool whose BEGIN was abandoned half-way, and the next user of it cannot begin. So only
//! the deadline abandons work, and a connection on which anything failed is never used again; the server
//! rolls back what it had begun when it is gone.

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

/// The statement that begins a transaction.
///
/// It does not rely on the database's default level: under a stricter one, a transaction that has waited for
/// the lock of its series would still see the ledger from before the wait.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The wait after which a warning is logged.
const SLOW_AFTER: Duration = Duration::from_secs(2);

/// A pool of connections that are opened when they are needed.
#[derive(Clone)]
pub(super) struct ConnectionPool {
    /// The address of the database.
    config: PostgresConfig,
    pool: PgPool,
    tasks: TaskTracker,
    recent_failure: RecentFailure,
    /// True if a slow server was logged: once is enough until it answers again.
    is_warned: Arc<AtomicBool>,
}

impl ConnectionPool {
    pub(super) fn new(config: PostgresConfig) -> Self {
        let suspicion = RecentFailure::default();
        let pool = config.pool(suspicion.clone());
        Self { config, pool, tasks: TaskTracker::new(), recent_failure: suspicion, is_warned: Arc::default() }
    }

    /// Runs `work` to its end or to the deadline, whether or not the caller waits for it.
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

    /// Acquires a connection for reading.
    pub(super) async fn acquire(&self) -> Result<PooledConnection, sqlx::Error> {
        self.pool.acquire().await.map(|conn| PooledConnection { conn: Some(conn) })
    }

    /// Acquires a connection in a transaction.
    pub(super) async fn begin(&self) -> Result<PooledConnection, sqlx::Error> {
        self.begin_with(self.acquire().await?).await
    }

    /// Acquires a connection for several reads of one moment.
    pub(super) async fn snapshot(&self) -> Result<PooledConnection, sqlx::Error> {
        let mut lease = self.acquire().await?;
        sqlx::raw_sql(SNAPSHOT).execute(&mut *lease).await?;
        Ok(lease)
    }

    /// Begins a transaction on the connection.
    pub(super) async fn begin_with(
        &self,
        mut lease: PooledConnection,
    ) -> Result<PooledConnection, sqlx::Error> {
        sqlx::raw_sql(BEGIN).execute(&mut *lease).await?;
        Ok(lease)
    }

    /// Refuses new work, and waits for work in flight.
    pub(super) async fn close(&self) {
        self.tasks.close();
        self.pool.close().await;
        self.tasks.wait().await;
    }
}

/// A connection in use: if it is dropped before its work is done, it is closed.
pub(super) struct PooledConnection {
    // `Some` until it is released or dropped.
    conn: Option<PoolConnection<Postgres>>,
}

impl PooledConnection {
    /// Commits the transaction, and releases the connection.
    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        sqlx::raw_sql("COMMIT").execute(&mut *self).await?;
        self.release();
        Ok(())
    }

    /// Returns the connection to the pool.
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
