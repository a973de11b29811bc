//! A store of one's own: rows and coverage in memory, and a journal of what was written.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use market_backbone::adapter::StoredCandles;
use market_backbone::{Candle, CandleStore, Coverage, Series, StoreError, TimeRange, Timestamp};

type Rows = BTreeMap<Timestamp, Candle>;

/// A store that keeps candles in memory and notes what is written.
#[derive(Debug, Default)]
pub struct JournalStore {
    series: Mutex<HashMap<Series, (Rows, Coverage)>>,
    journal: Mutex<Vec<String>>,
}

impl JournalStore {
    /// Returns a line for each commit so far.
    #[must_use]
    pub fn journal(&self) -> Vec<String> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Series, (Rows, Coverage)>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CandleStore for JournalStore {
    async fn coverage(&self, series: &Series) -> Result<Coverage, StoreError> {
        Ok(self.all().get(series).map(|(_, known)| known.clone()).unwrap_or_default())
    }

    async fn read(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
    ) -> Result<StoredCandles, StoreError> {
        let all = self.all();
        let Some((rows, _)) = all.get(series) else { return Ok(StoredCandles::default()) };
        let newest_first = rows.range(range.from()..range.to()).rev().take(limit).map(|(_, candle)| *candle);
        let mut candles: Vec<_> = newest_first.collect();
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
        let (finals, mut all) = (candles.iter().filter(|candle| candle.is_final), self.all());
        let (rows, known) = all.entry(series.clone()).or_default();
        rows.extend(finals.map(|candle| (candle.open_time, *candle)));
        known.merge(coverage);
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        journal.push(format!("{series}: {} rows", candles.len()));
        Ok(())
    }

    async fn series(&self) -> Result<Vec<Series>, StoreError> {
        let mut known: Vec<_> = self.all().keys().cloned().collect();
        known.sort();
        Ok(known)
    }

    async fn forget(&self, series: &Series, range: TimeRange) -> Result<(), StoreError> {
        if let Some((rows, known)) = self.all().get_mut(series) {
            rows.retain(|open_time, _| !range.contains(*open_time));
            known.remove(range);
        }
        Ok(())
    }

    async fn close(&self) {}
}
