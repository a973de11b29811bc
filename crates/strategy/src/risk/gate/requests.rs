//! The gate as a broker: requests are checked and passed on, events are watched.

use market_backbone_core::{FeedEvent, Symbol, Timestamp};
use rust_decimal::Decimal;

use super::RiskGate;
use crate::broker::{Broker, BrokerEvent, OrderError};
use crate::order::{OrderId, OrderKind, OrderRequest, Position};
use crate::risk::market_risk::{MarketRisk, PassedOrder};

impl<B: Broker> Broker for RiskGate<B> {
    fn submit(&mut self, request: OrderRequest, now: Timestamp) -> Result<OrderId, OrderError> {
        self.check(&request, now).map_err(|broken| self.refused(broken))?;
        let held = self.broker.position(&request.symbol).quantity;
        let is_entry = MarketRisk::is_entry(request.side, request.quantity, request.reduce_only, held);
        let (symbol, quantity) = (request.symbol.clone(), request.quantity);
        let order = self.broker.submit(request, now)?;
        self.entries_today += u32::from(is_entry);
        let slot = self.markets.slot(&symbol);
        self.markets.get_mut(slot).orders.push(PassedOrder { order, quantity, is_entry, closes: false });
        Ok(order)
    }

    /// A cancellation is always allowed.
    fn cancel(&mut self, order: OrderId, now: Timestamp) -> Result<(), OrderError> {
        self.broker.cancel(order, now)
    }

    /// An amendment is a decision, so that no gap may be open; with the kill switch thrown there is nothing to amend.
    fn amend(&mut self, order: OrderId, kind: OrderKind, now: Timestamp) -> Result<(), OrderError> {
        let slot = (0..self.markets.len())
            .find(|slot| self.markets.get(*slot).orders.iter().any(|passed| passed.order == order))
            .ok_or(OrderError::NotOpen(order))?;
        let symbol = self.markets.symbol(slot).clone();
        self.check_gap(&symbol).map_err(|broken| self.refused(broken))?;
        self.broker.amend(order, kind, now)
    }

    fn on_event(&mut self, event: &FeedEvent, news: &mut Vec<BrokerEvent>) {
        self.note(event);
        let seen = news.len();
        self.broker.on_event(event, news);
        if news.len() > seen {
            self.learn(&news[seen..]);
        }
        self.watch();
    }

    fn cash(&self) -> Decimal {
        self.broker.cash()
    }

    fn position(&self, symbol: &Symbol) -> Position {
        self.broker.position(symbol)
    }

    fn equity(&self) -> Decimal {
        self.broker.equity()
    }

    fn equity_f64(&self) -> f64 {
        self.broker.equity_f64()
    }

    fn remaining(&self, order: OrderId) -> Option<Decimal> {
        self.broker.remaining(order)
    }

    fn take_news(&mut self, news: &mut Vec<BrokerEvent>) {
        let seen = news.len();
        self.broker.take_news(news);
        if news.len() > seen {
            self.learn(&news[seen..]);
        }
    }
}
