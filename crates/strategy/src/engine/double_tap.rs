//! A second entry after an exit: smaller, above the day's high, with a close trailing exit.

use std::time::Duration;

use market_backbone_core::{Side, Symbol, Timestamp};
use rust_decimal::Decimal;

use crate::decimals::decimal;
use crate::order::{OrderId, OrderKind, OrderRequest, TrailingDistance};
use crate::strategy::Context;

/// The rules of a second entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoubleTapRules {
    /// The time after the exit before which nothing is watched.
    pub cooldown: Duration,
    /// The share of the first entry's size.
    pub size: Decimal,
    /// The amount above the day's high at which the entry is triggered.
    pub above_high: Decimal,
    /// The most that is paid above the trigger, as a fraction of it.
    pub slack: Decimal,
    /// The distance of the trailing exit, as a fraction of the best price.
    pub trail: Decimal,
}

/// Three minutes of cooldown, half the size, a hundredth above the high with a slack of 0.5 %, an exit 1 % below the best
/// price.
impl Default for DoubleTapRules {
    fn default() -> Self {
        Self {
            cooldown: Duration::from_secs(180),
            size: Decimal::new(5, 1),
            above_high: Decimal::new(1, 2),
            slack: Decimal::new(5, 3),
            trail: Decimal::new(1, 2),
        }
    }
}

/// The state of a second entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubleTapState {
    /// The exit was too short a time ago.
    Cooldown,
    /// The price is watched.
    Watching,
    /// The entry order waits above the day's high.
    Triggered,
    /// The second position is held.
    Entered,
    /// The second position was closed. This is final.
    Completed,
    /// The entry order ended without a fill. This is final.
    Cancelled,
}

/// One second entry, from the first exit to the end.
#[derive(Clone, Debug, PartialEq)]
pub struct DoubleTap {
    rules: DoubleTapRules,
    state: DoubleTapState,
    left_at: Timestamp,
    quantity: Decimal,
    entry: Option<OrderId>,
    exit: Option<OrderId>,
}

impl DoubleTap {
    /// Returns the second entry after a position of `quantity` was left at `left_at`.
    #[must_use]
    pub fn new(rules: DoubleTapRules, left_at: Timestamp, quantity: Decimal) -> Self {
        let quantity =
            (quantity * rules.size).round_dp_with_strategy(8, rust_decimal::RoundingStrategy::ToZero);
        Self { rules, state: DoubleTapState::Cooldown, left_at, quantity, entry: None, exit: None }
    }

    /// Returns the state.
    #[must_use]
    pub const fn state(&self) -> DoubleTapState {
        self.state
    }

    pub(super) fn orders(&self) -> impl Iterator<Item = OrderId> {
        [self.entry, self.exit].into_iter().flatten()
    }

    /// Takes a price of the market, with the day's high and the session's VWAP. Without a VWAP nothing is sent: a check that
    /// is not known has not passed.
    pub fn on_price(
        &mut self,
        symbol: &Symbol,
        price: f64,
        day_high: f64,
        vwap: Option<f64>,
        now: Timestamp,
        context: &mut dyn Context,
    ) {
        if self.state == DoubleTapState::Cooldown && now.since(self.left_at) >= self.rules.cooldown {
            self.state = DoubleTapState::Watching;
        }
        let is_above = vwap.is_some_and(|vwap| price > vwap);
        if self.state != DoubleTapState::Watching || !is_above {
            return;
        }
        let Some(high) = decimal(day_high) else { return };
        let trigger = high + self.rules.above_high;
        let price = (trigger * (Decimal::ONE + self.rules.slack)).round_dp(8);
        let kind = OrderKind::StopLimit { trigger, price };
        let entry = OrderRequest::new(symbol.clone(), Side::Buy, self.quantity, kind).tag("double tap");
        // Refused: the next price tries again.
        let Ok(entry) = context.submit(entry) else { return };
        let distance = TrailingDistance::Fraction(self.rules.trail);
        let exit =
            OrderRequest::new(symbol.clone(), Side::Sell, self.quantity, OrderKind::Trailing { distance });
        self.exit = context.submit(exit.after(entry).reduce_only().tag("double tap exit")).ok();
        (self.entry, self.state) = (Some(entry), DoubleTapState::Triggered);
    }

    /// Takes a fill of the market.
    pub(super) fn on_fill(&mut self, order: OrderId, is_flat: bool) {
        if self.entry == Some(order) {
            self.state = DoubleTapState::Entered;
        }
        if self.state == DoubleTapState::Entered && is_flat {
            self.state = DoubleTapState::Completed;
        }
    }

    /// Takes the end of an order without a fill.
    pub(super) fn on_end(&mut self, order: OrderId) {
        if self.entry == Some(order) && self.state == DoubleTapState::Triggered {
            self.state = DoubleTapState::Cancelled;
        }
    }
}
