//! Seals what has been written and rests: in the background, when the store is closed, and on request.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::StoreError;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::seal_index::SealIndex;
use super::seal_plan::{self, SealPlan, SealPolicy};
use super::{column_memory, segment_draft, sweep};
use crate::sqlite_store::maintenance::WeakStore;
use crate::sqlite_store::series_state::SeriesState;
use crate::sqlite_store::shard::Shard;
use crate::sqlite_store::shard_pool::ShardId;
use crate::sqlite_store::{SqliteStore, direct_reader, fault};

/// The longest for which a store that is being closed goes on sealing.
const CLOSING_TIME: Duration = Duration::from_secs(1);
/// The number of files that get their seals in one transaction.
const FILES_PER_TRANSACTION: usize = 8;

/// The files that were sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SealReport {
    /// The number of files.
    pub files: u64,
    /// The number of candles in them.
    pub rows: u64,
}

impl SealReport {
    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.rows += other.rows;
    }
}

impl SqliteStore {
    /// Copies all candles that are in no sealed file into one, which long reads are then answered from.
    ///
    /// Happens in the background as well, for what has been written and rests; so this is for those who
    /// cannot wait. Small series get no file.
    ///
    /// # Errors
    ///
    /// If the store was opened for reading, or the files cannot be written.
    pub async fn seal(&self) -> Result<SealReport, StoreError> {
        if self.read_only {
            return Err(fault::read_only());
        }
        self.queued_segments(Duration::ZERO); // all of it is done here
        let mut report = SealReport::default();
        for id in self.shards.all() {
            report.add(self.seal_shard(id, SealPolicy::Everything).await?);
        }
        Ok(report)
    }

    /// Seals what is worth it in one shard, whoever wrote it, and deletes files without a seal.
    pub(in crate::sqlite_store) async fn seal_in_background(&self, id: ShardId) -> Result<(), StoreError> {
        self.seal_shard(id, SealPolicy::Background).await.map(drop)
    }

    pub(super) async fn seal_shard(&self, id: ShardId, policy: SealPolicy) -> Result<SealReport, StoreError> {
        let mut report = SealReport::default();
        let config = self.seal_queue.config();
        if !config.enabled {
            return Ok(report);
        }
        let shard = self.shards.lease(id).await?;
        let large = shard.direct(move |conn| seal_plan::large_series(conn, config.min_rows)).await?;
        drop(shard); // a series may find its file damaged, and rebuild it
        for series in self.series_in(id).await? {
            if self.maintenance.is_stopped() {
                break;
            }
            if !large.contains(&series.to_string()) {
                continue;
            }
            let state = self.state(&series)?;
            if self.shard_of(&state).await?.is_some() {
                report.add(self.seal_series(&state, None, policy, None).await?);
            }
        }
        let shard = self.shards.lease(id).await?;
        let tier = Arc::clone(shard.sealed());
        shard.direct(move |conn| sweep::sweep(conn, &tier)).await?;
        Ok(report)
    }

    /// Seals the segments of a series in `range` that are worth it, until `deadline`.
    async fn seal_series(
        &self,
        series: &Arc<SeriesState>,
        range: Option<RangeInclusive<i64>>,
        policy: SealPolicy,
        deadline: Option<Instant>,
    ) -> Result<SealReport, StoreError> {
        let is_over = || match deadline {
            Some(deadline) => Instant::now() >= deadline,
            None => self.maintenance.is_stopped(),
        };
        let mut report = SealReport::default();
        let config = self.seal_queue.config();
        let Some(id) = series.shard_id().filter(|_| config.enabled) else { return Ok(report) };
        let lock = self.shards.lock().ok_or_else(fault::closed)?;
        lock.require_same_folder()?;
        let shard = self.shards.lease(id).await?;
        let forgets = self.maintenance.forgets(series);
        let asked = SealPlan { range: range.clone(), policy, min_rows: config.min_rows, forgets };
        let state = Arc::clone(series);
        let segments = shard.direct(move |conn| seal_plan::plan(conn, &state, asked)).await?;
        for segments in segments.chunks(FILES_PER_TRANSACTION) {
            let mut drafts = Vec::with_capacity(segments.len());
            for segment in segments.iter().copied() {
                if is_over() {
                    // For the last round, or for whoever opens the folder next.
                    self.seal_queue.note(series, usize::MAX / 2, range.clone().into_iter().flatten());
                    break;
                }
                let (state, tier) = (Arc::clone(series), Arc::clone(shard.sealed()));
                let draft = move |conn: &mut _| segment_draft::write(conn, &state, &tier, segment);
                let draft = shard.direct(draft).await?;
                drafts.extend(draft.map_err(|error| fault::io(shard.sealed().folder(), error))?);
            }
            if drafts.is_empty() {
                continue;
            }
            let (path, state) = (shard.path().to_owned(), Arc::clone(series));
            let _turn = shard.write_lock().acquire().await;
            let sealed = spawn_blocking(move || {
                let mut conn = direct_reader::open_for_writing(&path)?;
                segment_draft::seal(&mut conn, &state, &drafts)
            });
            let sealed = sealed.await.map_err(|error| fault::interrupted(&error))?;
            let (added, replaced) = sealed.map_err(|error| fault::direct(shard.path(), error))?;
            series.forget_seals();
            replaced.iter().for_each(|seal| shard.sealed().remove_file(seal));
            report.add(SealReport {
                files: added.len() as u64,
                rows: added.iter().map(|seal| u64::from(seal.rows)).sum(),
            });
        }
        Ok(report)
    }

    /// Seals what nobody has written to for `rest`, until `deadline`.
    async fn seal_rested(&self, rest: Duration, deadline: Option<Instant>) {
        for (series, segments) in self.queued_segments(rest) {
            let (Some(first), Some(last)) = (segments.first(), segments.last()) else { continue };
            let range = Some(*first..=*last);
            match self.seal_series(&series, range, SealPolicy::Background, deadline).await {
                Ok(report) if report.files == 0 => {}
                Ok(report) => tracing::debug!(series = series.label, files = report.files, "sealed"),
                // The tables have everything; a later round tries again.
                Err(error) => tracing::debug!(%error, series = series.label, "could not be sealed"),
            }
        }
    }

    fn queued_segments(&self, rest: Duration) -> Vec<super::seal_queue::DueSegments> {
        self.seal_queue.take_due(rest)
    }

    /// Seals what was written last, for a second at most.
    pub(in crate::sqlite_store) async fn seal_before_closing(&self) {
        if !self.read_only && !self.shards.is_closed() {
            self.seal_rested(Duration::ZERO, Some(Instant::now() + CLOSING_TIME)).await;
        }
    }

    /// Reads the seals of a series, and caches them.
    pub(in crate::sqlite_store) async fn load_seal_index(
        &self,
        series: &Arc<SeriesState>,
        shard: &Shard,
    ) -> Result<Arc<SealIndex>, StoreError> {
        let version = series.version(); // before the disk is read: see `SeriesState`
        let (state, tier) = (Arc::clone(series), Arc::clone(shard.sealed()));
        let index = Arc::new(shard.direct(move |conn| SealIndex::load(conn, &state, &tier)).await?);
        series.cache_seals(version, &index);
        Ok(index)
    }
}

/// Starts the task that seals what rests, for as long as the store is open, if it is configured.
pub(in crate::sqlite_store) fn spawn(store: &SqliteStore) {
    let config = store.seal_queue.config();
    if !config.enabled {
        return;
    }
    column_memory::spawn(store);
    let (weak_store, queue) = (WeakStore::downgrade(store), Arc::clone(&store.seal_queue));
    let stop = store.maintenance.stop_token();
    store.shards.tasks().spawn(async move {
        loop {
            let rest = async {
                if queue.is_empty() {
                    queue.wait().await;
                }
                sleep(config.rest).await;
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = rest => {}
            }
            let Some(store) = weak_store.upgrade() else { return };
            store.seal_rested(config.rest, None).await;
        }
    });
}
