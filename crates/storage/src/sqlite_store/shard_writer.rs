//! The one writer of a shard in this process: it writes rows and their coverage together.
//!
//! It is a task and not a lock around a connection, for two reasons. If a caller is dropped while COMMIT
//! runs, the task goes on and updates the caches, so they are never uncertain about the outcome. And commits
//! that arrive while one is being written share the next transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use market_backbone_core::{Candle, StoreError, TimeRange};
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use super::cached_view::{CachedView, Epoch};
use super::database_file::{self, SHARD};
use super::direct_reader::DirectReaders;
use super::folder_lock::FolderLock;
use super::ownership::{self, SeriesOwnership};
use super::sealed::{self, SealQueue};
use super::series_state::SeriesState;
use super::shard_transaction::ShardTransaction;
use super::write_lock::WriteLock;
use super::{candle_table, fault, ledger_table, revision_table, verified_rows};
use crate::batch::Batch;
use crate::commit_plan::{self, CommitPlan};

/// The number of rows at which a transaction takes no further commits.
const ROWS_PER_TRANSACTION: usize = 10_000;

/// A write operation on a series.
#[derive(Debug)]
pub(super) enum WriteOp {
    /// Writes rows and their coverage.
    Store(Batch),
    /// Deletes the rows, their earlier versions and the coverage of this range.
    Forget(TimeRange),
    /// Deletes what is damaged in these blocks, or in the ledger.
    Repair(Vec<i64>),
    /// Adds checksums to the blocks that an older version wrote.
    AddChecksums,
}

/// A queued write operation.
#[derive(Debug)]
pub(super) struct WriteJob {
    pub(super) series: Arc<SeriesState>,
    pub(super) op: WriteOp,
    pub(super) done: oneshot::Sender<Result<(), StoreError>>,
}

/// The writer of one shard file.
#[derive(Debug)]
pub(super) struct ShardWriter {
    path: PathBuf,
    max_bytes: Option<u64>,
    // Opened for the first operation: most shards of a large folder are only read.
    conn: Option<SqliteConnection>,
    readers: SqlitePool,
    direct: Arc<DirectReaders>,
    write_lock: Arc<WriteLock>,
    cached_view: Arc<CachedView>,
    seal_queue: Arc<SealQueue>,
    // The folder lock is held until the last writer has closed its file.
    lock: Arc<FolderLock>,
}

impl ShardWriter {
    pub(super) fn new(
        path: PathBuf,
        max_bytes: Option<u64>,
        (readers, direct): (SqlitePool, Arc<DirectReaders>),
        write_lock: Arc<WriteLock>,
        (cached_view, lock, seal_queue): (Arc<CachedView>, Arc<FolderLock>, Arc<SealQueue>),
    ) -> Self {
        Self { path, max_bytes, conn: None, readers, direct, write_lock, cached_view, seal_queue, lock }
    }

    /// Returns the connection for writing.
    pub(super) async fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        // A folder that was moved away can still be written to, and nobody would ever find that data.
        self.lock.require_same_folder()?;
        if self.conn.is_none() {
            self.conn = Some(database_file::open_writer(&self.path, &SHARD, self.max_bytes).await?);
        }
        self.conn.as_mut().ok_or_else(fault::closed)
    }

    /// Writes jobs until all senders are gone, then closes the file.
    pub(super) async fn run(mut self, mut receiver: mpsc::Receiver<WriteJob>) {
        let turn = Arc::clone(&self.write_lock);
        while let Some(first) = receiver.recv().await {
            let _turn = turn.acquire().await;
            let mut count = first.rows();
            let mut jobs = vec![first];
            while count < ROWS_PER_TRANSACTION
                && let Ok(job) = receiver.try_recv()
            {
                count += job.rows();
                jobs.push(job);
            }
            self.write_jobs(jobs).await;
            turn.record_commit(self.cached_view.last_attempted());
        }
        self.direct.close().await;
        self.readers.close().await;
        if let Some(conn) = self.conn {
            database_file::close(conn).await;
        }
    }

    /// Writes all jobs in one transaction. If that fails, writes them one by one, so that one failure does
    /// not affect the others.
    async fn write_jobs(&mut self, jobs: Vec<WriteJob>) {
        if jobs.len() > 1
            && let Ok((verdicts, epoch)) = self.transact(&jobs).await
        {
            for (job, verdict) in jobs.into_iter().zip(verdicts) {
                job.finish(Ok((verdict, epoch)), &self.seal_queue);
            }
            return;
        }
        for job in jobs {
            let outcome = self.transact(std::slice::from_ref(&job)).await;
            let one = |(verdicts, epoch): (Vec<CommitPlan>, Epoch)| {
                (verdicts.into_iter().next().unwrap_or_default(), epoch)
            };
            job.finish(outcome.map(one), &self.seal_queue);
        }
    }

    /// Writes all jobs in one transaction; returns for each what was written.
    async fn transact(&mut self, jobs: &[WriteJob]) -> Result<(Vec<CommitPlan>, Epoch), StoreError> {
        let (path, belief) = (self.path.clone(), Arc::clone(&self.cached_view));
        let conn = self.connection().await?;
        let transaction = ShardTransaction::begin(conn, &path, &belief).await?;
        let written = write(conn, jobs).await;
        let written = transaction.end(conn, written).await?;
        jobs.iter().for_each(|job| job.series.set_table_exists());
        Ok(written)
    }
}

impl WriteJob {
    fn rows(&self) -> usize {
        match &self.op {
            WriteOp::Store(batch) => batch.candles.len(),
            WriteOp::Forget(_) | WriteOp::Repair(_) | WriteOp::AddChecksums => 0,
        }
    }

    /// Updates the caches, then answers the caller: after the answer, nobody must see older data.
    fn finish(self, outcome: Result<(CommitPlan, Epoch), StoreError>, seal_queue: &SealQueue) {
        let (verdict, answer) = match outcome {
            Ok(verdict) => (Some(verdict), Ok(())),
            Err(error) => (None, Err(error)),
        };
        if let (WriteOp::Store(batch), Some(_)) = (&self.op, &verdict) {
            let reach = batch.affected_ranges();
            reach
                .iter()
                .for_each(|range| self.series.clear_uncertain_run(self.series.grid.block_range(*range)));
        }
        match (&self.op, verdict) {
            (WriteOp::Store(_), Some((verdict, epoch))) => {
                self.series.rows_committed(&verdict.rows, Some((verdict.known, epoch)));
                seal_queue.note_written(&self.series, &verdict.rows);
            }
            (WriteOp::Store(batch), None) => self.series.rows_committed(&batch.candles, None),
            (WriteOp::Forget(_) | WriteOp::Repair(_) | WriteOp::AddChecksums, verdict) => {
                self.series.rows_removed(verdict.map(|(verdict, epoch)| (verdict.known, epoch)));
            }
        }
        // If nobody waits for the answer any more, the work is done all the same.
        let _ = self.done.send(answer);
    }
}

async fn write(conn: &mut SqliteConnection, jobs: &[WriteJob]) -> Result<Vec<CommitPlan>, sqlx::Error> {
    let mut plans = Vec::with_capacity(jobs.len());
    for WriteJob { series, op: order, .. } in jobs {
        if !series.table_exists() {
            candle_table::create(conn, &series.table).await?;
        }
        // Read here and not taken from a cache: only the transaction guarantees that nobody has changed it
        // since.
        let mut ownership = SeriesOwnership::load(conn, series).await?;
        let plan = match order {
            WriteOp::Store(batch) => store_batch(conn, series, &mut ownership, batch).await?,
            WriteOp::Forget(range) => forget(conn, series, &mut ownership, *range).await?,
            WriteOp::Repair(blocks) => repair_blocks(conn, series, &mut ownership, blocks).await?,
            WriteOp::AddChecksums => add_checksums(conn, series, &mut ownership).await?,
        };
        ownership.save_ledger(conn, &series.label, &plan.known).await?;
        plans.push(plan);
    }
    Ok(plans)
}

async fn store_batch(
    conn: &mut SqliteConnection,
    series: &SeriesState,
    ownership: &mut SeriesOwnership,
    batch: &Batch,
) -> Result<CommitPlan, sqlx::Error> {
    let reach = batch.affected_ranges();
    let mut found = Vec::new();
    let mut sums = BTreeMap::new();
    for blocks in merge_runs(reach.iter().map(|range| series.grid.block_range(*range))) {
        let proven = ownership.load_blocks(conn, series, blocks).await?;
        found.extend(proven.rows);
        sums.extend(proven.sums);
    }
    let is_reached = |row: &&Candle| {
        let index = reach.partition_point(|range| range.to() <= row.open_time);
        reach.get(index).is_some_and(|range| range.contains(row.open_time))
    };
    let stored: Vec<Candle> = found.iter().filter(is_reached).copied().collect();
    let plan = commit_plan::plan(&ownership.known, &stored, batch);
    sealed::delete_touched(conn, series, &plan.rows).await?;
    candle_table::upsert(conn, &series.table, &plan.rows).await?;
    let after = ownership::checksums_after(series, &found, &plan.rows);
    ownership.put_block_checksums(conn, &series.label, &sums, &after).await?;
    revision_table::insert(conn, &series.label, &plan.revisions).await?;
    Ok(plan)
}

async fn forget(
    conn: &mut SqliteConnection,
    series: &SeriesState,
    custody: &mut SeriesOwnership,
    range: TimeRange,
) -> Result<CommitPlan, sqlx::Error> {
    // Blocks of which a part stays are checked first, so that no damage gets a new checksum.
    let (oldest, newest) = series.grid.block_range(range);
    let mut kept = BTreeMap::new();
    for block in BTreeSet::from([oldest, newest]) {
        let mut rows = custody.load_blocks(conn, series, (block, block)).await?.rows;
        rows.retain(|row| !range.contains(row.open_time));
        if !rows.is_empty() {
            kept.insert(block, verified_rows::block_checksum(&series.label, &rows));
        }
    }
    sealed::delete_within(conn, series, range).await?;
    candle_table::delete(conn, &series.table, range).await?;
    custody.delete_block_checksums(conn, &series.label, (oldest, newest)).await?;
    custody.put_block_checksums(conn, &series.label, &BTreeMap::new(), &kept).await?;
    revision_table::delete(conn, &series.label, range).await?;
    ledger_table::clear_lone_witnesses(conn, &series.label, range).await?;
    let mut known = custody.known.clone();
    known.remove(range);
    Ok(CommitPlan { known, ..CommitPlan::default() })
}

async fn repair_blocks(
    conn: &mut SqliteConnection,
    series: &SeriesState,
    custody: &mut SeriesOwnership,
    blocks: &[i64],
) -> Result<CommitPlan, sqlx::Error> {
    for run in merge_runs(blocks.iter().map(|block| (*block, *block))) {
        custody.load_blocks(conn, series, run).await?;
    }
    Ok(CommitPlan { known: custody.known.clone(), ..CommitPlan::default() })
}

async fn add_checksums(
    conn: &mut SqliteConnection,
    series: &SeriesState,
    custody: &mut SeriesOwnership,
) -> Result<CommitPlan, sqlx::Error> {
    custody.add_missing_checksums(conn, series).await?;
    Ok(CommitPlan { known: custody.known.clone(), ..CommitPlan::default() })
}

/// Merges runs of blocks that overlap or touch; the result is in order.
fn merge_runs(runs: impl Iterator<Item = (i64, i64)>) -> Vec<(i64, i64)> {
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (first, last) in runs {
        match joined.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => joined.push((first, last)),
        }
    }
    joined
}
