//! A folder of SQLite files: one table for each series, and beside the tables the ledger of what is known.
//!
//! ```text
//! market-data/
//!   LOCK                    held by the one process that uses the folder
//!   index.db                which shard a series is in
//!   upbit/shard-0000.db     up to 200 tables candles_KRW_BTC_1m(timestamp, open, …), and `coverage`
//! ```
//!
//! Many files, because one with 20,000 tables takes 160 ms to open and 4 ms for each table more.

mod block;
mod block_cache;
mod config;
mod data_lock;
mod database_file;
mod fault;
mod index;
mod ledger_table;
mod rows;
mod series_state;
mod shard;
mod shard_table;
mod table_name;
mod writer;

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use market_backbone_core::{Candle, CandleStore, Coverage, Series, StoreError, StoredCandles, TimeRange};
use tokio::time::timeout;

use self::block_cache::BlockCache;
pub use self::config::StoreConfig;
use self::data_lock::DataLock;
use self::index::Index;
use self::series_state::SeriesState;
use self::shard_table::{Lease, ShardId, ShardTable};
use crate::batch::Batch;

/// How long closing waits for the writers.
const CLOSE_DEADLINE: Duration = Duration::from_secs(30);

/// Keeps candles in a folder of SQLite files. One process at a time; within it, share it.
///
/// Rows and the proof that came with them are written in one transaction, by one writer for each file, so
/// that whatever kills the process, what is on disk is true. Recent blocks of candles and the ledger are
/// kept in memory as well, and a read that finds all in them does not touch the disk.
#[derive(Debug)]
pub struct SqliteStore {
    index: Index,
    shards: ShardTable,
    cache: BlockCache,
    // As many as there are series that were asked for; some hundred bytes each.
    series: RwLock<HashMap<Series, Arc<SeriesState>>>,
}

impl SqliteStore {
    /// Opens the data folder, or makes it. To be called inside a tokio runtime, where the writers will live.
    ///
    /// # Errors
    ///
    /// [`Held`](market_backbone_core::StoreErrorKind::Held) if another process uses the folder,
    /// [`Inaccessible`](market_backbone_core::StoreErrorKind::Inaccessible) if it cannot be written to,
    /// [`Corrupt`](market_backbone_core::StoreErrorKind::Corrupt) or
    /// [`TooNew`](market_backbone_core::StoreErrorKind::TooNew) if its index is. Shards are looked at when
    /// they are first needed.
    pub async fn open(config: StoreConfig) -> Result<Self, StoreError> {
        fs::create_dir_all(&config.dir).map_err(|error| fault::io(&config.dir, error))?;
        let lock = Arc::new(DataLock::take(&config.dir)?);
        let index = Index::open(&config.dir, config.tables_per_shard).await?;
        let shards = ShardTable::new(&config, lock);
        let cache = BlockCache::new(config.cache_bytes);
        Ok(Self { index, shards, cache, series: RwLock::default() })
    }

    /// What is remembered of a series; fails once the store has been closed.
    fn state(&self, series: &Series) -> Result<Arc<SeriesState>, StoreError> {
        if self.shards.is_closed() {
            return Err(fault::closed());
        }
        let known = self.series.read().unwrap_or_else(PoisonError::into_inner).get(series).map(Arc::clone);
        Ok(known.unwrap_or_else(|| {
            let mut known = self.series.write().unwrap_or_else(PoisonError::into_inner);
            let number = known.len();
            let state = known.entry(series.clone());
            Arc::clone(state.or_insert_with(|| Arc::new(SeriesState::new(series, number))))
        }))
    }

    /// The shard that holds the table of a series; `None` if nothing of it was ever stored.
    async fn shard_of(&self, series: &SeriesState) -> Result<Option<Lease>, StoreError> {
        let number = match series.shard.get() {
            Some(number) => *number,
            None => match self.index.find(series.venue, &series.table).await? {
                Some(number) => *series.shard.get_or_init(|| number),
                None => return Ok(None),
            },
        };
        let shard = self.shards.lease(ShardId { venue: series.venue, number }).await?;
        if !series.table_exists() {
            // Assigned a shard, but the process was killed before the first row was written?
            let mut conn = shard.reader().await?;
            if !rows::exists(&mut conn, &series.table).await.map_err(|error| shard.fault(error))? {
                return Ok(None);
            }
            series.found_table();
        }
        Ok(Some(shard))
    }
}

#[async_trait]
impl CandleStore for SqliteStore {
    async fn coverage(&self, series: &Series) -> Result<Coverage, StoreError> {
        let state = self.state(series)?;
        if let Some(known) = state.coverage() {
            return Ok(Coverage::clone(&known));
        }
        let version = state.version(); // before the disk is asked: see `SeriesState`
        let Some(shard) = self.shard_of(&state).await? else { return Ok(Coverage::empty()) };
        let mut conn = shard.reader().await?;
        let loaded = ledger_table::load(&mut conn, &state.label).await.map_err(|error| shard.fault(error))?;
        state.remember(version, &Arc::new(loaded.clone()));
        Ok(loaded)
    }

    async fn read(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
    ) -> Result<StoredCandles, StoreError> {
        let state = self.state(series)?;
        let begun = match self.cache.recall(&state, range, limit).await {
            Ok(found) => return Ok(found),
            Err(begun) => begun,
        };
        match self.shard_of(&state).await? {
            Some(shard) => self.cache.complete(&state, &shard, begun).await,
            None => Ok(StoredCandles::default()),
        }
    }

    async fn commit(
        &self,
        series: &Series,
        candles: &[Candle],
        coverage: &Coverage,
    ) -> Result<(), StoreError> {
        let state = self.state(series)?;
        let batch = Batch::accept(series, candles, coverage)?;
        if batch.is_empty() {
            return Ok(());
        }
        let number = match state.shard.get() {
            Some(number) => *number,
            None => {
                let number = self.index.assign(state.venue, &state.table).await?;
                *state.shard.get_or_init(|| number)
            }
        };
        let shard = self.shards.lease(ShardId { venue: state.venue, number }).await?;
        shard.commit(&state, batch).await
    }

    async fn close(&self) {
        let closed = async {
            self.shards.close().await;
            self.index.close().await;
        };
        if timeout(CLOSE_DEADLINE, closed).await.is_err() {
            tracing::warn!("the store is still writing and is left to itself");
        }
    }
}
