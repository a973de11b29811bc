//! The log of decisions: what was decided, when, and what was known then.
//!
//! It holds no wall-clock time and no receive time, so the same events give the same bytes: live, in replay and in
//! backtest.

mod diff;
mod json_log;

use market_backbone_core::{FeedEvent, Gap, Timestamp};

pub use self::diff::{Divergence, FieldDifference, first_divergence};
pub use self::json_log::JsonDecisionLog;
use crate::broker::{BrokerEvent, OrderError};
use crate::order::{OrderFill, OrderId, OrderKind, OrderRequest};

/// Takes the entries of a decision log.
pub trait DecisionLog {
    /// `false` if entries go nowhere, so that none need be made.
    const IS_KEPT: bool = true;

    /// Takes an entry, in order.
    fn note(&mut self, entry: &DecisionEntry<'_>);
}

/// The log of a run whose decisions nobody wants to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDecisionLog;

impl DecisionLog for NoDecisionLog {
    const IS_KEPT: bool = false;

    fn note(&mut self, _entry: &DecisionEntry<'_>) {}
}

impl<L: DecisionLog> DecisionLog for &mut L {
    const IS_KEPT: bool = L::IS_KEPT;

    fn note(&mut self, entry: &DecisionEntry<'_>) {
        (**self).note(entry);
    }
}

/// One entry: a decision of the strategy, or what became of one.
#[derive(Clone, Copy, Debug)]
pub struct DecisionEntry<'a> {
    /// The number of the entry, counted from 0.
    pub sequence: u64,
    /// The event time.
    pub time: Timestamp,
    /// The input that was being handled.
    pub cause: Cause<'a>,
    /// The decision, or what became of one.
    pub kind: DecisionKind<'a>,
}

/// The input that a strategy was handling when it decided.
#[derive(Clone, Copy, Debug)]
pub enum Cause<'a> {
    /// An event of the feed.
    Event(&'a FeedEvent),
    /// News about one of its orders.
    News(&'a BrokerEvent),
    /// A timer, called while this event was at hand.
    Timer(&'a FeedEvent),
}

/// The kinds of entries.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum DecisionKind<'a> {
    /// The strategy sent an order.
    Submit {
        /// The order.
        request: &'a OrderRequest,
        /// The number it got, or why it was refused at once.
        outcome: Result<OrderId, &'a OrderError>,
    },
    /// The strategy cancelled an order.
    Cancel {
        /// The order.
        order: OrderId,
        /// The reason of a refusal.
        outcome: Result<(), &'a OrderError>,
    },
    /// The strategy changed the terms of an order.
    Amend {
        /// The order.
        order: OrderId,
        /// The new terms.
        terms: OrderKind,
        /// The reason of a refusal.
        outcome: Result<(), &'a OrderError>,
    },
    /// An order was filled, in part or wholly.
    Fill(&'a OrderFill),
    /// An order changed its state without a fill.
    Status(&'a BrokerEvent),
    /// The feed was interrupted, or more became known about an interruption.
    Gap(&'a Gap),
    /// The reader was too slow and events were dropped.
    Lagged {
        /// The number of dropped events.
        missed: u64,
    },
}

impl<'a> DecisionKind<'a> {
    pub(crate) const fn of_news(news: &'a BrokerEvent) -> Self {
        match news {
            BrokerEvent::Fill(fill) => Self::Fill(fill),
            BrokerEvent::Status { .. } => Self::Status(news),
        }
    }
}
