//! The requests of a strategy: new orders, cancellations and amendments, checked and rounded.

use std::sync::Arc;

use market_backbone_core::{Side, Symbol, Timestamp};
use rust_decimal::Decimal;

use super::PaperBroker;
use super::venue_rules::VenueRules;
use super::working_order::{OrderStage, WorkingOrder};
use crate::broker::{BrokerEvent, OrderError};
use crate::decimals::decimal;
use crate::order::{OcaGroup, OrderId, OrderKind, OrderRequest, OrderStatus, TrailingDistance};

/// An order that has not ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OpenOrder {
    /// The number of the order.
    pub order: OrderId,
    /// The side: buy or sell.
    pub side: Side,
    /// The terms, rounded as the venue takes them.
    pub kind: OrderKind,
    /// The state of the order.
    pub status: OrderStatus,
    /// The amount that was filled, in the base currency.
    pub filled: Decimal,
    /// The amount that is still open, in the base currency.
    pub remaining: Decimal,
    /// The price that triggers the order, if it has one now.
    pub trigger: Option<Decimal>,
    /// The strategy's word for the order.
    pub tag: Option<Arc<str>>,
}

fn refused<T>(text: String) -> Result<T, OrderError> {
    Err(OrderError::Refused(text.into()))
}

impl PaperBroker {
    /// Returns the orders of `symbol` that have not ended, oldest first.
    pub fn open_orders(&self, symbol: &Symbol) -> impl Iterator<Item = OpenOrder> {
        let market = self.markets.find(symbol).map(|market| self.markets.get(market));
        market.into_iter().flat_map(|market| &market.orders).map(|order| OpenOrder {
            order: order.id,
            side: order.side,
            kind: order.kind,
            status: order.status(),
            filled: order.filled,
            remaining: order.remaining,
            trigger: order.trigger_price(),
            tag: order.tag.clone(),
        })
    }

    pub(super) fn accept(&mut self, request: OrderRequest, now: Timestamp) -> Result<OrderId, OrderError> {
        let market = self.markets.find_or_insert(&request.symbol);
        let request = self.rounded(request)?;
        if let Some(entry) = request.after
            && self.orders.market_of(entry) != Some(market)
        {
            return Err(OrderError::NotOpen(entry));
        }
        self.check_position(market, &request)?;
        let id = OrderId(self.next_order);
        self.next_order += 1;
        let (group, entry) = (request.oca, request.after);
        let mut order = WorkingOrder::new(id, request, self.config.latency.orders.arrival(now, id, 0));
        let state = self.markets.get_mut(market);
        let is_started =
            |entry| state.orders.iter().any(|order| order.id == entry && !order.filled.is_zero());
        if entry.is_some_and(is_started) {
            order.stage = OrderStage::Travelling;
        }
        state.orders.push(order);
        self.orders.insert(id, group, market);
        Ok(id)
    }

    /// Returns the request in the venue's numbers.
    fn rounded(&self, mut request: OrderRequest) -> Result<OrderRequest, OrderError> {
        let symbol = &request.symbol;
        if symbol.is_any() {
            return refused("an order for all markets at once; name one market".to_owned());
        }
        if request.quantity <= Decimal::ZERO {
            return refused(format!(
                "a quantity of {} of {symbol}; give an amount above 0 and say by the side whether to buy or sell",
                request.quantity
            ));
        }
        let rules = self.config.rules_of(symbol);
        let asked = request.quantity;
        request.quantity = rules.floor_quantity(asked);
        if request.quantity.is_zero() {
            return refused(format!("a quantity of {asked} of {symbol} is less than one lot; trade more"));
        }
        request.kind = checked_kind(symbol, request.side, request.kind, rules)?;
        let market = self.markets.find(symbol).map(|market| self.markets.get(market));
        let price = match request.kind {
            OrderKind::Limit { price } | OrderKind::StopLimit { price, .. } => Some(price),
            OrderKind::Stop { trigger } => Some(trigger),
            OrderKind::Market | OrderKind::Trailing { .. } => market.and_then(|market| decimal(market.mark)),
        };
        let notional = price.map(|price| price * request.quantity);
        match notional {
            Some(notional) if notional < rules.least_notional() => refused(format!(
                "an order of {} {symbol} is worth {}, and the venue takes no order below {}; trade more",
                request.quantity.normalize(),
                notional.normalize(),
                rules.least_notional()
            )),
            _ => Ok(request),
        }
    }

    /// Refuses what can be seen now to sell what is not there.
    fn check_position(&self, market: usize, request: &OrderRequest) -> Result<(), OrderError> {
        let state = self.markets.get(market);
        let held = state.holding.quantity;
        // Another open order may change the position before this one is reached.
        if !state.orders.is_empty() {
            return Ok(());
        }
        let symbol = &request.symbol;
        let reducible = if request.side == Side::Sell { held } else { -held };
        if request.reduce_only && reducible <= Decimal::ZERO {
            return refused(format!(
                "a reduce-only order to {} {symbol}, of which {held} is held: there is nothing to reduce",
                request.side.as_str()
            ));
        }
        if request.side == Side::Sell
            && !self.config.allow_short
            && !request.reduce_only
            && request.quantity > held
        {
            return refused(format!(
                "an order to sell {} of {symbol}, of which {held} is held; sell less, make it reduce-only, or allow short selling",
                request.quantity
            ));
        }
        Ok(())
    }

    pub(super) fn withdraw(&mut self, order: OrderId, now: Timestamp) -> Result<(), OrderError> {
        let market = self.orders.market_of(order).ok_or(OrderError::NotOpen(order))?;
        let arrival = self.config.latency.changes.arrival(now, order, 1);
        if let Some(found) = self.markets.get_mut(market).order_mut(order) {
            let earlier = found.cancelled_at.map_or(arrival, |known| known.min(arrival));
            found.cancelled_at = Some(earlier);
        }
        if arrival <= now {
            let mut news = std::mem::take(&mut self.pending);
            self.match_orders(market, &mut news, |matching, _| {
                if let Some(at) = matching.orders.iter().position(|open| open.id == order) {
                    matching.end(at, OrderStatus::Cancelled, now, "cancelled on request".to_owned());
                }
            });
            self.pending = news;
        }
        Ok(())
    }

    pub(super) fn change(
        &mut self,
        order: OrderId,
        kind: OrderKind,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let market = self.orders.market_of(order).ok_or(OrderError::NotOpen(order))?;
        let arrival = self.config.latency.changes.arrival(now, order, 2);
        let (symbol, state) = self.markets.with_symbol(market);
        let rules = self.config.rules_of(symbol);
        let Some(found) = state.order_mut(order) else { return Err(OrderError::NotOpen(order)) };
        if found.triggered {
            return refused(format!("order {order} has been triggered; cancel what is left of it instead"));
        }
        let kind = checked_kind(symbol, found.side, kind, rules)?;
        if arrival <= now && found.stage != OrderStage::Travelling {
            found.amendment = None;
            found.set_terms(kind);
        } else {
            found.amendment = Some((arrival, kind));
        }
        Ok(())
    }

    /// Ends the members of a group in the other markets.
    pub(super) fn cancel_elsewhere(
        &mut self,
        market: usize,
        group: OcaGroup,
        first: OrderId,
        news: &mut Vec<BrokerEvent>,
    ) {
        for other in self.orders.markets_of(group) {
            if other == market {
                continue;
            }
            let time = news.iter().rev().find_map(|event| match event {
                BrokerEvent::Fill(fill) if fill.order == first => Some(fill.time),
                BrokerEvent::Fill(_) | BrokerEvent::Status { .. } => None,
            });
            self.match_orders(other, news, |matching, _| {
                matching.cancel_group(group, first, time.unwrap_or(Timestamp::MIN));
            });
        }
    }
}

/// Returns the terms in the venue's numbers.
fn checked_kind(
    symbol: &Symbol,
    side: Side,
    kind: OrderKind,
    rules: &VenueRules,
) -> Result<OrderKind, OrderError> {
    let rounded = rules.round_kind(side, kind);
    let (prices, what): (&[Decimal], _) = match &rounded {
        OrderKind::Market => (&[], ""),
        OrderKind::Limit { price } => (&[*price], "limit"),
        OrderKind::Stop { trigger } => (&[*trigger], "trigger"),
        OrderKind::StopLimit { trigger, price } => (&[*trigger, *price], "trigger or limit"),
        OrderKind::Trailing { distance: TrailingDistance::Absolute(away) } => (&[*away], "distance"),
        OrderKind::Trailing { distance: TrailingDistance::Fraction(share) } => {
            if *share >= Decimal::ONE {
                return refused(format!(
                    "a trailing order of {symbol} at a fraction of {share}; 1 % is written 0.01"
                ));
            }
            (&[*share], "distance")
        }
    };
    if let Some(price) = prices.iter().find(|price| **price <= Decimal::ZERO) {
        return refused(format!(
            "a {what} of {price} for {symbol}; give a price above 0 that fits the venue's steps"
        ));
    }
    Ok(rounded)
}
