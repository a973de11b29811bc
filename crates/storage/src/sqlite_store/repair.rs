//! Repairs damage that reads and writes find: it is not returned, it is deleted, and work goes on.
//!
//! Damaged data becomes unknown; it is never returned and never reported as empty. A store opened for reading
//! remembers which ranges are uncertain; a store opened for writing deletes them on disk, so that they are
//! fetched again. If the structure of a file is broken, and not only its content, the file is rebuilt.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use market_backbone_core::{Candle, Series, StoreError, StoreErrorKind, StoredCandles, TimeRange, Timestamp};
use sqlx::{AssertSqlSafe, Connection};

use super::SqliteStore;
use super::ownership::{self, LedgerRead};
use super::revision_table;
use super::salvage::{self, SalvageReport};
use super::series_state::SeriesState;
use super::shard_pool::ShardId;
use super::shard_writer::WriteOp;
use super::{commit_id_table, fault};

/// The number of reads of the same data from disk when each result is damaged.
pub(super) const MAX_ATTEMPTS: usize = 4;

/// The tables that all series of a shard share.
const SHARED_TABLES: [&str; 6] = ["block_sum", "coverage", "dispute", "claim", "seal", "unsealed"];

pub(super) fn is_damage(error: &StoreError) -> bool {
    error.kind() == StoreErrorKind::Corrupt
}

impl SqliteStore {
    /// Handles an error: a damaged file is rebuilt, once, and then `again` runs.
    pub(super) async fn recover(
        &self,
        series: &SeriesState,
        seen: Option<u64>,
        error: StoreError,
        again: &mut bool,
    ) -> Result<(), StoreError> {
        if !is_damage(&error) || self.read_only || !*again {
            return Err(error);
        }
        *again = false;
        let rescued = self.rebuild_series_shard(series, seen, &error.to_string()).await;
        rescued.map_err(|hindrance| {
            tracing::warn!(error = %hindrance, "a damaged file cannot be rebuilt now");
            error
        })
    }

    /// Validates the cache; a damaged shard counts as not validated.
    pub(super) async fn revalidate_unless_damaged(&self, series: &SeriesState) -> Result<(), StoreError> {
        match self.revalidate(series).await {
            Err(error) if is_damage(&error) => {
                series.invalidate();
                Ok(())
            }
            believed => believed,
        }
    }

    /// Reads the ledger from disk, if it matches its checksum; `None` if it cannot be read. Fails for other
    /// reasons than damage.
    pub(super) async fn read_ledger(&self, series: &SeriesState) -> Result<Option<LedgerRead>, StoreError> {
        let mut again = true;
        loop {
            let mut seen = None;
            let error = match self.read_ledger_once(series, &mut seen).await {
                Ok(ledger) => return Ok(ledger),
                Err(error) => error,
            };
            match self.recover(series, seen, error, &mut again).await {
                Err(error) if is_damage(&error) => {
                    tracing::warn!(%error, series = series.label, "cannot be read, so all of it is unknown");
                    return Ok(Some(LedgerRead::Damaged));
                }
                recovered => recovered?,
            }
        }
    }

    async fn read_ledger_once(
        &self,
        series: &SeriesState,
        seen: &mut Option<u64>,
    ) -> Result<Option<LedgerRead>, StoreError> {
        let Some(shard) = self.shard_of(series).await? else { return Ok(None) };
        *seen = Some(shard.serial());
        let mut conn = shard.reader().await?;
        // Checksum and ledger must be of one moment.
        let mut moment = conn.begin().await.map_err(|error| shard.fault(error))?;
        let ledger =
            ownership::read_ledger(&mut moment, &series.label).await.map_err(|error| shard.fault(error))?;
        moment.rollback().await.map_err(|error| shard.fault(error))?;
        Ok(Some(ledger))
    }

    /// Returns the newest `limit` valid rows in `range`, and the blocks that are damaged.
    pub(super) async fn read_rows(
        &self,
        series: &Arc<SeriesState>,
        range: TimeRange,
        limit: usize,
    ) -> Result<(StoredCandles, Vec<i64>), StoreError> {
        let mut again = true;
        loop {
            let mut seen = None;
            match self.read_rows_once(series, range, limit, &mut seen).await {
                Ok(rows) => return Ok(rows),
                Err(error) => self.recover(series, seen, error, &mut again).await?,
            }
        }
    }

    async fn read_rows_once(
        &self,
        series: &Arc<SeriesState>,
        range: TimeRange,
        limit: usize,
        seen: &mut Option<u64>,
    ) -> Result<(StoredCandles, Vec<i64>), StoreError> {
        let begun = match self.cache.read_cached(series, range, limit).await {
            Ok(found) => return Ok((found, Vec::new())),
            Err(begun) => begun,
        };
        let Some(shard) = self.shard_of(series).await? else { return Ok(Default::default()) };
        *seen = Some(shard.serial());
        self.cache.complete_from_disk(series, &shard, begun).await
    }

    /// Returns the newest `limit` rows in `range` as they stood at `moment`, oldest first, without a check of
    /// their checksums.
    pub(super) async fn read_rows_as_of(
        &self,
        series: &SeriesState,
        range: TimeRange,
        limit: usize,
        moment: Timestamp,
    ) -> Result<Vec<Candle>, StoreError> {
        let mut again = true;
        loop {
            let mut seen = None;
            let read = async {
                let Some(shard) = self.shard_of(series).await? else { return Ok(Vec::new()) };
                seen = Some(shard.serial());
                let mut conn = shard.reader().await?;
                let read = revision_table::newest_as_of(&mut conn, series, range, limit, moment).await;
                read.map_err(|error| shard.fault(error))
            };
            match read.await {
                Ok(mut newest_first) => {
                    newest_first.reverse();
                    return Ok(newest_first);
                }
                Err(error) => self.recover(series, seen, error, &mut again).await?,
            }
        }
    }

    /// Runs a write operation on the shard that a series has, or gets if it has no table yet. Runs it once
    /// more if the file was damaged and has been rebuilt.
    pub(super) async fn write_with_recovery(
        &self,
        id: ShardId,
        series: &Arc<SeriesState>,
        order: &(dyn Fn() -> Result<WriteOp, StoreError> + Sync),
    ) -> Result<(), StoreError> {
        let mut again = true;
        loop {
            let mut seen = None;
            match self.write_once(id, series, order()?, &mut seen).await {
                Ok(()) => break,
                Err(error) => self.recover(series, seen, error, &mut again).await?,
            }
        }
        self.repair_reported_damage(series).await;
        Ok(())
    }

    async fn write_once(
        &self,
        id: ShardId,
        series: &Arc<SeriesState>,
        order: WriteOp,
        seen: &mut Option<u64>,
    ) -> Result<(), StoreError> {
        let shard = self.shards.lease(id).await?;
        *seen = Some(shard.serial());
        self.write(&shard, series, order).await
    }

    /// Repairs the given blocks of a series, or its ledger, which do not match; returns whether to read
    /// again.
    pub(super) async fn repair(&self, series: &Arc<SeriesState>, blocks: Vec<i64>) -> bool {
        if blocks.is_empty() {
            series.mark_all_uncertain()
        } else {
            series.mark_uncertain(&blocks)
        }
        tracing::warn!(
            source = %series.venue, series = series.label, blocks = blocks.len(),
            "stored data is damaged; it counts as unknown and is fetched again; `store check` shows more"
        );
        if self.read_only {
            return false;
        }
        let repaired = async {
            if self.repair_structure(series).await? {
                return Ok(());
            }
            let Some(id) = series.shard_id() else { return Ok(()) };
            self.write_with_recovery(id, series, &|| Ok(WriteOp::Repair(blocks.clone()))).await
        };
        match repaired.await {
            Ok(()) => {
                series.clear_uncertain(&blocks);
                true
            }
            Err(error) => {
                tracing::warn!(%error, series = series.label, "damaged data stays; it counts as unknown");
                false
            }
        }
    }

    /// Checks the structure of the tables in which damage was found, and rebuilds the file if it is broken.
    pub(super) async fn repair_structure(&self, series: &SeriesState) -> Result<bool, StoreError> {
        series.take_damage_report();
        let mut again = true;
        loop {
            let mut seen = None;
            match self.find_structural_damage(series, &mut seen).await {
                Ok(Some(complaint)) => {
                    self.rebuild_series_shard(series, seen, &complaint).await?;
                    return Ok(true);
                }
                Ok(None) => return Ok(!again),
                Err(error) => self.recover(series, seen, error, &mut again).await?,
            }
        }
    }

    async fn find_structural_damage(
        &self,
        series: &SeriesState,
        seen: &mut Option<u64>,
    ) -> Result<Option<String>, StoreError> {
        let Some(shard) = self.shard_of(series).await? else { return Ok(None) };
        *seen = Some(shard.serial());
        let mut conn = shard.reader().await?;
        for table in SHARED_TABLES.into_iter().chain([series.table.as_str()]) {
            let sql = format!("PRAGMA quick_check(\"{table}\")");
            let asked = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut *conn).await;
            let says: Vec<String> = asked.map_err(|error| shard.fault(error))?;
            if let Some(complaint) = says.into_iter().find(|says| says != "ok") {
                return Ok(Some(complaint));
            }
        }
        Ok(None)
    }

    /// Rebuilds the file of a series, unless that has happened since it was `seen`.
    async fn rebuild_series_shard(
        &self,
        series: &SeriesState,
        seen: Option<u64>,
        why: &str,
    ) -> Result<(), StoreError> {
        let Some(id) = series.shard_id() else { return Ok(()) };
        self.rebuild_shard(id, seen, why).await.map(drop)
    }

    /// Rebuilds a shard file from its valid content; `None` if that has happened since it was `seen`.
    pub(super) async fn rebuild_shard(
        &self,
        id: ShardId,
        seen: Option<u64>,
        why: &str,
    ) -> Result<Option<SalvageReport>, StoreError> {
        let series = self.series_in(id).await?;
        let lock = self.shards.lock().ok_or_else(fault::closed)?;
        let Some(alone) = self.shards.lock_exclusive(id, seen).await? else { return Ok(None) };
        // Processes with the old file open would go on writing to it, and nobody would ever find that data.
        if !lock.try_exclusive()? {
            lock.lock_shared().await?;
            return Err(lock.in_use_error());
        }
        let rescued = self.rebuild_exclusively(id, alone.path(), &series).await;
        lock.lock_shared().await?;
        let rescued = rescued?;
        tracing::warn!(
            file = %alone.path().display(), why, rows = rescued.rows, lost = rescued.lost.len(),
            "the file was damaged and has been rebuilt; lost data will be fetched again"
        );
        Ok(Some(rescued))
    }

    async fn rebuild_exclusively(
        &self,
        id: ShardId,
        path: &Path,
        series: &[Series],
    ) -> Result<SalvageReport, StoreError> {
        let rescued = salvage::rebuild(path, series).await;
        // Whatever happened: the cache does not reflect the new file.
        if let Some(cached_view) = self.shards.cached_view(id)? {
            cached_view.reset_commit_id(commit_id_table::NO_COMMIT)?;
            cached_view.mark_uncertain();
        }
        self.clear_cached_series(id);
        rescued
    }

    fn clear_cached_series(&self, id: ShardId) {
        let known = self.series.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let there = |state: &&Arc<SeriesState>| state.shard_id() == Some(id);
        known.values().filter(there).for_each(|state| state.reset());
    }

    /// After a write that found damage: checks the structure of the file.
    pub(super) async fn repair_reported_damage(&self, series: &SeriesState) {
        if !series.take_damage_report() {
            return;
        }
        if let Err(error) = self.repair_structure(series).await {
            tracing::warn!(%error, series = series.label, "a damaged file could not be rebuilt");
        }
    }

    /// Returns the same store for reading without changes, with an empty cache.
    pub(super) fn read_only_view(&self) -> Self {
        Self {
            index: Arc::clone(&self.index),
            shards: Arc::clone(&self.shards),
            sources: Arc::clone(&self.sources),
            cache: super::BlockCache::new(0),
            seal_queue: Arc::clone(&self.seal_queue),
            column_pool: Arc::clone(&self.column_pool),
            series: Arc::default(),
            maintenance: Arc::clone(&self.maintenance),
            read_only: true,
        }
    }
}

/// Removes duplicate blocks.
pub(super) fn distinct(blocks: Vec<i64>) -> Vec<i64> {
    blocks.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}
