//! A venue with a protocol of plain words, so that a test can be read without knowing a real one.
//!
//! Subscribe: `set KRW-BTC/trade KRW-ETH/ticker`, which replaces everything before it. Frames, many in one if parted
//! by `;`: `trade KRW-BTC 17 100.5` (id, price), `ticker KRW-BTC 100.5`, `book KRW-BTC 100.5` (best ask),
//! `band KRW-BTC 90 110` (low, high), `candle KRW-BTC 60 100.5 7` (open time in seconds, close, volume; 1 if none is
//! said). A trade, a ticker and a band may end with the venue's time in milliseconds. Of the connection itself speak `hello`, `ready`, `confirm KRW-BTC KRW-ETH` (their trades), `refuse once`,
//! `refuse always`, `evict 200` (stay away, in milliseconds) and `slow`.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    BandIndicators, Call, Candle, CandlePage, CandlePageRequest, Capabilities, Channel, ControlMessage,
    FeedEvent, FrameError, FrameOutcome, Grid, HttpCall, HttpReply, Instrument, KeepAlive, Level, Login,
    OrderBook, PriceBand, PriceIncrement, RateLimitGroup, RateLimitRule, RevisionPolicy, Series,
    SocketLimits, SourceError, SourceErrorKind, StreamKind, Symbol, SymbolTable, Ticker, Timeframe,
    Timestamp, Trade, TradeId, TradePage, TradePageRequest, Venue, VenueId,
};

pub(crate) const VENUE: VenueId = VenueId::new("fake");
pub(crate) const CONNECTS: RateLimitRule =
    RateLimitRule::new(RateLimitGroup("connect"), 1_000, Duration::from_secs(1));
const MANY: RateLimitRule = RateLimitRule::new(RateLimitGroup("message"), 1_000, Duration::from_secs(1));

pub(crate) fn symbol(code: &str) -> Symbol {
    Symbol::new(VENUE, code).unwrap()
}

pub(crate) fn channel(code: &str, kind: StreamKind) -> Channel {
    Channel { symbol: symbol(code), kind }
}

#[derive(Debug)]
pub(crate) struct FakeVenue {
    pub(crate) capabilities: Capabilities,
    /// Whether each change takes two messages: `hello` first.
    pub(crate) polite: bool,
    /// What it wants to hear first.
    pub(crate) greeting: Option<Login>,
}

impl Default for FakeVenue {
    fn default() -> Self {
        let socket = SocketLimits {
            connects: CONNECTS,
            messages: &[MANY],
            keep_alive: KeepAlive::Ping,
            keep_alive_every: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(120),
            max_connections: None,
            channels_per_connection: None,
        };
        let capabilities = Capabilities {
            venue: VENUE,
            grid: Grid::default(),
            candle_page: 200,
            shorter_pages: &[],
            trade_page: 200,
            book_depth: 30,
            trade_days: 7,
            timeframes: &[Timeframe::M1],
            unstreamed_kinds: &[],
            live_timeframes: &[Timeframe::M1],
            finality_delay: Duration::ZERO,
            revision_policy: RevisionPolicy::NONE,
            limits: &[],
            socket,
        };
        Self { capabilities, polite: false, greeting: None }
    }
}

fn unsupported<T>() -> Result<T, SourceError> {
    Err(SourceError::new(SourceErrorKind::Unsupported, "only sockets here"))
}

impl Venue for FakeVenue {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn login(&self) -> Option<Login> {
        self.greeting.clone()
    }

    fn subscribe(&self, _has: &[Channel], wanted: &[Channel]) -> Vec<String> {
        if wanted.is_empty() {
            return Vec::new();
        }
        let names: Vec<_> =
            wanted.iter().map(|channel| format!("{}/{}", channel.symbol, channel.kind)).collect();
        let hello = self.polite.then(|| "hello".to_owned());
        hello.into_iter().chain([format!("set {}", names.join(" "))]).collect()
    }

    fn decode_frame(
        &self,
        frame: &[u8],
        received: Timestamp,
        symbols: &SymbolTable,
        events: &mut Vec<FeedEvent>,
    ) -> Result<FrameOutcome, FrameError> {
        let text = std::str::from_utf8(frame).map_err(|error| FrameError(error.to_string()))?;
        let mut outcome = FrameOutcome::default();
        for element in text.split(';') {
            let words: Vec<_> = element.split_whitespace().collect();
            match words[..] {
                ["hello"] => outcome.control = Some(ControlMessage::LoginPrompt),
                ["ready"] => outcome.control = Some(ControlMessage::LoggedIn),
                ["slow"] => outcome.control = Some(ControlMessage::TooSlow { message: "slow".to_owned() }),
                ["evict", millis] => {
                    let wait = Duration::from_millis(millis.parse().unwrap());
                    outcome.control = Some(ControlMessage::Evicted { message: "evicted".to_owned(), wait });
                }
                ["confirm", ref codes @ ..] => {
                    let its = codes.iter().map(|code| channel(code, StreamKind::Trade)).collect();
                    outcome.control = Some(ControlMessage::Confirmed(its));
                }
                ["refuse", how] => {
                    let terminal = how == "always";
                    let kind = SourceErrorKind::BadRequest;
                    outcome.control =
                        Some(ControlMessage::Refused { message: "refused".to_owned(), kind, terminal });
                }
                [kind, code, ref rest @ ..] => {
                    match symbols.resolve(code).and_then(|symbol| event(kind, &symbol, rest, received)) {
                        Some(event) => events.push(event),
                        None => outcome.dropped += 1,
                    }
                }
                _ => return Err(FrameError(format!("`{element}`"))),
            }
        }
        Ok(outcome)
    }

    fn encode(&self, _: &Call) -> Result<HttpCall, SourceError> {
        unsupported()
    }

    fn check(&self, _: &Call, _: &HttpReply<'_>) -> Result<(), SourceError> {
        unsupported()
    }

    fn remaining(&self, _: &HttpReply<'_>) -> Option<(RateLimitGroup, u32)> {
        None
    }

    fn decode_candles(
        &self,
        _: &CandlePageRequest,
        _: &[u8],
        _: Timestamp,
    ) -> Result<CandlePage, SourceError> {
        unsupported()
    }

    fn decode_trades(&self, _: &TradePageRequest, _: &[u8], _: Timestamp) -> Result<TradePage, SourceError> {
        unsupported()
    }

    fn decode_tickers(&self, _: &[u8], _: Timestamp) -> Result<(Vec<Ticker>, u32), SourceError> {
        unsupported()
    }

    fn decode_books(&self, _: &[u8], _: Timestamp) -> Result<(Vec<OrderBook>, u32), SourceError> {
        unsupported()
    }

    fn decode_markets(&self, _: &[u8]) -> Result<Vec<Instrument>, SourceError> {
        unsupported()
    }

    fn decode_price_increments(&self, _: &[u8]) -> Result<Vec<PriceIncrement>, SourceError> {
        unsupported()
    }
}

fn event(kind: &str, symbol: &Symbol, words: &[&str], received: Timestamp) -> Option<FeedEvent> {
    let symbol = symbol.clone();
    match (kind, words) {
        ("trade", [id, price, time @ ..]) => Some(FeedEvent::Trade(Trade {
            symbol,
            id: TradeId::Number(id.parse().ok()?),
            price: price.parse().ok()?,
            size: 1.0,
            side: None,
            time: moment(time)?,
            received,
        })),
        ("ticker", [price, time @ ..]) => {
            Some(FeedEvent::Ticker(ticker(symbol, price.parse().ok()?, moment(time)?, received)))
        }
        ("book", [price]) => Some(FeedEvent::Book(Arc::new(OrderBook {
            symbol,
            asks: vec![Level { price: price.parse().ok()?, size: 1.0 }],
            bids: Vec::new(),
            total_ask_size: None,
            total_bid_size: None,
            time: Timestamp::EPOCH,
            received,
        }))),
        ("band", [low, high, time @ ..]) => Some(FeedEvent::Band(PriceBand {
            symbol,
            low: low.parse().ok()?,
            high: high.parse().ok()?,
            indicators: BandIndicators::new([17]),
            time: moment(time)?,
            received,
        })),
        ("candle", [open_time, price, volume @ ..]) => {
            let price = price.parse().ok()?;
            let volume = volume.first().map_or(Some(1.0), |volume| volume.parse().ok())?;
            let open_time = Timestamp::from_secs(open_time.parse().ok()?);
            let (open, high, low, close) = (price, price, price, price);
            let candle =
                Candle { open_time, open, high, low, close, volume, turnover: price, is_final: false };
            Some(FeedEvent::Candle { series: Series::new(symbol, Timeframe::M1), candle, received })
        }
        _ => None,
    }
}

/// The venue's time, if it says one.
fn moment(words: &[&str]) -> Option<Timestamp> {
    match words {
        [] => Some(Timestamp::EPOCH),
        [millis] => Some(Timestamp::EPOCH.plus(Duration::from_millis(millis.parse().ok()?))),
        _ => None,
    }
}

fn ticker(symbol: Symbol, price: f64, time: Timestamp, received: Timestamp) -> Ticker {
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
        trade_time: time,
        time,
        received,
    }
}
