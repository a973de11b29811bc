//! Questions, each with the type of its answer: who asks for trades gets trades, and nobody has to look what came.

use market_backbone_core::{
    BookRequest, Call, CandlePage, CandlePageRequest, HttpCall, Instrument, OrderBook, OwnedReply,
    PriceIncrement, SourceError, Symbol, Ticker, TickerRequest, TradePage, TradePageRequest, Venue,
};

use super::RequestKey;
use crate::shared_replies::SharedReplies;
use crate::stack::future_stamp_filter::FutureStampFilter;
use crate::stack::request::{RawReply, VenueReply};

/// Appends a further page of an answer to its first ones.
pub(crate) type AppendPage<T> = fn(&mut T, T);

/// A question to a venue.
pub(crate) trait Request: Clone + Send + Sync + 'static {
    /// The decoded answer.
    type Reply: Clone + Send + Sync + 'static;

    /// The function that appends a further page of an answer to its first ones; `None` where each page is asked for by
    /// a question of its own.
    const APPEND_PAGE: Option<AppendPage<Self::Reply>> = None;

    /// Returns the question in the form that adapters encode and check.
    fn to_call(&self) -> Call;

    /// Decodes the answer.
    fn decode(
        &self,
        venue: &dyn Venue,
        raw: &RawReply,
        future_stamps: &FutureStampFilter,
    ) -> Result<Self::Reply, SourceError>;
}

/// A question that several may ask at the same time: they share one answer.
pub(crate) trait JoinableRequest: Request {
    /// Returns the table of the questions of this type that are under way.
    fn in_flight(all: &RequestsInFlight) -> &SharedReplies<RequestKey, VenueReply<Self::Reply>>;
}

/// All shared questions that are under way, by the type of their answers.
#[derive(Debug)]
pub(crate) struct RequestsInFlight {
    tickers: SharedReplies<RequestKey, VenueReply<Vec<Ticker>>>,
    books: SharedReplies<RequestKey, VenueReply<Vec<OrderBook>>>,
    markets: SharedReplies<RequestKey, VenueReply<Vec<Instrument>>>,
    price_increments: SharedReplies<RequestKey, VenueReply<Vec<PriceIncrement>>>,
    venue_specific: SharedReplies<RequestKey, VenueReply<Vec<OwnedReply>>>,
}

impl RequestsInFlight {
    /// Makes empty tables; an answer serves others for `ttl`.
    pub(super) fn new(ttl: std::time::Duration) -> Self {
        Self {
            tickers: SharedReplies::new(ttl),
            books: SharedReplies::new(ttl),
            markets: SharedReplies::new(ttl),
            price_increments: SharedReplies::new(ttl),
            venue_specific: SharedReplies::new(ttl),
        }
    }
}

impl Request for CandlePageRequest {
    type Reply = CandlePage;

    fn to_call(&self) -> Call {
        Call::Candles(self.clone())
    }

    fn decode(
        &self,
        venue: &dyn Venue,
        raw: &RawReply,
        _: &FutureStampFilter,
    ) -> Result<CandlePage, SourceError> {
        // A row of the future would be the newest there is.
        let before = self.before.map_or(raw.latest_plausible, |before| before.min(raw.latest_plausible));
        let due = Self { before: Some(before), ..self.clone() };
        let page = venue.decode_candles(&due, &raw.body, raw.asked_at)?;
        Ok(CandlePage { asked_at: raw.asked_at, ..page })
    }
}

impl Request for TradePageRequest {
    type Reply = TradePage;

    fn to_call(&self) -> Call {
        Call::Trades(self.clone())
    }

    fn decode(
        &self,
        venue: &dyn Venue,
        raw: &RawReply,
        _: &FutureStampFilter,
    ) -> Result<TradePage, SourceError> {
        venue.decode_trades(self, &raw.body, raw.received)
    }
}

impl Request for TickerRequest {
    type Reply = Vec<Ticker>;

    fn to_call(&self) -> Call {
        Call::Tickers(self.clone())
    }

    fn decode(
        &self,
        venue: &dyn Venue,
        raw: &RawReply,
        future_stamps: &FutureStampFilter,
    ) -> Result<Vec<Ticker>, SourceError> {
        let tickers = warn_of_dropped("tickers", venue.decode_tickers(&raw.body, raw.received)?);
        Ok(future_stamps.tickers(tickers, raw.received))
    }
}

impl JoinableRequest for TickerRequest {
    fn in_flight(all: &RequestsInFlight) -> &SharedReplies<RequestKey, VenueReply<Vec<Ticker>>> {
        &all.tickers
    }
}

impl Request for BookRequest {
    type Reply = Vec<OrderBook>;

    fn to_call(&self) -> Call {
        Call::Books(self.clone())
    }

    fn decode(
        &self,
        venue: &dyn Venue,
        raw: &RawReply,
        future_stamps: &FutureStampFilter,
    ) -> Result<Vec<OrderBook>, SourceError> {
        let books = warn_of_dropped("books", venue.decode_books(&raw.body, raw.received)?);
        Ok(future_stamps.books(books, raw.received))
    }
}

impl JoinableRequest for BookRequest {
    fn in_flight(all: &RequestsInFlight) -> &SharedReplies<RequestKey, VenueReply<Vec<OrderBook>>> {
        &all.books
    }
}

/// Asks what is listed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MarketsRequest;

impl Request for MarketsRequest {
    type Reply = Vec<Instrument>;

    const APPEND_PAGE: Option<AppendPage<Self::Reply>> = Some(Vec::extend);

    fn to_call(&self) -> Call {
        Call::Markets
    }

    fn decode(
        &self,
        venue: &dyn Venue,
        raw: &RawReply,
        _: &FutureStampFilter,
    ) -> Result<Vec<Instrument>, SourceError> {
        venue.decode_markets(&raw.body)
    }
}

impl JoinableRequest for MarketsRequest {
    fn in_flight(all: &RequestsInFlight) -> &SharedReplies<RequestKey, VenueReply<Vec<Instrument>>> {
        &all.markets
    }
}

/// Asks how the prices of some markets are stepped.
#[derive(Clone, Debug)]
pub(crate) struct PriceIncrementsRequest(pub(crate) Vec<Symbol>);

impl Request for PriceIncrementsRequest {
    type Reply = Vec<PriceIncrement>;

    fn to_call(&self) -> Call {
        Call::PriceIncrements(self.0.clone())
    }

    fn decode(
        &self,
        venue: &dyn Venue,
        raw: &RawReply,
        _: &FutureStampFilter,
    ) -> Result<Vec<PriceIncrement>, SourceError> {
        venue.decode_price_increments(&raw.body)
    }
}

impl JoinableRequest for PriceIncrementsRequest {
    fn in_flight(all: &RequestsInFlight) -> &SharedReplies<RequestKey, VenueReply<Vec<PriceIncrement>>> {
        &all.price_increments
    }
}

/// A request that only one venue has: its adapter has written it and reads the answer itself.
impl Request for HttpCall {
    type Reply = Vec<OwnedReply>;

    const APPEND_PAGE: Option<AppendPage<Self::Reply>> = Some(Vec::extend);

    fn to_call(&self) -> Call {
        Call::VenueSpecific(self.clone())
    }

    fn decode(
        &self,
        _: &dyn Venue,
        raw: &RawReply,
        _: &FutureStampFilter,
    ) -> Result<Vec<OwnedReply>, SourceError> {
        Ok(vec![raw.to_owned_reply()])
    }
}

impl JoinableRequest for HttpCall {
    fn in_flight(all: &RequestsInFlight) -> &SharedReplies<RequestKey, VenueReply<Vec<OwnedReply>>> {
        &all.venue_specific
    }
}

fn warn_of_dropped<T>(what: &str, (read, dropped): (Vec<T>, u32)) -> Vec<T> {
    if dropped > 0 {
        tracing::warn!(dropped, "some {what} could not be read and are left out");
    }
    read
}
