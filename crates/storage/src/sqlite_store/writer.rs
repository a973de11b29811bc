//! The one writer of a shard: rows and their proof, both or neither.
//!
//! A task and not a lock around a connection, for two reasons. A caller who gives up while COMMIT runs
//! cannot leave the caches in doubt of whether it happened, because the task goes on and tells them.
//! And commits that arrive while one is being written share the next transaction.

use std::path::PathBuf;
use std::sync::Arc;

use market_backbone_core::{Coverage, StoreError};
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use super::data_lock::DataLock;
use super::database_file::{self, execute};
use super::series_state::SeriesState;
use super::{fault, ledger_table, rows};
use crate::batch::Batch;

/// Rows after which a transaction takes no more commits on board.
const ROWS_PER_TRANSACTION: usize = 10_000;

/// One commit.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) series: Arc<SeriesState>,
    pub(super) batch: Batch,
    pub(super) done: oneshot::Sender<Result<(), StoreError>>,
}

/// Writes to one shard file.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    conn: SqliteConnection,
    readers: SqlitePool,
    // The folder is ours until the last writer has let go of its file.
    _lock: Arc<DataLock>,
}

impl Writer {
    pub(super) fn new(
        path: PathBuf,
        conn: SqliteConnection,
        readers: SqlitePool,
        lock: Arc<DataLock>,
    ) -> Self {
        Self { path, conn, readers, _lock: lock }
    }

    /// Writes what comes until nobody can send any more, then closes the file.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Job>) {
        while let Some(first) = inbox.recv().await {
            let mut count = first.batch.candles.len();
            let mut jobs = vec![first];
            while count < ROWS_PER_TRANSACTION
                && let Ok(job) = inbox.try_recv()
            {
                count += job.batch.candles.len();
                jobs.push(job);
            }
            self.settle(jobs).await;
        }
        self.readers.close().await;
        database_file::close(self.conn).await;
    }

    /// Writes all jobs at once; where that fails, one by one, so that one's failure is not the others'.
    async fn settle(&mut self, jobs: Vec<Job>) {
        if jobs.len() > 1
            && let Ok(ledgers) = transact(&mut self.conn, &jobs).await
        {
            for (job, ledger) in jobs.into_iter().zip(ledgers) {
                job.finish(Ok(ledger));
            }
            return;
        }
        for job in jobs {
            let outcome = transact(&mut self.conn, std::slice::from_ref(&job)).await;
            let ledger = outcome.map(|ledgers| ledgers.into_iter().next().unwrap_or_default());
            job.finish(ledger.map_err(|error| fault::database(&self.path, error)));
        }
    }
}

impl Job {
    /// Tells the caches, then the caller: who has been told must never be shown less.
    fn finish(self, outcome: Result<Coverage, StoreError>) {
        let (ledger, answer) = match outcome {
            Ok(ledger) => (Some(ledger), Ok(())),
            Err(error) => (None, Err(error)),
        };
        self.series.committed(&self.batch.candles, ledger);
        // Nobody waits for the answer any more: fine, the work is done all the same.
        let _ = self.done.send(answer);
    }
}

/// Writes all jobs in one transaction; says for each what is known of its series afterwards.
///
/// Not sqlx's own transaction: when the disk is full SQLite rolls back by itself, after which sqlx 0.9 would
/// count one transaction too many for ever.
async fn transact(conn: &mut SqliteConnection, jobs: &[Job]) -> Result<Vec<Coverage>, sqlx::Error> {
    execute(conn, "BEGIN IMMEDIATE".to_owned()).await?;
    let written = match write(conn, jobs).await {
        Ok(ledgers) => execute(conn, "COMMIT".to_owned()).await.map(|()| ledgers),
        Err(error) => Err(error),
    };
    if written.is_err() {
        // Fails if SQLite has rolled back already, which is just as well.
        let _ = execute(conn, "ROLLBACK".to_owned()).await;
    }
    for job in jobs.iter().filter(|_| written.is_ok()) {
        job.series.found_table();
    }
    written
}

async fn write(conn: &mut SqliteConnection, jobs: &[Job]) -> Result<Vec<Coverage>, sqlx::Error> {
    let mut ledgers = Vec::with_capacity(jobs.len());
    for Job { series, batch, .. } in jobs {
        if !series.table_exists() {
            rows::create(conn, &series.table).await?;
        }
        rows::upsert(conn, &series.table, &batch.candles).await?;
        ledgers.push(ledger_table::add(conn, &series.label, &batch.coverage).await?);
    }
    Ok(ledgers)
}
