//! Maintenance of the files: gives back free pages, keeps logs short, and deletes old ranges.
//!
//! Files shrink in two ways. *Steps* move some hundred pages from the end of the file into free ones and cut
//! the file. Each step is a short write of its own, and commits can run between steps. A *rewrite* (VACUUM)
//! writes the whole file anew, which also defragments tables. It takes as long as copying the file, and
//! commits wait for it, so it is for files of moderate size with much free space that nobody writes to.
//! Readers see the file as it was until either is done, and wait for neither.

mod file_maintenance;
mod report;
mod retention;
mod round;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use market_backbone_core::ColumnPool;
use tokio_util::sync::CancellationToken;

pub(super) use self::file_maintenance::{PageCounts, file_size, wal_path};
pub use self::report::{MaintenanceReport, ShardMaintenance};
use super::block::BlockGrid;
use super::block_cache::BlockCache;
use super::commit_file::CommitId;
use super::sealed::SealQueue;
use super::series_state::SeriesState;
use super::shard_index::ShardIndex;
use super::shard_pool::{ShardId, ShardPool};
use super::source_registry::SourceRegistry;
use super::{MaintenanceConfig, SeriesMap, SqliteStore};

/// The state of maintenance between its rounds.
#[derive(Debug)]
pub(super) struct MaintenanceState {
    config: MaintenanceConfig,
    // Shards written to since the last round; `None` before the first round, which covers all.
    dirty: Mutex<Option<BTreeSet<ShardId>>>,
    // The last commit of each shard at the last check: other processes may write as well.
    last_seen: Mutex<HashMap<ShardId, CommitId>>,
    stop: CancellationToken,
}

impl MaintenanceState {
    pub(super) fn new(config: MaintenanceConfig) -> Self {
        Self { config, dirty: Mutex::new(None), last_seen: Mutex::default(), stop: CancellationToken::new() }
    }

    /// Marks a shard as being written to.
    pub(super) fn mark_dirty(&self, shard: ShardId) {
        if let Some(written) = self.dirty.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            written.insert(shard);
        }
    }

    /// Ends the current round at its next step, and prevents further ones.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    /// Returns whether old rows of a series are deleted.
    pub(super) fn forgets(&self, series: &SeriesState) -> bool {
        let width = |timeframe| BlockGrid::of(timeframe).width_ms();
        self.config.retain.iter().any(|rule| width(rule.timeframe) == series.grid.width_ms())
    }

    /// Returns the token that is cancelled when maintenance is stopped.
    pub(super) fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Returns the shards to maintain now, given all shards with their last commits.
    fn due(&self, all: Vec<(ShardId, Option<CommitId>)>) -> Vec<ShardId> {
        let mut written = self.dirty.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = self.last_seen.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = written.replace(BTreeSet::new());
        let is_due = |(id, mark): (ShardId, Option<CommitId>)| {
            let is_new = mark.is_some_and(|mark| seen.insert(id, mark) != Some(mark));
            let is_due = noted.as_ref().is_none_or(|noted| is_new || noted.contains(&id));
            is_due.then_some(id)
        };
        all.into_iter().filter_map(is_due).collect()
    }
}

impl Drop for MaintenanceState {
    // The last handle of the store is gone without `close`: nothing is left to maintain.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A weak handle that does not keep the store open.
pub(super) struct WeakStore {
    index: Weak<ShardIndex>,
    shards: Weak<ShardPool>,
    sources: Weak<SourceRegistry>,
    maintenance: Weak<MaintenanceState>,
    series: Weak<RwLock<SeriesMap>>,
    cache: BlockCache,
    seal_queue: Weak<SealQueue>,
    column_pool: Weak<ColumnPool>,
}

impl WeakStore {
    pub(super) fn downgrade(store: &SqliteStore) -> Self {
        Self {
            index: Arc::downgrade(&store.index),
            shards: Arc::downgrade(&store.shards),
            sources: Arc::downgrade(&store.sources),
            maintenance: Arc::downgrade(&store.maintenance),
            series: Arc::downgrade(&store.series),
            cache: store.cache.clone(),
            seal_queue: Arc::downgrade(&store.seal_queue),
            column_pool: Arc::downgrade(&store.column_pool),
        }
    }

    pub(super) fn upgrade(&self) -> Option<SqliteStore> {
        Some(SqliteStore {
            index: self.index.upgrade()?,
            shards: self.shards.upgrade()?,
            sources: self.sources.upgrade()?,
            maintenance: self.maintenance.upgrade()?,
            series: self.series.upgrade()?,
            cache: self.cache.clone(),
            seal_queue: self.seal_queue.upgrade()?,
            column_pool: self.column_pool.upgrade()?,
            read_only: false,
        })
    }
}

/// Starts periodic maintenance for as long as the store is open, if it is configured.
pub(super) fn spawn(store: &SqliteStore) {
    let Some(every) = store.maintenance.config.every else { return };
    let (weak_store, stop) = (WeakStore::downgrade(store), store.maintenance.stop.clone());
    store.shards.tasks().spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
            let Some(store) = weak_store.upgrade() else { return };
            match store.maintain_once().await {
                Ok(report) if report.is_idle() => {}
                Ok(report) => tracing::info!(freed = report.freed_bytes(), "maintained the files"),
                Err(error) => tracing::warn!(%error, "could not maintain the files; trying again later"),
            }
        }
    });
}
