//! The simplest broker there is, for tests of what runs on one: a market order fills at the open of the next bar.

use std::sync::Arc;

use market_backbone_core::{FeedEvent, Side, Symbol, Timestamp};
use market_backbone_strategy::Decimal;
use market_backbone_strategy::broker::{Broker, BrokerEvent, OrderError};
use market_backbone_strategy::order::{
    FillCertainty, OrderFill, OrderId, OrderKind, OrderRequest, OrderStatus, Position,
};

/// A broker of one market, without rules.
#[derive(Debug)]
pub(crate) struct NextOpenBroker {
    cash: Decimal,
    fee: Decimal,
    price: Decimal,
    position: Position,
    pending: Vec<(OrderId, OrderRequest)>,
    sent: u64,
    /// Cancelled orders that have still to be reported.
    cancelled: Vec<(OrderId, Symbol)>,
}

impl NextOpenBroker {
    pub(crate) fn new(cash: i64, fee: Decimal) -> Self {
        Self {
            cash: cash.into(),
            fee,
            price: Decimal::ZERO,
            position: Position::default(),
            pending: Vec::new(),
            sent: 0,
            cancelled: Vec::new(),
        }
    }
}

impl Broker for NextOpenBroker {
    fn submit(&mut self, request: OrderRequest, _now: Timestamp) -> Result<OrderId, OrderError> {
        if request.kind != OrderKind::Market {
            return Err(OrderError::Refused("market orders only".into()));
        }
        self.sent += 1;
        self.pending.push((OrderId(self.sent), request));
        Ok(OrderId(self.sent))
    }

    fn cancel(&mut self, order: OrderId, _now: Timestamp) -> Result<(), OrderError> {
        let place = self.pending.iter().position(|(id, _)| *id == order).ok_or(OrderError::NotOpen(order))?;
        let (order, request) = self.pending.remove(place);
        self.cancelled.push((order, request.symbol));
        Ok(())
    }

    fn amend(&mut self, order: OrderId, _kind: OrderKind, _now: Timestamp) -> Result<(), OrderError> {
        Err(OrderError::NotOpen(order))
    }

    fn on_event(&mut self, event: &FeedEvent, news: &mut Vec<BrokerEvent>) {
        for (order, symbol) in self.cancelled.drain(..) {
            let (status, reason) = (OrderStatus::Cancelled, Some(Arc::from("asked for")));
            news.push(BrokerEvent::Status { order, symbol, status, time: Timestamp::EPOCH, reason });
        }
        let (time, open, close) = match event {
            FeedEvent::Bar { candle, .. } => (candle.open_time, candle.open, candle.close),
            FeedEvent::Trade(trade) => (trade.time, trade.price, trade.price),
            _ => return,
        };
        let open = Decimal::from_f64_retain(open).unwrap();
        for (order, request) in self.pending.drain(..) {
            let value = open * request.quantity;
            let fee = value * self.fee;
            let signed = if request.side == Side::Buy { request.quantity } else { -request.quantity };
            self.cash -= open * signed + fee;
            self.position.quantity += signed;
            news.push(BrokerEvent::Fill(OrderFill {
                order,
                symbol: request.symbol,
                side: request.side,
                time,
                price: open,
                quantity: request.quantity,
                fee,
                fee_in_base: false,
                certainty: FillCertainty::Proven,
                tag: request.tag,
            }));
        }
        self.price = Decimal::from_f64_retain(close).unwrap();
    }

    fn cash(&self) -> Decimal {
        self.cash
    }

    fn position(&self, _symbol: &Symbol) -> Position {
        self.position
    }

    fn equity(&self) -> Decimal {
        self.cash + self.position.quantity * self.price
    }
}
