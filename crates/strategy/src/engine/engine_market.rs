//! What the engine is doing in one market.

use market_backbone_core::Timestamp;
use rust_decimal::Decimal;

use super::double_tap::DoubleTap;
use crate::order::OrderId;
use crate::trailing::TrailingStop;

/// The engine's state in one market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EnginePhase {
    /// Nothing is held and nothing was sent.
    #[default]
    Flat,
    /// An entry was sent.
    Entering,
    /// A position is held.
    Held,
    /// An order that closes the position at the market was sent.
    Exiting,
}

/// Where a position is left.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ExitPrices {
    pub(super) stop: Decimal,
    pub(super) target: Option<Decimal>,
}

/// One market's orders and position.
#[derive(Debug, Default)]
pub(super) struct EngineMarket {
    pub(super) phase: EnginePhase,
    pub(super) entry_order: Option<OrderId>,
    pub(super) stop_order: Option<OrderId>,
    pub(super) target_order: Option<OrderId>,
    pub(super) exit_order: Option<OrderId>,
    pub(super) quantity: Decimal,
    pub(super) exits: ExitPrices,
    /// Where the broker's stop order is.
    pub(super) broker_stop: Decimal,
    /// Where it has to be.
    pub(super) wanted_stop: Decimal,
    pub(super) atr: Option<f64>,
    pub(super) trailing: Option<TrailingStop>,
    /// When the entry was sent, and since when something is held.
    pub(super) sent: Timestamp,
    pub(super) held_since: Timestamp,
    pub(super) double_tap: Option<DoubleTap>,
    /// The highest price of the day and the day's number, for a second entry.
    pub(super) day_high: f64,
    pub(super) day: i64,
    pub(super) vwap: Option<f64>,
}

impl EngineMarket {
    pub(super) fn begin(
        &mut self,
        entry: OrderId,
        quantity: Decimal,
        exits: ExitPrices,
        atr: Option<f64>,
        now: Timestamp,
    ) {
        self.phase = EnginePhase::Entering;
        (self.entry_order, self.exit_order) = (Some(entry), None);
        (self.quantity, self.exits, self.wanted_stop) = (quantity, exits, exits.stop);
        (self.atr, self.trailing) = (atr, None);
        self.sent = now;
    }

    pub(super) const fn hold(&mut self, time: Timestamp) {
        self.phase = EnginePhase::Held;
        self.held_since = time;
    }

    pub(super) const fn is_held(&self) -> bool {
        matches!(self.phase, EnginePhase::Held | EnginePhase::Exiting)
    }

    pub(super) fn orders(&self) -> impl Iterator<Item = OrderId> {
        let Self { entry_order, stop_order, target_order, exit_order, .. } = *self;
        [entry_order, stop_order, target_order, exit_order].into_iter().flatten()
    }

    pub(super) fn clear(&mut self) {
        self.phase = EnginePhase::Flat;
        (self.entry_order, self.stop_order, self.target_order, self.exit_order) = (None, None, None, None);
        self.trailing = None;
    }

    /// Takes note of a price, for the day's high.
    pub(super) fn note_price(&mut self, price: f64, day: i64) {
        if day != self.day {
            (self.day, self.day_high, self.vwap) = (day, f64::NEG_INFINITY, None);
        }
        self.day_high = self.day_high.max(price);
    }
}
