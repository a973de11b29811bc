//! One execution: what may be filled, at which price, and what follows from it.

use market_backbone_core::Side;
use rust_decimal::Decimal;

use super::super::account::Execution;
use super::super::config::ShortOfCash;
use super::super::working_order::OrderStage;
use super::{FillMoment, OrderMatching};
use crate::broker::BrokerEvent;
use crate::order::{FillCertainty, OrderFill, OrderStatus};

/// A price at which an order is to be filled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FillPrice {
    pub(crate) price: Decimal,
    /// `true` if the order takes from the market: it pays the taker's fee.
    pub(crate) is_taker: bool,
    /// `true` if the slippage model applies.
    pub(crate) slips: bool,
}

impl OrderMatching<'_> {
    /// Executes as much of an order as there is, up to `most`; returns how much.
    pub(crate) fn execute(
        &mut self,
        at: usize,
        fill: FillPrice,
        moment: FillMoment,
        most: Option<Decimal>,
    ) -> Decimal {
        let order = &self.orders[at];
        let (side, rules, config) = (order.side, self.terms.rules, self.terms.config);
        let slips = fill.slips && !config.slippage.is_none();
        let mut price = fill.price;
        if slips {
            price = config.slippage.applied(price, side, rules);
            // A limit holds whatever the slippage.
            price = match (order.limit_price(), side) {
                (Some(limit), Side::Buy) => price.min(limit),
                (Some(limit), Side::Sell) => price.max(limit),
                (None, _) => price,
            };
        }
        let mut wanted = order.remaining;
        if order.reduce_only {
            let reducible = match side {
                Side::Sell => self.holding.quantity,
                Side::Buy => -self.holding.quantity,
            };
            wanted = rules.floor_quantity(wanted.min(reducible.max(Decimal::ZERO)));
            if wanted.is_zero() {
                self.end(
                    at,
                    OrderStatus::Cancelled,
                    moment.time,
                    "there is no position left to reduce".to_owned(),
                );
                return Decimal::ZERO;
            }
        }
        let available = [most, self.budget].into_iter().flatten().fold(wanted, Decimal::min);
        let mut quantity = if available < wanted { rules.floor_quantity(available) } else { wanted };
        if quantity <= Decimal::ZERO {
            return Decimal::ZERO;
        }
        let before = quantity;
        if let Err(reason) = self.check_funds(at, &mut quantity, price, fill.is_taker) {
            self.end(at, OrderStatus::Rejected, moment.time, reason);
            return Decimal::ZERO;
        }
        let is_shrunk = quantity < before;
        let execution = self.execution(side, quantity, price, fill.is_taker);
        let certainty = match (moment.certainty, self.orders[at].is_doubtful) {
            (_, true) => FillCertainty::Ambiguous,
            (FillCertainty::Proven, false) if slips => FillCertainty::Assumed,
            (certainty, false) => certainty,
        };
        self.book(at, execution, FillMoment { certainty, ..moment });
        let order = &mut self.orders[at];
        order.filled += quantity;
        order.remaining = wanted - quantity;
        if let Some(left) = &mut self.budget {
            *left -= quantity;
        }
        if order.remaining.is_zero() {
            order.stage = OrderStage::Ended;
        } else if is_shrunk {
            self.end(at, OrderStatus::Cancelled, moment.time, "the cash pays for no more of it".to_owned());
        }
        self.follow_up(at, moment);
        quantity
    }

    fn execution(&self, side: Side, quantity: Decimal, price: Decimal, is_taker: bool) -> Execution {
        let fees = self.terms.config.fees;
        let fee_in_base = fees.is_in_base(side);
        let fee = fees.fee(if fee_in_base { quantity } else { quantity * price }, is_taker);
        Execution { side, quantity, price, fee, fee_in_base }
    }

    fn book(&mut self, at: usize, execution: Execution, moment: FillMoment) {
        let order = &self.orders[at];
        let held = self.holding.quantity;
        let reduces = !held.is_zero() && held.is_sign_negative() == (execution.side == Side::Buy);
        if reduces {
            self.closed_after_entry += usize::from(self.entered);
        }
        self.account.book(&mut self.holding, execution);
        if self.holding.quantity.abs() > held.abs() {
            self.entered |= self.inside;
        }
        self.news.push(BrokerEvent::Fill(OrderFill {
            order: order.id,
            symbol: self.terms.symbol.clone(),
            side: execution.side,
            time: moment.time,
            price: execution.price,
            quantity: execution.quantity,
            fee: execution.fee,
            fee_in_base: execution.fee_in_base,
            certainty: moment.certainty,
            tag: order.tag.clone(),
        }));
    }

    /// Ends the group, starts what waited for this order, and ends what could only reduce a position that is gone.
    fn follow_up(&mut self, at: usize, moment: FillMoment) {
        let (id, group) = (self.orders[at].id, self.orders[at].oca);
        if let Some(group) = group {
            self.fired.push((group, id));
            self.cancel_group(group, id, moment.time);
        }
        for other in 0..self.orders.len() {
            self.looks += 1;
            let order = &mut self.orders[other];
            if order.stage == OrderStage::Waiting && order.after == Some(id) {
                if moment.time < order.arrives {
                    order.stage = OrderStage::Travelling;
                    continue;
                }
                (order.stage, order.arrives, order.is_fresh) = (OrderStage::Working, moment.time, true);
                let id = order.id;
                self.notify(id, OrderStatus::Open, moment.time, None);
            } else if order.is_working() && order.reduce_only && self.holding.quantity.is_zero() {
                self.end(
                    other,
                    OrderStatus::Cancelled,
                    moment.time,
                    "the position it reduces is closed".to_owned(),
                );
            }
        }
    }

    /// Makes `quantity` what the account can pay for, or says why the order cannot be filled.
    fn check_funds(
        &self,
        at: usize,
        quantity: &mut Decimal,
        price: Decimal,
        is_taker: bool,
    ) -> Result<(), String> {
        let (order, config, held) = (&self.orders[at], self.terms.config, self.holding.quantity);
        let symbol = self.terms.symbol;
        if order.side == Side::Sell && !config.allow_short && *quantity > held {
            return Err(format!(
                "order {} sells {quantity} of {symbol} and only {held} is held; sell less, make the order reduce-only, or allow short selling",
                order.id
            ));
        }
        if config.allow_short {
            return self.check_exposure(at, *quantity, price, is_taker);
        }
        if order.side == Side::Sell {
            return Ok(());
        }
        let cash = self.account.cash;
        let cost = |quantity: Decimal| {
            let execution = self.execution(Side::Buy, quantity, price, is_taker);
            quantity * price + if execution.fee_in_base { Decimal::ZERO } else { execution.fee }
        };
        if cost(*quantity) <= cash {
            return Ok(());
        }
        if config.short_of_cash == ShortOfCash::Shrink && price > Decimal::ZERO {
            let rate = if is_taker { config.fees.taker } else { config.fees.maker };
            // Rounded down once more, because the fee is rounded up.
            let mut affordable = (cash / (price * (Decimal::ONE + rate)))
                .round_dp_with_strategy(8, rust_decimal::RoundingStrategy::ToZero);
            if cost(affordable) > cash {
                affordable -= Decimal::new(1, 8);
            }
            *quantity = self.terms.rules.floor_quantity(affordable.max(Decimal::ZERO)).min(*quantity);
            if *quantity > Decimal::ZERO {
                return Ok(());
            }
        }
        Err(format!(
            "order {} buys {quantity} of {symbol} at {price} for {} with its fee, and the cash is {cash}; buy less",
            order.id,
            cost(*quantity).normalize()
        ))
    }

    /// Refuses what would make all positions together worth more than the account.
    fn check_exposure(
        &self,
        at: usize,
        quantity: Decimal,
        price: Decimal,
        is_taker: bool,
    ) -> Result<(), String> {
        let order = &self.orders[at];
        let execution = self.execution(order.side, quantity, price, is_taker);
        let (mut account, mut holding) = (self.account, self.holding);
        account.book(&mut holding, execution);
        let exposure = (holding.quantity * price).abs();
        if exposure <= (self.holding.quantity * price).abs() {
            return Ok(());
        }
        let equity = account.cash + holding.quantity * price + self.terms.value_elsewhere;
        if exposure + self.terms.exposure_elsewhere <= equity {
            return Ok(());
        }
        Err(format!(
            "order {} would leave positions of {} on an account of {equity}; there is no leverage: trade less",
            order.id,
            (exposure + self.terms.exposure_elsewhere).normalize()
        ))
    }
}
