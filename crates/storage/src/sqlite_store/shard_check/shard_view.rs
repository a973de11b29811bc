//! One shard as a store that can be checked: read by this thread alone, its ledgers in memory, and the rows of
//! its series as far as a bound allows, so that each is read once.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use market_backbone_core::{Candle, CandleStore, Coverage, Series, StoreError, StoredCandles, TimeRange};
use rusqlite::Connection;

use super::super::series_state::SeriesState;
use super::super::{fault, verified_rows};
use super::ledgers::ShardLedgers;

/// The number of rows that are kept in memory: some megabytes.
const MAX_KEPT_ROWS: usize = 262_144;

/// A shard that is being checked.
#[derive(Debug)]
pub(super) struct ShardView {
    conn: Mutex<Connection>,
    states: HashMap<Series, SeriesState>,
    ledgers: Mutex<HashMap<Series, Coverage>>,
    labels_in_ledger: Vec<Series>,
    kept: Mutex<KeptRows>,
}

/// All rows of some series, oldest first.
#[derive(Debug, Default)]
struct KeptRows {
    rows: HashMap<Series, Arc<[Candle]>>,
    count: usize,
}

impl ShardView {
    /// The series with a table are those in `states`.
    pub(super) fn new(
        conn: Connection,
        states: HashMap<Series, SeriesState>,
        ledgers: &ShardLedgers,
    ) -> Self {
        let known = states.iter().map(|(series, state)| (series.clone(), ledgers.known(&state.label)));
        let labels = states.iter().filter(|(_, state)| ledgers.has_any(&state.label));
        Self {
            conn: Mutex::new(conn),
            ledgers: Mutex::new(known.collect()),
            labels_in_ledger: labels.map(|(series, _)| series.clone()).collect(),
            states,
            kept: Mutex::default(),
        }
    }

    pub(super) fn conn(&self) -> MutexGuard<'_, Connection> {
        // Whatever was begun is rolled back when it is dropped, so a poisoned lock protects nothing half done.
        self.conn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the series with a table.
    pub(super) fn states(&self) -> impl Iterator<Item = (&Series, &SeriesState)> {
        self.states.iter()
    }

    /// Returns the state of a series with a table.
    pub(super) fn state(&self, series: &Series) -> Option<&SeriesState> {
        self.states.get(series)
    }

    /// Returns those of `series` with a row or a ledger.
    pub(super) fn held(&self, series: &[Series]) -> Result<Vec<Series>, rusqlite::Error> {
        let mut held = Vec::with_capacity(series.len());
        for one in series {
            let Some(state) = self.state(one) else { continue };
            let kept = self.kept().rows.get(one).is_some_and(|rows| !rows.is_empty());
            let sql = format!("SELECT EXISTS (SELECT 1 FROM {})", state.table);
            if kept
                || self.labels_in_ledger.contains(one)
                || self.conn().query_row(&sql, [], |row| row.get(0))?
            {
                held.push(one.clone());
            }
        }
        Ok(held)
    }

    /// Notes that the rows in `range` are damaged: then nothing is known of it.
    pub(super) fn mark_damaged(&self, series: &Series, range: TimeRange) {
        let mut ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = ledgers.get_mut(series) {
            known.remove(range);
        }
    }

    /// Keeps all rows of a series, which come newest first, if there is room.
    pub(super) fn keep(&self, series: &Series, mut newest_first: Vec<Candle>) {
        newest_first.reverse();
        let mut kept = self.kept();
        if kept.count + newest_first.len() <= MAX_KEPT_ROWS {
            kept.count += newest_first.len();
            kept.rows.insert(series.clone(), newest_first.into());
        }
    }

    fn kept(&self) -> MutexGuard<'_, KeptRows> {
        // A count that is too high keeps less.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the newest `limit` valid rows in `range`, oldest first.
    fn rows(&self, series: &Series, range: TimeRange, limit: usize) -> Result<Vec<Candle>, rusqlite::Error> {
        let within = |rows: &[Candle]| {
            let from = rows.partition_point(|row| row.open_time < range.from());
            let to = rows.partition_point(|row| row.open_time < range.to());
            rows[from.max(to.saturating_sub(limit))..to.max(from)].to_vec()
        };
        let kept = self.kept().rows.get(series).cloned();
        if let Some(rows) = kept {
            return Ok(within(&rows));
        }
        let Some(state) = self.state(series) else { return Ok(Vec::new()) };
        let (oldest, mut newest) = state.grid.block_range(range);
        let mut newest_first: Vec<Candle> = Vec::new();
        while newest >= oldest && newest_first.len() < limit {
            // A block more: the newest one may reach beyond the range.
            let wanted = (limit - newest_first.len()).min(super::ROWS_PER_READ) + 64;
            let read = verified_rows::read_direct(&mut self.conn(), state, (oldest, newest), wanted)?;
            newest_first.extend(read.rows.into_iter().filter(|row| range.contains(row.open_time)));
            newest = read.oldest.saturating_sub(1);
        }
        newest_first.truncate(limit);
        newest_first.reverse();
        Ok(newest_first)
    }
}

#[async_trait]
impl CandleStore for ShardView {
    async fn coverage(&self, series: &Series) -> Result<Coverage, StoreError> {
        let ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(ledgers.get(series).cloned().unwrap_or_else(Coverage::empty))
    }

    async fn read(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
    ) -> Result<StoredCandles, StoreError> {
        let candles = self.rows(series, range, limit).map_err(|error| {
            let path = self.conn().path().map(std::path::PathBuf::from).unwrap_or_default();
            fault::direct(&path, error)
        })?;
        Ok(StoredCandles { candles: candles.into(), from_memory: 0 })
    }

    async fn commit(&self, _: &Series, _: &[Candle], _: &Coverage) -> Result<(), StoreError> {
        Err(fault::read_only())
    }

    async fn series(&self) -> Result<Vec<Series>, StoreError> {
        let all: BTreeMap<&Series, ()> = self.states.keys().map(|series| (series, ())).collect();
        Ok(all.into_keys().cloned().collect())
    }

    async fn forget(&self, _: &Series, _: TimeRange) -> Result<(), StoreError> {
        Err(fault::read_only())
    }

    async fn close(&self) {}
}
