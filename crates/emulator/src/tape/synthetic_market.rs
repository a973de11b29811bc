//! Made-up trades: each minute of a market is a function of its key and the minute's number.

use std::sync::Arc;

use super::price_path::{JITTER, PricePath};
use super::{IDS_PER_MS, TakerSide, TapeTrade, TickTable};
use crate::calendar::MINUTE;
use crate::hash_random;
use crate::scenario::{MarketActivity, Outage};

/// The share of trades in the same millisecond as the one before, one in so many: a taker sweeping the book.
const ONE_IN_SWEEPS: u64 = 8;

/// The settings of a made-up market.
#[derive(Clone, Debug)]
pub(crate) struct SyntheticMarketConfig {
    pub(crate) activity: MarketActivity,
    /// The price level of the path, in quote currency.
    pub(crate) price: f64,
    /// The value of the smallest trades, in quote currency.
    pub(crate) smallest: f64,
    pub(crate) ticks: TickTable,
    /// The time of the listing: no trade is earlier.
    pub(crate) listed_ms: i64,
    /// The time of the end: no trade is at or after it.
    pub(crate) until_ms: i64,
    /// The outages of the whole venue.
    pub(crate) outages: Arc<[Outage]>,
}

/// A made-up market.
#[derive(Debug)]
pub(crate) struct SyntheticMarket {
    key: u64,
    path: PricePath,
    config: SyntheticMarketConfig,
}

impl SyntheticMarket {
    pub(crate) fn new(seed: u64, code: &str, plan: SyntheticMarketConfig) -> Self {
        let key = hash_random::key(seed, code);
        Self { key, path: PricePath::new(hash_random::draw(key, 1)), config: plan }
    }

    pub(crate) const fn key(&self) -> u64 {
        self.key
    }

    pub(crate) const fn listed_ms(&self) -> i64 {
        self.config.listed_ms
    }

    pub(crate) const fn until_ms(&self) -> i64 {
        self.config.until_ms
    }

    /// Returns whether a minute has no trade at all, without making its trades.
    pub(crate) fn is_silent(&self, minute: i64) -> bool {
        self.count(self.draw(minute)) == 0
    }

    /// Calls back with the trades of a minute, oldest first.
    pub(crate) fn minute(&self, minute: i64, mut each: impl FnMut(TapeTrade)) {
        let plan = &self.config;
        let start = minute * MINUTE;
        if start + MINUTE <= plan.listed_ms || plan.until_ms <= start {
            return;
        }
        let draw = self.draw(minute);
        let count = self.count(draw);
        if count == 0 {
            return;
        }
        let is_whole = plan.listed_ms <= start && start + MINUTE <= plan.until_ms;
        let is_calm = plan.outages.iter().all(|o| start + MINUTE <= o.from_ms || o.to_ms <= start);
        let line = (self.path.at_minute(minute), self.path.at_minute(minute + 1));
        let mut last: Option<TapeTrade> = None;
        for k in 0..count {
            let trade = self.trade(start, (k, count), line, last, hash_random::draw(draw, k));
            last = Some(trade);
            if (is_whole && is_calm) || self.is_open(trade.time_ms) {
                each(trade);
            }
        }
    }

    /// Makes trade `k` of `count`: each has its own slice of the minute, so they come out in order.
    #[inline]
    fn trade(
        &self,
        start: i64,
        (k, count): (u64, u64),
        line: (f64, f64),
        last: Option<TapeTrade>,
        draw: u64,
    ) -> TapeTrade {
        let size = |price: i64| {
            // Worth 1 to 255 times the smallest, small ones more often.
            let worth = self.config.smallest
                * (1_u64 << ((draw >> 4) & 7)) as f64
                * (1.0 + ((draw >> 8) & 0xFFF) as f64 / 4_096.0);
            ((worth / (price as f64 / 1e8) * 1e8) as i64).max(1)
        };
        if let Some(last) = last
            && draw.is_multiple_of(ONE_IN_SWEEPS)
        {
            // Sometimes the same size too: then only the id tells the two apart.
            let size_e8 = if (draw >> 60) < 5 { last.size_e8 } else { size(last.price_e8) };
            return TapeTrade { id: last.id + 1, size_e8, ..last };
        }
        let within = (draw >> 48) as i64;
        let offset = if k == 0 && self.config.activity.fills_every_minute() {
            // So early that a candle nearly always forms.
            (within * 120) >> 16
        } else {
            ((k as i64) * MINUTE + ((within * MINUTE) >> 16)) / count as i64
        };
        let time_ms = start + offset;
        let along = offset as f64 / MINUTE as f64;
        let jitter = (((draw >> 20) & 0xFFFF) as f64 / 32_768.0 - 1.0) * JITTER;
        let price_e8 = self.price(line.0 + (line.1 - line.0) * along + jitter);
        let id = match last {
            Some(last) if last.time_ms == time_ms => last.id + 1,
            _ => time_ms * IDS_PER_MS,
        };
        let side = if draw & 8 == 0 { TakerSide::Buy } else { TakerSide::Sell };
        TapeTrade { time_ms, id, price_e8, size_e8: size(price_e8), side }
    }

    /// Returns the price at a deviation from the base; it never falls where the deviation rises.
    #[inline]
    pub(crate) fn price(&self, deviation: f64) -> i64 {
        self.config.ticks.snap((self.config.price * (1.0 + deviation) * 1e8) as i64)
    }

    /// Returns a range of prices that no trade of the hour leaves.
    pub(crate) fn hour_bounds(&self, hour: i64) -> (i64, i64) {
        let (low, high) = self.path.hour_bounds(hour);
        (self.price(low), self.price(high))
    }

    /// Returns a range of prices that no trade of the minute leaves.
    pub(crate) fn minute_bounds(&self, minute: i64) -> (i64, i64) {
        let (a, b) = (self.path.at_minute(minute), self.path.at_minute(minute + 1));
        (self.price(a.min(b) - JITTER), self.price(a.max(b) + JITTER))
    }

    fn draw(&self, minute: i64) -> u64 {
        hash_random::draw(self.key, minute.cast_unsigned())
    }

    fn count(&self, draw: u64) -> u64 {
        self.config.activity.trades_in_a_minute(draw)
    }

    fn is_open(&self, ms: i64) -> bool {
        let plan = &self.config;
        plan.listed_ms <= ms
            && ms < plan.until_ms
            && plan.outages.iter().all(|outage| ms < outage.from_ms || outage.to_ms <= ms)
    }
}
