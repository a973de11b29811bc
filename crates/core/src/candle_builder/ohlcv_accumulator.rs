//! Sums up the trades of one slot, independent of the order in which they arrive.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use crate::decimal_sum::{CompensatedSum, DecimalSum};
use crate::{Candle, Timestamp, Trade, TradeId};

/// The sort key of a trade within its market: time, then id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TradeKey {
    pub(super) time: Timestamp,
    id: u64,
}

impl TradeKey {
    pub(super) fn of(trade: &Trade) -> Self {
        let id = match &trade.id {
            TradeId::Number(number) => order_preserving(*number),
            // Most of the texts are numbers too. Of others only that they differ counts: their order has no meaning.
            TradeId::Text(text) => {
                text.with_str(|text| text.parse().map_or_else(|_| hash_text(text), order_preserving))
            }
        };
        Self { time: trade.time, id }
    }
}

/// Maps a signed number to an unsigned one in the same order.
fn order_preserving(number: i64) -> u64 {
    number.cast_unsigned() ^ (1 << 63)
}

fn hash_text(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The fields of a trade that a candle needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct TradeTick {
    pub(super) key: TradeKey,
    pub(super) price: f64,
    pub(super) size: f64,
}

/// The running OHLCV sums of one slot's trades.
#[derive(Clone, Copy, Debug)]
pub(super) struct OhlcvAccumulator {
    first: TradeKey,
    last: TradeKey,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: DecimalSum,
    turnover: CompensatedSum,
}

impl OhlcvAccumulator {
    pub(super) fn of(tick: TradeTick) -> Self {
        let TradeTick { key, price, .. } = tick;
        let mut ohlcv = Self {
            first: key,
            last: key,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: DecimalSum::default(),
            turnover: CompensatedSum::default(),
        };
        ohlcv.add_amounts(tick);
        ohlcv
    }

    pub(super) fn add(&mut self, tick: TradeTick) {
        let TradeTick { key, price, .. } = tick;
        if key > self.last {
            (self.last, self.close) = (key, price);
        } else if key < self.first {
            (self.first, self.open) = (key, price);
        }
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        self.add_amounts(tick);
    }

    fn add_amounts(&mut self, TradeTick { price, size, .. }: TradeTick) {
        self.volume.add(size);
        self.turnover.add(price * size);
    }

    pub(super) fn candle(&self, open_time: Timestamp, is_final: bool) -> Candle {
        let Self { open, high, low, close, .. } = *self;
        let (volume, turnover) = (self.volume.value(), self.turnover.value());
        Candle { open_time, open, high, low, close, volume, turnover, is_final }
    }
}
