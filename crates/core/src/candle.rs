//! A candle and the series it belongs to.

use std::fmt;

use crate::{Symbol, Timeframe, Timestamp};

/// A market and a timeframe, which together name a series of candles.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Series {
    /// The market whose candles these are.
    pub symbol: Symbol,
    /// The length of each candle.
    pub timeframe: Timeframe,
}

impl Series {
    /// Returns the series of `symbol` at `timeframe`.
    #[must_use]
    pub const fn new(symbol: Symbol, timeframe: Timeframe) -> Self {
        Self { symbol, timeframe }
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.symbol, self.timeframe)
    }
}

/// The summary of the trades in one slot. A slot without a trade has no candle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candle {
    /// The start of the slot. Together with the series it is the candle's key.
    pub open_time: Timestamp,
    /// The first price, in the quote currency.
    pub open: f64,
    /// The highest price, in the quote currency.
    pub high: f64,
    /// The lowest price, in the quote currency.
    pub low: f64,
    /// The last price, in the quote currency.
    pub close: f64,
    /// The amount traded, in the base currency.
    pub volume: f64,
    /// The amount traded, in the quote currency.
    pub turnover: f64,
    /// `true` if the slot has ended and the venue no longer changes the candle. Only final candles are stored.
    pub is_final: bool,
}

impl Candle {
    /// Returns whether the figures are possible: prices positive and finite, low ≤ open, close ≤ high, no
    /// negative amount.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let Self { open, high, low, close, volume, turnover, .. } = *self;
        let inside = |price: f64| low <= price && price <= high;
        low > 0.0 && high.is_finite() && inside(open) && inside(close) && volume >= 0.0 && turnover >= 0.0
    }

    /// Returns whether two candles of the same slot agree as closely as two sums of the same trades must: prices
    /// bit for bit, the volume within a relative 10⁻¹², the turnover within 10⁻⁹.
    ///
    /// Volume and turnover are sums. The volume is exact on both sides where amounts are decimals of at most
    /// eight places. Otherwise its last bits depend on the order of the trades. A turnover is a sum of products
    /// with up to sixteen places, and one channel writes it with more digits than another.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        let prices = |c: &Self| (c.open_time, [c.open, c.high, c.low, c.close]);
        let near = |a: f64, b: f64, share: f64| (a - b).abs() <= share * a.abs().max(b.abs());
        prices(self) == prices(other)
            && near(self.volume, other.volume, 1e-12)
            && near(self.turnover, other.turnover, 1e-9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: Candle = Candle {
        open_time: Timestamp::EPOCH,
        open: 2.0,
        high: 4.0,
        low: 1.0,
        close: 3.0,
        volume: 1.0,
        turnover: 2.5,
        is_final: true,
    };

    #[test]
    fn impossible_figures_are_seen() {
        assert!(VALID.is_valid());
        assert!(!Candle { low: 2.5, ..VALID }.is_valid());
        assert!(!Candle { close: 5.0, ..VALID }.is_valid());
        assert!(!Candle { volume: -1.0, ..VALID }.is_valid());
        assert!(!Candle { high: f64::NAN, ..VALID }.is_valid());
    }
}
