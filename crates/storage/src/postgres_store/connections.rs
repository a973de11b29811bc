//! Connections to the server, and work that is done on one of them to its end.
//!
//! Work is a task of its own and not a part of the caller, who may go away at any moment: sqlx 0.9 puts a
//! connection back whose BEGIN was abandoned half-way, and the next who gets it cannot begin. So nothing is
//! abandoned here but by the deadline, and a connection on which anything went wrong is never used again; the
//! server undoes what it had begun when it is gone.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// Not left to the database's default: under a stricter level a transaction that has waited for the lock of
/// its series would still see the ledger as it was before the wait.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// Connections that are opened when they are needed.
#[derive(Clone)]
pub(super) struct Connections {
    pool: PgPool,
    tasks: TaskTracker,
}

impl Connections {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool, tasks: TaskTracker::new() }
    }

    /// Does `work` to its end or to the deadline, whether or not the caller waits for it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        deadline: Duration,
        work: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static,
    ) -> Result<T, sqlx::Error> {
        let task = self.tasks.spawn(timeout(deadline, work));
        match task.await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(sqlx::Error::PoolTimedOut),
            Err(_) => Err(sqlx::Error::PoolClosed), // only when the runtime ends
        }
    }

    /// A connection to read with.
    pub(super) async fn lease(&self) -> Result<Lease, sqlx::Error> {
        self.pool.acquire().await.map(|conn| Lease { conn: Some(conn) })
    }

    /// A connection in a transaction.
    pub(super) async fn begin(&self) -> Result<Lease, sqlx::Error> {
        let mut lease = self.lease().await?;
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
pub(super) struct Lease {
    // `Some` until it is given back or dropped.
    conn: Option<PoolConnection<Postgres>>,
}

impl Lease {
    /// Ends the transaction, and lets others have the connection.
    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        sqlx::raw_sql("COMMIT").execute(&mut *self).await?;
        self.give_back();
        Ok(())
    }

    /// Lets others have the connection.
    pub(super) fn give_back(mut self) {
        drop(self.conn.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        drop(self.conn.take().map(PoolConnection::detach));
    }
}

impl Deref for Lease {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.conn.as_ref().expect("held until the lease is consumed")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.conn.as_mut().expect("held until the lease is consumed")
    }
}
