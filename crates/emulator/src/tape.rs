//! The tape: every trade of a market, from which all answers are folded.
//!
//! A tape does not depend on when or how it is read: `minute(m)` always holds the same trades, and what
//! "has happened" is a cut that the reader makes. So pages, tickers and frames cannot disagree.

mod bar;
mod cache;
mod extremes;
mod page;
mod path;
mod recorded;
mod synthetic;
mod ticks;

use std::sync::{Arc, Mutex, PoisonError};

use crate::calendar::{DAY, MINUTE};

pub(crate) use bar::Bar;
pub(crate) use cache::Budget;
use cache::Cache;
pub(crate) use extremes::Extremes;
pub(crate) use page::{Ask, Frame, page};
pub(crate) use path::Path;
pub(crate) use recorded::load;
pub(crate) use synthetic::{Plan, Synthetic};
pub(crate) use ticks::TickTable;

/// Ids in a millisecond: an id is ms × 10,000 + n.
pub(crate) const IDS_PER_MS: i64 = 10_000;

/// Who was in a hurry: the side of the taker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The taker bought.
    Buy,
    /// The taker sold.
    Sell,
}

/// One trade of the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// When it happened, ms since the epoch.
    pub time_ms: i64,
    /// `time_ms` × 10,000 + n, n counting the market's trades of that millisecond from 0.
    pub id: i64,
    /// Price in units of 1e-8.
    pub price_e8: i64,
    /// Size in units of 1e-8.
    pub size_e8: i64,
    /// Side of the taker.
    pub side: Side,
}

impl Trade {
    /// Price in quote currency.
    #[must_use]
    pub fn price(&self) -> f64 {
        self.price_e8 as f64 / 1e8
    }

    /// Size in base currency.
    #[must_use]
    pub fn size(&self) -> f64 {
        self.size_e8 as f64 / 1e8
    }
}

/// Where the trades come from.
#[derive(Debug)]
enum Source {
    Made(Synthetic),
    Recorded(Arc<[Trade]>),
}

/// The tape of one market.
#[derive(Debug)]
pub(crate) struct MarketTape {
    key: u64,
    source: Source,
    cache: Mutex<Cache>,
}

impl MarketTape {
    /// A tape made up from a plan.
    pub(crate) fn made(synthetic: Synthetic, budget: Budget) -> Self {
        let cache = Mutex::new(Cache::new(budget));
        Self { key: synthetic.key(), source: Source::Made(synthetic), cache }
    }

    /// A tape of trades that really happened, in the order of their ids.
    pub(crate) fn recorded(key: u64, trades: Vec<Trade>, budget: Budget) -> Self {
        Self { key, source: Source::Recorded(trades.into()), cache: Mutex::new(Cache::new(budget)) }
    }

    /// The market's own key for draws.
    pub(crate) const fn key(&self) -> u64 {
        self.key
    }

    /// No trade is earlier than this.
    pub(crate) fn first_ms(&self) -> i64 {
        match &self.source {
            Source::Made(made) => made.listed_ms(),
            Source::Recorded(trades) => trades.first().map_or(i64::MAX, |trade| trade.time_ms),
        }
    }

    /// No trade is at or after this.
    pub(crate) fn until_ms(&self) -> i64 {
        match &self.source {
            Source::Made(made) => made.until_ms(),
            Source::Recorded(trades) => trades.last().map_or(i64::MIN, |trade| trade.time_ms + 1),
        }
    }

    /// Hands over the trades of a minute (counted from the epoch), oldest first.
    fn each_of_minute(&self, minute: i64, each: impl FnMut(Trade)) {
        match &self.source {
            Source::Made(made) => made.minute(minute, each),
            Source::Recorded(trades) => {
                let from = trades.partition_point(|trade| trade.time_ms < minute * MINUTE);
                let to = trades.partition_point(|trade| trade.time_ms < (minute + 1) * MINUTE);
                trades[from..to].iter().copied().for_each(each);
            }
        }
    }

    /// The trades of a minute, remembered for the next to ask.
    pub(crate) fn minute(&self, minute: i64) -> Arc<[Trade]> {
        if let Some(known) = self.cache().recent(minute) {
            return known;
        }
        let mut trades = Vec::new();
        self.each_of_minute(minute, |trade| trades.push(trade));
        let trades: Arc<[Trade]> = trades.into();
        self.cache().remember(minute, &trades);
        trades
    }

    /// The trades with `from_ms <= time < to_ms`, oldest first.
    pub(crate) fn trades(&self, from_ms: i64, to_ms: i64) -> Vec<Trade> {
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

    /// The newest trade with `id < cut`.
    pub(crate) fn last_before(&self, cut: i64) -> Option<Trade> {
        let newest = match &self.source {
            Source::Recorded(trades) => {
                let end = trades.partition_point(|trade| trade.id < cut);
                return end.checked_sub(1).map(|at| trades[at]);
            }
            Source::Made(made) => made.until_ms().min(cut.div_euclid(IDS_PER_MS)),
        };
        let first = self.first_ms().div_euclid(MINUTE);
        (first..=newest.div_euclid(MINUTE)).rev().find_map(|minute| {
            let trades = self.minute_if_any(minute)?;
            trades.iter().rev().find(|trade| trade.id < cut).copied()
        })
    }

    /// Like `minute`, without filling the memory with empty minutes on a long way back.
    fn minute_if_any(&self, minute: i64) -> Option<Arc<[Trade]>> {
        match &self.source {
            Source::Made(made) if made.is_silent(minute) => None,
            _ => Some(self.minute(minute)),
        }
    }

    /// The one-minute bars of a UTC day, whether or not they have happened yet.
    pub(crate) fn minutes_of_day(&self, day: i64) -> Arc<[Bar]> {
        if let Some(known) = self.cache().minutes(day) {
            return known;
        }
        let bars: Arc<[Bar]> = self.fold_minutes(day).into();
        self.cache().store_minutes(day, &bars);
        bars
    }

    /// The bar of a whole UTC day, whether or not it has happened yet.
    pub(crate) fn day_bar(&self, day: i64) -> Option<Bar> {
        if let Some(known) = self.cache().day(day) {
            return known;
        }
        let minutes = self.cache().minutes(day);
        let minutes = minutes.map_or_else(|| self.fold_minutes(day), |bars| bars.to_vec());
        let bar = Bar::join(day * DAY, minutes.iter());
        self.cache().store_day(day, bar);
        bar
    }

    fn fold_minutes(&self, day: i64) -> Vec<Bar> {
        let first = day * DAY / MINUTE;
        let mut bars = Vec::new();
        for minute in first..first + DAY / MINUTE {
            let mut bar: Option<Bar> = None;
            self.each_of_minute(minute, |trade| match &mut bar {
                Some(bar) => bar.add(&trade),
                None => bar = Some(Bar::of(minute * MINUTE, &trade)),
            });
            bars.extend(bar);
        }
        bars
    }

    /// The one-minute bars of trades with `from <= id < cut`, exact at both ends, oldest first.
    pub(crate) fn minutes_between(&self, from: i64, cut: i64) -> Vec<Bar> {
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
                    bars.extend(Bar::fold(bar.open_ms, inside));
                }
            }
        }
        bars
    }

    /// One bar of all trades with `from <= id < cut`, opening at `open_ms`.
    pub(crate) fn bar_between(&self, open_ms: i64, from: i64, cut: i64) -> Option<Bar> {
        Bar::join(open_ms, self.minutes_between(from, cut).iter())
    }

    /// The highest and lowest price of `from_day..to_day`, and where they were.
    pub(crate) fn extremes(&self, from_day: i64, to_day: i64) -> Option<Extremes> {
        if let Some(known) = self.cache().extremes(from_day, to_day) {
            return known;
        }
        let found = match &self.source {
            Source::Made(made) => extremes::search(made, from_day, to_day),
            Source::Recorded(trades) => extremes::scan(trades, from_day, to_day),
        };
        self.cache().store_extremes(from_day, to_day, found);
        found
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        // The cache holds only finished values, so a panic elsewhere cannot have left half of one.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
