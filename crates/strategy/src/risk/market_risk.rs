//! What a risk gate knows of one market.

use market_backbone_core::{Side, Timestamp};
use rust_decimal::Decimal;

use crate::order::{OrderFill, OrderId, Position};

/// An order that the gate let pass.
#[derive(Clone, Copy, Debug)]
pub(super) struct PassedOrder {
    pub(super) order: OrderId,
    pub(super) quantity: Decimal,
    pub(super) is_entry: bool,
    /// `true` if the gate itself sent it, to close the position.
    pub(super) closes: bool,
}

/// The state of one market.
#[derive(Debug)]
pub(super) struct MarketRisk {
    /// The event time of the latest data.
    pub(super) heard: Timestamp,
    /// The latest price; not a number before the first.
    pub(super) price: f64,
    /// The orders that have not ended.
    pub(super) orders: Vec<PassedOrder>,
    /// When the position was entered, if there is one.
    pub(super) entered: Option<Timestamp>,
    /// The result of the trade so far: what was realized, less fees.
    result: Decimal,
    realized: Decimal,
}

impl Default for MarketRisk {
    fn default() -> Self {
        let (result, realized) = (Decimal::ZERO, Decimal::ZERO);
        Self { heard: Timestamp::MIN, price: f64::NAN, orders: Vec::new(), entered: None, result, realized }
    }
}

impl MarketRisk {
    /// Returns how much open entries may still add to the position.
    pub(super) fn entering(&self) -> Decimal {
        self.orders.iter().filter(|order| order.is_entry).map(|order| order.quantity).sum()
    }

    pub(super) fn is_closing(&self) -> bool {
        self.orders.iter().any(|order| order.closes)
    }

    /// Takes a fill into account. Returns the result of the trade if it has ended with it.
    pub(super) fn on_fill(&mut self, fill: &OrderFill, position: Position) -> Option<Decimal> {
        let fee = if fill.fee_in_base { fill.fee * fill.price } else { fill.fee };
        self.result += position.realized - self.realized - fee;
        self.realized = position.realized;
        if !position.is_flat() {
            self.entered.get_or_insert(fill.time);
            return None;
        }
        self.entered.take().map(|_| std::mem::take(&mut self.result))
    }

    /// Returns whether an order could make the position larger.
    pub(super) fn is_entry(side: Side, quantity: Decimal, reduce_only: bool, held: Decimal) -> bool {
        let reducible = if side == Side::Sell { held } else { -held };
        !reduce_only && quantity > reducible
    }
}
