//! The one writer of a shard in this process: rows and their proof, both or neither.
//!
//! A task and not a lock around a connection, for two reasons. A caller who gives up while COMMIT runs
//! cannot leave the caches in doubt of whether it happened, because the task goes on and tells them.
//! And commits that arrive while one is being written share the next transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use market_backbone_core::{Candle, StoreError, TimeRange};
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use super::belief::{Belief, Epoch};
use super::custody::{self, Custody};
use super::data_lock::DataLock;
use super::database_file::{self, SHARD};
use super::series_state::SeriesState;
use super::transaction::Transaction;
use super::turn::Turn;
use super::{fault, ledger_table, proven_rows, revisions, rows};
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
    /// Nothing but what is damaged in these blocks, or in the ledger: it is taken out.
    Mend(Vec<i64>),
    /// Nothing; the blocks that an older version wrote get their sums.
    Seal,
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
            Order::Forget(_) | Order::Mend(_) | Order::Seal => 0,
        }
    }

    /// Tells the caches, then the caller: who has been told must never be shown less.
    fn finish(self, outcome: Result<(Verdict, Epoch), StoreError>) {
        let (verdict, answer) = match outcome {
            Ok(verdict) => (Some(verdict), Ok(())),
            Err(error) => (None, Err(error)),
        };
        if let (Order::Keep(batch), Some(_)) = (&self.order, &verdict) {
            let reach = batch.reach();
            reach.iter().for_each(|range| self.series.settle_run(self.series.grid.ends(*range)));
        }
        match (&self.order, verdict) {
            (Order::Keep(_), Some((verdict, epoch))) => {
                self.series.committed(&verdict.rows, Some((verdict.known, epoch)));
            }
            (Order::Keep(batch), None) => self.series.committed(&batch.candles, None),
            (Order::Forget(_) | Order::Mend(_) | Order::Seal, verdict) => {
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
        let mut custody = Custody::take(conn, series).await?;
        let verdict = match order {
            Order::Keep(batch) => keep(conn, series, &mut custody, batch).await?,
            Order::Forget(range) => forget(conn, series, &mut custody, *range).await?,
            Order::Mend(blocks) => mend(conn, series, &mut custody, blocks).await?,
            Order::Seal => seal(conn, series, &mut custody).await?,
        };
        custody.release(conn, &series.label, &verdict.known).await?;
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

async fn keep(
    conn: &mut SqliteConnection,
    series: &SeriesState,
    custody: &mut Custody,
    batch: &Batch,
) -> Result<Verdict, sqlx::Error> {
    let reach = batch.reach();
    let mut found = Vec::new();
    let mut sums = BTreeMap::new();
    for blocks in joined(reach.iter().map(|range| series.grid.ends(*range))) {
        let proven = custody.blocks(conn, series, blocks).await?;
        found.extend(proven.rows);
        sums.extend(proven.sums);
    }
    let is_reached = |row: &&Candle| {
        let index = reach.partition_point(|range| range.to() <= row.open_time);
        reach.get(index).is_some_and(|range| range.contains(row.open_time))
    };
    let stored: Vec<Candle> = found.iter().filter(is_reached).copied().collect();
    let verdict = verdict::decide(&custody.known, &stored, batch);
    rows::upsert(conn, &series.table, &verdict.rows).await?;
    let after = custody::sums_after(series, &found, &verdict.rows);
    custody.seal_blocks(conn, &series.label, &sums, &after).await?;
    revisions::keep(conn, &series.label, &verdict.revisions).await?;
    Ok(verdict)
}

async fn forget(
    conn: &mut SqliteConnection,
    series: &SeriesState,
    custody: &mut Custody,
    range: TimeRange,
) -> Result<Verdict, sqlx::Error> {
    // Blocks of which a part stays: what they hold is looked at first, so that no damage is sealed.
    let (oldest, newest) = series.grid.ends(range);
    let mut kept = BTreeMap::new();
    for block in BTreeSet::from([oldest, newest]) {
        let mut rows = custody.blocks(conn, series, (block, block)).await?.rows;
        rows.retain(|row| !range.contains(row.open_time));
        if !rows.is_empty() {
            kept.insert(block, proven_rows::of_block(&series.label, &rows));
        }
    }
    rows::delete(conn, &series.table, range).await?;
    custody.drop_sums(conn, &series.label, (oldest, newest)).await?;
    custody.seal_blocks(conn, &series.label, &BTreeMap::new(), &kept).await?;
    revisions::delete(conn, &series.label, range).await?;
    ledger_table::vouch(conn, &series.label, range).await?;
    let mut known = custody.known.clone();
    known.remove(range);
    Ok(Verdict { known, ..Verdict::default() })
}

async fn mend(
    conn: &mut SqliteConnection,
    series: &SeriesState,
    custody: &mut Custody,
    blocks: &[i64],
) -> Result<Verdict, sqlx::Error> {
    for run in joined(blocks.iter().map(|block| (*block, *block))) {
        custody.blocks(conn, series, run).await?;
    }
    Ok(Verdict { known: custody.known.clone(), ..Verdict::default() })
}

async fn seal(
    conn: &mut SqliteConnection,
    series: &SeriesState,
    custody: &mut Custody,
) -> Result<Verdict, sqlx::Error> {
    custody.seal_all(conn, series).await?;
    Ok(Verdict { known: custody.known.clone(), ..Verdict::default() })
}

/// Runs of blocks, in order; those that overlap or touch as one.
fn joined(runs: impl Iterator<Item = (i64, i64)>) -> Vec<(i64, i64)> {
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (first, last) in runs {
        match joined.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => joined.push((first, last)),
        }
    }
    joined
}
