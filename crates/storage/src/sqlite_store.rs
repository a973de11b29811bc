//! A folder of SQLite files: one table for each series, and beside the tables the ledger of coverage.
//!
//! ```text
//! market-data/
//!   LOCK                    shared by the processes that use the folder
//!   index.db                which shard a series is in
//!   upbit/SOURCE            the source of the candles: upbit
//!   upbit/COMMITS           the id of the last commit to each shard
//!   upbit/shard-0000.db     up to 64 tables candles_KRW_BTC_1m(timestamp, open, …), `coverage` and `revision`
//!   upbit/shard-0000.sealed/… copies of their rows by columns, for long reads
//!   upbit@127.0.0.1+9001/…  those of the source upbit@127.0.0.1:9001
//! ```
//!
//! The tables are spread over many files, because one with 20,000 tables takes 160 ms to open and 4 ms for
//! each further table.

mod block;
mod block_cache;
mod cached_view;
mod candle_store;
mod candle_table;
mod checksum;
mod checksum_table;
mod commit_file;
mod commit_id_table;
mod config;
mod database_file;
mod direct_reader;
pub(crate) mod fault;
mod folder_lock;
mod integrity;
mod ledger_table;
mod listing;
mod maintenance;
mod ownership;
mod positioned_file;
mod repair;
mod revalidation;
mod revision_table;
mod salvage;
mod schema;
mod sealed;
mod series_state;
mod shard;
mod shard_check;
mod shard_index;
mod shard_pool;
mod shard_transaction;
mod shard_writer;
mod source_registry;
mod stats;
mod table_name;
mod table_read;
mod validation;
mod verified_rows;
mod write_lock;

use std::fs;
use std::sync::{Arc, PoisonError, RwLock};

use market_backbone_core::{ColumnPool, Series, StoreError, VenueId};
use rustc_hash::FxHashMap;

use self::block_cache::BlockCache;
pub(crate) use self::checksum::of_bytes as checksum_of;
pub use self::config::{MaintenanceConfig, Retention, SealingConfig, StoreConfig};
pub(crate) use self::database_file::{UNIVERSES, open_writer};
use self::folder_lock::{FolderLock, LockMode};
use self::maintenance::MaintenanceState;
pub use self::maintenance::{MaintenanceReport, ShardMaintenance};
use self::repair::is_damage;
pub(crate) use self::salvage::set_aside;
use self::sealed::SealQueue;
pub use self::sealed::SealReport;
use self::series_state::{SeriesLocation, SeriesState};
use self::shard_index::ShardIndex;
use self::shard_pool::{ShardId, ShardLease, ShardPool};
use self::shard_writer::WriteOp;
use self::source_registry::SourceRegistry;
pub use self::stats::{SeriesStats, ShardStats, StoreStats};

/// A store of candles in a folder of SQLite files, which several processes may use at once; within one
/// process, share it.
///
/// Rows and their coverage are written in one transaction, by one writer for each file at a time, so that the
/// data on disk is consistent whatever kills the process. Recent blocks of candles and the ledger are cached
/// in memory, and a read that finds everything there does not touch the disk. A commit of another process is
/// visible to the next read, and decisions about new candles are based on it.
#[derive(Debug)]
pub struct SqliteStore {
    // Shared with the maintenance task, which holds them only while it works.
    index: Arc<ShardIndex>,
    shards: Arc<ShardPool>,
    sources: Arc<SourceRegistry>,
    cache: BlockCache,
    seal_queue: Arc<SealQueue>,
    // The memory of long answers that nobody holds any more.
    column_pool: Arc<ColumnPool>,
    series: Arc<RwLock<SeriesMap>>,
    maintenance: Arc<MaintenanceState>,
    // Nothing is cached, because others may change it.
    read_only: bool,
}

/// The state of each series that was requested; some hundred bytes each.
type SeriesMap = FxHashMap<Series, Arc<SeriesState>>;

impl SqliteStore {
    /// Opens the data folder, or creates it. Must be called within a tokio runtime, where the writers will
    /// run.
    ///
    /// # Errors
    ///
    /// [`Locked`](market_backbone_core::StoreErrorKind::Locked) if another program holds the folder
    /// exclusively (an older version, or one that has been migrating it for seconds),
    /// [`Inaccessible`](market_backbone_core::StoreErrorKind::Inaccessible) if it cannot be written to,
    /// [`Corrupt`](market_backbone_core::StoreErrorKind::Corrupt) or
    /// [`TooNew`](market_backbone_core::StoreErrorKind::TooNew) if its index is. Shards are opened when they
    /// are first needed.
    pub async fn open(config: StoreConfig) -> Result<Self, StoreError> {
        fs::create_dir_all(&config.dir).map_err(|error| fault::io(&config.dir, error))?;
        let (lock, entry) = FolderLock::acquire(&config.dir).await?;
        let opened = match entry {
            LockMode::Exclusive => {
                let opened = ShardIndex::open(&config.dir, config.tables_per_shard).await?;
                lock.lock_shared().await?;
                opened
            }
            LockMode::Shared => ShardIndex::open_shared(&config.dir, config.tables_per_shard).await?,
        };
        lock.require_same_folder()?;
        let store = Self::from_parts(opened, Some(Arc::new(lock)), config);
        maintenance::spawn(&store);
        sealed::spawn(&store);
        Ok(store)
    }

    /// Opens a data folder for reading, whether it is shared or held exclusively; other processes are not
    /// affected.
    ///
    /// Every answer is read from disk, as it is at that moment.
    ///
    /// # Errors
    ///
    /// [`Inaccessible`](market_backbone_core::StoreErrorKind::Inaccessible) if there is no store in the
    /// folder; otherwise as [`open`](Self::open). All writes fail with
    /// [`ReadOnly`](market_backbone_core::StoreErrorKind::ReadOnly).
    pub async fn open_read_only(config: StoreConfig) -> Result<Self, StoreError> {
        let opened = ShardIndex::open_read_only(&config.dir).await?;
        Ok(Self::from_parts(opened, None, StoreConfig { cache_bytes: 0, ..config }))
    }

    /// Opens a store: with the lock of the folder to write, without it to read.
    fn from_parts(
        (index, sources): (ShardIndex, SourceRegistry),
        lock: Option<Arc<FolderLock>>,
        config: StoreConfig,
    ) -> Self {
        let (read_only, sources) = (lock.is_none(), Arc::new(sources));
        let seal_queue = Arc::new(SealQueue::new(config.sealing));
        let shared = (Arc::clone(&sources), Arc::clone(&seal_queue));
        Self {
            index: Arc::new(index),
            shards: Arc::new(ShardPool::new(&config, shared, lock)),
            seal_queue,
            column_pool: Arc::new(sealed::column_pool(read_only)),
            sources,
            cache: BlockCache::new(config.cache_bytes),
            series: Arc::default(),
            maintenance: Arc::new(MaintenanceState::new(config.maintenance)),
            read_only,
        }
    }

    /// Returns the sources with unclaimed candles.
    ///
    /// An older version, which did not keep sources apart, wrote these candles. They are neither read nor
    /// listed, and nothing is added to them, until they are [claimed](Self::claim).
    #[must_use]
    pub fn unclaimed(&self) -> Vec<VenueId> {
        self.sources.unclaimed()
    }

    /// Assigns the candles that an older version kept under `claimed` to `source`, which may be `claimed`
    /// itself.
    ///
    /// Call it before any request for either source, while no other process uses the folder: it waits some
    /// seconds for that. An interrupted claim is finished when the folder is opened again.
    ///
    /// # Errors
    ///
    /// [`Locked`](market_backbone_core::StoreErrorKind::Locked) if others go on using the folder;
    /// [`Unclaimed`](market_backbone_core::StoreErrorKind::Unclaimed) if `claimed` needs no claim, or if
    /// `source` is of another venue or has candles in this folder already; any failure to write.
    pub async fn claim(&self, claimed: VenueId, source: VenueId) -> Result<(), StoreError> {
        if self.read_only {
            return Err(fault::read_only());
        }
        let lock = self.shards.lock().ok_or_else(fault::closed)?;
        if let Some(objection) = source_registry::claim_error(&self.sources, claimed, source) {
            return Err(objection);
        }
        // Another process may have claimed it while this one waited.
        let settled = async || {
            self.sources.set_unclaimed(self.index.find_unclaimed(self.sources.dir()).await?);
            Ok(self.sources.is_claimed(claimed))
        };
        if lock.exclusive_unless(settled).await? == LockMode::Shared {
            let is_said = source_registry::holds_shards(self.sources.dir(), source);
            let objection = source_registry::claim_error(&self.sources, claimed, source).filter(|_| !is_said);
            return objection.map_or(Ok(()), Err);
        }
        let given = self.claim_exclusively(claimed, source).await;
        lock.lock_shared().await?;
        given
    }

    async fn claim_exclusively(&self, claimed: VenueId, source: VenueId) -> Result<(), StoreError> {
        self.sources.set_unclaimed(self.index.find_unclaimed(self.sources.dir()).await?);
        if let Some(objection) = source_registry::claim_error(&self.sources, claimed, source) {
            return Err(objection);
        }
        self.sources.write_owner(claimed, source)?;
        self.index.reassign(self.sources.dir(), claimed, source).await?;
        self.sources.set_claimed(claimed, source);
        Ok(())
    }

    /// Assigns a shard to a series without stored data; the source's folder gets its owner file before it
    /// holds anything.
    async fn assign(&self, state: &SeriesState) -> Result<u32, StoreError> {
        let source = state.venue;
        self.shards.lock().ok_or_else(fault::closed)?.require_same_folder()?;
        if !self.sources.is_recorded(source) {
            shard::path(self.sources.dir(), source, 0)?;
            self.index.record_source(source).await?;
            self.sources.write_owner(source, source)?;
            self.sources.set_recorded(source);
        }
        self.index.assign(source, &state.table).await
    }

    /// Returns the in-memory state of a series.
    ///
    /// Fails once the store has been closed, and where the source of the series is not known.
    fn state(&self, series: &Series) -> Result<Arc<SeriesState>, StoreError> {
        if self.shards.is_closed() {
            return Err(fault::closed());
        }
        self.sources.require_claimed(series.symbol.venue())?;
        let known = self.series.read().unwrap_or_else(PoisonError::into_inner).get(series).map(Arc::clone);
        Ok(known.unwrap_or_else(|| {
            let mut known = self.series.write().unwrap_or_else(PoisonError::into_inner);
            let number = known.len();
            let state = known.entry(series.clone());
            Arc::clone(state.or_insert_with(|| Arc::new(SeriesState::new(series, number))))
        }))
    }

    /// Returns the in-memory state of a series for writing.
    fn writable_state(&self, series: &Series) -> Result<Arc<SeriesState>, StoreError> {
        if self.read_only { Err(fault::read_only()) } else { self.state(series) }
    }

    /// Runs a write operation, and marks its shard for the next round of maintenance.
    async fn write(
        &self,
        shard: &ShardLease,
        series: &Arc<SeriesState>,
        order: WriteOp,
    ) -> Result<(), StoreError> {
        let id = series.location.get().map(|home| ShardId { venue: series.venue, number: home.shard });
        // Marked before as well: if the caller stops waiting, the write still happens.
        id.into_iter().for_each(|id| self.maintenance.mark_dirty(id));
        let written = shard.write(series, order).await;
        id.into_iter().for_each(|id| self.maintenance.mark_dirty(id));
        written
    }

    /// Caches the shard of a series, which never changes.
    fn set_location(&self, series: &SeriesState, number: u32) -> Result<u32, StoreError> {
        let cached_view = self.shards.cached_view(ShardId { venue: series.venue, number })?;
        Ok(series.location.get_or_init(|| SeriesLocation { shard: number, cached_view }).shard)
    }

    /// Opens the shard that holds the table of a series; `None` if nothing of it was ever stored.
    async fn shard_of(&self, series: &SeriesState) -> Result<Option<ShardLease>, StoreError> {
        let number = match series.location.get() {
            Some(home) => home.shard,
            None => match self.index.find(series.venue, &series.table).await? {
                Some(number) => {
                    let number = self.set_location(series, number)?;
                    // From now on the cache can be validated: what is read next can be cached.
                    self.revalidate(series).await?;
                    number
                }
                None => return Ok(None),
            },
        };
        let shard = self.shards.lease(ShardId { venue: series.venue, number }).await?;
        if !series.table_exists() {
            // The shard may be assigned although the process was killed before the first row was written.
            let mut conn = shard.reader().await?;
            if !candle_table::exists(&mut conn, &series.table).await.map_err(|error| shard.fault(error))? {
                return Ok(None);
            }
            series.set_table_exists();
        }
        Ok(Some(shard))
    }
}
