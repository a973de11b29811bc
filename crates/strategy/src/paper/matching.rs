//! The orders of one market and the account while one event is worked through.
//!
//! The state of a match is a value: for a bar it is copied, worked through in both orders of the extremes, and one of the two is kept.

mod execute;

use std::sync::Arc;

use market_backbone_core::{Symbol, Timestamp};
use rust_decimal::Decimal;

pub(crate) use self::execute::FillPrice;
use super::account::{Account, Holding};
use super::config::{LimitReach, PaperConfig};
use super::venue_rules::VenueRules;
use super::working_order::{OrderStage, WorkingOrder};
use crate::broker::BrokerEvent;
use crate::order::{FillCertainty, OcaGroup, OrderId, OrderStatus};

/// The time and the certainty of what happens at a point of an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FillMoment {
    pub(crate) time: Timestamp,
    pub(crate) certainty: FillCertainty,
}

/// The things that fills depend on and that no fill changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MatchingTerms<'a> {
    pub(crate) config: &'a PaperConfig,
    pub(crate) rules: &'a VenueRules,
    pub(crate) symbol: &'a Symbol,
    /// The value of what is held of other markets, as far as it counts against short sales.
    pub(crate) exposure_elsewhere: Decimal,
    /// The value of the other markets' positions, which may be negative.
    pub(crate) value_elsewhere: Decimal,
}

/// The orders of one market, the account, and what has happened to them.
#[derive(Clone, Debug)]
pub(crate) struct OrderMatching<'a> {
    pub(crate) terms: MatchingTerms<'a>,
    pub(crate) orders: Vec<WorkingOrder>,
    pub(crate) account: Account,
    pub(crate) holding: Holding,
    pub(crate) news: Vec<BrokerEvent>,
    /// Groups of which a member was filled, with that member.
    pub(crate) fired: Vec<(OcaGroup, OrderId)>,
    /// The volume that may still be taken from this event; `None` for no limit.
    pub(crate) budget: Option<Decimal>,
    /// `true` while the path of a bar has left its open.
    pub(crate) inside: bool,
    /// `true` once a position was entered or enlarged inside the bar.
    pub(crate) entered: bool,
    /// The number of fills that made a position smaller after it was entered inside the bar.
    pub(crate) closed_after_entry: usize,
    /// The number of times an order was looked at, by which tests see what an event costs.
    pub(crate) looks: u64,
}

impl<'a> OrderMatching<'a> {
    pub(crate) const fn new(
        terms: MatchingTerms<'a>,
        orders: Vec<WorkingOrder>,
        account: Account,
        holding: Holding,
        news: Vec<BrokerEvent>,
    ) -> Self {
        Self {
            terms,
            orders,
            account,
            holding,
            news,
            fired: Vec::new(),
            budget: None,
            inside: false,
            entered: false,
            closed_after_entry: 0,
            looks: 0,
        }
    }

    /// Returns whether a touch of a limit is enough to fill it.
    pub(crate) const fn touch_fills(&self) -> bool {
        matches!(self.terms.config.limit_reach, LimitReach::Touch)
    }

    /// Appends a change of state.
    pub(crate) fn notify(
        &mut self,
        order: OrderId,
        status: OrderStatus,
        time: Timestamp,
        reason: Option<String>,
    ) {
        let symbol = self.terms.symbol.clone();
        self.news.push(BrokerEvent::Status { order, symbol, status, time, reason: reason.map(Arc::from) });
    }

    /// Lets take effect what has arrived by `now`: cancellations, amendments and new orders.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        for at in 0..self.orders.len() {
            self.looks += 1;
            let order = &mut self.orders[at];
            if let Some((arrival, kind)) = order.amendment
                && arrival <= now
            {
                order.amendment = None;
                // What the trigger has started cannot be called back by other terms.
                if !order.triggered {
                    order.set_terms(kind);
                }
            }
            if order.cancelled_at.is_some_and(|arrival| arrival <= now) && order.stage != OrderStage::Ended {
                self.end(at, OrderStatus::Cancelled, now, "cancelled on request".to_owned());
                continue;
            }
            let order = &mut self.orders[at];
            if order.stage == OrderStage::Travelling && order.arrives <= now {
                order.stage = OrderStage::Working;
                let id = order.id;
                self.notify(id, OrderStatus::Open, now, None);
            }
        }
    }

    /// Ends an order that was not filled, and those that wait for its first fill.
    pub(crate) fn end(&mut self, at: usize, status: OrderStatus, time: Timestamp, reason: String) {
        let order = &mut self.orders[at];
        let (id, was_filled) = (order.id, !order.filled.is_zero());
        order.stage = OrderStage::Ended;
        self.notify(id, status, time, Some(reason));
        if !was_filled {
            for child in 0..self.orders.len() {
                if self.orders[child].after == Some(id) && self.orders[child].stage == OrderStage::Waiting {
                    self.end(
                        child,
                        OrderStatus::Cancelled,
                        time,
                        format!("order {id}, which it waits for, has ended"),
                    );
                }
            }
        }
    }

    /// Ends the other members of a group of which `first` was filled.
    pub(crate) fn cancel_group(&mut self, group: OcaGroup, first: OrderId, time: Timestamp) {
        for at in 0..self.orders.len() {
            let order = &self.orders[at];
            if order.oca == Some(group) && order.id != first && order.stage != OrderStage::Ended {
                let reason = format!("order {first} of its group was filled first");
                self.end(at, OrderStatus::Cancelled, time, reason);
            }
        }
    }

    /// Marks an order as triggered at `time`: what is older can no longer fill it.
    pub(crate) fn trigger(&mut self, at: usize, time: Timestamp) {
        let order = &mut self.orders[at];
        order.triggered = true;
        order.is_resting = false;
        order.is_fresh = true;
        order.arrives = order.arrives.max(time);
        let id = order.id;
        self.notify(id, OrderStatus::Triggered, time, None);
    }

    /// Marks every order at the venue as one that now waits in the book.
    pub(crate) fn rest_all(&mut self) {
        for order in &mut self.orders {
            order.is_resting |= order.is_working();
            order.is_fresh = false;
        }
    }

    /// Marks as [`rest_all`](Self::rest_all) does those that have met this event. What it has started meets the next one.
    pub(crate) fn rest_met(&mut self) {
        for order in &mut self.orders {
            order.is_resting |= order.is_working() && !order.is_fresh;
            order.is_fresh = false;
        }
    }

    /// Returns the account's value at `price`, without the other markets.
    pub(crate) fn value_at(&self, price: Decimal) -> Decimal {
        self.account.cash + self.holding.quantity * price
    }
}
