//! Orders, fills and positions: the words between a strategy, the risk rules and a broker.
//!
//! Prices and amounts of orders are decimals, because money must add up to the last digit. The market's own prices
//! stay `f64`, as the events carry them.

use std::fmt;
use std::sync::Arc;

use market_backbone_core::{Side, Symbol, Timestamp};
use rust_decimal::Decimal;

/// The number of an order, unique within one broker and increasing with each order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct OrderId(pub u64);

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The number of a one-cancels-all group: the first fill of a member cancels the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct OcaGroup(pub u64);

/// The distance by which a trailing order stays behind the best price since it was accepted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TrailingDistance {
    /// An amount of the quote currency.
    Absolute(Decimal),
    /// A fraction of the best price: 0.01 is one percent.
    Fraction(Decimal),
}

/// The terms on which an order is executed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum OrderKind {
    /// An order at the best price there is, at the next event after it has arrived.
    Market,
    /// An order at this price or a better one.
    Limit {
        /// The worst price, in the quote currency.
        price: Decimal,
    },
    /// A market order once the market has traded at the trigger or beyond it.
    Stop {
        /// The price that triggers the order.
        trigger: Decimal,
    },
    /// A limit order once the market has traded at the trigger or beyond it.
    StopLimit {
        /// The price that triggers the order.
        trigger: Decimal,
        /// The worst price, in the quote currency.
        price: Decimal,
    },
    /// A stop order whose trigger follows the best price and never moves back.
    Trailing {
        /// The distance by which the trigger stays behind.
        distance: TrailingDistance,
    },
}

/// A strategy's request to a broker.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderRequest {
    /// The market to trade in.
    pub symbol: Symbol,
    /// The side: buy or sell.
    pub side: Side,
    /// The amount, in the base currency; above zero.
    pub quantity: Decimal,
    /// The terms of the order.
    pub kind: OrderKind,
    /// The group whose other members end with the first fill of this order, if any.
    pub oca: Option<OcaGroup>,
    /// `true` if the order may only make a position smaller. It ends when that position is closed.
    pub reduce_only: bool,
    /// The order of the same market for whose first fill this one waits at the venue, if any. It ends with an order that
    /// ends without a fill.
    pub after: Option<OrderId>,
    /// A word of the strategy's own that appears in fills, logs and reports.
    pub tag: Option<Arc<str>>,
}

impl OrderRequest {
    /// Returns a request for `quantity` of `symbol` on these terms, with neither group nor tag.
    #[must_use]
    pub const fn new(symbol: Symbol, side: Side, quantity: Decimal, kind: OrderKind) -> Self {
        Self { symbol, side, quantity, kind, oca: None, reduce_only: false, after: None, tag: None }
    }

    /// Puts the order into a one-cancels-all group.
    #[must_use]
    pub const fn oca(mut self, group: OcaGroup) -> Self {
        self.oca = Some(group);
        self
    }

    /// Lets the order only make a position smaller.
    #[must_use]
    pub const fn reduce_only(mut self) -> Self {
        self.reduce_only = true;
        self
    }

    /// Lets the order wait at the venue for the first fill of `entry`, as the exits of a bracket do.
    #[must_use]
    pub const fn after(mut self, entry: OrderId) -> Self {
        self.after = Some(entry);
        self
    }

    /// Adds a word that appears in fills, logs and reports.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<Arc<str>>) -> Self {
        self.tag = Some(tag.into());
        self
    }
}

/// The state of an order.
///
/// `Submitted → Open → (Triggered) → PartiallyFilled → Filled`, or to `Cancelled` or `Rejected` from any state before
/// `Filled`. The last three are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OrderStatus {
    /// The order is on its way to the venue; it cannot be filled yet.
    Submitted,
    /// The order is at the venue and may be filled.
    Open,
    /// A stop, stop-limit or trailing order whose trigger was reached.
    Triggered,
    /// A part of it was filled.
    PartiallyFilled,
    /// All of it was filled.
    Filled,
    /// The order ended before all of it was filled.
    Cancelled,
    /// The broker or the venue refused the order.
    Rejected,
}

impl OrderStatus {
    /// Returns whether nothing can happen to the order any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Filled | Self::Cancelled | Self::Rejected)
    }
}

/// The certainty that a fill would have happened as it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FillCertainty {
    /// The data show a trade or a quote at this price after the order had arrived.
    Proven,
    /// A rule of the fill model decided, and no other order of prices inside the bar gives another fill.
    Assumed,
    /// The order of prices inside the bar decides, and the data do not show it.
    Ambiguous,
}

/// A part of an order that was executed.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderFill {
    /// The order that was filled.
    pub order: OrderId,
    /// The market of the order.
    pub symbol: Symbol,
    /// The side of the order.
    pub side: Side,
    /// The time of the event that filled it.
    pub time: Timestamp,
    /// The price, in the quote currency.
    pub price: Decimal,
    /// The amount, in the base currency.
    pub quantity: Decimal,
    /// The fee, in the currency that [`fee_in_base`](Self::fee_in_base) says.
    pub fee: Decimal,
    /// `true` if the venue took the fee in the base currency.
    pub fee_in_base: bool,
    /// The certainty that this would have happened.
    pub certainty: FillCertainty,
    /// The strategy's word for the order.
    pub tag: Option<Arc<str>>,
}

/// The amount held of one market, and what it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Position {
    /// The amount in the base currency; negative if sold short.
    pub quantity: Decimal,
    /// The average price at which it was entered, in the quote currency; 0 while nothing is held.
    pub entry_price: Decimal,
    /// The profit of what was closed, in the quote currency, without fees.
    pub realized: Decimal,
}

impl Position {
    /// Returns whether nothing is held.
    #[must_use]
    pub const fn is_flat(&self) -> bool {
        self.quantity.is_zero()
    }
}
