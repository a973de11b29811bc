//! A store that knows any number of minutes and holds none of them: it makes what is read.

use async_trait::async_trait;
use market_backbone::adapter::StoredCandles;
use market_backbone::{
    Candle, CandleColumnsBuilder, CandleStore, Coverage, Origin, Provenance, Series, Span, StoreError,
    TimeRange, Timestamp,
};

/// 2026-08-06T10:00:00Z.
const END_MINUTE: i64 = 1_786_010_400 / 60;

/// The minutes before a moment, each with a candle whose close is its number, counted from 1.
#[derive(Debug)]
pub(crate) struct MinuteStore {
    first: i64,
}

fn minute(number: i64) -> Timestamp {
    Timestamp::from_secs(number * 60)
}

impl MinuteStore {
    pub(crate) fn of(rows: usize) -> Self {
        Self { first: END_MINUTE - i64::try_from(rows).expect("a number of minutes since the epoch") }
    }

    /// What it knows.
    pub(crate) fn range(&self) -> TimeRange {
        TimeRange::new(minute(self.first), minute(END_MINUTE)).expect("at least one minute")
    }

    fn candle(&self, number: i64) -> Candle {
        let close = (number - self.first + 1) as f64;
        Candle {
            open_time: minute(number),
            open: close,
            high: close + 1.0,
            low: close / 2.0,
            close,
            volume: 1.0,
            turnover: close,
            is_final: true,
        }
    }
}

#[async_trait]
impl CandleStore for MinuteStore {
    async fn coverage(&self, _series: &Series) -> Result<Coverage, StoreError> {
        let provenance = Provenance { origin: Origin::Rest, observed_at: minute(END_MINUTE) };
        Ok([Span { range: self.range(), provenance }].into_iter().collect())
    }

    async fn read(
        &self,
        _series: &Series,
        range: TimeRange,
        limit: usize,
    ) -> Result<StoredCandles, StoreError> {
        let Some(range) = range.intersect(self.range()) else { return Ok(StoredCandles::default()) };
        let first_at_or_after =
            |moment: Timestamp| (moment.as_nanos() + 59_999_999_999).div_euclid(60_000_000_000);
        let (from, to) = (first_at_or_after(range.from()), first_at_or_after(range.to()));
        let from = from.max(to.saturating_sub_unsigned(limit as u64));
        let mut candles = CandleColumnsBuilder::with_capacity(usize::try_from(to - from).unwrap_or(0));
        (from..to).for_each(|number| candles.push(&self.candle(number)));
        Ok(StoredCandles { candles: candles.finish(), from_memory: 0 })
    }

    async fn commit(&self, series: &Series, _: &[Candle], _: &Coverage) -> Result<(), StoreError> {
        panic!("all of {series} is known, so nothing is fetched and stored")
    }

    async fn series(&self) -> Result<Vec<Series>, StoreError> {
        Ok(Vec::new())
    }

    async fn forget(&self, series: &Series, range: TimeRange) -> Result<(), StoreError> {
        panic!("no row of {series} is wrong, so {range} is not forgotten")
    }

    async fn close(&self) {}
}
