//! What has been written and may be sealed once it rests.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use market_backbone_core::{Candle, CandleColumns};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::seal::SegmentGrid;
use super::seal_plan::MIN_NEW_ROWS;
use crate::sqlite_store::SealingConfig;
use crate::sqlite_store::series_state::SeriesState;

/// The largest number of series that wait.
///
/// Further ones are not noted: a round of maintenance finds them in the shards that were written to.
const MAX_SERIES: usize = 4_096;

/// The segments that were written to, and when. Shared by the writers of all shards and the sealer.
#[derive(Debug)]
pub(in crate::sqlite_store) struct SealQueue {
    config: SealingConfig,
    waiting: Mutex<HashMap<usize, WaitingSeries>>,
    written: Notify,
}

#[derive(Debug)]
struct WaitingSeries {
    series: Arc<SeriesState>,
    segments: BTreeMap<i64, Instant>,
    rows: usize,
}

/// The segments of a series that have rested long enough.
pub(super) type DueSegments = (Arc<SeriesState>, Vec<i64>);

impl SealQueue {
    pub(in crate::sqlite_store) fn new(config: SealingConfig) -> Self {
        Self { config, waiting: Mutex::default(), written: Notify::new() }
    }

    /// Returns the settings of sealing.
    pub(in crate::sqlite_store) fn config(&self) -> SealingConfig {
        self.config
    }

    /// Notes that `rows` of a series were written.
    pub(in crate::sqlite_store) fn note_written(&self, series: &Arc<SeriesState>, rows: &[Candle]) {
        let grid = SegmentGrid::new(series.grid);
        let segments = rows.chunk_by(|a, b| grid.segment_of(a.open_time) == grid.segment_of(b.open_time));
        self.note(series, rows.len(), segments.map(|group| grid.segment_of(group[0].open_time)));
    }

    /// Notes that rows of a series were read that are worth a file.
    pub(in crate::sqlite_store) fn note_read(&self, series: &Arc<SeriesState>, rows: &CandleColumns) {
        let grid = SegmentGrid::new(series.grid);
        let ends = rows.first().zip(rows.last());
        let segments = |(first, last): (Candle, Candle)| {
            grid.segment_of(first.open_time)..=grid.segment_of(last.open_time)
        };
        self.note(series, rows.len(), ends.map(segments).into_iter().flatten());
    }

    /// Notes that these segments of a series, with so many rows, would be worth a file.
    pub(super) fn note(&self, series: &Arc<SeriesState>, rows: usize, segments: impl Iterator<Item = i64>) {
        if !self.config.enabled {
            return;
        }
        let now = Instant::now();
        let mut waiting = self.waiting();
        if waiting.len() >= MAX_SERIES && !waiting.contains_key(&series.number) {
            return;
        }
        let entry = waiting.entry(series.number).or_insert_with(|| WaitingSeries {
            series: Arc::clone(series),
            segments: BTreeMap::new(),
            rows: 0,
        });
        entry.segments.extend(segments.map(|segment| (segment, now)));
        entry.rows = entry.rows.saturating_add(rows);
        drop(waiting);
        self.written.notify_one();
    }

    /// Waits until something was written.
    pub(super) async fn wait(&self) {
        self.written.notified().await;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    /// Takes the segments that nobody has written to for `rest`.
    ///
    /// A series with fewer new rows than make a file worth while waits for more, so that one which grows by a
    /// candle a minute is not looked at each minute.
    pub(super) fn take_due(&self, rest: Duration) -> Vec<DueSegments> {
        let now = Instant::now();
        let enough = MIN_NEW_ROWS.min(self.config.min_rows);
        let mut due = Vec::new();
        self.waiting().retain(|_, waiting| {
            if (waiting.rows as u64) < enough {
                return true;
            }
            let rested = waiting.segments.extract_if(.., |_, at| now - *at >= rest);
            let segments: Vec<i64> = rested.map(|(segment, _)| segment).collect();
            if !segments.is_empty() {
                due.push((Arc::clone(&waiting.series), segments));
            }
            !waiting.segments.is_empty()
        });
        due
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<usize, WaitingSeries>> {
        // Entries are independent of each other, so a poisoned lock protects nothing half done.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
