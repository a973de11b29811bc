//! The one writer of a shard in this process: rows and their proof, both or neither.
//!
//! A task and not a lock around a connection, for two reasons. A caller who gives up while COMMIT runs
//! cannot leave the caches in doubt of whether it happened, because the task goes on and tells them.
//! And commits that arrive while one is being written share the next transaction.

use std::path::PathBuf;
use std::sync::Arc;

use market_backbone_core::{Coverage, StoreError, TimeRange};
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use super::belief::{Belief, Epoch};
use super::data_lock::DataLock;
use super::database_file::{self, SHARD};
use super::series_state::SeriesState;
use super::transaction::Transaction;
use super::turn::Turn;
use super::{fault, ledger_table, revisions, rows};
use crate::batch::Batch;
use crate::verdict::{self, Verdict};

/// Rows after which a transaction takes no more commits on board.
const ROWS_PER_TRANSACTION: usize = 10_000;

/// What shall be written of a series.
#[derive(Debug)]
pub(super) enum Order {
    /// Rows and their proof.
    Keep(Batch),
    /// Neither rows nor what they were nor proofs of this stretch any more.
    Forget(TimeRange),
}

/// One commit.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) series: Arc<SeriesState>,
    pub(super) order: Order,
    pub(super) done: oneshot::Sender<Result<(), StoreError>>,
}

/// Writes to one shard file.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    max_bytes: Option<u64>,
    // Opened for the first order: most shards of a large folder are only read.
    conn: Option<SqliteConnection>,
    readers: SqlitePool,
    turn: Arc<Turn>,
    belief: Arc<Belief>,
    // We are in the folder until the last writer has let go of its file.
    lock: Arc<DataLock>,
}

impl Writer {
    pub(super) fn new(
        path: PathBuf,
        max_bytes: Option<u64>,
        readers: SqlitePool,
        turn: Arc<Turn>,
        (belief, lock): (Arc<Belief>, Arc<DataLock>),
    ) -> Self {
        Self { path, max_bytes, conn: None, readers, turn, belief, lock }
    }

    /// The connection to write with.
    pub(super) async fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        // What was moved away can still be written to, and nobody would ever find it.
        self.lock.require_same()?;
        if self.conn.is_none() {
            self.conn = Some(database_file::open_writer(&self.path, &SHARD, self.max_bytes).await?);
        }
        self.conn.as_mut().ok_or_else(fault::closed)
    }

    /// Writes what comes until nobody can send any more, then closes the file.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Job>) {
        let turn = Arc::clone(&self.turn);
        while let Some(first) = inbox.recv().await {
            let _turn = turn.take().await;
            let mut count = first.rows();
            let mut jobs = vec![first];
            while count < ROWS_PER_TRANSACTION
                && let Ok(job) = inbox.try_recv()
            {
                count += job.rows();
                jobs.push(job);
            }
            self.settle(jobs).await;
            turn.committed(self.belief.tried());
        }
        self.readers.close().await;
        if let Some(conn) = self.conn {
            database_file::close(conn).await;
        }
    }

    /// Writes all jobs at once; where that fails, one by one, so that one's failure is not the others'.
    async fn settle(&mut self, jobs: Vec<Job>) {
        if jobs.len() > 1
            && let Ok((verdicts, epoch)) = self.transact(&jobs).await
        {
            for (job, verdict) in jobs.into_iter().zip(verdicts) {
                job.finish(Ok((verdict, epoch)));
            }
            return;
        }
        for job in jobs {
            let outcome = self.transact(std::slice::from_ref(&job)).await;
            let one = |(verdicts, epoch): (Vec<Verdict>, Epoch)| {
                (verdicts.into_iter().next().unwrap_or_default(), epoch)
            };
            job.finish(outcome.map(one));
        }
    }

    /// Writes all jobs in one transaction; says for each what was written.
    async fn transact(&mut self, jobs: &[Job]) -> Result<(Vec<Verdict>, Epoch), StoreError> {
        let (path, belief) = (self.path.clone(), Arc::clone(&self.belief));
        let conn = self.connection().await?;
        let transaction = Transaction::begin(conn, &path, &belief).await?;
        let written = write(conn, jobs).await;
        let written = transaction.end(conn, written).await?;
        jobs.iter().for_each(|job| job.series.found_table());
        Ok(written)
    }
}

impl Job {
    fn rows(&self) -> usize {
        match &self.order {
            Order::Keep(batch) => batch.candles.len(),
            Order::Forget(_) => 0,
        }
    }

    /// Tells the caches, then the caller: who has been told must never be shown less.
    fn finish(self, outcome: Result<(Verdict, Epoch), StoreError>) {
        let (verdict, answer) = match outcome {
            Ok(verdict) => (Some(verdict), Ok(())),
            Err(error) => (None, Err(error)),
        };
        match (&self.order, verdict) {
            (Order::Keep(_), Some((verdict, epoch))) => {
                self.series.committed(&verdict.rows, Some((verdict.known, epoch)));
            }
            (Order::Keep(batch), None) => self.series.committed(&batch.candles, None),
            (Order::Forget(_), verdict) => {
                self.series.forgotten(verdict.map(|(verdict, epoch)| (verdict.known, epoch)));
            }
        }
        // Nobody waits for the answer any more: fine, the work is done all the same.
        let _ = self.done.send(answer);
    }
}

async fn write(conn: &mut SqliteConnection, jobs: &[Job]) -> Result<Vec<Verdict>, sqlx::Error> {
    let mut verdicts = Vec::with_capacity(jobs.len());
    for Job { series, order, .. } in jobs {
        if !series.table_exists() {
            rows::create(conn, &series.table).await?;
        }
        // Read here and not taken from a cache: only the transaction makes sure that nobody has changed it since.
        let known = ledger_table::load(conn, &series.label).await?;
        let verdict = match order {
            Order::Keep(batch) => keep(conn, series, &known, batch).await?,
            Order::Forget(range) => forget(conn, series, &known, *range).await?,
        };
        ledger_table::replace(conn, &series.label, &known, &verdict.known).await?;
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

async fn keep(
    conn: &mut SqliteConnection,
    series: &SeriesState,
    known: &Coverage,
    batch: &Batch,
) -> Result<Verdict, sqlx::Error> {
    let mut stored = Vec::new();
    for range in batch.reach() {
        stored.extend(rows::within(conn, &series.table, range).await?);
    }
    let verdict = verdict::decide(known, &stored, batch);
    rows::upsert(conn, &series.table, &verdict.rows).await?;
    revisions::keep(conn, &series.label, &verdict.revisions).await?;
    Ok(verdict)
}

async fn forget(
    conn: &mut SqliteConnection,
    series: &SeriesState,
    known: &Coverage,
    range: TimeRange,
) -> Result<Verdict, sqlx::Error> {
    rows::delete(conn, &series.table, range).await?;
    revisions::delete(conn, &series.label, range).await?;
    ledger_table::vouch(conn, &series.label, range).await?;
    let mut known = known.clone();
    known.remove(range);
    Ok(Verdict { known, ..Verdict::default() })
}
