//! Splits: a share becomes several, or several become one, and every price before it is in another coin.
//!
//! Candles are stored as they were traded and adjusted when they are looked at. So a split changes nothing that is
//! stored, nothing has to be read again, and what was known before it can still be had. Dividends are not taken out of
//! prices, neither here nor by the venue.

mod adjust;
mod history;
#[cfg(test)]
mod tests;

pub use self::adjust::{AdjustedCandles, StraddlingCandle};
pub use self::history::SplitHistory;
use crate::{Symbol, Timestamp};

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
        (self.from > 0.0 && factor.is_finite() && factor > 0.0).then_some(factor)
    }
}
