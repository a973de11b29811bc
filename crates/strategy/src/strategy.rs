//! What a user writes: a [`Strategy`], called with each event and a [`Context`] that takes its orders.
//!
//! A context shows what is known at the event that is being handled and nothing later, so that looking ahead is not
//! a mistake one can make.

use market_backbone_core::{Candle, FeedEvent, Gap, OrderBook, Series, Symbol, Timestamp, Trade};
use rust_decimal::Decimal;

use crate::broker::{BrokerEvent, OrderError};
use crate::order::{OrderFill, OrderId, OrderKind, OrderRequest, Position};

/// The things that a strategy may ask for and do while it handles an event.
///
/// The concrete context of the runner implements it; tests of a strategy may use one of their own.
pub trait Context {
    /// Returns the time of the event that is being handled.
    fn now(&self) -> Timestamp;

    /// Returns the last `count` closed candles of `series` that are known now, oldest first; fewer if there are not so many.
    fn history(&self, series: &Series, count: usize) -> Vec<Candle>;

    /// Sends an order; it can be filled by later events only.
    ///
    /// # Errors
    ///
    /// [`OrderError`] if the order, or the risk rules, forbid it at once.
    fn submit(&mut self, request: OrderRequest) -> Result<OrderId, OrderError>;

    /// Asks for the rest of an order to be cancelled.
    ///
    /// # Errors
    ///
    /// [`OrderError::NotOpen`] if there is nothing to cancel.
    fn cancel(&mut self, order: OrderId) -> Result<(), OrderError>;

    /// Changes the terms of an order.
    ///
    /// # Errors
    ///
    /// As for [`submit`](Self::submit) and [`cancel`](Self::cancel).
    fn amend(&mut self, order: OrderId, kind: OrderKind) -> Result<(), OrderError>;

    /// Returns what is held of `symbol`.
    fn position(&self, symbol: &Symbol) -> Position;

    /// Returns the cash of the account, in the quote currency.
    fn cash(&self) -> Decimal;

    /// Returns the value of the account at the latest known prices, in the quote currency.
    fn equity(&self) -> Decimal;

    /// Asks to be called with [`Strategy::on_timer`] at this event time or at the first event after it. A time that is
    /// not after [`now`](Self::now) means the next event.
    fn wake_at(&mut self, time: Timestamp);
}

/// A trading strategy. Every method has an empty default: implement what you need.
pub trait Strategy {
    /// Returns the number of bars that the strategy must have seen before its decisions count.
    ///
    /// A run can feed it that many bars of the past by [`on_warm_up`](Self::on_warm_up); a check compares runs that begin
    /// at different times from then on.
    fn warm_up(&self) -> usize {
        0
    }

    /// Handles a bar of the past, before the first event. There is no context, because nothing can be ordered then.
    fn on_warm_up(&mut self, series: &Series, candle: &Candle) {
        let _ = (series, candle);
    }

    /// Handles a bar that has closed, once. A slot in which nobody traded is no bar.
    fn on_bar(&mut self, series: &Series, candle: &Candle, context: &mut dyn Context) {
        let _ = (series, candle, context);
    }

    /// Handles a revision of a bar that [`on_bar`](Self::on_bar) has had. The history holds it already.
    fn on_revision(&mut self, series: &Series, candle: &Candle, context: &mut dyn Context) {
        let _ = (series, candle, context);
    }

    /// Handles a trade of the market.
    fn on_trade(&mut self, trade: &Trade, context: &mut dyn Context) {
        let _ = (trade, context);
    }

    /// Handles a new state of an order book.
    fn on_book(&mut self, book: &OrderBook, context: &mut dyn Context) {
        let _ = (book, context);
    }

    /// Handles an interruption of the feed, or a change in what is known about one.
    fn on_gap(&mut self, gap: &Gap, context: &mut dyn Context) {
        let _ = (gap, context);
    }

    /// Handles a fill of one of the strategy's orders.
    fn on_fill(&mut self, fill: &OrderFill, context: &mut dyn Context) {
        let _ = (fill, context);
    }

    /// Handles any other news of an order: accepted, triggered, cancelled, rejected.
    fn on_order(&mut self, news: &BrokerEvent, context: &mut dyn Context) {
        let _ = (news, context);
    }

    /// Handles a timer that [`Context::wake_at`] set.
    fn on_timer(&mut self, context: &mut dyn Context) {
        let _ = context;
    }

    /// Handles any event that has no method of its own: tickers, bands, forming candles, bars without a trade.
    fn on_event(&mut self, event: &FeedEvent, context: &mut dyn Context) {
        let _ = (event, context);
    }
}
