//! Port for a venue: its capabilities, how requests are written and how answers are read. There is no I/O
//! here; the router does it.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::{BudgetReport, FrameDecoder, RateLimitGroup, RateLimitRule, RevisionPolicy, SocketLimits};
use crate::{
    BookRequest, CandlePage, CandlePageRequest, Channel, Grid, Instrument, OrderBook, PriceIncrement, Secret,
    SourceError, StreamKind, Symbol, Ticker, TickerRequest, Timeframe, Timestamp, TradeCursorKind, TradePage,
    TradePageRequest, VenueId,
};

/// The capabilities of a venue: what it offers and how much of it.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities {
    /// The venue whose data this is.
    pub venue: VenueId,
    /// The calendar that cuts its candles.
    pub grid: Grid,
    /// The most candles of one page.
    pub candle_page: u32,
    /// The timeframes whose pages hold fewer candles than that, each with the number they are sure to hold.
    pub shorter_pages: &'static [(Timeframe, u32)],
    /// The most trades of one page.
    pub trade_page: u32,
    /// The time that its pages of trades reach back: to the beginning of the UTC day on which the moment so long ago
    /// falls. [`Duration::MAX`] where they reach back to the listing of each market. See
    /// [`trades_kept_since`](Self::trades_kept_since).
    pub trade_history: Duration,
    /// The kinds of cursors with which a page of trades may be requested.
    pub trade_cursors: &'static [TradeCursorKind],
    /// The most levels of a book.
    pub book_depth: u32,
    /// The timeframes it has pages of, shortest first. What is not among them is computed from the longest one that
    /// [divides](Grid::divides) it, or refused.
    pub timeframes: &'static [Timeframe],
    /// The timeframes whose forming candle its socket sends.
    pub live_timeframes: &'static [Timeframe],
    /// The other kinds of live data that its socket sends under this plan and that the adapter decodes. No other kind
    /// can be subscribed to.
    pub streamed_kinds: &'static [StreamKind],
    /// The time after its end at which a candle no longer changes.
    pub finality_delay: Duration,
    /// The revisions it makes after that, or to live data.
    pub revision_policy: RevisionPolicy,
    /// The rate limits of its requests.
    pub limits: &'static [RateLimitRule],
    /// The rules of its socket.
    pub socket: SocketLimits,
}

impl Capabilities {
    /// Returns the most candles that one page of `timeframe` is sure to hold, if they exist.
    #[must_use]
    pub fn candle_page_of(&self, timeframe: Timeframe) -> u32 {
        let shorter = self.shorter_pages.iter().find(|(frame, _)| *frame == timeframe);
        shorter.map_or(self.candle_page, |(_, page)| *page)
    }

    /// Returns whether the socket can send this kind of data.
    #[must_use]
    pub fn streams(&self, kind: StreamKind) -> bool {
        match kind {
            StreamKind::Candle(timeframe) => self.live_timeframes.contains(&timeframe),
            // No venue sends bars: they are built from candles.
            StreamKind::Bar(_) => false,
            other => self.streamed_kinds.contains(&other),
        }
    }

    /// Returns all kinds that the socket sends, candles last.
    pub fn all_streamed_kinds(&self) -> impl Iterator<Item = StreamKind> {
        let candles = self.live_timeframes.iter().map(|frame| StreamKind::Candle(*frame));
        self.streamed_kinds.iter().copied().chain(candles)
    }

    /// Returns the moment from which on the venue still has single trades.
    #[must_use]
    pub fn trades_kept_since(&self, now: Timestamp) -> Timestamp {
        Grid::Utc.floor(Timeframe::D1, now.minus(self.trade_history))
    }

    /// Returns whether a page of trades may be requested with such a cursor.
    #[must_use]
    pub fn takes_cursor(&self, kind: TradeCursorKind) -> bool {
        self.trade_cursors.contains(&kind)
    }
}

/// One request to a venue, before it is encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// One page of candles.
    Candles(CandlePageRequest),
    /// One page of trades.
    Trades(TradePageRequest),
    /// The tickers of some markets, or of all.
    Tickers(TickerRequest),
    /// The order books of some markets.
    Books(BookRequest),
    /// The list of all markets.
    Markets,
    /// The price increments of some markets.
    PriceIncrements(Vec<Symbol>),
    /// A request that only this venue has; its adapter reads the answer itself.
    VenueSpecific(HttpCall),
}

impl Call {
    /// Returns the markets the request is about.
    #[must_use]
    pub fn symbols(&self) -> &[crate::Symbol] {
        match self {
            Self::Candles(request) => std::slice::from_ref(&request.series.symbol),
            Self::Trades(request) => std::slice::from_ref(&request.symbol),
            Self::Tickers(TickerRequest::Symbols(symbols)) | Self::PriceIncrements(symbols) => symbols,
            Self::Books(request) => &request.symbols,
            Self::Tickers(TickerRequest::Quotes(_)) | Self::Markets | Self::VenueSpecific(_) => &[],
        }
    }
}

/// The names and values of a query string.
pub type QueryParams = Vec<(Cow<'static, str>, String)>;

/// A GET request, complete except for the host. All requests are reads, so all may be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCall {
    /// The rate limit group it counts against.
    pub group: RateLimitGroup,
    /// The path, beginning with `/`.
    pub path: String,
    /// The query parameters, not yet percent-encoded.
    pub query: QueryParams,
    /// The weight by which the rules of the group count it; 1 where the venue knows no weights.
    pub weight: u32,
}

impl HttpCall {
    /// Returns a request of weight 1.
    #[must_use]
    pub fn new(group: RateLimitGroup, path: impl Into<String>, query: QueryParams) -> Self {
        Self { group, path: path.into(), query, weight: 1 }
    }

    /// Returns this request with another weight.
    #[must_use]
    pub fn with_weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }
}

/// The reply to a request.
#[derive(Clone, Copy, Debug)]
pub struct HttpReply<'a> {
    /// The HTTP status code.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: &'a [(String, String)],
    /// The whole body, decompressed.
    pub body: &'a [u8],
}

impl<'a> HttpReply<'a> {
    /// Returns the value of the header `name` (in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The messages a connection has to send before it may subscribe.
#[derive(Clone, Debug)]
pub struct Login {
    /// The messages, sent in this order once the connection is open, or once [`ControlMessage::LoginPrompt`](super::ControlMessage::LoginPrompt)
    /// arrived where `awaits_prompt` is set.
    pub messages: Vec<Secret>,
    /// `true` if the venue sends the first message.
    pub awaits_prompt: bool,
    /// The time from connecting within which [`ControlMessage::LoggedIn`](super::ControlMessage::LoggedIn) must arrive.
    pub timeout: Duration,
}

/// The protocol of a venue: it encodes requests, and decodes pages and frames.
///
/// An adapter is pure: bytes in, values out. It opens no socket, reads no clock and waits for nobody; what depends on the
/// time takes the time as an argument. Retries, permits, keys, connections and their renewal are the router's.
///
/// For each [`Call`] that [`encode`](Self::encode) writes, the router calls [`check`](Self::check) on whatever comes
/// back and then the `decode` method of that call. A venue that cannot answer a call refuses it in `encode`, with
/// [`Unsupported`](crate::SourceErrorKind::Unsupported); then nothing is sent.
///
/// What the adapters of this workspace share (excerpts of bodies, lists that are taken apart element by element, sizes of
/// pages) is in the crate `market-backbone-venue-kit`.
pub trait Venue: Send + Sync + fmt::Debug + 'static {
    /// Returns what the venue can do, and whose data the adapter reads: everything that it reads bears the name of
    /// [`venue`](Capabilities::venue).
    fn capabilities(&self) -> &Capabilities;

    /// Returns the addresses that are known to be the venue's own, each as a host (with its port, if not the usual one)
    /// and the source that answers there.
    ///
    /// The first host of a source is the one by which its requests are counted: mirrors of one service (Binance's
    /// `api1`…`api4`) share one budget. An adapter that knows no hosts returns none, and its name is taken at its word.
    fn official_hosts(&self) -> &'static [(&'static str, VenueId)] {
        &[]
    }

    /// Writes a request that is sent at about `now` by the venue's clock, with its group and
    /// [weight](HttpCall::weight).
    ///
    /// A request whose page is cut at the venue's limit without a word must be refused here. `before` and the moment of
    /// a cursor are exclusive: a venue whose ends are inclusive (Binance's `endTime`) is asked up to a millisecond
    /// before.
    ///
    /// # Errors
    ///
    /// [`PageTooLarge`](crate::SourceErrorKind::PageTooLarge), [`Unsupported`](crate::SourceErrorKind::Unsupported) or
    /// [`BadRequest`](crate::SourceErrorKind::BadRequest).
    fn encode(&self, call: &Call, now: Timestamp) -> Result<HttpCall, SourceError>;

    /// Distinguishes an answer from a failure.
    ///
    /// A refusal that asks to slow down is [`Throttled`](crate::SourceErrorKind::Throttled), one that shuts the address
    /// out [`Banned`](crate::SourceErrorKind::Banned), each with the wait that the venue names (Binance: 429 and 418,
    /// both with `Retry-After`).
    ///
    /// # Errors
    ///
    /// The failure that the venue's status and body stand for.
    fn check(&self, call: &Call, reply: &HttpReply<'_>) -> Result<(), SourceError>;

    /// Returns the code by which the venue lists what a person calls `name`, where a rule makes that certain; else
    /// `name`.
    fn normalize_code(&self, name: &str) -> String {
        name.trim().to_owned()
    }

    /// Returns the requests that find out whether the venue lists a market, for a venue that answers a question about
    /// one that it does not list as if nobody had traded it.
    ///
    /// They are asked one after the other until an answer, read by [`decode_markets`](Self::decode_markets), lists the
    /// market. The first is about what is listed now, the others about what ever was. A venue that refuses such
    /// questions needs none.
    fn listing_lookups(&self, symbol: &Symbol) -> Vec<HttpCall> {
        let _ = symbol;
        Vec::new()
    }

    /// Returns the headers that every request carries, such as a key.
    fn headers(&self) -> Vec<(&'static str, Secret)> {
        Vec::new()
    }

    /// Returns where the rest of an answer to `sent` is, if the venue gave only a part of it; `base` is the address
    /// that requests go to, without a path.
    ///
    /// It is asked for [`Call::Markets`] and [`Call::VenueSpecific`] only: the other calls ask for pages one by one.
    ///
    /// # Errors
    ///
    /// [`Malformed`](crate::SourceErrorKind::Malformed) if it points elsewhere or back to itself.
    fn next_page(
        &self,
        sent: &HttpCall,
        reply: &HttpReply<'_>,
        base: &str,
    ) -> Result<Option<HttpCall>, SourceError> {
        let _ = (sent, reply, base);
        Ok(None)
    }

    /// Returns what a new connection must send first, or `None` where it may subscribe at once.
    fn login(&self) -> Option<Login> {
        None
    }

    /// Returns the number of requests left in a group's budget, as the reply reports it.
    fn remaining(&self, reply: &HttpReply<'_>) -> Option<(RateLimitGroup, u32)>;

    /// Returns what the reply says of each window of the group's rules, for a venue that reports more than one
    /// (Binance: a header for each window, with what is used of it).
    ///
    /// The default reports what [`remaining`](Self::remaining) says of the group's first rule.
    fn budget_reports(&self, reply: &HttpReply<'_>) -> Vec<BudgetReport> {
        let first = |(group, remaining)| BudgetReport { group, window: None, remaining };
        self.remaining(reply).map(first).into_iter().collect()
    }

    /// Decodes a page of candles that was requested at `asked_at`, and derives what it proves.
    ///
    /// The candles come out oldest first, on the [grid](Capabilities::grid), each final or not. What the page proves is
    /// the adapter's to say, by the rule of its venue: where slots without a trade have no row (Upbit, Massive), the
    /// slots between two rows are empty; where each slot has a row (Binance), a missing row is an outage, and its slot
    /// stays unknown. [`CandlePageBuilder`](crate::CandlePageBuilder) does the first.
    ///
    /// # Errors
    ///
    /// [`Malformed`](crate::SourceErrorKind::Malformed) if the body is not what the venue sends.
    fn decode_candles(
        &self,
        request: &CandlePageRequest,
        body: &[u8],
        asked_at: Timestamp,
    ) -> Result<CandlePage, SourceError>;

    /// Decodes a page of trades: oldest first, none of them outside of what was asked for, with the cursor of the
    /// [next](TradePage::next) page.
    ///
    /// # Errors
    ///
    /// As [`decode_candles`](Self::decode_candles).
    fn decode_trades(
        &self,
        request: &TradePageRequest,
        body: &[u8],
        received: Timestamp,
    ) -> Result<TradePage, SourceError>;

    /// Decodes tickers. Elements that cannot be read are left out and counted.
    ///
    /// # Errors
    ///
    /// As [`decode_candles`](Self::decode_candles).
    fn decode_tickers(&self, body: &[u8], received: Timestamp) -> Result<(Vec<Ticker>, u32), SourceError>;

    /// Decodes books. Elements that cannot be read are left out and counted.
    ///
    /// # Errors
    ///
    /// As [`decode_candles`](Self::decode_candles).
    fn decode_books(&self, body: &[u8], received: Timestamp) -> Result<(Vec<OrderBook>, u32), SourceError>;

    /// Decodes the list of markets.
    ///
    /// # Errors
    ///
    /// As [`decode_candles`](Self::decode_candles).
    fn decode_markets(&self, body: &[u8]) -> Result<Vec<Instrument>, SourceError>;

    /// Decodes price increments.
    ///
    /// # Errors
    ///
    /// As [`decode_candles`](Self::decode_candles).
    fn decode_price_increments(&self, body: &[u8]) -> Result<Vec<PriceIncrement>, SourceError>;

    /// Returns the messages that bring a connection from the channels it `has` to the `wanted` ones, both sorted.
    /// A new connection has none.
    ///
    /// As few messages as the venue allows: each counts against the rules of [`messages`](SocketLimits::messages).
    fn subscribe(&self, has: &[Channel], wanted: &[Channel]) -> Vec<String>;

    /// Makes what reads the frames of one connection; it is called anew for each connection, the same venue's other
    /// connections included.
    ///
    /// A venue whose frames can each be read alone returns a decoder without state.
    fn decoder(&self) -> Box<dyn FrameDecoder>;
}
