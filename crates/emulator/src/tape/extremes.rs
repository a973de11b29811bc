//! Finds the highest and lowest price of a year without making a year of trades.
//!
//! The slow zigzags of an hour bound its prices. Hours are opened with the best bound first, and the search
//! ends when no bound can beat what was found. A busy year costs a few thousand trades.

use super::{SyntheticMarket, TapeBar, TapeTrade};
use crate::calendar::{DAY, HOUR, MINUTE};

/// A price and the time at which it was traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PricePoint {
    pub(crate) price: i64,
    pub(crate) time_ms: i64,
}

impl PricePoint {
    fn of(trade: TapeTrade) -> Self {
        Self { price: trade.price_e8, time_ms: trade.time_ms }
    }
}

/// The highest and the lowest price of a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PriceExtremes {
    pub(crate) high: PricePoint,
    pub(crate) low: PricePoint,
}

impl PriceExtremes {
    /// Returns both extremes of a bar, with the bar's date: exact to the day.
    pub(crate) const fn of(bar: &TapeBar) -> Self {
        let time_ms = bar.open_ms;
        Self { high: PricePoint { price: bar.high, time_ms }, low: PricePoint { price: bar.low, time_ms } }
    }

    /// Returns both extremes of two stretches together.
    pub(crate) fn and(self, other: Self) -> Self {
        let high = if other.high.price > self.high.price { other.high } else { self.high };
        let low = if other.low.price < self.low.price { other.low } else { self.low };
        Self { high, low }
    }
}

/// Scans given trades.
pub(crate) fn scan(trades: &[TapeTrade], from_day: i64, to_day: i64) -> Option<PriceExtremes> {
    trades
        .iter()
        .filter(|trade| from_day * DAY <= trade.time_ms && trade.time_ms < to_day * DAY)
        .map(|trade| PricePoint::of(*trade))
        .map(|peak| PriceExtremes { high: peak, low: peak })
        .reduce(PriceExtremes::and)
}

/// Searches a made-up market.
pub(crate) fn search(made: &SyntheticMarket, from_day: i64, to_day: i64) -> Option<PriceExtremes> {
    let from = (from_day * DAY).max(made.listed_ms()).div_euclid(HOUR);
    let to = (to_day * DAY).min(made.until_ms().saturating_add(HOUR)).div_euclid(HOUR);
    let mut hours: Vec<(i64, i64, i64)> = (from..to)
        .map(|hour| {
            let (low, high) = made.hour_bounds(hour);
            (hour, low, high)
        })
        .collect();
    let inside = |trade: &TapeTrade| trade.time_ms < to_day * DAY && trade.time_ms >= from_day * DAY;

    hours.sort_unstable_by_key(|(hour, _, high)| (-high, *hour));
    let mut high: Option<PricePoint> = None;
    for (hour, _, bound) in &hours {
        if high.is_some_and(|best| best.price >= *bound) {
            break;
        }
        let worth = |minute| high.is_none_or(|best| made.minute_bounds(minute).1 > best.price);
        let peaks = open_hour(made, *hour, worth).into_iter().filter(&inside).map(PricePoint::of);
        high = high
            .into_iter()
            .chain(peaks)
            .reduce(|best, peak| if peak.price > best.price { peak } else { best });
    }
    hours.sort_unstable_by_key(|(hour, low, _)| (*low, *hour));
    let mut low: Option<PricePoint> = None;
    for (hour, bound, _) in &hours {
        if low.is_some_and(|best| best.price <= *bound) {
            break;
        }
        let worth = |minute| low.is_none_or(|best| made.minute_bounds(minute).0 < best.price);
        let peaks = open_hour(made, *hour, worth).into_iter().filter(&inside).map(PricePoint::of);
        low = low
            .into_iter()
            .chain(peaks)
            .reduce(|best, peak| if peak.price < best.price { peak } else { best });
    }
    Some(PriceExtremes { high: high?, low: low? })
}

/// Returns the trades of those minutes of an hour that are worth opening.
fn open_hour(made: &SyntheticMarket, hour: i64, worth: impl Fn(i64) -> bool) -> Vec<TapeTrade> {
    let first = hour * HOUR / MINUTE;
    let mut trades = Vec::new();
    for minute in (first..first + HOUR / MINUTE).filter(|minute| worth(*minute)) {
        made.minute(minute, |trade| trades.push(trade));
    }
    trades
}
