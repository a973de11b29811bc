//! Port for a venue: what it can do, how it is asked, how its answers read. No I/O: the router does that.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::{BudgetReport, RateLimitGroup, RateLimitRule, RevisionPolicy};
use crate::{
    BookRequest, CandlePage, CandlePageRequest, Channel, FeedEvent, Grid, Instrument, OrderBook,
    PriceIncrement, Secret, SourceError, SourceErrorKind, StreamKind, Symbol, SymbolTable, Ticker,
    TickerRequest, Timeframe, Timestamp, TradeId, TradePage, TradePageRequest, VenueId,
};

/// What keeps a quiet socket open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// A ping frame of the protocol.
    Ping,
    /// A text message.
    Text(&'static str),
}

/// The rules of a venue's socket.
#[derive(Clone, Copy, Debug)]
pub struct SocketLimits {
    /// How often one may connect.
    pub connects: RateLimitRule,
    /// How often one may send on one connection; every one of them holds.
    pub messages: &'static [RateLimitRule],
    /// What to send when nothing else was.
    pub keep_alive: KeepAlive,
    /// How often to send it.
    pub keep_alive_every: Duration,
    /// After this long without any frame, a pong included, the connection is taken for dead.
    pub idle_timeout: Duration,
    /// How many connections it lets one account or address have at once; `None` where it states no number.
    pub max_connections: Option<u32>,
    /// How many channels it carries on one connection; `None` where it states no number.
    pub channels_per_connection: Option<u32>,
}

/// What a venue can do.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities {
    /// Whose data it is.
    pub venue: VenueId,
    /// How its candles are cut.
    pub grid: Grid,
    /// The most candles of one page.
    pub candle_page: u32,
    /// The timeframes whose pages hold fewer candles than that, and how many those are sure to hold.
    pub shorter_pages: &'static [(Timeframe, u32)],
    /// The most trades of one page.
    pub trade_page: u32,
    /// How many days before today its pages of trades reach back.
    pub trade_days: u8,
    /// The deepest book.
    pub book_depth: u32,
    /// The timeframes it has pages of.
    pub timeframes: &'static [Timeframe],
    /// The timeframes whose candle in progress its socket sends.
    pub live_timeframes: &'static [Timeframe],
    /// The other kinds of live data that its socket does not send, or not to us.
    pub unstreamed_kinds: &'static [StreamKind],
    /// How long after its end a candle may still change.
    pub finality_delay: Duration,
    /// What it corrects later than that, or of what was heard live.
    pub revision_policy: RevisionPolicy,
    /// What it counts, and how much it takes.
    pub limits: &'static [RateLimitRule],
    /// The rules of its socket.
    pub socket: SocketLimits,
}

impl Capabilities {
    /// The most candles that one page of `timeframe` is sure to hold, if they exist.
    #[must_use]
    pub fn candle_page_of(&self, timeframe: Timeframe) -> u32 {
        let shorter = self.shorter_pages.iter().find(|(frame, _)| *frame == timeframe);
        shorter.map_or(self.candle_page, |(_, page)| *page)
    }

    /// Whether the socket can send this.
    #[must_use]
    pub fn streams(&self, kind: StreamKind) -> bool {
        match kind {
            StreamKind::Candle(timeframe) => self.live_timeframes.contains(&timeframe),
            // No venue sends them: they are made of candles.
            StreamKind::Bar(_) => false,
            other => !self.unstreamed_kinds.contains(&other),
        }
    }
}

/// Something one request can ask a venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// One page of candles.
    Candles(CandlePageRequest),
    /// One page of trades.
    Trades(TradePageRequest),
    /// Tickers.
    Tickers(TickerRequest),
    /// Books.
    Books(BookRequest),
    /// What is listed.
    Markets,
    /// The price steps of some markets.
    PriceIncrements(Vec<Symbol>),
    /// Something only this venue has; its adapter reads the answer itself.
    VenueSpecific(HttpCall),
}

impl Call {
    /// The markets it is about.
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

/// The names and values of a request.
pub type QueryParams = Vec<(Cow<'static, str>, String)>;

/// A GET request, ready but for the host. All our requests are reads, so all may be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCall {
    /// What it counts against.
    pub group: RateLimitGroup,
    /// Begins with `/`.
    pub path: String,
    /// Not yet encoded.
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

/// What came back for a request.
#[derive(Clone, Copy, Debug)]
pub struct HttpReply<'a> {
    /// The status.
    pub status: u16,
    /// Names in lower case.
    pub headers: &'a [(String, String)],
    /// All of it, decompressed.
    pub body: &'a [u8],
}

impl<'a> HttpReply<'a> {
    /// The value of the header `name` (in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What a connection has to say before it may ask for anything.
#[derive(Clone, Debug)]
pub struct Login {
    /// Sent in this order, each after the connection stands (or after [`ControlMessage::LoginPrompt`], where `awaits_hello`).
    pub messages: Vec<Secret>,
    /// Whether the venue speaks first.
    pub awaits_prompt: bool,
    /// Within this time of connecting [`ControlMessage::LoggedIn`] must have come.
    pub timeout: Duration,
}

/// What a frame says about the connection rather than about a market.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlMessage {
    /// The venue is there.
    Heartbeat,
    /// The venue has spoken first, and may be greeted.
    LoginPrompt,
    /// The venue has accepted the greeting: subscriptions may be sent.
    LoggedIn,
    /// The venue confirms that it has begun to send these.
    Confirmed(Vec<Channel>),
    /// Another connection took this one's place, or ours are too many: connecting again before `wait` is over would
    /// only throw somebody else out.
    Evicted {
        /// What it says.
        message: String,
        /// How long to stay away.
        wait: Duration,
    },
    /// We read too slowly, and will be cut off.
    TooSlow {
        /// What it says.
        message: String,
    },
    /// The venue refuses what was sent, and will hang up.
    Refused {
        /// What it says.
        message: String,
        /// What a program can do about it.
        kind: SourceErrorKind,
        /// Whether it would refuse the same again.
        terminal: bool,
    },
}

/// What became of a frame, beside the events read from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameOutcome {
    /// Elements that could not be read, or spoke of a market nobody asked for.
    pub dropped: u32,
    /// What it says about the connection.
    pub control: Option<ControlMessage>,
}

/// A frame that could not be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read a frame: {0}")]
pub struct FrameError(pub String);

/// A venue's protocol: encode a request, decode a page, decode a frame.
pub trait Venue: Send + Sync + fmt::Debug + 'static {
    /// What it can do, and whose data it reads: everything that is read of this adapter bears the name of
    /// [`venue`](Capabilities::venue).
    fn capabilities(&self) -> &Capabilities;

    /// The addresses that are known to be the venue's own, each as a host (with its port, if not the usual one) and the
    /// source that answers there; of one source the first is the one it is counted by. None where the adapter knows
    /// none: then it is taken at its word.
    fn official_hosts(&self) -> &'static [(&'static str, VenueId)] {
        &[]
    }

    /// Writes a request.
    ///
    /// # Errors
    ///
    /// [`PageTooLarge`](crate::SourceErrorKind::PageTooLarge) or [`Unsupported`](crate::SourceErrorKind::Unsupported).
    fn encode(&self, call: &Call) -> Result<HttpCall, SourceError>;

    /// Tells an answer from a failure.
    ///
    /// # Errors
    ///
    /// What the venue means by its status and body.
    fn check(&self, call: &Call, reply: &HttpReply<'_>) -> Result<(), SourceError>;

    /// The code by which the venue lists what a person calls `name`, where a rule makes that certain; else `name`.
    fn normalize_code(&self, name: &str) -> String {
        name.trim().to_owned()
    }

    /// How to find out whether the venue lists a market, for a venue that answers a question about one that it does not
    /// list as if nobody had traded it: requests, one after the other, until an answer lists it. The first is about what
    /// is listed now, the others about what ever was. None for a venue that refuses such questions.
    fn listing_lookups(&self, symbol: &Symbol) -> Vec<HttpCall> {
        let _ = symbol;
        Vec::new()
    }

    /// Headers that every request carries, such as a key.
    fn headers(&self) -> Vec<(&'static str, Secret)> {
        Vec::new()
    }

    /// Where the rest of an answer to `sent` is, if the venue gave only a part of it; `base` is the address that
    /// requests go to, without a path.
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

    /// What a fresh connection must say first; `None` where it may ask at once.
    fn login(&self) -> Option<Login> {
        None
    }

    /// What the reply says is left of a group's budget.
    fn remaining(&self, reply: &HttpReply<'_>) -> Option<(RateLimitGroup, u32)>;

    /// Returns what the reply says of each window of the group's rules, for a venue that reports more than one.
    ///
    /// The default reports what [`remaining`](Self::remaining) says of the group's first rule.
    fn budget_reports(&self, reply: &HttpReply<'_>) -> Vec<BudgetReport> {
        let first = |(group, remaining)| BudgetReport { group, window: None, remaining };
        self.remaining(reply).map(first).into_iter().collect()
    }

    /// Reads a page of candles that was asked at `asked_at`, and says what it proves.
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

    /// A name that sorts before those of all trades that happened at `moment` or later, and after those of all others:
    /// a page of trades before it ends there. `None` where names do not follow the time.
    fn trade_cursor(&self, moment: Timestamp) -> Option<TradeId> {
        let _ = moment;
        None
    }

    /// Reads a page of trades.
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

    /// Reads tickers; elements that cannot be read are left out and counted.
    ///
    /// # Errors
    ///
    /// As [`decode_candles`](Self::decode_candles).
    fn decode_tickers(&self, body: &[u8], received: Timestamp) -> Result<(Vec<Ticker>, u32), SourceError>;

    /// Reads books; elements that cannot be read are left out and counted.
    ///
    /// # Errors
    ///
    /// As [`decode_candles`](Self::decode_candles).
    fn decode_books(&self, body: &[u8], received: Timestamp) -> Result<(Vec<OrderBook>, u32), SourceError>;

    /// Reads what is listed.
    ///
    /// # Errors
    ///
    /// As [`decode_candles`](Self::decode_candles).
    fn decode_markets(&self, body: &[u8]) -> Result<Vec<Instrument>, SourceError>;

    /// Reads price steps.
    ///
    /// # Errors
    ///
    /// As [`decode_candles`](Self::decode_candles).
    fn decode_price_increments(&self, body: &[u8]) -> Result<Vec<PriceIncrement>, SourceError>;

    /// The messages that bring a connection from what it `has` to what is `wanted`, both sorted.
    /// A fresh connection has nothing.
    fn subscribe(&self, has: &[Channel], wanted: &[Channel]) -> Vec<String>;

    /// Reads one frame, received at `received`, and appends its events to `events`.
    ///
    /// # Errors
    ///
    /// If nothing of it can be read. A bad element never takes its neighbours with it.
    fn decode_frame(
        &self,
        frame: &[u8],
        received: Timestamp,
        symbols: &SymbolTable,
        events: &mut Vec<FeedEvent>,
    ) -> Result<FrameOutcome, FrameError>;
}
