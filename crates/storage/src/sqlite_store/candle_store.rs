//! The store port of the folder: reads return only what matches its checksum, and writes go through the one
//! writer of the shard.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use market_backbone_core::{
    Candle, CandleStore, Coverage, Series, StoreError, StoredCandles, TimeRange, Timestamp,
};
use tokio::time::timeout;

use super::ownership::LedgerRead;
use super::repair::{MAX_ATTEMPTS, is_damage};
use super::shard_pool::ShardId;
use super::shard_writer::WriteOp;
use super::{SqliteStore, fault, listing};
use crate::batch::Batch;

/// The number of rows that are read at once from a table.
const MAX_ROWS_PER_READ: usize = 16_384;
/// The longest that closing waits for the writers.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

#[async_trait]
impl CandleStore for SqliteStore {
    async fn coverage(&self, series: &Series) -> Result<Coverage, StoreError> {
        let state = self.state(series)?;
        self.revalidate_unless_damaged(&state).await?;
        if let Some(known) = state.coverage() {
            return Ok(Coverage::clone(&known));
        }
        for _ in 0..MAX_ATTEMPTS {
            let version = state.version(); // before the disk is read: see `SeriesState`
            match self.read_ledger(&state).await? {
                None => break,
                Some(LedgerRead::Valid(known)) => {
                    let known = state.without_uncertain(known);
                    if !self.read_only {
                        state.cache_coverage(version, &Arc::new(known.clone()));
                    }
                    return Ok(known);
                }
                Some(LedgerRead::Damaged) => {
                    if !self.repair(&state, Vec::new()).await {
                        break;
                    }
                }
            }
        }
        Ok(Coverage::empty())
    }

    async fn read(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
    ) -> Result<StoredCandles, StoreError> {
        let state = self.state(series)?;
        self.revalidate_unless_damaged(&state).await?;
        if let Ok(found) = self.cache.read_cached(&state, range, limit).await {
            return Ok(found);
        }
        match self.read_sealed(&state, range, limit).await {
            Ok(Some(found)) => Ok(found),
            // Whatever is wrong with the file: this finds out, and repairs it.
            Ok(None) => self.read_from_blocks(&state, range, limit).await,
            Err(error) if is_damage(&error) => self.read_from_blocks(&state, range, limit).await,
            Err(error) => Err(error),
        }
    }

    async fn rows_at_once(&self, series: &Series, range: TimeRange) -> usize {
        let Ok(state) = self.state(series) else { return MAX_ROWS_PER_READ };
        // A failure is met again by the read.
        match self.is_mostly_sealed(&state, range).await {
            Ok(true) => usize::MAX,
            _ => MAX_ROWS_PER_READ,
        }
    }

    /// Reads from disk, because the cache holds only current rows.
    async fn read_as_of(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
        moment: Timestamp,
    ) -> Result<StoredCandles, StoreError> {
        let state = self.state(series)?;
        let mut candles = Vec::new();
        for _ in 0..MAX_ATTEMPTS {
            let version = state.version();
            candles = self.read_rows_as_of(&state, range, limit, moment).await?;
            // The block of the oldest row is checked as well: if it is damaged, it is found and repaired
            // there.
            let oldest = candles.first().filter(|_| candles.len() == limit).map(|oldest| oldest.open_time);
            if let Ok(stretch) = TimeRange::new(oldest.unwrap_or(range.from()), range.to()) {
                self.read(series, stretch, usize::MAX).await?;
            }
            if state.version() == version {
                break;
            }
        }
        Ok(StoredCandles { candles: candles.into(), from_memory: 0 })
    }

    async fn commit(
        &self,
        series: &Series,
        candles: &[Candle],
        coverage: &Coverage,
    ) -> Result<(), StoreError> {
        let state = self.writable_state(series)?;
        let batch = Batch::accept(series, candles, coverage)?;
        if batch.is_empty() {
            return Ok(());
        }
        let number = match state.location.get() {
            Some(home) => home.shard,
            None => {
                let number = self.assign(&state).await?;
                self.set_location(&state, number)?
            }
        };
        let id = ShardId { venue: state.venue, number };
        // Rebuilt for a second attempt, which is rare, rather than copied for the first, which is always.
        let first = Mutex::new(Some(batch));
        let order = || {
            let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
            first.map_or_else(|| Batch::accept(series, candles, coverage), Ok).map(WriteOp::Store)
        };
        self.write_with_recovery(id, &state, &order).await
    }

    async fn series(&self) -> Result<Vec<Series>, StoreError> {
        if self.shards.is_closed() {
            return Err(fault::closed());
        }
        let mut assigned = self.index.all().await?;
        assigned.retain(|(source, ..)| self.sources.is_claimed(*source));
        listing::series(&self.shards, assigned).await
    }

    async fn forget(&self, series: &Series, range: TimeRange) -> Result<(), StoreError> {
        let state = self.writable_state(series)?;
        let has_table = match self.shard_of(&state).await {
            Err(error) if is_damage(&error) => true,
            found => found?.is_some(),
        };
        if let Some(id) = state.shard_id().filter(|_| has_table) {
            self.write_with_recovery(id, &state, &|| Ok(WriteOp::Forget(range))).await?;
        }
        Ok(())
    }

    async fn close(&self) {
        self.maintenance.stop();
        let closed = async {
            self.seal_before_closing().await;
            self.shards.close().await;
            self.index.close().await;
        };
        if timeout(CLOSE_TIMEOUT, closed).await.is_err() {
            tracing::warn!("the store is still writing; not waiting for it");
        }
    }
}
