//! An adapter of a venue that nobody has heard of: candles over HTTP as lines of blank-separated words, and no socket.

use std::str::FromStr;
use std::time::Duration;

use market_backbone::adapter::{
    BadRow, Call, CandlePage, CandlePageBuilder, CandlePageRequest, Capabilities, FinalityRules,
    FrameDecoder, FrameError, FrameOutcome, HttpCall, HttpReply, KeepAlive, PriceIncrement, RateLimitRule,
    RevisionPolicy, SocketLimits, SymbolTable, TradePage, TradePageRequest, Venue,
};
use market_backbone::{
    Candle, Channel, FeedEvent, Grid, Instrument, OrderBook, RateLimitGroup, SourceError, SourceErrorKind,
    Symbol, Ticker, Timeframe, Timestamp, VenueId,
};

/// The name of the venue.
pub const TOY: VenueId = VenueId::new("toy");
/// The most candles of one page.
pub const PAGE: u32 = 50;

const SECOND: Duration = Duration::from_secs(1);
const ALL: RateLimitGroup = RateLimitGroup("all");
const LIMIT: RateLimitRule = RateLimitRule::new(ALL, 50, SECOND);
const RULES: FinalityRules =
    FinalityRules { grid: Grid::Utc, superseded_delay: SECOND, clock_delay: SECOND, newest_delay: SECOND };

/// The adapter.
#[derive(Clone, Copy, Debug)]
pub struct ToyVenue {
    capabilities: Capabilities,
}

impl ToyVenue {
    /// The adapter of the server whose data are kept as `source`.
    #[must_use]
    pub const fn for_source(source: VenueId) -> Self {
        Self { capabilities: Capabilities { venue: source, ..CAPABILITIES } }
    }
}

/// What the venue offers.
pub const CAPABILITIES: Capabilities = Capabilities {
    venue: TOY,
    grid: Grid::Utc,
    candle_page: PAGE,
    shorter_pages: &[],
    trade_page: 1,
    trade_history: Duration::ZERO,
    trade_cursors: &[],
    book_depth: 1,
    timeframes: &[Timeframe::M1],
    live_timeframes: &[],
    streamed_kinds: &[],
    finality_delay: SECOND,
    revision_policy: RevisionPolicy::NONE,
    limits: &[LIMIT],
    socket: SocketLimits {
        connects: LIMIT,
        messages: &[LIMIT],
        keep_alive: KeepAlive::Ping,
        keep_alive_every: Duration::from_secs(30),
        idle_timeout: Duration::from_secs(60),
        max_connections: None,
        channels_per_connection: None,
    },
};

impl Venue for ToyVenue {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn normalize_code(&self, name: &str) -> String {
        name.to_uppercase()
    }

    fn encode(&self, call: &Call, _: Timestamp) -> Result<HttpCall, SourceError> {
        let (path, query) = match call {
            Call::Candles(CandlePageRequest { series, before, count }) => {
                let before = before.map(|before| ("before".into(), before.as_secs().to_string()));
                let named =
                    [("market".into(), series.symbol.code().to_owned()), ("count".into(), count.to_string())];
                ("/candles", named.into_iter().chain(before).collect())
            }
            Call::Markets => ("/markets", Vec::new()),
            _ => return Err(SourceError::new(SourceErrorKind::Unsupported, "the toy has candles alone")),
        };
        Ok(HttpCall::new(ALL, path, query))
    }

    fn check(&self, _: &Call, reply: &HttpReply<'_>) -> Result<(), SourceError> {
        let kind = match reply.status {
            200 => return Ok(()),
            404 => SourceErrorKind::UnknownMarket,
            _ => SourceErrorKind::VenueFault,
        };
        Err(SourceError::new(kind, format!("the toy answers {}", reply.status)))
    }

    fn remaining(&self, _: &HttpReply<'_>) -> Option<(RateLimitGroup, u32)> {
        None
    }

    fn decode_candles(
        &self,
        request: &CandlePageRequest,
        body: &[u8],
        asked_at: Timestamp,
    ) -> Result<CandlePage, SourceError> {
        let mut page = CandlePageBuilder::new(request, CAPABILITIES.grid);
        for line in String::from_utf8_lossy(body).lines() {
            page.push(read(line));
        }
        let is_last = page.count() < request.count as usize;
        Ok(page.into_page(asked_at, RULES, is_last.then_some(Timestamp::MIN)))
    }

    fn decode_trades(&self, _: &TradePageRequest, _: &[u8], _: Timestamp) -> Result<TradePage, SourceError> {
        Ok(TradePage::default())
    }

    fn decode_tickers(&self, _: &[u8], _: Timestamp) -> Result<(Vec<Ticker>, u32), SourceError> {
        Ok(Default::default())
    }

    fn decode_books(&self, _: &[u8], _: Timestamp) -> Result<(Vec<OrderBook>, u32), SourceError> {
        Ok(Default::default())
    }

    fn decode_markets(&self, body: &[u8]) -> Result<Vec<Instrument>, SourceError> {
        let text = String::from_utf8_lossy(body);
        let codes = text.lines().filter_map(|code| Symbol::new(self.capabilities.venue, code).ok());
        let listed = |symbol: Symbol| Instrument {
            base: symbol.code().to_owned(),
            name: symbol.code().to_owned(),
            symbol,
            quote: "TOY".to_owned(),
            local_name: None,
            warning: false,
        };
        Ok(codes.map(listed).collect())
    }

    fn decode_price_increments(&self, _: &[u8]) -> Result<Vec<PriceIncrement>, SourceError> {
        Ok(Vec::new())
    }

    fn subscribe(&self, _: &[Channel], _: &[Channel]) -> Vec<String> {
        Vec::new()
    }

    fn decoder(&self) -> Box<dyn FrameDecoder> {
        Box::new(NoFrames)
    }
}

/// The toy has no socket.
#[derive(Debug)]
struct NoFrames;

impl FrameDecoder for NoFrames {
    fn decode(
        &mut self,
        frame: &[u8],
        _: Timestamp,
        _: &SymbolTable,
        _: &mut Vec<FeedEvent>,
    ) -> Result<FrameOutcome, FrameError> {
        Err(FrameError(format!("{} bytes, and the toy has no socket", frame.len())))
    }
}

/// Reads `<open second> <price>`.
fn read(line: &str) -> Result<Candle, BadRow> {
    let bad = |reason: &str| BadRow { market: None, time: None, reason: reason.to_owned() };
    let (open, price) = line.split_once(' ').ok_or_else(|| bad("it has one word"))?;
    let open_time = i64::from_str(open).map(Timestamp::from_secs).map_err(|_| bad("it opens at no time"))?;
    let close = f64::from_str(price).map_err(|_| bad("its price is no number"))?;
    let (open, high, low) = (close, close, close);
    Ok(Candle { open_time, open, high, low, close, volume: 1.0, turnover: close, is_final: false })
}
