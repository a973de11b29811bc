//! A paper broker on a bench: bars of one minute go in, short lines about fills come out.

use std::time::Duration;

use market_backbone_core::{Candle, FeedEvent, Series, Side, Symbol, Timeframe, Timestamp, VenueId};
use market_backbone_strategy::Decimal;
use market_backbone_strategy::broker::{Broker, BrokerEvent, OrderError};
use market_backbone_strategy::order::{
    OcaGroup, OrderId, OrderKind, OrderRequest, OrderStatus, TrailingDistance,
};
use market_backbone_strategy::paper::{FeeRates, PaperBroker, PaperConfig};

pub(crate) fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(crate) fn market(code: &str) -> Symbol {
    Symbol::new(VenueId::new("upbit"), code).unwrap()
}

pub(crate) fn limit(price: &str) -> OrderKind {
    OrderKind::Limit { price: d(price) }
}

pub(crate) fn stop(trigger: &str) -> OrderKind {
    OrderKind::Stop { trigger: d(trigger) }
}

pub(crate) fn stop_limit(trigger: &str, price: &str) -> OrderKind {
    OrderKind::StopLimit { trigger: d(trigger), price: d(price) }
}

pub(crate) fn trailing(distance: &str) -> OrderKind {
    OrderKind::Trailing { distance: TrailingDistance::Absolute(d(distance)) }
}

/// Cash of 100,000 and no fee.
pub(crate) fn free() -> PaperConfig {
    PaperConfig::new(Decimal::from(100_000), FeeRates::quote(Decimal::ZERO))
}

pub(crate) struct PaperBench {
    pub(crate) broker: PaperBroker,
    pub(crate) symbol: Symbol,
    /// The end of the latest bar.
    pub(crate) now: Timestamp,
}

impl PaperBench {
    pub(crate) fn new(config: PaperConfig) -> Self {
        let broker = PaperBroker::new(config).unwrap();
        Self { broker, symbol: market("KRW-BTC"), now: Timestamp::EPOCH }
    }

    /// A bench that has bought one unit at the open of a flat bar at 100.
    pub(crate) fn long(config: PaperConfig) -> Self {
        let mut bench = Self::new(config);
        bench.order(Side::Buy, OrderKind::Market);
        assert_eq!(bench.bar(100.0, 100.0, 100.0, 100.0), ["1 bought 1 at 100 proven"]);
        bench
    }

    pub(crate) fn request(&self, side: Side, kind: OrderKind) -> OrderRequest {
        OrderRequest::new(self.symbol.clone(), side, Decimal::ONE, kind)
    }

    pub(crate) fn send(&mut self, request: OrderRequest) -> OrderId {
        self.broker.submit(request, self.now).unwrap()
    }

    pub(crate) fn order(&mut self, side: Side, kind: OrderKind) -> OrderId {
        self.send(self.request(side, kind))
    }

    pub(crate) fn refusal(&mut self, request: OrderRequest) -> String {
        match self.broker.submit(request, self.now) {
            Err(OrderError::Refused(text)) => text.to_string(),
            other => panic!("not refused: {other:?}"),
        }
    }

    /// Sends a stop and a target that close the position, as a group.
    pub(crate) fn exits(&mut self, stop_at: &str, target_at: &str) {
        for kind in [stop(stop_at), limit(target_at)] {
            self.send(self.request(Side::Sell, kind).oca(OcaGroup(1)).reduce_only());
        }
    }

    /// Lets the next minute pass and returns its fills.
    pub(crate) fn bar(&mut self, open: f64, high: f64, low: f64, close: f64) -> Vec<String> {
        fills(&self.bar_news(open, high, low, close))
    }

    pub(crate) fn bar_news(&mut self, open: f64, high: f64, low: f64, close: f64) -> Vec<BrokerEvent> {
        let candle = candle(self.now, [open, high, low, close]);
        let event = bar_event(&self.symbol, Timeframe::M1, candle);
        self.now = self.now.plus(Duration::from_secs(60));
        self.event(&event)
    }

    pub(crate) fn event(&mut self, event: &FeedEvent) -> Vec<BrokerEvent> {
        let mut news = Vec::new();
        self.broker.on_event(event, &mut news);
        assert_eq!(self.broker.imbalance(), Decimal::ZERO, "{event:?}");
        news
    }

    pub(crate) fn held(&self) -> Decimal {
        self.broker.position(&self.symbol).quantity
    }
}

pub(crate) fn candle(open_time: Timestamp, [open, high, low, close]: [f64; 4]) -> Candle {
    let (volume, turnover) = (10.0, 10.0 * close);
    Candle { open_time, open, high, low, close, volume, turnover, is_final: true }
}

pub(crate) fn bar_event(symbol: &Symbol, timeframe: Timeframe, candle: Candle) -> FeedEvent {
    FeedEvent::Bar {
        series: Series::new(symbol.clone(), timeframe),
        candle,
        revision: 0,
        is_quiet: false,
        received: candle.open_time.plus(timeframe.typical()),
    }
}

/// The fills as `order bought|sold quantity at price certainty`.
pub(crate) fn fills(news: &[BrokerEvent]) -> Vec<String> {
    let line = |news: &BrokerEvent| match news {
        BrokerEvent::Fill(fill) => {
            let verb = if fill.side == Side::Buy { "bought" } else { "sold" };
            let certainty = format!("{:?}", fill.certainty).to_lowercase();
            let (quantity, price) = (fill.quantity.normalize(), fill.price.normalize());
            Some(format!("{} {verb} {quantity} at {price} {certainty}", fill.order))
        }
        _ => None,
    };
    news.iter().filter_map(line).collect()
}

/// The orders that ended without a fill, with their reasons.
pub(crate) fn ended(news: &[BrokerEvent]) -> Vec<(u64, OrderStatus, String)> {
    let line = |news: &BrokerEvent| match news {
        BrokerEvent::Status { order, status, reason, .. } if status.is_final() => {
            Some((order.0, *status, reason.as_deref().unwrap_or_default().to_owned()))
        }
        _ => None,
    };
    news.iter().filter_map(line).collect()
}
