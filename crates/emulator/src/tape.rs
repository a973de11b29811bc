//! The tape: every trade of a market, from which all answers are derived.
//!
//! A tape does not depend on when or how it is read: `minute(m)` always holds the same trades, and what "has
//! happened" is a cut that the reader makes. So pages, tickers and frames cannot disagree.

mod bar;
mod cache;
mod candle_page;
mod extremes;
mod price_path;
mod synthetic_market;
mod tape_file;
mod tick_table;

use std::sync::{Arc, Mutex, PoisonError};

use crate::calendar::{DAY, MINUTE};

pub(crate) use bar::TapeBar;
pub(crate) use cache::BarCacheBudget;
use cache::TapeCache;
pub(crate) use candle_page::{CandleInterval, TapePageQuery, page};
pub(crate) use extremes::PriceExtremes;
pub(crate) use price_path::PricePath;
pub(crate) use synthetic_market::{SyntheticMarket, SyntheticMarketConfig};
pub(crate) use tape_file::load;
pub(crate) use tick_table::TickTable;

/// The ids in a millisecond: an id is ms × 10,000 + n.
pub(crate) const IDS_PER_MS: i64 = 10_000;

/// The side of the taker in a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakerSide {
    /// The taker bought.
    Buy,
    /// The taker sold.
    Sell,
}

/// One trade of the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapeTrade {
    /// The time of the trade, ms since the epoch.
    pub time_ms: i64,
    /// The id: `time_ms` × 10,000 + n, where n counts the market's trades of that millisecond from 0.
    pub id: i64,
    /// The price in units of 1e-8.
    pub price_e8: i64,
    /// The size in units of 1e-8.
    pub size_e8: i64,
    /// The side of the taker.
    pub side: TakerSide,
}

impl TapeTrade {
    /// Returns the price in quote currency.
    #[must_use]
    pub fn price(&self) -> f64 {
        self.price_e8 as f64 / 1e8
    }

    /// Returns the size in base currency.
    #[must_use]
    pub fn size(&self) -> f64 {
        self.size_e8 as f64 / 1e8
    }
}

/// The source of the trades.
#[derive(Debug)]
enum TapeSource {
    Synthetic(SyntheticMarket),
    Recorded(Arc<[TapeTrade]>),
}

/// The tape of one market.
#[derive(Debug)]
pub(crate) struct MarketTape {
    key: u64,
    source: TapeSource,
    cache: Mutex<TapeCache>,
}

impl MarketTape {
    /// Creates a made-up tape.
    pub(crate) fn synthetic(synthetic: SyntheticMarket, budget: BarCacheBudget) -> Self {
        let cache = Mutex::new(TapeCache::new(budget));
        Self { key: synthetic.key(), source: TapeSource::Synthetic(synthetic), cache }
    }

    /// Creates a tape of recorded trades, in the order of their ids.
    pub(crate) fn recorded(key: u64, trades: Vec<TapeTrade>, budget: BarCacheBudget) -> Self {
        Self { key, source: TapeSource::Recorded(trades.into()), cache: Mutex::new(TapeCache::new(budget)) }
    }

    /// Returns the market's own key for random numbers.
    pub(crate) const fn key(&self) -> u64 {
        self.key
    }

    /// Returns the time of the first possible trade, in ms.
    pub(crate) fn first_ms(&self) -> i64 {
        match &self.source {
            TapeSource::Synthetic(made) => made.listed_ms(),
            TapeSource::Recorded(trades) => trades.first().map_or(i64::MAX, |trade| trade.time_ms),
        }
    }

    /// Returns the time from which there is no trade, in ms.
    pub(crate) fn until_ms(&self) -> i64 {
        match &self.source {
            TapeSource::Synthetic(made) => made.until_ms(),
            TapeSource::Recorded(trades) => trades.last().map_or(i64::MIN, |trade| trade.time_ms + 1),
        }
    }

    /// Calls back with the trades of a minute (counted from the epoch), oldest first.
    fn each_of_minute(&self, minute: i64, each: impl FnMut(TapeTrade)) {
        match &self.source {
            TapeSource::Synthetic(made) => made.minute(minute, each),
            TapeSource::Recorded(trades) => {
                let from = trades.partition_point(|trade| trade.time_ms < minute * MINUTE);
                let to = trades.partition_point(|trade| trade.time_ms < (minute + 1) * MINUTE);
                trades[from..to].iter().copied().for_each(each);
            }
        }
    }

    /// Returns the trades of a minute, and caches them.
    pub(crate) fn minute(&self, minute: i64) -> Arc<[TapeTrade]> {
        if let Some(known) = self.cache().recent(minute) {
            return known;
        }
        let mut trades = Vec::new();
        self.each_of_minute(minute, |trade| trades.push(trade));
        let trades: Arc<[TapeTrade]> = trades.into();
        self.cache().remember(minute, &trades);
        trades
    }

    /// Returns the trades with `from_ms <= time < to_ms`, oldest first.
    pub(crate) fn trades(&self, from_ms: i64, to_ms: i64) -> Vec<TapeTrade> {
        let mut found = Vec::new();
        let (from_ms, to_ms) = (from_ms.max(self.first_ms()), to_ms.min(self.until_ms()));
        if to_ms <= from_ms {
            return found;
        }
        for minute in from_ms.div_euclid(MINUTE)..=(to_ms - 1).div_euclid(MINUTE) {
            found.extend(self.minute(minute).iter().filter(|t| from_ms <= t.time_ms && t.time_ms < to_ms));
        }
        found
    }

    /// Returns the newest trade with `id < cut`.
    pub(crate) fn last_before(&self, cut: i64) -> Option<TapeTrade> {
        let newest = match &self.source {
            TapeSource::Recorded(trades) => {
                let end = trades.partition_point(|trade| trade.id < cut);
                return end.checked_sub(1).map(|at| trades[at]);
            }
            TapeSource::Synthetic(made) => made.until_ms().min(cut.div_euclid(IDS_PER_MS)),
        };
        let first = self.first_ms().div_euclid(MINUTE);
        (first..=newest.div_euclid(MINUTE)).rev().find_map(|minute| {
            let trades = self.minute_if_any(minute)?;
            trades.iter().rev().find(|trade| trade.id < cut).copied()
        })
    }

    /// Returns the trades of a minute as `minute` does, without filling the cache with empty minutes on a
    /// long way back.
    fn minute_if_any(&self, minute: i64) -> Option<Arc<[TapeTrade]>> {
        match &self.source {
            TapeSource::Synthetic(made) if made.is_silent(minute) => None,
            _ => Some(self.minute(minute)),
        }
    }

    /// Returns the one-minute bars of a UTC day, whether or not they have happened yet.
    pub(crate) fn minutes_of_day(&self, day: i64) -> Arc<[TapeBar]> {
        if let Some(known) = self.cache().minutes(day) {
            return known;
        }
        let bars: Arc<[TapeBar]> = self.fold_minutes(day).into();
        self.cache().store_minutes(day, &bars);
        bars
    }

    /// Returns the bar of a whole UTC day, whether or not it has happened yet.
    pub(crate) fn day_bar(&self, day: i64) -> Option<TapeBar> {
        if let Some(known) = self.cache().day(day) {
            return known;
        }
        let minutes = self.cache().minutes(day);
        let minutes = minutes.map_or_else(|| self.fold_minutes(day), |bars| bars.to_vec());
        let bar = TapeBar::join(day * DAY, minutes.iter());
        self.cache().store_day(day, bar);
        bar
    }

    fn fold_minutes(&self, day: i64) -> Vec<TapeBar> {
        let first = day * DAY / MINUTE;
        let mut bars = Vec::new();
        for minute in first..first + DAY / MINUTE {
            let mut bar: Option<TapeBar> = None;
            self.each_of_minute(minute, |trade| match &mut bar {
                Some(bar) => bar.add(&trade),
                None => bar = Some(TapeBar::of(minute * MINUTE, &trade)),
            });
            bars.extend(bar);
        }
        bars
    }

    /// Returns the one-minute bars of trades with `from <= id < cut`, exact at both ends, oldest first.
    pub(crate) fn minutes_between(&self, from: i64, cut: i64) -> Vec<TapeBar> {
        const MINUTE_IDS: i64 = MINUTE * IDS_PER_MS;
        let from = from.max(self.first_ms().saturating_mul(IDS_PER_MS));
        let mut bars = Vec::new();
        if cut <= from {
            return bars;
        }
        let (first, last) = (from.div_euclid(MINUTE_IDS), (cut - 1).div_euclid(MINUTE_IDS));
        for day in (first * MINUTE).div_euclid(DAY)..=(last * MINUTE).div_euclid(DAY) {
            for bar in self.minutes_of_day(day).iter() {
                let minute = bar.open_ms / MINUTE;
                let whole = from <= minute * MINUTE_IDS && (minute + 1) * MINUTE_IDS <= cut;
                if whole {
                    bars.push(*bar);
                } else if first <= minute && minute <= last {
                    let trades = self.minute(minute);
                    let inside = trades.iter().filter(|trade| from <= trade.id && trade.id < cut);
                    bars.extend(TapeBar::fold(bar.open_ms, inside));
                }
            }
        }
        bars
    }

    /// Returns one bar of all trades with `from <= id < cut`, opening at `open_ms`.
    pub(crate) fn bar_between(&self, open_ms: i64, from: i64, cut: i64) -> Option<TapeBar> {
        TapeBar::join(open_ms, self.minutes_between(from, cut).iter())
    }

    /// Returns the highest and lowest price of `from_day..to_day`, with their times.
    pub(crate) fn extremes(&self, from_day: i64, to_day: i64) -> Option<PriceExtremes> {
        if let Some(known) = self.cache().extremes(from_day, to_day) {
            return known;
        }
        let found = match &self.source {
            TapeSource::Synthetic(made) => extremes::search(made, from_day, to_day),
            TapeSource::Recorded(trades) => extremes::scan(trades, from_day, to_day),
        };
        self.cache().store_extremes(from_day, to_day, found);
        found
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, TapeCache> {
        // The cache holds only finished values, so a panic elsewhere cannot have left half of one.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
