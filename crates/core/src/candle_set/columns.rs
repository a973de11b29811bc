//! The candles of an answer as a list and as columns.

use crate::{Candle, CandleSet, Timestamp};

/// The figures of candles as one list each, all of the same length and oldest first, for indicators and data
/// frames.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CandleColumns {
    /// The moments at which the slots begin, strictly rising.
    pub open_time: Vec<Timestamp>,
    /// The first prices, in the quote currency.
    pub open: Vec<f64>,
    /// The highest prices, in the quote currency.
    pub high: Vec<f64>,
    /// The lowest prices, in the quote currency.
    pub low: Vec<f64>,
    /// The last prices, in the quote currency.
    pub close: Vec<f64>,
    /// The amounts traded, in the base currency.
    pub volume: Vec<f64>,
    /// The amounts traded, in the quote currency.
    pub turnover: Vec<f64>,
    /// Flags of the candles that will not change any more; only the newest can be without.
    pub is_final: Vec<bool>,
}

impl CandleColumns {
    fn with_capacity(rows: usize) -> Self {
        let figures = || Vec::with_capacity(rows);
        Self {
            open_time: Vec::with_capacity(rows),
            open: figures(),
            high: figures(),
            low: figures(),
            close: figures(),
            volume: figures(),
            turnover: figures(),
            is_final: Vec::with_capacity(rows),
        }
    }

    fn push(&mut self, candle: &Candle) {
        self.open_time.push(candle.open_time);
        self.open.push(candle.open);
        self.high.push(candle.high);
        self.low.push(candle.low);
        self.close.push(candle.close);
        self.volume.push(candle.volume);
        self.turnover.push(candle.turnover);
        self.is_final.push(candle.is_final);
    }

    /// Returns the length of every column.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open_time.len()
    }

    /// Returns whether the columns are empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open_time.is_empty()
    }
}

impl CandleSet {
    /// Returns the candles one after the other, oldest first.
    pub fn iter(&self) -> std::slice::Iter<'_, Candle> {
        self.candles.iter()
    }

    /// Returns the number of candles; slots without a trade have none.
    #[must_use]
    pub fn len(&self) -> usize {
        self.candles.len()
    }

    /// Returns whether there is no candle. The coverage may hold knowledge about the slots all the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.candles.is_empty()
    }

    /// Returns the oldest candle.
    #[must_use]
    pub fn first(&self) -> Option<&Candle> {
        self.candles.first()
    }

    /// Returns the newest candle, which may be the forming one.
    #[must_use]
    pub fn last(&self) -> Option<&Candle> {
        self.candles.last()
    }

    /// Returns the last price of each candle, oldest first.
    pub fn closes(&self) -> impl DoubleEndedIterator<Item = f64> + ExactSizeIterator + '_ {
        self.candles.iter().map(|candle| candle.close)
    }

    /// Returns the candles as one list for each figure.
    #[must_use]
    pub fn columns(&self) -> CandleColumns {
        self.iter().fold(CandleColumns::with_capacity(self.len()), |mut columns, candle| {
            columns.push(candle);
            columns
        })
    }
}

impl<'a> IntoIterator for &'a CandleSet {
    type Item = &'a Candle;
    type IntoIter = std::slice::Iter<'a, Candle>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for CandleSet {
    type Item = Candle;
    type IntoIter = std::vec::IntoIter<Candle>;

    fn into_iter(self) -> Self::IntoIter {
        self.candles.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CandlePart, Series, Symbol, Timeframe, VenueId};

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
    fn columns_hold_what_rows_hold() {
        let set = set(&[4.0, 5.0, 6.0]);
        let columns = set.columns();
        assert_eq!((columns.len(), columns.is_empty()), (3, false));
        for (row, candle) in set.iter().enumerate() {
            let figures = [
                columns.open[row],
                columns.high[row],
                columns.low[row],
                columns.close[row],
                columns.volume[row],
                columns.turnover[row],
            ];
            let Candle { open, high, low, close, volume, turnover, .. } = *candle;
            assert_eq!(figures, [open, high, low, close, volume, turnover]);
            assert_eq!((columns.open_time[row], columns.is_final[row]), (candle.open_time, candle.is_final));
        }
        assert_eq!(set.closes().collect::<Vec<_>>(), columns.close);
        assert_eq!(set.closes().next_back(), set.last().map(|newest| newest.close));
        assert_eq!(set.first().map(|oldest| oldest.close), Some(4.0));
        assert_eq!((&set).into_iter().count(), set.clone().into_iter().count());
    }

    #[test]
    fn an_answer_without_candles_has_no_ends() {
        let set = set(&[]);
        assert!(set.is_empty() && set.columns().is_empty());
        assert_eq!((set.first(), set.last(), set.closes().len()), (None, None, 0));
    }
}
