//! A market at a glance.

use std::time::Duration;

use crate::{Side, Symbol, Timestamp};

/// The latest price of a market and the figures of its day.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticker {
    /// Which market.
    pub symbol: Symbol,
    /// Latest price, in the quote currency.
    pub price: f64,
    /// First price of the venue's day.
    pub open: f64,
    /// Highest price of the day.
    pub high: f64,
    /// Lowest price of the day.
    pub low: f64,
    /// Last price of the day before; changes count from here, not from `open`.
    pub previous_close: f64,
    /// Amount of the latest trade, in the base currency.
    pub size: f64,
    /// The latest trade's taker side, where the venue says.
    pub side: Option<Side>,
    /// Amount traded this day, in the base currency.
    pub day_volume: f64,
    /// Amount traded this day, in the quote currency.
    pub day_turnover: f64,
    /// Amount traded in the last 24 hours, in the base currency.
    pub volume_24h: f64,
    /// Amount traded in the last 24 hours, in the quote currency.
    pub turnover_24h: f64,
    /// When the latest trade happened, by the venue's clock.
    pub trade_time: Timestamp,
    /// When the venue wrote this.
    pub time: Timestamp,
    /// When we heard of it, by our clock.
    pub received: Timestamp,
}

impl Ticker {
    /// How long before `now` (by our clock) we heard of it. What has happened since on its way to us is not in it.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Duration {
        now.since(self.received)
    }

    /// Change against the day before, in the quote currency.
    #[must_use]
    pub fn change(&self) -> f64 {
        self.price - self.previous_close
    }

    /// Change against the day before, as a fraction: 0.01 is one percent.
    #[must_use]
    pub fn change_rate(&self) -> f64 {
        if self.previous_close > 0.0 { self.change() / self.previous_close } else { 0.0 }
    }
}
