//! A venue with the plainest protocol there is: lines of blank-separated words.
//!
//! Candles: `<open second> <price>`. Tickers and books: `<code> <price>`, or `<code>+<seconds> <price>` for
//! one that is stamped so many seconds ahead. Markets: `<code>`. Frames: `ticker <code> <price>`
//! and `candle <code> <open second> <price>`. A first word `!` is unreadable. Of a market whose code begins with `DARK`
//! it does not say that it does not list it: it can be looked up, as one that is listed and as one that was.

use std::time::Duration;

use market_backbone_core::{
    BookRequest, Call, Candle, CandlePage, CandlePageRequest, Capabilities, Channel, FeedEvent, FrameDecoder,
    FrameError, FrameOutcome, Grid, HttpCall, HttpReply, Instrument, KeepAlive, Level, OrderBook, PageProof,
    PriceIncrement, RateLimitGroup, RateLimitRule, RevisionPolicy, Series, SocketLimits, SourceError,
    SourceErrorKind, StreamKind, Symbol, SymbolTable, Ticker, TickerRequest, TimeRange, Timeframe, Timestamp,
    TradeCursorKind, TradePage, TradePageRequest, Venue, VenueId,
};

pub(crate) const VENUE: VenueId = VenueId::new("fake");
pub(crate) const CANDLES: RateLimitGroup = RateLimitGroup("candles");

const SECOND: Duration = Duration::from_secs(1);
const LIMITS: &[RateLimitRule] =
    &[RateLimitRule::new(CANDLES, 10, SECOND), RateLimitRule::new(RateLimitGroup("rest"), 10, SECOND)];

const CAPABILITIES: Capabilities = Capabilities {
    venue: VENUE,
    grid: Grid::Utc,
    candle_page: 200,
    shorter_pages: &[],
    trade_page: 500,
    book_depth: 30,
    trade_history: Duration::from_secs(7 * 86_400),
    trade_cursors: &[TradeCursorKind::Latest],
    timeframes: &[Timeframe::M1, Timeframe::D1],
    streamed_kinds: &[StreamKind::Trade, StreamKind::Ticker, StreamKind::Book, StreamKind::Band],
    live_timeframes: &[Timeframe::M1],
    finality_delay: SECOND,
    revision_policy: RevisionPolicy::NONE,
    limits: LIMITS,
    socket: SocketLimits {
        connects: RateLimitRule::new(RateLimitGroup("connect"), 5, SECOND),
        messages: &[RateLimitRule::new(RateLimitGroup("message"), 5, SECOND)],
        keep_alive: KeepAlive::Ping,
        keep_alive_every: Duration::from_secs(30),
        idle_timeout: Duration::from_secs(60),
        max_connections: None,
        channels_per_connection: None,
    },
};

pub(crate) fn symbol(code: &str) -> Symbol {
    Symbol::new(VENUE, code).unwrap()
}

pub(crate) fn ticker(symbol: Symbol, price: f64, now: Timestamp) -> Ticker {
    Ticker {
        symbol,
        price,
        open: price,
        high: price,
        low: price,
        previous_close: price,
        size: 1.0,
        side: None,
        day_volume: 1.0,
        day_turnover: 1.0,
        volume_24h: 1.0,
        turnover_24h: 1.0,
        trade_time: now,
        time: now,
        received: now,
    }
}

fn candle(secs: i64, price: f64, asked_at: Timestamp) -> Candle {
    let open_time = Timestamp::from_secs(secs);
    let is_final = open_time.plus(Duration::from_secs(61)) <= asked_at;
    Candle {
        open_time,
        open: price,
        high: price,
        low: price,
        close: price,
        volume: 1.0,
        turnover: price,
        is_final,
    }
}

fn malformed(line: &str) -> SourceError {
    SourceError::new(SourceErrorKind::Malformed, format!("cannot read `{line}`"))
}

/// Reads lines of `N` words each.
fn rows<const N: usize>(body: &[u8]) -> Result<Vec<[&str; N]>, SourceError> {
    let text = std::str::from_utf8(body).map_err(|_| malformed("not text"))?;
    let row = |line| {
        let words: Vec<&str> = str::split_whitespace(line).collect();
        words.try_into().map_err(|_| malformed(line))
    };
    text.lines().map(row).collect()
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, SourceError> {
    word.parse().map_err(|_| malformed(word))
}

/// The code and the stamp of what is called `code` or `code+seconds`.
fn stamped(name: &str, received: Timestamp) -> Result<(&str, Timestamp), SourceError> {
    let Some((code, ahead)) = name.split_once('+') else { return Ok((name, received)) };
    Ok((code, received.plus(Duration::from_secs(number(ahead)?))))
}

#[derive(Debug)]
pub(crate) struct FakeVenue;

impl Venue for FakeVenue {
    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    fn encode(&self, call: &Call, _: Timestamp) -> Result<HttpCall, SourceError> {
        let rest = RateLimitGroup("rest");
        let codes = |symbols: &[Symbol]| {
            vec![("codes", symbols.iter().map(Symbol::code).collect::<Vec<_>>().join(","))]
        };
        let (group, path, query) = match call {
            Call::Candles(request) => (CANDLES, "/candles", vec![("count", request.count.to_string())]),
            Call::Trades(request) => (rest, "/trades", vec![("count", request.count.to_string())]),
            Call::Tickers(TickerRequest::Symbols(symbols)) => (rest, "/tickers", codes(symbols)),
            Call::Tickers(TickerRequest::Quotes(quotes)) => {
                (rest, "/all", vec![("quotes", quotes.join(","))])
            }
            Call::Books(BookRequest { symbols, .. }) => (rest, "/books", codes(symbols)),
            Call::Markets => (rest, "/markets", vec![]),
            Call::PriceIncrements(symbols) => (rest, "/instruments", codes(symbols)),
            Call::VenueSpecific(call) => return Ok(call.clone()),
            _ => {
                return Err(SourceError::new(
                    SourceErrorKind::Unsupported,
                    "the fake venue has no such request",
                ));
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
        let lookup = |path: &str| HttpCall::new(RateLimitGroup("rest"), path, query());
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
        let group = LIMITS.iter().find(|limit| limit.group.0 == group)?.group;
        Some((group, left.parse().ok()?))
    }

    fn decode_candles(
        &self,
        _: &CandlePageRequest,
        body: &[u8],
        asked_at: Timestamp,
    ) -> Result<CandlePage, SourceError> {
        let read = |[secs, price]: [&str; 2]| Ok(candle(number(secs)?, number(price)?, asked_at));
        let candles: Vec<_> = rows(body)?.into_iter().map(read).collect::<Result<_, SourceError>>()?;
        let finals: Vec<_> = candles.iter().filter(|candle| candle.is_final).map(|c| c.open_time).collect();
        let covered = finals
            .first()
            .zip(finals.last())
            .and_then(|(first, last)| TimeRange::new(*first, last.plus(Duration::from_secs(60))).ok());
        let proof = PageProof { covered, ..PageProof::default() };
        Ok(CandlePage { candles, proof, asked_at, ..CandlePage::default() })
    }

    fn decode_trades(&self, _: &TradePageRequest, _: &[u8], _: Timestamp) -> Result<TradePage, SourceError> {
        Ok(TradePage::default())
    }

    fn decode_tickers(&self, body: &[u8], received: Timestamp) -> Result<(Vec<Ticker>, u32), SourceError> {
        let read = |[name, price]: [&str; 2]| {
            let (code, time) = stamped(name, received)?;
            Ok(Ticker { time, ..ticker(symbol(code), number(price)?, received) })
        };
        Ok((rows(body)?.into_iter().map(read).collect::<Result<_, SourceError>>()?, 0))
    }

    fn decode_books(&self, body: &[u8], received: Timestamp) -> Result<(Vec<OrderBook>, u32), SourceError> {
        let read = |[name, price]: [&str; 2]| {
            let (code, time) = stamped(name, received)?;
            Ok(OrderBook { time, ..book(code, number(price)?, received) })
        };
        Ok((rows(body)?.into_iter().map(read).collect::<Result<_, SourceError>>()?, 0))
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

    fn subscribe(&self, _: &[Channel], wanted: &[Channel]) -> Vec<String> {
        let name = |channel: &Channel| format!("{} {}", channel.kind, channel.symbol);
        vec![wanted.iter().map(name).collect::<Vec<_>>().join("\n")]
    }

    fn decoder(&self) -> Box<dyn FrameDecoder> {
        Box::new(PlainFrames)
    }
}

#[derive(Debug)]
struct PlainFrames;

impl FrameDecoder for PlainFrames {
    fn decode(
        &mut self,
        frame: &[u8],
        received: Timestamp,
        _: &SymbolTable,
        events: &mut Vec<FeedEvent>,
    ) -> Result<FrameOutcome, FrameError> {
        let text = String::from_utf8_lossy(frame);
        let words: Vec<_> = text.split_whitespace().collect();
        let event = match words.as_slice() {
            ["ticker", code, price] => {
                FeedEvent::Ticker(ticker(symbol(code), price.parse().unwrap(), received))
            }
            ["book", code, price] => {
                FeedEvent::Book(std::sync::Arc::new(book(code, price.parse().unwrap(), received)))
            }
            ["candle", code, secs, price] => FeedEvent::Candle {
                series: Series::new(symbol(code), Timeframe::M1),
                candle: candle(secs.parse().unwrap(), price.parse().unwrap(), Timestamp::EPOCH),
                received,
            },
            _ => return Err(FrameError(text.into_owned())),
        };
        events.push(event);
        Ok(FrameOutcome::default())
    }
}

fn book(code: &str, price: f64, received: Timestamp) -> OrderBook {
    let levels =
        |step: f64| (1..=10).map(|i| Level { price: price + step * f64::from(i), size: 1.0 }).collect();
    OrderBook {
        symbol: symbol(code),
        asks: levels(1.0),
        bids: levels(-1.0),
        total_ask_size: None,
        total_bid_size: None,
        time: received,
        received,
    }
}
