//! Prices one after another: at a point, and along the way from one point to the next.

use market_backbone_core::Side;
use rust_decimal::Decimal;

use super::config::LimitAtOpen;
use super::matching::{FillMoment, FillPrice, OrderMatching};
use super::working_order::Aim;
use crate::decimals::decimal;
use crate::order::{FillCertainty, OrderKind};

/// What an order does at a point or on the way.
#[derive(Clone, Copy, Debug)]
struct PathStep {
    order: usize,
    /// The price at which it happens.
    price: f64,
}

impl OrderMatching<'_> {
    /// Lets every order at the venue meet the price `price`.
    pub(crate) fn meet(&mut self, price: f64, moment: FillMoment) {
        for at in 0..self.orders.len() {
            if self.orders[at].is_working() {
                self.orders[at].follow(price);
            }
        }
        // Each round ends or triggers one order, so that the rounds are as many as the orders at most, twice.
        let rounds = 2 * self.orders.len() + 1;
        for _ in 0..rounds {
            if self.budget.is_some_and(|left| left <= Decimal::ZERO) {
                return;
            }
            let Some(order) = self.first_due(price) else { return };
            self.act(PathStep { order, price }, None, moment);
        }
    }

    /// Returns the oldest order that `price` reaches.
    fn first_due(&mut self, price: f64) -> Option<usize> {
        let touch = self.touch_fills();
        self.looks += self.orders.len() as u64;
        self.orders.iter().position(|order| {
            order.is_working()
                && match order.aim() {
                    Aim::Take => true,
                    Aim::Limit(limit) => {
                        let crosses_as_taker = order.triggered && !order.is_resting;
                        order.is_beyond_limit(price, limit, touch || crosses_as_taker)
                    }
                    Aim::Trigger(trigger) => order.is_triggered_at(price, trigger),
                }
        })
    }

    /// Moves the price from `from` to `to` and fills what lies on the way.
    pub(crate) fn travel(&mut self, from: f64, to: f64, moment: FillMoment) {
        let mut here = from;
        let rounds = 2 * self.orders.len() + 1;
        for _ in 0..rounds {
            if self.budget.is_some_and(|left| left <= Decimal::ZERO) {
                break;
            }
            let Some((step, level)) = self.next_on_the_way(here, to) else { break };
            here = step.price;
            self.act(step, Some(level), moment);
            // What this fill has started meets the price here.
            self.meet_started(here, moment);
        }
        for order in &mut self.orders {
            if order.is_working() {
                order.follow(to);
            }
        }
    }

    /// Lets the orders that a fill has just started meet the price at which it happened.
    fn meet_started(&mut self, price: f64, moment: FillMoment) {
        if self.orders.iter().any(|order| order.is_working() && !order.is_resting) {
            self.meet(price, moment);
            self.rest_all();
        }
    }

    /// Returns the first level on the way, and that level in decimals.
    fn next_on_the_way(&mut self, from: f64, to: f64) -> Option<(PathStep, Decimal)> {
        let (touch, upwards) = (self.touch_fills(), to > from);
        self.looks += self.orders.len() as u64;
        let mut first: Option<PathStep> = None;
        for (at, order) in self.orders.iter().enumerate() {
            if !order.is_working() {
                continue;
            }
            let (price, is_met) = match order.aim() {
                Aim::Take => (from, true),
                Aim::Limit(limit) => {
                    let comes_closer = upwards == (order.side == Side::Sell);
                    (limit, comes_closer && order.is_beyond_limit(to, limit, touch))
                }
                Aim::Trigger(trigger) => {
                    let comes_closer = upwards == (order.side == Side::Buy);
                    (trigger, comes_closer && order.is_triggered_at(to, trigger))
                }
            };
            // A level that lies behind was met before, or never was on the way.
            let is_ahead = if upwards { price >= from } else { price <= from };
            let is_nearer = first.is_none_or(|first| (price - from).abs() < (first.price - from).abs());
            if is_met && is_ahead && is_nearer {
                first = Some(PathStep { order: at, price });
            }
        }
        let step = first?;
        let order = &self.orders[step.order];
        let level = match order.aim() {
            Aim::Take => decimal(step.price),
            Aim::Limit(_) => order.limit_price(),
            Aim::Trigger(_) => order.trigger_price(),
        };
        Some((step, level?))
    }

    /// Fills or triggers an order, at a level that the path passes or at the point `step` itself.
    fn act(&mut self, step: PathStep, level: Option<Decimal>, moment: FillMoment) {
        let Some(point) = decimal(step.price) else { return };
        let order = &self.orders[step.order];
        let assumed = FillMoment { certainty: moment.certainty.max(FillCertainty::Assumed), ..moment };
        match order.aim() {
            Aim::Take => {
                let fill = FillPrice { price: level.unwrap_or(point), is_taker: true, slips: true };
                self.execute(step.order, fill, moment, None);
            }
            Aim::Trigger(_) if matches!(order.kind, OrderKind::StopLimit { .. }) => {
                self.trigger(step.order, moment.time);
            }
            Aim::Trigger(_) => {
                self.orders[step.order].triggered = true;
                // The worse of level and point: a path that passes the level is at the level, one that begins beyond it
                // is at its first point.
                let fill = FillPrice { price: level.unwrap_or(point), is_taker: true, slips: true };
                self.execute(step.order, fill, moment, None);
            }
            Aim::Limit(_) => {
                let Some(limit) = order.limit_price() else { return };
                let takes = order.triggered && !order.is_resting;
                let at_point =
                    takes || level.is_none() && self.terms.config.limit_at_open == LimitAtOpen::Open;
                let (price, moment) = if at_point { (point, moment) } else { (limit, assumed) };
                let is_taker = takes || level.is_none() && !order.is_resting;
                self.execute(step.order, FillPrice { price, is_taker, slips: takes }, moment, None);
            }
        }
    }
}
