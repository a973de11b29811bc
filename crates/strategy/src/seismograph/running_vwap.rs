//! The volume-weighted average price since the session began.

/// A volume-weighted average price.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RunningVwap {
    turnover: f64,
    volume: f64,
}

impl RunningVwap {
    /// Adds a trade. What is no price or no amount is not added.
    pub fn add(&mut self, price: f64, size: f64) {
        if price > 0.0 && size > 0.0 && (price * size).is_finite() {
            self.turnover += price * size;
            self.volume += size;
        }
    }

    /// Adds what was traded in a candle. What is no amount is not added.
    pub fn add_sums(&mut self, turnover: f64, volume: f64) {
        if turnover > 0.0 && volume > 0.0 && turnover.is_finite() && volume.is_finite() {
            self.turnover += turnover;
            self.volume += volume;
        }
    }

    /// Adds all that another one holds.
    pub fn merge(&mut self, other: &Self) {
        self.turnover += other.turnover;
        self.volume += other.volume;
    }

    /// Forgets all trades.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Returns the average price, or `None` before the first trade.
    #[must_use]
    pub fn price(&self) -> Option<f64> {
        (self.volume > 0.0).then(|| self.turnover / self.volume)
    }

    /// Returns the volume it is weighted by.
    #[must_use]
    pub const fn volume(&self) -> f64 {
        self.volume
    }
}
