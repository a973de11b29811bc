//! An order that has not ended, with its prices as the market's own numbers.

use std::sync::Arc;

use market_backbone_core::{Side, Timestamp};
use rust_decimal::Decimal;

use crate::decimals::{decimal, nearest};
use crate::order::{OcaGroup, OrderId, OrderKind, OrderRequest, OrderStatus, TrailingDistance};

/// Where an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderStage {
    /// The order waits for the first fill of another one.
    Waiting,
    /// The order is on its way to the venue.
    Travelling,
    /// The order is at the venue.
    Working,
    /// The order is removed when the event has been worked through.
    Ended,
}

/// What an order at the venue waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Aim {
    /// It takes the next price.
    Take,
    /// It waits for this limit.
    Limit(f64),
    /// It waits for this trigger.
    Trigger(f64),
}

/// One order that has not ended.
#[derive(Clone, Debug)]
pub(crate) struct WorkingOrder {
    pub(crate) id: OrderId,
    pub(crate) side: Side,
    pub(crate) kind: OrderKind,
    pub(crate) remaining: Decimal,
    pub(crate) filled: Decimal,
    pub(crate) oca: Option<OcaGroup>,
    pub(crate) after: Option<OrderId>,
    pub(crate) reduce_only: bool,
    pub(crate) tag: Option<Arc<str>>,
    pub(crate) stage: OrderStage,
    pub(crate) arrives: Timestamp,
    /// The moment at which a cancellation arrives.
    pub(crate) cancelled_at: Option<Timestamp>,
    /// Terms that are on their way, with their arrival.
    pub(crate) amendment: Option<(Timestamp, OrderKind)>,
    pub(crate) triggered: bool,
    /// `true` once an event has passed while the order was at the venue: it now waits in the book.
    pub(crate) is_resting: bool,
    /// `true` if the order may have ended in a span of which too little is known.
    pub(crate) is_doubtful: bool,
    /// The volume that stands ahead of the order at its limit, if a book told.
    pub(crate) ahead: Option<Decimal>,
    /// The best price since the order is at the venue; not a number before.
    best: f64,
    trigger: f64,
    limit: f64,
    distance: f64,
    is_fraction: bool,
}

impl WorkingOrder {
    pub(crate) fn new(id: OrderId, request: OrderRequest, arrives: Timestamp) -> Self {
        let OrderRequest { side, quantity, kind, oca, reduce_only, tag, after, .. } = request;
        let stage = if after.is_some() { OrderStage::Waiting } else { OrderStage::Travelling };
        let mut order = Self {
            id,
            side,
            kind,
            remaining: quantity,
            filled: Decimal::ZERO,
            oca,
            after,
            reduce_only,
            tag,
            stage,
            arrives,
            cancelled_at: None,
            amendment: None,
            triggered: false,
            is_resting: false,
            is_doubtful: false,
            ahead: None,
            best: f64::NAN,
            trigger: f64::NAN,
            limit: f64::NAN,
            distance: 0.0,
            is_fraction: false,
        };
        order.set_terms(kind);
        order
    }

    /// Puts the order on other terms. A trailing order keeps the best price it has seen, and its trigger follows from the
    /// new distance.
    pub(crate) fn set_terms(&mut self, kind: OrderKind) {
        self.kind = kind;
        (self.trigger, self.limit) = match kind {
            OrderKind::Market => (f64::NAN, f64::NAN),
            OrderKind::Limit { price } => (f64::NAN, nearest(price)),
            OrderKind::Stop { trigger } => (nearest(trigger), f64::NAN),
            OrderKind::StopLimit { trigger, price } => (nearest(trigger), nearest(price)),
            OrderKind::Trailing { distance } => {
                (self.distance, self.is_fraction) = match distance {
                    TrailingDistance::Absolute(amount) => (nearest(amount), false),
                    TrailingDistance::Fraction(share) => (nearest(share), true),
                };
                (f64::NAN, f64::NAN)
            }
        };
        self.is_resting = false;
        self.ahead = None;
        if matches!(kind, OrderKind::Trailing { .. }) && !self.best.is_nan() {
            self.trigger = self.trailed(self.best);
        }
    }

    pub(crate) const fn is_working(&self) -> bool {
        matches!(self.stage, OrderStage::Working)
    }

    /// Returns the state as strategies see it.
    pub(crate) fn status(&self) -> OrderStatus {
        match self.stage {
            OrderStage::Waiting | OrderStage::Travelling => OrderStatus::Submitted,
            OrderStage::Ended if self.remaining.is_zero() => OrderStatus::Filled,
            OrderStage::Ended => OrderStatus::Cancelled,
            OrderStage::Working if !self.filled.is_zero() => OrderStatus::PartiallyFilled,
            OrderStage::Working if self.triggered => OrderStatus::Triggered,
            OrderStage::Working => OrderStatus::Open,
        }
    }

    /// Returns what the order waits for.
    pub(crate) fn aim(&self) -> Aim {
        match self.kind {
            OrderKind::Market => Aim::Take,
            OrderKind::Limit { .. } => Aim::Limit(self.limit),
            OrderKind::Stop { .. } | OrderKind::Trailing { .. } if self.triggered => Aim::Take,
            OrderKind::StopLimit { .. } if self.triggered => Aim::Limit(self.limit),
            OrderKind::Stop { .. } | OrderKind::StopLimit { .. } | OrderKind::Trailing { .. } => {
                Aim::Trigger(self.trigger)
            }
        }
    }

    /// Returns the limit in decimals, if the order has one.
    pub(crate) const fn limit_price(&self) -> Option<Decimal> {
        match self.kind {
            OrderKind::Limit { price } | OrderKind::StopLimit { price, .. } => Some(price),
            OrderKind::Market | OrderKind::Stop { .. } | OrderKind::Trailing { .. } => None,
        }
    }

    /// Returns the trigger in decimals, if the order has one now.
    pub(crate) fn trigger_price(&self) -> Option<Decimal> {
        match self.kind {
            OrderKind::Stop { trigger } | OrderKind::StopLimit { trigger, .. } => Some(trigger),
            OrderKind::Trailing { distance } => {
                let best = decimal(self.best)?;
                let away = match distance {
                    TrailingDistance::Absolute(amount) => amount,
                    TrailingDistance::Fraction(share) => best * share,
                };
                Some(if self.side == Side::Sell { best - away } else { best + away })
            }
            OrderKind::Market | OrderKind::Limit { .. } => None,
        }
    }

    fn trailed(&self, best: f64) -> f64 {
        let away = if self.is_fraction { best * self.distance } else { self.distance };
        if self.side == Side::Sell { best - away } else { best + away }
    }

    /// Lets a trailing order follow the price; its trigger never moves back.
    pub(crate) fn follow(&mut self, price: f64) {
        if !matches!(self.kind, OrderKind::Trailing { .. }) || self.triggered {
            return;
        }
        let is_better = match self.side {
            Side::Sell => price > self.best,
            Side::Buy => price < self.best,
        };
        if is_better || self.best.is_nan() {
            self.best = price;
            self.trigger = self.trailed(price);
        }
    }

    /// Returns whether the price has reached the trigger.
    pub(crate) fn is_triggered_at(&self, price: f64, trigger: f64) -> bool {
        match self.side {
            Side::Sell => price <= trigger,
            Side::Buy => price >= trigger,
        }
    }

    /// Returns whether the price is beyond the limit, or at it if `touch` is enough.
    pub(crate) fn is_beyond_limit(&self, price: f64, limit: f64, touch: bool) -> bool {
        match self.side {
            Side::Buy => price < limit || touch && price == limit,
            Side::Sell => price > limit || touch && price == limit,
        }
    }

    /// Returns whether any path between these prices could do something to the order.
    pub(crate) fn may_act_between(&self, low: f64, high: f64, touch: bool) -> bool {
        match (self.aim(), self.side) {
            (Aim::Take, _) => true,
            (Aim::Limit(limit), Side::Buy) => self.is_beyond_limit(low, limit, touch),
            (Aim::Limit(limit), Side::Sell) => self.is_beyond_limit(high, limit, touch),
            (Aim::Trigger(_), _) if matches!(self.kind, OrderKind::Trailing { .. }) => {
                // The best price inside the bar may come first. (`max` and `min` leave out what is not a number.)
                match self.side {
                    Side::Sell => low <= self.trailed(self.best.max(high)),
                    Side::Buy => high >= self.trailed(self.best.min(low)),
                }
            }
            (Aim::Trigger(trigger), Side::Sell) => low <= trigger,
            (Aim::Trigger(trigger), Side::Buy) => high >= trigger,
        }
    }
}
