//! Share splits: one share becomes several, or several become one, and earlier prices are in other units.
//!
//! Candles are stored as they were traded and adjusted when they are read. So a split changes nothing that is
//! stored, nothing has to be fetched again, and the unadjusted data remain available. Dividends are not taken
//! out of prices, neither here nor by the venue.

mod adjust;
mod history;
#[cfg(test)]
mod tests;

pub use self::adjust::{AdjustedCandles, StraddlingCandle};
pub use self::history::SplitHistory;
use crate::{Symbol, Timestamp};

/// A split: from a moment on, `from` old shares are `to` new ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// The share that is split.
    pub symbol: Symbol,
    /// The first moment of the venue's day on which the split takes effect. Candles that open before it are in
    /// old shares.
    pub effective: Timestamp,
    /// The number of old shares.
    pub from: f64,
    /// The number of new shares that replace them.
    pub to: f64,
}

impl Split {
    /// Returns the factor for prices before the split, or `None` if the figures are impossible.
    #[must_use]
    pub fn price_factor(&self) -> Option<f64> {
        let factor = self.from / self.to;
        (self.from > 0.0 && factor.is_finite() && factor > 0.0).then_some(factor)
    }
}
