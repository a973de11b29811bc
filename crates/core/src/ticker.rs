//! The ticker of a market: latest price and day figures.

use std::time::Duration;

use crate::{Side, Symbol, Timestamp};

/// The latest price of a market and the figures of its day.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticker {
    /// The market of the ticker.
    pub symbol: Symbol,
    /// The latest price, in the quote currency.
    pub price: f64,
    /// The first price of the venue's day.
    pub open: f64,
    /// The highest price of the day.
    pub high: f64,
    /// The lowest price of the day.
    pub low: f64,
    /// The last price of the day before. Changes count from here, not from `open`.
    pub previous_close: f64,
    /// The amount of the latest trade, in the base currency.
    pub size: f64,
    /// The latest trade's taker side, where the venue sends it.
    pub side: Option<Side>,
    /// The amount traded this day, in the base currency.
    pub day_volume: f64,
    /// The amount traded this day, in the quote currency.
    pub day_turnover: f64,
    /// The amount traded in the last 24 hours, in the base currency.
    pub volume_24h: f64,
    /// The amount traded in the last 24 hours, in the quote currency.
    pub turnover_24h: f64,
    /// The time of the latest trade, by the venue's clock.
    pub trade_time: Timestamp,
    /// The time at which the venue wrote this ticker.
    pub time: Timestamp,
    /// The time at which the ticker arrived here, by the local clock.
    pub received: Timestamp,
}

impl Ticker {
    /// Returns how long before `now` (by the local clock) the ticker arrived. Changes that are still on their way
    /// are not included.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Duration {
        now.since(self.received)
    }

    /// Returns the change against the previous close, in the quote currency.
    #[must_use]
    pub fn change(&self) -> f64 {
        self.price - self.previous_close
    }

    /// Returns the change against the previous close, as a fraction: 0.01 is one percent.
    #[must_use]
    pub fn change_rate(&self) -> f64 {
        if self.previous_close > 0.0 { self.change() / self.previous_close } else { 0.0 }
    }
}
