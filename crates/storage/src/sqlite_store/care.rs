//! Care of the files: free pages are given back, logs kept short, old stretches forgotten.
//!
//! Shrinking happens in two ways. *Steps*: some hundred pages from the end of the file are moved into holes
//! and the file cut, each step a short write of its own, after which commits have their turn. *Rewriting*
//! (VACUUM): the whole file is made anew, which also puts scattered tables together; it takes as long as
//! copying the file, and commits wait for it, so it is for files with much air, of moderate size, that
//! nobody writes to. Readers see the file as it was until either is done, and wait for neither.

mod file_care;
mod report;
mod retention;
mod round;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use tokio_util::sync::CancellationToken;

pub(super) use self::file_care::{Pages, log_of, size};
pub use self::report::{CareReport, ShardCare};
use super::block_cache::BlockCache;
use super::index::Index;
use super::marks::Mark;
use super::shard_table::{ShardId, ShardTable};
use super::sources::Sources;
use super::{Care, SeriesTable, SqliteStore};

/// What care has to know between its rounds.
#[derive(Debug)]
pub(super) struct CareDesk {
    config: Care,
    // Shards written to since they were last looked after; `None` before the first round, which sees all.
    written: Mutex<Option<BTreeSet<ShardId>>>,
    // What was committed last to each when it was last looked at: others may write as well.
    seen: Mutex<HashMap<ShardId, Mark>>,
    stop: CancellationToken,
}

impl CareDesk {
    pub(super) fn new(config: Care) -> Self {
        Self { config, written: Mutex::new(None), seen: Mutex::default(), stop: CancellationToken::new() }
    }

    /// Notes that a shard is being written to.
    pub(super) fn note(&self, shard: ShardId) {
        if let Some(written) = self.written.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            written.insert(shard);
        }
    }

    /// Ends the round that is under way, at its next step, and lets no other begin.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// The shards to look after now, of all there are and what was committed to each last.
    fn due(&self, all: Vec<(ShardId, Option<Mark>)>) -> Vec<ShardId> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = written.replace(BTreeSet::new());
        let is_due = |(id, mark): (ShardId, Option<Mark>)| {
            let is_new = mark.is_some_and(|mark| seen.insert(id, mark) != Some(mark));
            let is_due = noted.as_ref().is_none_or(|noted| is_new || noted.contains(&id));
            is_due.then_some(id)
        };
        all.into_iter().filter_map(is_due).collect()
    }
}

impl Drop for CareDesk {
    // The last handle of the store is gone without `close`: nobody is left to care for.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A store that is not kept open by whoever holds this.
struct Sleeper {
    index: Weak<Index>,
    shards: Weak<ShardTable>,
    sources: Weak<Sources>,
    care: Weak<CareDesk>,
    series: Weak<RwLock<SeriesTable>>,
    cache: BlockCache,
}

impl Sleeper {
    fn of(store: &SqliteStore) -> Self {
        Self {
            index: Arc::downgrade(&store.index),
            shards: Arc::downgrade(&store.shards),
            sources: Arc::downgrade(&store.sources),
            care: Arc::downgrade(&store.care),
            series: Arc::downgrade(&store.series),
            cache: store.cache.clone(),
        }
    }

    fn wake(&self) -> Option<SqliteStore> {
        Some(SqliteStore {
            index: self.index.upgrade()?,
            shards: self.shards.upgrade()?,
            sources: self.sources.upgrade()?,
            care: self.care.upgrade()?,
            series: self.series.upgrade()?,
            cache: self.cache.clone(),
            read_only: false,
        })
    }
}

/// Has the store look after its files for as long as it is open, if it is told to.
pub(super) fn begin(store: &SqliteStore) {
    let Some(every) = store.care.config.every else { return };
    let (sleeper, stop) = (Sleeper::of(store), store.care.stop.clone());
    store.shards.tasks().spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
            let Some(store) = sleeper.wake() else { return };
            match store.care_once().await {
                Ok(report) if report.is_idle() => {}
                Ok(report) => tracing::info!(freed = report.freed_bytes(), "looked after the files"),
                Err(error) => tracing::warn!(%error, "could not look after the files; tried again later"),
            }
        }
    });
}
