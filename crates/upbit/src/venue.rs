//! The venue itself: the methods of the port, each of which calls the module for it.

use market_backbone_core::{
    Call, CandlePage, CandlePageRequest, Capabilities, Channel, FrameDecoder, HttpCall, HttpReply,
    Instrument, OrderBook, PriceIncrement, RateLimitGroup, SourceError, Ticker, Timestamp, TradePage,
    TradePageRequest, Venue, VenueId,
};

use crate::capabilities::CAPABILITIES;
use crate::naming::UPBIT;
use crate::{decode, error, feed, naming, region, rest};

/// The Upbit venue: crypto priced in KRW, BTC and USDT (SGD, IDR or THB in its regions). Its market data needs
/// no key.
#[derive(Clone, Copy, Debug)]
pub struct Upbit {
    capabilities: Capabilities,
}

impl Upbit {
    /// Creates the venue of Upbit Korea.
    #[must_use]
    pub const fn new() -> Self {
        Self::for_source(UPBIT)
    }

    /// Creates a [region](crate::UpbitRegion), or any other source that speaks Upbit's protocol. Everything
    /// that is read carries this id.
    #[must_use]
    pub const fn for_source(source: VenueId) -> Self {
        Self { capabilities: Capabilities { venue: source, ..CAPABILITIES } }
    }

    const fn source(&self) -> VenueId {
        self.capabilities.venue
    }

    /// Adds the source to an error.
    fn at_source<T>(&self, outcome: Result<T, SourceError>) -> Result<T, SourceError> {
        outcome.map_err(|error| error.at_venue(self.source()))
    }
}

impl Default for Upbit {
    fn default() -> Self {
        Self::new()
    }
}

impl Venue for Upbit {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn official_hosts(&self) -> &'static [(&'static str, VenueId)] {
        &region::UPBIT_HOSTS
    }

    fn encode(&self, call: &Call, now: Timestamp) -> Result<HttpCall, SourceError> {
        self.at_source(rest::encode(call, now))
    }

    fn check(&self, call: &Call, reply: &HttpReply<'_>) -> Result<(), SourceError> {
        self.at_source(error::check(call, reply))
    }

    fn normalize_code(&self, name: &str) -> String {
        naming::normalize_code(name)
    }

    fn remaining(&self, reply: &HttpReply<'_>) -> Option<(RateLimitGroup, u32)> {
        rest::remaining(reply)
    }

    fn decode_candles(
        &self,
        request: &CandlePageRequest,
        body: &[u8],
        asked_at: Timestamp,
    ) -> Result<CandlePage, SourceError> {
        self.at_source(decode::candles::page(request, body, asked_at))
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

    fn decode_price_increments(&self, body: &[u8]) -> Result<Vec<PriceIncrement>, SourceError> {
        self.at_source(decode::markets::instruments(self.source(), body))
    }

    fn subscribe(&self, has: &[Channel], wanted: &[Channel]) -> Vec<String> {
        feed::subscribe(has, wanted)
    }

    fn decoder(&self) -> Box<dyn FrameDecoder> {
        Box::new(feed::UpbitFrames::default())
    }
}
