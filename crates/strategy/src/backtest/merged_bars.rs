//! Bars of several series in the order in which they became known.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use market_backbone_core::{CandleColumns, Grid, Series, Timestamp};

/// The rows of several series, each with the number of its series, in the order of their closes.
///
/// A bar is known at its close: an hour comes after all its minutes. Bars that close together come in the order of the list.
#[derive(Debug)]
pub(super) struct MergedRows<'a> {
    series: &'a [(Series, CandleColumns)],
    grid: Grid,
    /// The next row of each series that has one, by close, then by the number of the series.
    next: BinaryHeap<Reverse<(Timestamp, usize, usize)>>,
}

impl<'a> MergedRows<'a> {
    pub(super) fn new(series: &'a [(Series, CandleColumns)], grid: Grid) -> Self {
        let mut merged = Self { series, grid, next: BinaryHeap::with_capacity(series.len()) };
        (0..series.len()).for_each(|number| merged.push(number, 0));
        merged
    }

    fn push(&mut self, number: usize, row: usize) {
        let (series, candles) = &self.series[number];
        if let Some(candle) = candles.get(row) {
            let close = self.grid.close(series.timeframe, candle.open_time);
            self.next.push(Reverse((close, number, row)));
        }
    }
}

impl Iterator for MergedRows<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let Reverse((_, number, row)) = self.next.pop()?;
        self.push(number, row + 1);
        Some((number, row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{Candle, Symbol, Timeframe, VenueId};
    use market_backbone_testkit::flat_candle;

    #[test]
    fn an_hour_is_known_after_its_last_minute() {
        let symbol = Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap();
        let bars = |timeframe: Timeframe, seconds: &[i64]| {
            let bar = |secs: &i64| Candle { is_final: true, ..flat_candle(Timestamp::from_secs(*secs), 1.0) };
            (Series::new(symbol.clone(), timeframe), seconds.iter().map(bar).collect::<CandleColumns>())
        };
        let minutes = bars(Timeframe::M1, &[0, 60, 3_540, 3_600]);
        let hours = bars(Timeframe::H1, &[0, 3_600]);
        let both = [minutes, hours];
        let order: Vec<_> = MergedRows::new(&both, Grid::Utc).collect();
        assert_eq!(order, [(0, 0), (0, 1), (0, 2), (1, 0), (0, 3), (1, 1)]);
    }
}
