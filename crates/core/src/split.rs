//! Splits: a share becomes several, or several become one, and every price before it is in another coin.
//!
//! Candles are stored as they were traded and adjusted when they are looked at. So a split changes nothing that is
//! stored, nothing has to be read again, and what was known before it can still be had.

use crate::{Candle, CandleSet, Symbol, Timestamp};

/// From a moment on, `from` old shares are `to` new ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// Whose shares.
    pub symbol: Symbol,
    /// The first moment of the venue's day on which it takes effect: what opens before is in old shares.
    pub effective: Timestamp,
    /// So many old shares
    pub from: f64,
    /// are so many new ones.
    pub to: f64,
}

impl Split {
    /// By what prices before it are multiplied; `None` if the figures make no sense.
    #[must_use]
    pub fn price_factor(&self) -> Option<f64> {
        let factor = self.from / self.to;
        (factor.is_finite() && factor > 0.0).then_some(factor)
    }
}

impl CandleSet {
    /// The answer in shares as they are after all `splits` of its market, wherever it lies among them. Turnover is
    /// money and stays. Splits of other markets and such as make no sense are passed over.
    #[must_use]
    pub fn adjusted(mut self, splits: &[Split]) -> Self {
        let mut steps: Vec<(Timestamp, f64)> = splits
            .iter()
            .filter(|split| split.symbol == self.series.symbol)
            .filter_map(|split| Some((split.effective, split.price_factor()?)))
            .collect();
        steps.sort_by_key(|(effective, _)| *effective);
        let mut factor = 1.0;
        for candle in self.candles.iter_mut().rev() {
            while let Some((_, step)) = steps.pop_if(|(effective, _)| candle.open_time < *effective) {
                factor *= step;
            }
            scale(candle, factor);
        }
        self
    }
}

fn scale(candle: &mut Candle, factor: f64) {
    // Untouched to the last bit where there is nothing to adjust.
    if factor.to_bits() != 1.0_f64.to_bits() {
        for price in [&mut candle.open, &mut candle.high, &mut candle.low, &mut candle.close] {
            *price *= factor;
        }
        candle.volume /= factor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CandlePart, CandleQuery, Series, Timeframe, VenueId};

    fn symbol(code: &str) -> Symbol {
        Symbol::new(VenueId::new("massive"), code).unwrap()
    }

    fn split(code: &str, secs: i64, from: f64, to: f64) -> Split {
        Split { symbol: symbol(code), effective: Timestamp::from_secs(secs), from, to }
    }

    /// A candle a minute from 0, all at 700 with a volume of 10.
    fn set(minutes: i64) -> CandleSet {
        let candle = |minute: i64| Candle {
            open_time: Timestamp::from_secs(minute * 60),
            open: 700.0,
            high: 700.0,
            low: 700.0,
            close: 700.0,
            volume: 10.0,
            turnover: 7_000.0,
            is_final: true,
        };
        let series = Series::new(symbol("AAPL"), Timeframe::M1);
        let query = CandleQuery::last(series, 100).unwrap();
        CandleSet::answer(
            &query,
            vec![CandlePart { candles: (0..minutes).map(candle).collect(), ..Default::default() }],
        )
    }

    fn closes(set: &CandleSet) -> Vec<f64> {
        set.candles.iter().map(|candle| candle.close).collect()
    }

    #[test]
    fn what_opened_before_a_split_is_told_in_new_shares() {
        let adjusted = set(4).adjusted(&[split("AAPL", 120, 1.0, 7.0)]);
        assert_eq!(closes(&adjusted), [100.0, 100.0, 700.0, 700.0]);
        assert_eq!(adjusted.candles[0].volume, 70.0);
        assert_eq!(adjusted.candles[0].turnover, 7_000.0);
    }

    #[test]
    fn several_splits_multiply_in_any_order() {
        let splits = [split("AAPL", 180, 2.0, 1.0), split("AAPL", 60, 1.0, 7.0)];
        assert_eq!(closes(&set(4).adjusted(&splits)), [200.0, 1_400.0, 1_400.0, 700.0]);
    }

    #[test]
    fn splits_of_others_and_nonsense_change_nothing() {
        let splits = [split("MSFT", 120, 1.0, 7.0), split("AAPL", 120, 0.0, 7.0), split("AAPL", 0, 1.0, 2.0)];
        assert_eq!(set(4).adjusted(&splits), set(4));
    }
}
