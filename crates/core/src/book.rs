//! Who would buy and sell, and for how much.

use std::time::Duration;

use crate::{Symbol, Timestamp};

/// Orders at one price.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Level {
    /// In the quote currency.
    pub price: f64,
    /// In the base currency.
    pub size: f64,
}

/// A whole order book as deep as the venue shows it; never a difference to an earlier one.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderBook {
    /// Which market.
    pub symbol: Symbol,
    /// Offers to sell, cheapest first.
    pub asks: Vec<Level>,
    /// Offers to buy, dearest first.
    pub bids: Vec<Level>,
    /// The venue's own sum of the asks' sizes, where it gives one.
    pub total_ask_size: Option<f64>,
    /// The venue's own sum of the bids' sizes, where it gives one.
    pub total_bid_size: Option<f64>,
    /// When the book last changed, by the venue's clock.
    pub time: Timestamp,
    /// When we heard of it, by ours.
    pub received: Timestamp,
}

impl OrderBook {
    /// How long before `now` (by our clock) we heard of it.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Duration {
        now.since(self.received)
    }

    /// The cheapest offer to sell.
    #[must_use]
    pub fn best_ask(&self) -> Option<Level> {
        self.asks.first().copied()
    }

    /// The dearest offer to buy.
    #[must_use]
    pub fn best_bid(&self) -> Option<Level> {
        self.bids.first().copied()
    }

    /// Whether asks rise, bids fall and the best ask is above the best bid.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let is_uncrossed = match (self.best_bid(), self.best_ask()) {
            (Some(bid), Some(ask)) => bid.price < ask.price,
            _ => true,
        };
        is_uncrossed
            && self.asks.is_sorted_by(|a, b| a.price < b.price)
            && self.bids.is_sorted_by(|a, b| a.price > b.price)
    }
}
