//! What happened to a market's price in one slot of time.

use std::fmt;

use crate::{Symbol, Timeframe, Timestamp};

/// A market and a timeframe: the name of a row of candles.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Series {
    /// The market.
    pub symbol: Symbol,
    /// How long each candle lasts.
    pub timeframe: Timeframe,
}

impl Series {
    /// The candles of `symbol` at `timeframe`.
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

/// The trades of one slot, summed up. A slot without a trade has no candle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candle {
    /// When the slot begins; with the series, the candle's key.
    pub open_time: Timestamp,
    /// First price, in the quote currency.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Amount traded, in the base currency.
    pub volume: f64,
    /// Amount traded, in the quote currency.
    pub turnover: f64,
    /// Whether the slot has ended and the venue has settled it. Only final candles are stored.
    pub is_final: bool,
}

impl Candle {
    /// Whether the figures can be true: positive finite prices, low ≤ open, close ≤ high, no negative amount.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let Self { open, high, low, close, volume, turnover, .. } = *self;
        let inside = |price: f64| low <= price && price <= high;
        low > 0.0 && high.is_finite() && inside(open) && inside(close) && volume >= 0.0 && turnover >= 0.0
    }

    /// Whether both say the same of one slot, as far as two who added up the same trades must agree: prices to the bit,
    /// the volume to a share of 10⁻¹² and the turnover to one of 10⁻⁹.
    ///
    /// Volume and turnover are sums. The volume is exact on both sides where amounts are decimals of at most eight
    /// places; else its last bits hang on the order of the trades. A turnover is a sum of products with up to sixteen
    /// places, and is spelt with more digits on one channel than on another.
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
