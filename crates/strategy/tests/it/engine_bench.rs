//! A trading engine behind a risk gate and a paper broker, on a tape of trades.

use std::time::Duration;

use market_backbone_core::{
    Candle, FeedEvent, Gap, GapCause, GapState, Series, StreamKind, Symbol, Timestamp, Trade, TradeId,
};
use market_backbone_strategy::Decimal;
use market_backbone_strategy::broker::{Broker, BrokerEvent, OrderError};
use market_backbone_strategy::engine::{EngineRules, EntrySignal, SignalOutcome, TradingEngine};
use market_backbone_strategy::order::{OrderId, OrderKind, OrderRequest, Position};
use market_backbone_strategy::paper::{OpenOrder, PaperBroker, PaperConfig};
use market_backbone_strategy::risk::{RiskGate, RiskRules};
use market_backbone_strategy::strategy::Context;

use crate::paper_bench::{fills, free, market};

/// The least that an engine needs of a context.
struct BenchContext<'a> {
    broker: &'a mut RiskGate<PaperBroker>,
    now: Timestamp,
}

impl Context for BenchContext<'_> {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn history(&self, _: &Series, _: usize) -> Vec<Candle> {
        Vec::new()
    }

    fn submit(&mut self, request: OrderRequest) -> Result<OrderId, OrderError> {
        self.broker.submit(request, self.now)
    }

    fn cancel(&mut self, order: OrderId) -> Result<(), OrderError> {
        self.broker.cancel(order, self.now)
    }

    fn amend(&mut self, order: OrderId, kind: OrderKind) -> Result<(), OrderError> {
        self.broker.amend(order, kind, self.now)
    }

    fn position(&self, symbol: &Symbol) -> Position {
        self.broker.position(symbol)
    }

    fn cash(&self) -> Decimal {
        self.broker.cash()
    }

    fn equity(&self) -> Decimal {
        self.broker.equity()
    }

    fn wake_at(&mut self, _: Timestamp) {}
}

pub(crate) struct EngineBench {
    pub(crate) engine: TradingEngine,
    pub(crate) broker: RiskGate<PaperBroker>,
    pub(crate) symbol: Symbol,
    pub(crate) now: Timestamp,
}

impl EngineBench {
    pub(crate) fn new(rules: EngineRules) -> Self {
        Self::with(rules, free(), RiskRules::unlimited())
    }

    pub(crate) fn with(rules: EngineRules, config: PaperConfig, risk: RiskRules) -> Self {
        let broker = RiskGate::new(PaperBroker::new(config).unwrap(), risk, Default::default()).unwrap();
        let (symbol, now) = (market("KRW-BTC"), Timestamp::from_secs(1_000));
        Self { engine: TradingEngine::new(rules), broker, symbol, now }
    }

    /// Lets seconds pass without a trade.
    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    /// A trade of the next second, of a size that fills everything; returns the fills.
    pub(crate) fn trade(&mut self, price: f64) -> Vec<String> {
        self.trade_of(price, 1e6)
    }

    pub(crate) fn trade_of(&mut self, price: f64, size: f64) -> Vec<String> {
        self.wait(1);
        let (symbol, time) = (self.symbol.clone(), self.now);
        let trade = Trade { symbol, id: TradeId::Number(1), price, size, side: None, time, received: time };
        let news = self.event(&FeedEvent::Trade(trade));
        let context = &mut BenchContext { broker: &mut self.broker, now: self.now };
        self.engine.on_price(&self.symbol, price, context);
        let mut lines = fills(&news);
        lines.extend(fills(&self.settle()));
        lines.iter().map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
    }

    fn event(&mut self, event: &FeedEvent) -> Vec<BrokerEvent> {
        let mut news = Vec::new();
        self.broker.on_event(event, &mut news);
        self.tell(&news);
        news
    }

    fn tell(&mut self, news: &[BrokerEvent]) {
        let context = &mut BenchContext { broker: &mut self.broker, now: self.now };
        for one in news {
            match one {
                BrokerEvent::Fill(fill) => self.engine.on_fill(fill, context),
                _ => self.engine.on_order(one, context),
            }
        }
    }

    fn settle(&mut self) -> Vec<BrokerEvent> {
        let mut all = Vec::new();
        loop {
            let mut news = Vec::new();
            self.broker.take_news(&mut news);
            if news.is_empty() {
                return all;
            }
            self.tell(&news);
            all.append(&mut news);
        }
    }

    pub(crate) fn signal(&mut self, confidence: f64, price: f64, atr: Option<f64>) -> SignalOutcome {
        let (symbol, time) = (self.symbol.clone(), self.now);
        let signal = EntrySignal { symbol, confidence, reason: "a test".into(), price, atr, time };
        let context = &mut BenchContext { broker: &mut self.broker, now: self.now };
        self.engine.on_signal(&signal, context)
    }

    pub(crate) fn gap(&mut self, state: GapState) {
        let channels =
            [market_backbone_core::Channel { symbol: self.symbol.clone(), kind: StreamKind::Trade }].into();
        let gap = Gap { state, channels, from: self.now, to: None, cause: GapCause::Silent, loss: None };
        self.event(&FeedEvent::Gap(gap));
    }

    pub(crate) fn open(&self) -> Vec<OpenOrder> {
        self.broker.broker().open_orders(&self.symbol).collect()
    }

    /// The trigger of the broker's stop order, if there is one.
    pub(crate) fn stop(&self) -> Option<Decimal> {
        self.open().iter().find(|open| open.tag.as_deref() == Some("stop"))?.trigger
    }

    pub(crate) fn held(&self) -> Decimal {
        self.broker.position(&self.symbol).quantity
    }
}
