//! A store in memory: for tests, and for runs that must leave nothing on disk.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use market_backbone_core::{
    Candle, CandleStore, Coverage, Series, StoreError, StoredCandles, TimeRange, Timestamp,
};

use crate::batch::Batch;
use crate::commit_plan;
use crate::revision::Revision;

/// A store that keeps everything in memory, without bound, for as long as it lives.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<HashMap<Series, MemoryTable>>,
}

#[derive(Debug, Default)]
struct MemoryTable {
    rows: BTreeMap<Timestamp, Candle>,
    /// The earlier versions, by slot and then by the moment at which they ceased to hold.
    revisions: BTreeMap<(Timestamp, Timestamp), Option<Candle>>,
    coverage: Coverage,
}

impl MemoryTable {
    fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.coverage.is_empty()
    }

    /// Returns the row as it stood at `moment`.
    fn as_of(&self, moment: Timestamp, now: &Candle) -> Option<Candle> {
        let slot = now.open_time;
        let later = (Bound::Excluded((slot, moment)), Bound::Unbounded);
        match self.revisions.range(later).next() {
            Some(((opens, _), version)) if *opens == slot => *version,
            _ => Some(*now),
        }
    }

    /// Keeps a version, unless one that was replaced later or at the same moment exists: then it never held.
    fn insert_revision(&mut self, revision: Revision) {
        let Revision { open_time, candle, superseded_at } = revision;
        let kept = self.revisions.range((open_time, superseded_at)..).next();
        if kept.is_none_or(|((opens, _), _)| *opens != open_time) {
            self.revisions.insert((open_time, superseded_at), candle);
        }
    }
}

impl MemoryStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn tables(&self) -> MutexGuard<'_, HashMap<Series, MemoryTable>> {
        // Every change below is complete before the lock is released, so a poisoned lock protects nothing
        // half done.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CandleStore for MemoryStore {
    async fn coverage(&self, series: &Series) -> Result<Coverage, StoreError> {
        Ok(self.tables().get(series).map(|table| table.coverage.clone()).unwrap_or_default())
    }

    async fn read(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
    ) -> Result<StoredCandles, StoreError> {
        let tables = self.tables();
        let Some(table) = tables.get(series) else { return Ok(StoredCandles::default()) };
        let newest_first = table.rows.range(range.from()..range.to()).rev();
        let mut candles: Vec<_> = newest_first.take(limit).map(|(_, candle)| *candle).collect();
        candles.reverse();
        let from_memory = candles.len() as u64;
        Ok(StoredCandles { candles: candles.into(), from_memory })
    }

    async fn read_as_of(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
        moment: Timestamp,
    ) -> Result<StoredCandles, StoreError> {
        let tables = self.tables();
        let Some(table) = tables.get(series) else { return Ok(StoredCandles::default()) };
        let newest_first = table.rows.range(range.from()..range.to()).rev();
        let then = newest_first.filter_map(|(_, now)| table.as_of(moment, now));
        let mut candles: Vec<_> = then.take(limit).collect();
        candles.reverse();
        let from_memory = candles.len() as u64;
        Ok(StoredCandles { candles: candles.into(), from_memory })
    }

    async fn commit(
        &self,
        series: &Series,
        candles: &[Candle],
        coverage: &Coverage,
    ) -> Result<(), StoreError> {
        let batch = Batch::accept(series, candles, coverage)?;
        let mut tables = self.tables();
        let table = tables.entry(series.clone()).or_default();
        let reach = batch.affected_ranges();
        let stored = reach.iter().flat_map(|range| table.rows.range(range.from()..range.to()));
        let stored: Vec<_> = stored.map(|(_, candle)| *candle).collect();
        let plan = commit_plan::plan(&table.coverage, &stored, &batch);
        table.rows.extend(plan.rows.iter().map(|candle| (candle.open_time, *candle)));
        plan.revisions.into_iter().for_each(|revision| table.insert_revision(revision));
        table.coverage = plan.known;
        Ok(())
    }

    async fn series(&self) -> Result<Vec<Series>, StoreError> {
        let tables = self.tables();
        let held = tables.iter().filter(|(_, table)| !table.is_empty());
        let mut series: Vec<_> = held.map(|(series, _)| series.clone()).collect();
        series.sort();
        Ok(series)
    }

    async fn forget(&self, series: &Series, range: TimeRange) -> Result<(), StoreError> {
        if let Some(table) = self.tables().get_mut(series) {
            table.rows.retain(|open_time, _| !range.contains(*open_time));
            table.revisions.retain(|(open_time, _), _| !range.contains(*open_time));
            table.coverage.remove(range);
        }
        Ok(())
    }

    async fn close(&self) {}
}
