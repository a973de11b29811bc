//! A candle being built: exact sums over trades.

use super::{TakerSide, TapeTrade};

/// The sums of the trades of one stretch of time; exists only where there was a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TapeBar {
    pub(crate) open_ms: i64,
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) close: i64,
    /// The base volume, in units of 1e-8.
    pub(crate) volume: i128,
    /// The part of the volume that takers bought, in units of 1e-8.
    pub(crate) buy_volume: i128,
    /// The quote turnover, in units of 1e-16.
    pub(crate) turnover: i128,
    pub(crate) last_ms: i64,
}

impl TapeBar {
    /// Creates a bar of one trade.
    #[inline]
    pub(crate) fn of(open_ms: i64, trade: &TapeTrade) -> Self {
        let price = trade.price_e8;
        let mut bar = Self {
            open_ms,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 0,
            buy_volume: 0,
            turnover: 0,
            last_ms: 0,
        };
        bar.add(trade);
        bar
    }

    /// Adds the next trade.
    #[inline]
    pub(crate) fn add(&mut self, trade: &TapeTrade) {
        let size = i128::from(trade.size_e8);
        self.high = self.high.max(trade.price_e8);
        self.low = self.low.min(trade.price_e8);
        self.close = trade.price_e8;
        self.volume += size;
        if trade.side == TakerSide::Buy {
            self.buy_volume += size;
        }
        self.turnover += size * i128::from(trade.price_e8);
        self.last_ms = trade.time_ms;
    }

    /// Adds the bar that follows.
    pub(crate) fn append(&mut self, next: &Self) {
        self.high = self.high.max(next.high);
        self.low = self.low.min(next.low);
        self.close = next.close;
        self.volume += next.volume;
        self.buy_volume += next.buy_volume;
        self.turnover += next.turnover;
        self.last_ms = next.last_ms;
    }

    /// Folds some trades, oldest first, into a bar.
    pub(crate) fn fold<'a>(open_ms: i64, mut trades: impl Iterator<Item = &'a TapeTrade>) -> Option<Self> {
        let mut bar = Self::of(open_ms, trades.next()?);
        trades.for_each(|trade| bar.add(trade));
        Some(bar)
    }

    /// Joins some shorter bars, oldest first, into one.
    pub(crate) fn join<'a>(open_ms: i64, mut bars: impl Iterator<Item = &'a Self>) -> Option<Self> {
        let mut joined = Self { open_ms, ..*bars.next()? };
        bars.for_each(|bar| joined.append(bar));
        Some(joined)
    }
}
