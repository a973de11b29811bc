//! The venue itself: the port's methods, each handed to the file that knows.

use std::sync::Arc;

use market_backbone_core::{
    Call, CallGroup, CandlePage, CandlePageRequest, Capabilities, Channel, Clock, FeedEvent, FrameError,
    FrameOutcome, Greeting, HttpCall, HttpReply, Instrument, Market, OrderBook, Secret, SourceError,
    SourceErrorKind, SymbolTable, Ticker, Timestamp, TradeId, TradePage, TradePageRequest, Venue,
};

use crate::code::{MASSIVE, trade_cursor};
use crate::decode::candles::Circumstances;
use crate::limits::{Plan, Rate, capabilities};
use crate::{decode, error, feed, rest};

/// Massive: all shares of the American exchanges. It needs a key, and what it gives depends on the key's plan.
#[derive(Clone, Debug)]
pub struct Massive {
    key: Secret,
    plan: Plan,
    /// Only for the day it is: what a plan includes begins so many years ago.
    clock: Arc<dyn Clock>,
    capabilities: Capabilities,
}

impl Massive {
    /// Massive, whichever host is asked, for the owner of `key`, who has paid for `plan`.
    #[must_use]
    pub fn new(key: Secret, plan: Plan, clock: Arc<dyn Clock>) -> Self {
        Self { key, plan, clock, capabilities: capabilities(plan, plan.rate(), 1) }
    }

    /// Asks at another rate than the plan's.
    #[must_use]
    pub fn with_rate(mut self, rate: Rate) -> Self {
        self.capabilities = capabilities(self.plan, rate, self.connections());
        self
    }

    /// The account may have so many connections at once; more than one have to be bought.
    #[must_use]
    pub fn with_connections(mut self, connections: u32) -> Self {
        self.capabilities.socket.max_connections = Some(connections.max(1));
        self
    }

    /// What was paid for.
    #[must_use]
    pub fn plan(&self) -> Plan {
        self.plan
    }

    fn connections(&self) -> u32 {
        self.capabilities.socket.max_connections.unwrap_or(1)
    }
}

impl Venue for Massive {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn encode(&self, call: &Call) -> Result<HttpCall, SourceError> {
        rest::encode(call, self.plan, self.clock.now())
    }

    fn check(&self, call: &Call, reply: &HttpReply<'_>) -> Result<(), SourceError> {
        error::check(call, reply, (self.plan, &self.key))
    }

    fn headers(&self) -> Vec<(&'static str, Secret)> {
        vec![("authorization", Secret::new(format!("Bearer {}", self.key.reveal())))]
    }

    fn next_page(
        &self,
        sent: &HttpCall,
        reply: &HttpReply<'_>,
        base: &str,
    ) -> Result<Option<HttpCall>, SourceError> {
        rest::next_page(sent, reply, base)
    }

    fn greeting(&self) -> Option<Greeting> {
        Some(feed::greeting(&self.key))
    }

    /// It never says.
    fn remaining(&self, _: &HttpReply<'_>) -> Option<(CallGroup, u32)> {
        None
    }

    fn decode_candles(
        &self,
        request: &CandlePageRequest,
        body: &[u8],
        asked_at: Timestamp,
    ) -> Result<CandlePage, SourceError> {
        let settled = asked_at.minus(self.capabilities.settling);
        decode::candles::page(request, body, Circumstances { plan: self.plan, asked_at, settled })
    }

    fn trade_cursor(&self, moment: Timestamp) -> Option<TradeId> {
        Some(trade_cursor(moment))
    }

    fn decode_trades(
        &self,
        request: &TradePageRequest,
        body: &[u8],
        received: Timestamp,
    ) -> Result<TradePage, SourceError> {
        decode::trades::page(request, body, received)
    }

    fn decode_tickers(&self, body: &[u8], received: Timestamp) -> Result<(Vec<Ticker>, u32), SourceError> {
        decode::tickers::list(body, received)
    }

    fn decode_books(&self, body: &[u8], received: Timestamp) -> Result<(Vec<OrderBook>, u32), SourceError> {
        decode::books::list(body, received)
    }

    fn decode_markets(&self, body: &[u8]) -> Result<Vec<Market>, SourceError> {
        decode::markets::list(body)
    }

    /// Never asked: [`encode`](Venue::encode) refuses the question.
    fn decode_instruments(&self, _: &[u8]) -> Result<Vec<Instrument>, SourceError> {
        Err(SourceError::new(SourceErrorKind::Unsupported, "massive does not say how prices are stepped")
            .at(MASSIVE))
    }

    fn subscribe(&self, has: &[Channel], wanted: &[Channel]) -> Vec<String> {
        feed::subscribe(has, wanted)
    }

    fn decode_frame(
        &self,
        frame: &[u8],
        received: Timestamp,
        symbols: &SymbolTable,
        events: &mut Vec<FeedEvent>,
    ) -> Result<FrameOutcome, FrameError> {
        feed::decode(frame, received, symbols, events)
    }
}
