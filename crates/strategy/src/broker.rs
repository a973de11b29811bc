//! The port to who executes orders.
//!
//! The paper broker is the one implementation; no real order leaves this workspace. A broker sees every event *before*
//! the strategy does: an order that a strategy sends while it handles an event can be filled by a later event only.

use std::sync::Arc;

use market_backbone_core::{FeedEvent, Symbol, Timestamp};
use rust_decimal::Decimal;

use crate::order::{OrderFill, OrderId, OrderKind, OrderRequest, OrderStatus, Position};

/// News about an order.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum BrokerEvent {
    /// A part of an order, or all of it, was executed.
    Fill(OrderFill),
    /// An order changed its state without a fill.
    Status {
        /// The order that changed.
        order: OrderId,
        /// Its market.
        symbol: Symbol,
        /// The new state.
        status: OrderStatus,
        /// The time of the event that changed it.
        time: Timestamp,
        /// The reason of a cancellation or rejection: what is wrong, and what to do about it.
        reason: Option<Arc<str>>,
    },
}

/// The reason why a request about an order was refused at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// There is no such order, or it has ended.
    #[error("order {0} is not open")]
    NotOpen(OrderId),
    /// The order breaks a rule of the venue or of the account.
    #[error("{0}")]
    Refused(Arc<str>),
}

/// Executes orders and keeps the account.
pub trait Broker {
    /// Sends an order at event time `now`. A broker that refuses it later says so with [`OrderStatus::Rejected`].
    ///
    /// # Errors
    ///
    /// [`OrderError::Refused`] if the order can be seen to be wrong at once.
    fn submit(&mut self, request: OrderRequest, now: Timestamp) -> Result<OrderId, OrderError>;

    /// Asks for the rest of an order to be cancelled.
    ///
    /// # Errors
    ///
    /// [`OrderError::NotOpen`] if there is nothing to cancel.
    fn cancel(&mut self, order: OrderId, now: Timestamp) -> Result<(), OrderError>;

    /// Changes the terms of an order that has not been filled.
    ///
    /// # Errors
    ///
    /// As for [`submit`](Self::submit) and [`cancel`](Self::cancel).
    fn amend(&mut self, order: OrderId, kind: OrderKind, now: Timestamp) -> Result<(), OrderError>;

    /// Takes an event of the market and appends what it does to the orders, in order.
    fn on_event(&mut self, event: &FeedEvent, news: &mut Vec<BrokerEvent>);

    /// Returns the cash of the account, in the quote currency.
    fn cash(&self) -> Decimal;

    /// Returns what is held of `symbol`.
    fn position(&self, symbol: &Symbol) -> Position;

    /// Returns the value of the account at the latest known prices, in the quote currency.
    fn equity(&self) -> Decimal;

    /// Returns the value of the account as [`equity`](Self::equity) does, rounded: for equity curves, which ask with
    /// every event.
    fn equity_f64(&self) -> f64 {
        crate::decimals::nearest(self.equity())
    }

    /// Appends the news of requests that took effect at once, such as a cancellation without latency. Without this call
    /// they come with the next event.
    fn take_news(&mut self, news: &mut Vec<BrokerEvent>) {
        let _ = news;
    }
}
