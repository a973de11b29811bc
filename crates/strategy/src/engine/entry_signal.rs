//! A signal to buy.

use std::sync::Arc;

use market_backbone_core::{Symbol, Timestamp};

use crate::seismograph::MarketReading;

/// A signal to buy a market now.
#[derive(Clone, Debug, PartialEq)]
pub struct EntrySignal {
    /// The market to buy.
    pub symbol: Symbol,
    /// The confidence, from 0 to 1.
    pub confidence: f64,
    /// The reason, in words.
    pub reason: Arc<str>,
    /// The price at which the signal arose.
    pub price: f64,
    /// The average true range of the closed daily bars, if it is known. None is assumed.
    pub atr: Option<f64>,
    /// The event time at which the signal arose.
    pub time: Timestamp,
}

impl EntrySignal {
    /// Returns the signal in a reading of the scores: the move has started, the market may be traded, and every check against
    /// traps has passed. A check that is not known lets no order through.
    #[must_use]
    pub fn from_reading(reading: &MarketReading) -> Option<Self> {
        if !reading.lets_orders_through() {
            return None;
        }
        let score = reading.ignition.score;
        Some(Self {
            symbol: reading.symbol.clone(),
            confidence: score / 100.0,
            reason: format!("ignition score {score:.1}").into(),
            price: reading.price?,
            atr: reading.atr,
            time: reading.time,
        })
    }
}
