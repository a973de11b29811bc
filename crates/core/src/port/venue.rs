//! Port for a venue: its capabilities, how requests are written and how answers are read. There is no I/O
//! here; the router does it.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::{BudgetReport, RateLimitGroup, RateLimitRule, RevisionPolicy};
use crate::{
    BookRequest, CandlePage, CandlePageRequest, Channel, FeedEvent, Grid, Instrument, OrderBook,
    PriceIncrement, Secret, SourceError, SourceErrorKind, StreamKind, Symbol, SymbolTable, Ticker,
    TickerRequest, Timeframe, Timestamp, TradeId, TradePage, TradePageRequest, VenueId,
};

/// The message that keeps a quiet socket open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// A ping frame of the WebSocket protocol.
    Ping,
    /// A text message with this content.
    Text(&'static str),
}

/// The rules of a venue's socket.
#[derive(Clone, Copy, Debug)]
pub struct SocketLimits {
    /// The rate limit of new connections.
    pub connects: RateLimitRule,
    /// The rate limits of messages on one connection. All of them hold.
    pub messages: &'static [RateLimitRule],
    /// The message to send when nothing else was sent.
    pub keep_alive: KeepAlive,
    /// The interval between keep-alive messages.
    pub keep_alive_every: Duration,
    /// The time without any frame, pongs included, after which the connection counts as dead.
    pub idle_timeout: Duration,
    /// The most connections of one account or address at once, or `None` where the venue states no number.
    pub max_connections: Option<u32>,
    /// The most channels on one connection, or `None` where the venue states no number.
    pub channels_per_connection: Option<u32>,
}

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
    /// The number of days before today that its pages of trades reach back.
    pub trade_days: u8,
    /// The most levels of a book.
    pub book_depth: u32,
    /// The timeframes it has pages of.
    pub timeframes: &'static [Timeframe],
    /// The timeframes whose forming candle its socket sends.
    pub live_timeframes: &'static [Timeframe],
    /// The other kinds of live data that its socket does not send, or not under this plan.
    pub unstreamed_kinds: &'static [StreamKind],
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
            other => !self.unstreamed_kinds.contains(&other),
        }
    }
}

/// One request to a venue, before it is encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The messages, sent in this order once the connection is open, or once [`ControlMessage::LoginPrompt`]
    /// arrived where `awaits_prompt` is set.
    pub messages: Vec<Secret>,
    /// `true` if the venue sends the first message.
    pub awaits_prompt: bool,
    /// The time from connecting within which [`ControlMessage::LoggedIn`] must arrive.
    pub timeout: Duration,
}

/// A message of a frame about the connection rather than about a market.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlMessage {
    /// The venue is alive.
    Heartbeat,
    /// The venue has sent its first message and expects the login.
    LoginPrompt,
    /// The venue has accepted the login: subscriptions may be sent.
    LoggedIn,
    /// The venue confirms that it has begun to send these channels.
    Confirmed(Vec<Channel>),
    /// Another connection replaced this one, or there are too many: connecting again before `wait` is over would
    /// only evict another one.
    Evicted {
        /// The venue's own words.
        message: String,
        /// The time to wait before connecting again.
        wait: Duration,
    },
    /// This client reads too slowly and will be disconnected.
    TooSlow {
        /// The venue's own words.
        message: String,
    },
    /// The venue refuses what was sent and will close the connection.
    Refused {
        /// The venue's own words.
        message: String,
        /// The kind of error, which says what a program can do about it.
        kind: SourceErrorKind,
        /// `true` if it would refuse the same again.
        terminal: bool,
    },
}

/// The result of decoding a frame, beside the events read from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameOutcome {
    /// The number of elements that could not be read, or named a market nobody asked for.
    pub dropped: u32,
    /// The message about the connection, if the frame holds one.
    pub control: Option<ControlMessage>,
}

/// An error for a frame that could not be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read a frame: {0}")]
pub struct FrameError(pub String);

/// The protocol of a venue: it encodes requests, and decodes pages and frames.
pub trait Venue: Send + Sync + fmt::Debug + 'static {
    /// Returns its capabilities. Everything read by this adapter carries the id in
    /// [`venue`](Capabilities::venue).
    fn capabilities(&self) -> &Capabilities;

    /// Returns the addresses that are known to be the venue's own, each as a host (with its port, if not the
    /// usual one) and the source that answers there. The first address of a source identifies its rate limits.
    /// Empty where the adapter knows none: then its venue id is trusted.
    fn official_hosts(&self) -> &'static [(&'static str, VenueId)] {
        &[]
    }

    /// Writes a request.
    ///
    /// # Errors
    ///
    /// [`PageTooLarge`](crate::SourceErrorKind::PageTooLarge) or [`Unsupported`](crate::SourceErrorKind::Unsupported).
    fn encode(&self, call: &Call) -> Result<HttpCall, SourceError>;

    /// Distinguishes an answer from a failure.
    ///
    /// # Errors
    ///
    /// The failure that the venue's status and body stand for.
    fn check(&self, call: &Call, reply: &HttpReply<'_>) -> Result<(), SourceError>;

    /// Returns the code by which the venue lists what a person calls `name`, where a rule makes that certain;
    /// otherwise `name`.
    fn normalize_code(&self, name: &str) -> String {
        name.trim().to_owned()
    }

    /// Returns the requests that find out whether the venue lists a market, to be sent one after the other until
    /// an answer lists it. They are for a venue that answers a question about an unlisted market as if nobody had
    /// traded it. The first is about what is listed now, the others about what ever was. Empty for a venue that
    /// refuses such questions.
    fn listing_lookups(&self, symbol: &Symbol) -> Vec<HttpCall> {
        let _ = symbol;
        Vec::new()
    }

    /// Returns the headers that every request carries, such as a key.
    fn headers(&self) -> Vec<(&'static str, Secret)> {
        Vec::new()
    }

    /// Returns the address of the rest of an answer to `sent`, if the venue sent only a part of it. `base` is the
    /// address that requests go to, without a path.
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

    /// Returns what the reply says of each window of the group's rules, for a venue that reports more than one.
    ///
    /// The default reports what [`remaining`](Self::remaining) says of the group's first rule.
    fn budget_reports(&self, reply: &HttpReply<'_>) -> Vec<BudgetReport> {
        let first = |(group, remaining)| BudgetReport { group, window: None, remaining };
        self.remaining(reply).map(first).into_iter().collect()
    }

    /// Decodes a page of candles that was requested at `asked_at`, and derives what it proves.
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

    /// Returns an id that sorts before all trades at `moment` or later and after all earlier ones: a page of
    /// trades before it ends there. Returns `None` where ids do not follow the time.
    fn trade_cursor(&self, moment: Timestamp) -> Option<TradeId> {
        let _ = moment;
        None
    }

    /// Decodes a page of trades.
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
    fn subscribe(&self, has: &[Channel], wanted: &[Channel]) -> Vec<String>;

    /// Decodes one frame, received at `received`, and appends its events to `events`.
    ///
    /// # Errors
    ///
    /// If nothing of the frame can be read. A bad element never affects its neighbours.
    fn decode_frame(
        &self,
        frame: &[u8],
        received: Timestamp,
        symbols: &SymbolTable,
        events: &mut Vec<FeedEvent>,
    ) -> Result<FrameOutcome, FrameError>;
}
