//! A venue whose protocol is plain words, so that a test can be read without knowing a real one.

use std::time::Duration;

use market_backbone_core::{
    BookRequest, Call, Candle, CandlePage, CandlePageRequest, Capabilities, Channel, FrameDecoder, HttpCall,
    HttpReply, Instrument, Login, OrderBook, PageProof, PriceIncrement, RateLimitGroup, RateLimitRule,
    SocketLimits, SourceError, SourceErrorKind, StreamKind, Symbol, Ticker, TickerRequest, TimeRange,
    Timeframe, Timestamp, TradeCursorKind, TradePage, TradePageRequest, Venue, VenueId,
};

use crate::plain_frames::PlainFrames;
use crate::plain_lines::{number, priced, rows};
use crate::{CAPABILITIES, flat_candle, ticker, top_of_book};

/// The id of the plain venue.
pub const PLAIN: VenueId = VenueId::new("fake");

/// Its rule for new connections.
pub const CONNECTS: RateLimitRule =
    RateLimitRule::new(RateLimitGroup("connect"), 1_000, Duration::from_secs(1));
const MESSAGES: RateLimitRule = RateLimitRule::new(RateLimitGroup("message"), 1_000, Duration::from_secs(1));
const REST: RateLimitGroup = RateLimitGroup("rest");

/// Returns the symbol of the market `code` at [`PLAIN`].
#[must_use]
pub fn symbol(code: &str) -> Symbol {
    Symbol::new(PLAIN, code).unwrap()
}

/// Returns the channel of one kind of the market `code` at [`PLAIN`].
#[must_use]
pub fn channel(code: &str, kind: StreamKind) -> Channel {
    Channel { symbol: symbol(code), kind }
}

/// A venue that speaks in lines of words separated by blanks.
///
/// REST. Candles: `<open second> <price>`. Tickers and books: `<code> <price>`, or `<code>+<seconds> <price>` for one
/// that is so many seconds ahead. Markets: `<code>`. A first word `!` is unreadable. A market whose code begins with `DARK`
/// is not reported as unlisted: it can be looked up, among those that are listed and those that once were.
///
/// Socket. To subscribe, `set KRW-BTC/trade KRW-ETH/ticker`, which replaces everything before it. Frames, several in one if
/// separated by `;`: `trade KRW-BTC 17 100.5` (id, price), `ticker KRW-BTC 100.5`, `book KRW-BTC 100.5` (best ask),
/// `band KRW-BTC 90 110` (low, high), `candle KRW-BTC 60 100.5 7` (open time in seconds, close, volume; 1 if none is
/// given), `count KRW-BTC 1000` (a ticker of that time whose price is the number of frames of this connection). A trade, a
/// ticker and a band may end with the venue's time in milliseconds. About the connection itself: `hello`, `ready`,
/// `confirm KRW-BTC KRW-ETH` (their trades), `refuse once`, `refuse always`, `evict 200` (stay away, in milliseconds),
/// `slow`.
#[derive(Debug)]
pub struct PlainVenue {
    /// The capabilities. Without [limits](Capabilities::limits) any number of requests is allowed.
    pub capabilities: Capabilities,
    /// `true` if each change of a subscription takes two messages, `hello` first.
    pub says_hello: bool,
    /// The login that a connection begins with, if there is one.
    pub login: Option<Login>,
    /// The time of live events that name none, or `None` for that of their arrival.
    pub undated: Option<Timestamp>,
}

impl Default for PlainVenue {
    fn default() -> Self {
        let idle = Duration::from_secs(60);
        let socket = SocketLimits {
            connects: CONNECTS,
            messages: &[MESSAGES],
            keep_alive_every: idle,
            idle_timeout: 2 * idle,
            ..CAPABILITIES.socket
        };
        let capabilities = Capabilities {
            venue: PLAIN,
            trade_cursors: &[TradeCursorKind::Latest],
            timeframes: &[Timeframe::M1, Timeframe::D1],
            streamed_kinds: &[StreamKind::Trade, StreamKind::Ticker, StreamKind::Book, StreamKind::Band],
            live_timeframes: &[Timeframe::M1],
            socket,
            ..CAPABILITIES
        };
        Self { capabilities, says_hello: false, login: None, undated: None }
    }
}

impl PlainVenue {
    /// The group of requests for candles. All others are of the group `rest`.
    pub const CANDLES: RateLimitGroup = RateLimitGroup("candles");

    /// Returns the venue with ten requests a second in each group, and five connections and messages a second.
    #[must_use]
    pub fn limited() -> Self {
        const SECOND: Duration = Duration::from_secs(1);
        const LIMITS: &[RateLimitRule] =
            &[RateLimitRule::new(PlainVenue::CANDLES, 10, SECOND), RateLimitRule::new(REST, 10, SECOND)];
        const FIVE: RateLimitRule = RateLimitRule::new(RateLimitGroup("message"), 5, SECOND);
        let mut venue = Self::default();
        venue.capabilities.limits = LIMITS;
        venue.capabilities.finality_delay = SECOND;
        venue.capabilities.socket.connects = CAPABILITIES.socket.connects;
        venue.capabilities.socket.messages = &[FIVE];
        venue
    }
}

impl Venue for PlainVenue {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn login(&self) -> Option<Login> {
        self.login.clone()
    }

    fn encode(&self, call: &Call, _: Timestamp) -> Result<HttpCall, SourceError> {
        let codes = |symbols: &[Symbol]| {
            vec![("codes", symbols.iter().map(Symbol::code).collect::<Vec<_>>().join(","))]
        };
        let (group, path, query) = match call {
            Call::Candles(request) => (Self::CANDLES, "/candles", vec![("count", request.count.to_string())]),
            Call::Trades(request) => (REST, "/trades", vec![("count", request.count.to_string())]),
            Call::Tickers(TickerRequest::Symbols(symbols)) => (REST, "/tickers", codes(symbols)),
            Call::Tickers(TickerRequest::Quotes(quotes)) => {
                (REST, "/all", vec![("quotes", quotes.join(","))])
            }
            Call::Books(BookRequest { symbols, .. }) => (REST, "/books", codes(symbols)),
            Call::Markets => (REST, "/markets", vec![]),
            Call::PriceIncrements(symbols) => (REST, "/instruments", codes(symbols)),
            Call::VenueSpecific(call) => return Ok(call.clone()),
            _ => {
                let message = "the plain venue has no such request";
                return Err(SourceError::new(SourceErrorKind::Unsupported, message));
            }
        };
        let query = query.into_iter().map(|(name, value): (&'static str, _)| (name.into(), value)).collect();
        Ok(HttpCall::new(group, path, query))
    }

    fn normalize_code(&self, name: &str) -> String {
        name.to_ascii_uppercase()
    }

    fn listing_lookups(&self, symbol: &Symbol) -> Vec<HttpCall> {
        let query = || vec![("code".into(), symbol.code().to_owned())];
        let lookup = |path: &str| HttpCall::new(REST, path, query());
        let is_dark = symbol.code().starts_with("DARK");
        ["/now", "/ever"].into_iter().filter(|_| is_dark).map(lookup).collect()
    }

    fn check(&self, _: &Call, reply: &HttpReply<'_>) -> Result<(), SourceError> {
        let seconds = |name| reply.header(name).and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let kind = match reply.status {
            200 => return Ok(()),
            429 => SourceErrorKind::Throttled(seconds("retry-after")),
            418 => SourceErrorKind::Banned(seconds("retry-after")),
            404 => SourceErrorKind::UnknownMarket,
            500.. => SourceErrorKind::VenueFault,
            _ => SourceErrorKind::BadRequest,
        };
        Err(SourceError::new(kind, format!("status {}", reply.status)))
    }

    fn remaining(&self, reply: &HttpReply<'_>) -> Option<(RateLimitGroup, u32)> {
        let (group, left) = reply.header("left")?.split_once(' ')?;
        let group = self.capabilities.limits.iter().find(|limit| limit.group.0 == group)?.group;
        Some((group, left.parse().ok()?))
    }

    fn decode_candles(
        &self,
        _: &CandlePageRequest,
        body: &[u8],
        asked_at: Timestamp,
    ) -> Result<CandlePage, SourceError> {
        let minute = Duration::from_secs(60);
        let read = |[secs, price]: [&str; 2]| {
            let candle = flat_candle(Timestamp::from_secs(number(secs)?), number(price)?);
            let is_final = candle.open_time.plus(minute + self.capabilities.finality_delay) <= asked_at;
            Ok(Candle { is_final, ..candle })
        };
        let candles: Vec<_> = rows(body)?.into_iter().map(read).collect::<Result<_, SourceError>>()?;
        let finals: Vec<_> = candles.iter().filter(|candle| candle.is_final).map(|c| c.open_time).collect();
        let covered = finals
            .first()
            .zip(finals.last())
            .and_then(|(first, last)| TimeRange::new(*first, last.plus(minute)).ok());
        let proof = PageProof { covered, ..PageProof::default() };
        Ok(CandlePage { candles, proof, asked_at, ..CandlePage::default() })
    }

    fn decode_trades(&self, _: &TradePageRequest, _: &[u8], _: Timestamp) -> Result<TradePage, SourceError> {
        Ok(TradePage::default())
    }

    fn decode_tickers(&self, body: &[u8], received: Timestamp) -> Result<(Vec<Ticker>, u32), SourceError> {
        let read = |(symbol, price, time)| Ticker { time, ..ticker(symbol, price, received) };
        Ok((priced(body, received)?.into_iter().map(read).collect(), 0))
    }

    fn decode_books(&self, body: &[u8], received: Timestamp) -> Result<(Vec<OrderBook>, u32), SourceError> {
        let read = |(symbol, ask, time)| OrderBook { received, ..top_of_book(symbol, ask, 10, time) };
        Ok((priced(body, received)?.into_iter().map(read).collect(), 0))
    }

    fn decode_markets(&self, body: &[u8]) -> Result<Vec<Instrument>, SourceError> {
        let read = |[code]: [&str; 1]| Instrument {
            symbol: symbol(code),
            base: code.to_owned(),
            quote: "KRW".to_owned(),
            name: code.to_owned(),
            local_name: None,
            warning: false,
        };
        Ok(rows(body)?.into_iter().map(read).collect())
    }

    fn decode_price_increments(&self, _: &[u8]) -> Result<Vec<PriceIncrement>, SourceError> {
        Ok(Vec::new())
    }

    fn subscribe(&self, _has: &[Channel], wanted: &[Channel]) -> Vec<String> {
        if wanted.is_empty() {
            return Vec::new();
        }
        let names: Vec<_> =
            wanted.iter().map(|channel| format!("{}/{}", channel.symbol, channel.kind)).collect();
        let hello = self.says_hello.then(|| "hello".to_owned());
        hello.into_iter().chain([format!("set {}", names.join(" "))]).collect()
    }

    fn decoder(&self) -> Box<dyn FrameDecoder> {
        Box::new(PlainFrames::new(self.undated))
    }
}
