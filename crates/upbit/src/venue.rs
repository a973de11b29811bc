//! The venue itself: the port's methods, each handed to the file that knows.

use market_backbone_core::{
    Call, CallGroup, CandlePage, CandlePageRequest, Capabilities, Channel, FeedEvent, FrameError,
    FrameOutcome, HttpCall, HttpReply, Instrument, Market, OrderBook, SourceError, SymbolTable, Ticker,
    Timestamp, TradeId, TradePage, TradePageRequest, Venue,
};

use crate::{decode, error, feed, limits, rest};

/// Upbit: crypto priced in KRW, BTC and USDT; its market data needs no key.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Upbit;

impl Upbit {
    /// Upbit, whichever host is asked.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Venue for Upbit {
    fn capabilities(&self) -> &Capabilities {
        &limits::CAPABILITIES
    }

    fn encode(&self, call: &Call) -> Result<HttpCall, SourceError> {
        rest::encode(call)
    }

    fn check(&self, call: &Call, reply: &HttpReply<'_>) -> Result<(), SourceError> {
        error::check(call, reply)
    }

    fn remaining(&self, reply: &HttpReply<'_>) -> Option<(CallGroup, u32)> {
        rest::remaining(reply)
    }

    fn decode_candles(
        &self,
        request: &CandlePageRequest,
        body: &[u8],
        asked_at: Timestamp,
    ) -> Result<CandlePage, SourceError> {
        decode::candles::page(request, body, asked_at)
    }

    /// An id is the millisecond in which its trade happened, and four digits that count those of that millisecond.
    fn trade_cursor(&self, moment: Timestamp) -> Option<TradeId> {
        Some(TradeId::Number(moment.as_millis().saturating_mul(10_000)))
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

    fn decode_instruments(&self, body: &[u8]) -> Result<Vec<Instrument>, SourceError> {
        decode::markets::instruments(body)
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
