//! The venue itself: the methods of the port, each of which calls the module for it.

use market_backbone_core::{
    Call, CandlePage, CandlePageRequest, Capabilities, Channel, FrameDecoder, HttpCall, HttpReply,
    Instrument, Login, OrderBook, PriceIncrement, RateLimitGroup, Secret, SourceError, SourceErrorKind,
    Symbol, Ticker, Timestamp, TradePage, TradePageRequest, Venue, VenueId,
};
use market_backbone_venue_kit::CommaIndex;

use crate::capabilities::{MassivePlan, MassiveRate, capabilities};
use crate::decode::candles::DecodeContext;
use crate::naming::{MASSIVE, MASSIVE_HOSTS};
use crate::{decode, error, feed, naming, rest};

/// The Massive venue: all shares of the American exchanges. It needs a key, and the key's plan decides what it
/// offers.
#[derive(Clone, Debug)]
pub struct Massive {
    key: Secret,
    plan: MassivePlan,
    capabilities: Capabilities,
}

impl Massive {
    /// Creates the venue itself, for the owner of `key` with the plan `plan`.
    #[must_use]
    pub fn new(key: Secret, plan: MassivePlan) -> Self {
        Self { key, plan, capabilities: capabilities(MASSIVE, plan, plan.rate(), 1) }
    }

    /// Sets another rate limit than the plan's.
    #[must_use]
    pub fn with_rate(mut self, rate: MassiveRate) -> Self {
        self.capabilities = capabilities(self.source(), self.plan, rate, self.connections());
        self
    }

    /// Sets another source that speaks Massive's protocol. Everything that is read carries its id.
    #[must_use]
    pub fn with_source(mut self, source: VenueId) -> Self {
        self.capabilities.venue = source;
        self
    }

    /// Sets the number of connections the account may have at once. More than one have to be bought.
    #[must_use]
    pub fn with_connections(mut self, connections: u32) -> Self {
        self.capabilities.socket.max_connections = Some(connections.max(1));
        self
    }

    /// Returns the plan of the account.
    #[must_use]
    pub fn plan(&self) -> MassivePlan {
        self.plan
    }

    fn source(&self) -> VenueId {
        self.capabilities.venue
    }

    /// Adds the source to an error.
    fn at_source<T>(&self, outcome: Result<T, SourceError>) -> Result<T, SourceError> {
        outcome.map_err(|error| error.at_venue(self.source()))
    }

    fn connections(&self) -> u32 {
        self.capabilities.socket.max_connections.unwrap_or(1)
    }
}

impl Venue for Massive {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn official_hosts(&self) -> &'static [(&'static str, VenueId)] {
        &MASSIVE_HOSTS
    }

    fn encode(&self, call: &Call, now: Timestamp) -> Result<HttpCall, SourceError> {
        self.at_source(rest::encode(call, self.plan, (&self.capabilities, now)))
    }

    fn check(&self, call: &Call, reply: &HttpReply<'_>) -> Result<(), SourceError> {
        self.at_source(error::check(call, reply, (self.plan, &self.key)))
    }

    fn normalize_code(&self, name: &str) -> String {
        naming::normalize_code(name)
    }

    fn listing_lookups(&self, symbol: &Symbol) -> Vec<HttpCall> {
        rest::lookups(symbol)
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
        self.at_source(rest::next_page(sent, reply, base))
    }

    fn login(&self) -> Option<Login> {
        Some(feed::login(&self.key))
    }

    /// Returns `None`: the venue never reports it.
    fn remaining(&self, _: &HttpReply<'_>) -> Option<(RateLimitGroup, u32)> {
        None
    }

    fn decode_candles(
        &self,
        request: &CandlePageRequest,
        body: &[u8],
        asked_at: Timestamp,
    ) -> Result<CandlePage, SourceError> {
        let settling = self.capabilities.finality_delay;
        let circumstances = DecodeContext { plan: self.plan, asked_at, settling };
        self.at_source(decode::candles::page(request, body, circumstances))
    }

    fn decode_trades(
        &self,
        request: &TradePageRequest,
        body: &[u8],
        received: Timestamp,
    ) -> Result<TradePage, SourceError> {
        self.at_source(decode::trades::page(request, body, received))
    }

    fn decode_tickers(&self, body: &[u8], received: Timestamp) -> Result<(Vec<Ticker>, u32), SourceError> {
        self.at_source(decode::tickers::list(self.source(), body, received))
    }

    fn decode_books(&self, body: &[u8], received: Timestamp) -> Result<(Vec<OrderBook>, u32), SourceError> {
        self.at_source(decode::books::list(self.source(), body, received))
    }

    fn decode_markets(&self, body: &[u8]) -> Result<Vec<Instrument>, SourceError> {
        self.at_source(decode::markets::list(self.source(), body))
    }

    /// Returns an error: [`encode`](Venue::encode) refuses the request, so there is no answer to read.
    fn decode_price_increments(&self, _: &[u8]) -> Result<Vec<PriceIncrement>, SourceError> {
        let message = "massive does not publish price increments";
        self.at_source(Err(SourceError::new(SourceErrorKind::Unsupported, message)))
    }

    fn subscribe(&self, has: &[Channel], wanted: &[Channel]) -> Vec<String> {
        feed::subscribe(has, wanted)
    }

    fn decoder(&self) -> Box<dyn FrameDecoder> {
        Box::new(feed::MassiveFrames {
            source: self.source(),
            key: self.key.clone(),
            index: CommaIndex::default(),
        })
    }
}
