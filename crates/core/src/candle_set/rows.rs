//! The candles of an answer as rows and as columns.

use crate::{Candle, CandleColumns, CandleRows, CandleSet, OwnedCandleRows};

impl CandleSet {
    /// Returns the candles one after the other, oldest first.
    #[must_use]
    pub fn iter(&self) -> CandleRows<'_> {
        self.candles.iter()
    }

    /// Returns the number of candles; slots without a trade have none.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.candles.len()
    }

    /// Returns whether there is no candle. The coverage may hold knowledge about the slots all the same.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.candles.is_empty()
    }

    /// Returns the oldest candle.
    #[must_use]
    pub fn first(&self) -> Option<Candle> {
        self.candles.first()
    }

    /// Returns the newest candle, which may be the forming one.
    #[must_use]
    pub fn last(&self) -> Option<Candle> {
        self.candles.last()
    }

    /// Returns the last price of each candle, oldest first.
    #[must_use]
    pub fn closes(&self) -> &[f64] {
        self.candles.closes()
    }

    /// Returns the candles as columns, one for each figure.
    #[must_use]
    pub const fn columns(&self) -> &CandleColumns {
        &self.candles
    }
}

impl<'a> IntoIterator for &'a CandleSet {
    type Item = Candle;
    type IntoIter = CandleRows<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for CandleSet {
    type Item = Candle;
    type IntoIter = OwnedCandleRows;

    fn into_iter(self) -> Self::IntoIter {
        self.candles.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CandlePart, Series, Symbol, Timeframe, Timestamp, VenueId};

    fn set(closes: &[f64]) -> CandleSet {
        let candle = |(minute, close): (i64, &f64)| Candle {
            open_time: Timestamp::from_secs(minute * 60),
            open: 1.0,
            high: 9.0,
            low: 0.5,
            close: *close,
            volume: 2.0,
            turnover: 3.0,
            is_final: minute + 1 < closes.len() as i64,
        };
        let candles = (0..).zip(closes).map(candle).collect();
        let series = Series::new(Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap(), Timeframe::M1);
        CandleSet::assemble(series, [CandlePart { candles, ..CandlePart::default() }])
    }

    #[test]
    fn rows_and_columns_are_the_same_candles() {
        let set = set(&[4.0, 5.0, 6.0]);
        assert_eq!((set.len(), set.is_empty()), (3, false));
        assert_eq!(set.closes(), [4.0, 5.0, 6.0]);
        assert_eq!(set.columns().open_times_ns(), [0, 60_000_000_000, 120_000_000_000]);
        assert_eq!(set.iter().map(|candle| candle.close).collect::<Vec<_>>(), set.closes());
        assert_eq!(set.first().map(|oldest| oldest.close), Some(4.0));
        assert_eq!(set.last().map(|newest| (newest.close, newest.is_final)), Some((6.0, false)));
        assert_eq!((&set).into_iter().collect::<Vec<_>>(), set.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn an_answer_without_candles_has_no_ends() {
        let set = set(&[]);
        assert!(set.is_empty() && set.columns().is_empty());
        assert_eq!((set.first(), set.last(), set.closes().len()), (None, None, 0));
    }
}
