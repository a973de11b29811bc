//! Everything that is known of a market at a moment.

use std::sync::Arc;

use market_backbone_core::{Symbol, Timestamp};

use super::accumulation::AccumulationScore;
use super::anti_trap::AntiTrapReport;
use super::ignition::IgnitionScore;
use super::stage::Stage;
use crate::zen::{DivergenceEdge, ZenScore};

/// The scores of a market at a moment of event time.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketReading {
    /// The market that was read.
    pub symbol: Symbol,
    /// The moment, in event time.
    pub time: Timestamp,
    /// The time of the last trade, if there was one.
    pub last_trade: Option<Timestamp>,
    /// The latest price, or `None` before the first.
    pub price: Option<f64>,
    /// The change against the previous close in percent, if both are known.
    pub change_percent: Option<f64>,
    /// The volume of the session in the base currency, if it is known.
    pub volume: Option<f64>,
    /// The mean volume of a day in the base currency, if it is known.
    pub mean_volume: Option<f64>,
    /// The close of the last closed day, if it is known.
    pub last_close: Option<f64>,
    /// The volume-weighted average price of the session, if it is known.
    pub vwap: Option<f64>,
    /// The average true range of the last 14 closed days in the quote currency, if it is known.
    pub atr: Option<f64>,
    /// The ignition score.
    pub ignition: IgnitionScore,
    /// The answers of the checks against traps.
    pub anti_trap: AntiTrapReport,
    /// The scores zenV and zenP of the session so far.
    pub zen: ZenScore,
    /// `true` if volume and price diverge.
    pub is_diverging: bool,
    /// The beginning or end of a divergence that this very event brought about.
    pub edge: Option<DivergenceEdge>,
    /// The accumulation score of the closed days, if they were loaded.
    pub accumulation: Option<Arc<AccumulationScore>>,
    /// The composite rank: the ignition score, or ten times zenV less zenP.
    pub rank: f64,
}

impl MarketReading {
    /// Returns the stage of the accumulation; without closed days there is none.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.accumulation.as_ref().map_or(Stage::None, |score| score.stage)
    }

    /// Returns whether the accumulation lets the market be traded.
    #[must_use]
    pub fn can_trade(&self) -> bool {
        self.accumulation.as_ref().is_some_and(|score| score.can_trade)
    }

    /// Returns whether an order may be sent: the move has started, the market may be traded, and every check against traps
    /// has passed.
    #[must_use]
    pub fn lets_orders_through(&self) -> bool {
        self.ignition.is_ignited && self.can_trade() && self.anti_trap.lets_orders_through()
    }
}
