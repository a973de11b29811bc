//! The order book: bids and asks with their prices and sizes.

use std::time::Duration;

use crate::{Symbol, Timestamp};

/// The orders at one price.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Level {
    /// The price of this level, in the quote currency.
    pub price: f64,
    /// The sum of the orders' sizes, in the base currency.
    pub size: f64,
}

/// A whole order book, as deep as the venue shows it. It is never a difference to an earlier book.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderBook {
    /// The market this book belongs to.
    pub symbol: Symbol,
    /// The offers to sell, lowest price first.
    pub asks: Vec<Level>,
    /// The offers to buy, highest price first.
    pub bids: Vec<Level>,
    /// The venue's own sum of the asks' sizes, where it sends one.
    pub total_ask_size: Option<f64>,
    /// The venue's own sum of the bids' sizes, where it sends one.
    pub total_bid_size: Option<f64>,
    /// The time at which the book last changed, by the venue's clock.
    pub time: Timestamp,
    /// The time at which the book arrived here, by the local clock.
    pub received: Timestamp,
}

impl OrderBook {
    /// Returns how long before `now` (by the local clock) the book arrived.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Duration {
        now.since(self.received)
    }

    /// Returns the cheapest offer to sell.
    #[must_use]
    pub fn best_ask(&self) -> Option<Level> {
        self.asks.first().copied()
    }

    /// Returns the highest offer to buy.
    #[must_use]
    pub fn best_bid(&self) -> Option<Level> {
        self.bids.first().copied()
    }

    /// Returns whether asks rise, bids fall and the best ask is above the best bid.
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
