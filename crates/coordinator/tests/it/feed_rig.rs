//! A venue whose live events are scripted by a test, and whose pages show what has happened by the paused
//! clock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::{FutureExt, StreamExt};
use market_backbone_coordinator::{Continuity, ContinuityConfig, Cursor, Feed, Start};
use market_backbone_core::{
    BookRequest, Candle, CandlePage, CandlePageRequest, CandlePart, CandleQuery, Capabilities, Channel,
    Clock, Delivery, FeedEvent, Gap, GapCause, GapState, Grid, Instrument, LiveSource, LiveStream, OrderBook,
    Origin, PageSource, Priority, Provenance, Series, SourceError, SourceErrorKind, Span, StreamKind,
    Subscription, Symbol, Ticker, TickerRequest, TimeRange, Timeframe, Timestamp, Trade, TradeCursor,
    TradeCursorKind, TradeId, TradePage, TradePageRequest, VenueId,
};
use market_backbone_testkit::{ScriptedCandles, TaskClock, flat_candle};
use tokio::time::{sleep, timeout};

use crate::venue::Model;

pub(crate) const VENUE: VenueId = VenueId::new("model");
pub(crate) const CANDLE: StreamKind = StreamKind::Candle(Timeframe::M1);
/// The start of the paused clock: a Thursday at noon.
pub(crate) const NOON: i64 = 1_800_014_400;
/// The id of a trade at noon.
const FIRST_ID: i64 = 17_000_000_000_000_000;

/// The fault of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageFault {
    /// The answer shows the state of this many ms ago.
    Late(i64),
    /// The answer has no rows.
    Empty,
    /// The middle third of the answer is missing.
    Hole,
    /// The answer lacks the events between these times, in ms after noon.
    Lacking(i64, i64),
}

/// The fault of the answer to a request that is sent this many ms after noon.
type PageFaults = Box<dyn FnMut(&TradePageRequest, i64) -> Option<PageFault> + Send>;

/// The error of the request with this number.
type Script = Box<dyn FnMut(usize) -> Option<SourceErrorKind> + Send>;

/// The closed candles of each market.
type Tape = Arc<Mutex<Vec<(Symbol, Candle)>>>;

pub(crate) struct Venue {
    pub(crate) clock: Arc<TaskClock>,
    capabilities: Capabilities,
    trades: Mutex<BTreeMap<(Symbol, TradeId), Trade>>,
    candles: Tape,
    pub(crate) candle_source: ScriptedCandles,
    script: Mutex<Script>,
    page_faults: Mutex<PageFaults>,
    pub(crate) asked: Mutex<Vec<(TradePageRequest, Priority)>>,
    at_once: AtomicUsize,
    pub(crate) most_at_once: AtomicUsize,
    live: Mutex<Vec<UnboundedSender<FeedEvent>>>,
    refusal: Mutex<Option<SourceError>>,
}

/// Returns the configuration of tests whose live side is ahead of the paused clock.
pub(crate) fn config() -> ContinuityConfig {
    strict().max_future_skew(Duration::from_secs(86_400))
}

/// Returns the configuration of the other tests; see [`config`].
pub(crate) fn strict() -> ContinuityConfig {
    ContinuityConfig::default().page_lag(Duration::from_millis(100))
}

pub(crate) fn symbol(code: &str) -> Symbol {
    Symbol::new(VENUE, code).unwrap()
}

pub(crate) fn channel(code: &str, kind: StreamKind) -> Channel {
    Channel { symbol: symbol(code), kind }
}

pub(crate) fn subscription(codes: &[&str], kinds: &[StreamKind]) -> Subscription {
    Subscription::new(codes.iter().map(|code| symbol(code)), kinds.iter().copied()).unwrap()
}

/// Returns a trade this many milliseconds after noon; its id contains the time.
pub(crate) fn trade(code: &str, ms: i64) -> Trade {
    sized(code, ms, 1.0)
}

pub(crate) fn sized(code: &str, ms: i64, size: f64) -> Trade {
    let time = at(ms);
    Trade { size, ..market_backbone_testkit::trade(symbol(code), FIRST_ID + ms, 100.0, time) }
}

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(NOON * 1_000 + ms)
}

pub(crate) fn ticker(code: &str, ms: i64, day_volume: f64) -> FeedEvent {
    let quiet = market_backbone_testkit::ticker(symbol(code), 100.0, at(ms));
    let (day_turnover, volume_24h, turnover_24h) = (day_volume, day_volume, day_volume);
    FeedEvent::Ticker(Ticker { day_volume, day_turnover, volume_24h, turnover_24h, ..quiet })
}

/// Returns a candle of the minute that opens this many minutes after noon.
pub(crate) fn candle(minute: i64, close: f64, is_final: bool) -> Candle {
    Candle { is_final, ..flat_candle(at(minute * 60_000), close) }
}

pub(crate) fn live_candle(minute: i64, close: f64) -> FeedEvent {
    let series = Series::new(symbol("A"), Timeframe::M1);
    FeedEvent::Candle { series, candle: candle(minute, close, false), received: at(minute * 60_000) }
}

pub(crate) fn gap(state: GapState, channels: &[Channel], from_ms: i64, to_ms: Option<i64>) -> FeedEvent {
    FeedEvent::Gap(Gap {
        state,
        channels: channels.into(),
        from: at(from_ms),
        to: to_ms.map(at),
        cause: GapCause::Disconnected,
        loss: None,
    })
}

impl Venue {
    pub(crate) fn new() -> Arc<Self> {
        Self::with(|_| ())
    }

    pub(crate) fn with(change: impl FnOnce(&mut Capabilities)) -> Arc<Self> {
        let mut capabilities = *Model::dense(1).capabilities();
        (capabilities.trade_page, capabilities.trade_history) = (10, Duration::from_secs(7 * 86_400));
        capabilities.trade_cursors = &[TradeCursorKind::Latest, TradeCursorKind::Before];
        capabilities.live_timeframes = &[Timeframe::M1];
        change(&mut capabilities);
        let (clock, candles) = (Arc::new(TaskClock::showing(at(0))), Tape::default());
        Arc::new(Self {
            candle_source: candle_source(Arc::clone(&candles), Arc::clone(&clock)),
            clock,
            capabilities,
            trades: Mutex::default(),
            candles,
            script: Mutex::new(Box::new(|_| None)),
            page_faults: Mutex::new(Box::new(|_, _| None)),
            asked: Mutex::default(),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            live: Mutex::default(),
            refusal: Mutex::default(),
        })
    }

    /// Adds trades that have happened, or will.
    pub(crate) fn traded(&self, trades: impl IntoIterator<Item = Trade>) {
        let keyed = trades.into_iter().map(|trade| ((trade.symbol.clone(), trade.id.clone()), trade));
        self.trades.lock().unwrap().extend(keyed);
    }

    /// Adds closed candles of the market A.
    pub(crate) fn closed(&self, candles: impl IntoIterator<Item = Candle>) {
        self.closed_of("A", candles);
    }

    pub(crate) fn closed_of(&self, code: &str, candles: impl IntoIterator<Item = Candle>) {
        self.candles.lock().unwrap().extend(candles.into_iter().map(|candle| (symbol(code), candle)));
    }

    pub(crate) fn failing(&self, script: impl FnMut(usize) -> Option<SourceErrorKind> + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    pub(crate) fn with_page_faults(
        &self,
        page_faults: impl FnMut(&TradePageRequest, i64) -> Option<PageFault> + Send + 'static,
    ) {
        *self.page_faults.lock().unwrap() = Box::new(page_faults);
    }

    /// How many ms after noon it is.
    pub(crate) fn clock_ms(&self) -> i64 {
        self.clock.now().as_millis() - NOON * 1_000
    }

    pub(crate) fn requests(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// Sends an event to the newest reader.
    pub(crate) fn say(&self, event: FeedEvent) {
        let live = self.live.lock().unwrap();
        if let Some(reader) = live.last() {
            reader.unbounded_send(event).ok(); // nobody reads any more
        }
    }

    pub(crate) fn print(&self, code: &str, ms: i64) {
        self.say(FeedEvent::Trade(trade(code, ms)));
    }

    /// The socket refuses what is asked of it for good.
    pub(crate) fn refuse(&self, reason: SourceError) {
        *self.refusal.lock().unwrap() = Some(reason);
    }

    pub(crate) fn hang_up(&self) {
        self.live.lock().unwrap().clear();
    }

    pub(crate) async fn feed(self: &Arc<Self>, subscription: Subscription, start: impl Into<Start>) -> Feed {
        self.feed_with(subscription, start, config()).await
    }

    pub(crate) async fn feed_with(
        self: &Arc<Self>,
        subscription: Subscription,
        start: impl Into<Start>,
        config: ContinuityConfig,
    ) -> Feed {
        self.continuity(config).subscribe(subscription, start.into()).await.unwrap()
    }

    pub(crate) fn continuity(self: &Arc<Self>, config: ContinuityConfig) -> Continuity {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let candles = Arc::new(self.candle_source.clone());
        Continuity::new(Arc::clone(self) as _, Arc::clone(self) as _, candles, clock, config)
    }

    fn page(&self, request: &TradePageRequest) -> TradePage {
        let ms = self.clock.now().as_millis() - NOON * 1_000;
        let page_fault = (self.page_faults.lock().unwrap())(request, ms);
        let shown_at =
            if let Some(PageFault::Late(by)) = page_fault { at(ms - by) } else { self.clock.now() };
        let now = self.clock.now();
        let is_shown = |trade: &&Trade| {
            trade.symbol == request.symbol
                && trade.time <= shown_at
                && trade.time >= self.capabilities.trades_kept_since(now)
                && match &request.cursor {
                    TradeCursor::Latest => true,
                    TradeCursor::Before(id) => trade.id < *id,
                    TradeCursor::At(moment) => trade.time < *moment,
                }
        };
        let trades = self.trades.lock().unwrap();
        let newest = trades.values().rev().filter(is_shown).take(request.count as usize);
        let mut trades: Vec<_> = newest.cloned().collect();
        trades.reverse();
        match page_fault {
            Some(PageFault::Empty) => trades.clear(),
            Some(PageFault::Hole) => drop(trades.drain(trades.len() / 3..trades.len() * 2 / 3)),
            Some(PageFault::Lacking(from, to)) => {
                trades.retain(|trade| trade.time < at(from) || at(to) <= trade.time)
            }
            Some(PageFault::Late(_)) | None => {}
        }
        let page = TradePage { trades, dropped: 0, ..TradePage::default() };
        let next = if page.is_full(request.count) { page.before_oldest() } else { None };
        // A page that is not full is taken for the last one of its day.
        let day = match (page.trades.first(), &request.cursor) {
            (Some(oldest), _) => oldest.time,
            (None, TradeCursor::Before(TradeId::Number(id))) => at(id - FIRST_ID),
            (None, TradeCursor::At(moment)) => moment.minus(Duration::from_millis(1)),
            (None, _) => now,
        };
        let next = next.unwrap_or_else(|| TradeCursor::At(Grid::Utc.floor(Timeframe::D1, day)));
        TradePage { next: Some(next), ..page }
    }
}

/// Reads on until nothing has arrived for a minute of the paused clock.
pub(crate) async fn rest(feed: &mut Feed) -> Vec<String> {
    let mut seen = Vec::new();
    while let Ok(Some(event)) = timeout(Duration::from_secs(60), feed.next()).await {
        seen.push(brief(&event));
    }
    seen
}

/// Returns the events that are available without waiting.
pub(crate) fn at_hand(feed: &mut Feed) -> Vec<String> {
    std::iter::from_fn(|| feed.next().now_or_never().flatten()).map(|event| brief(&event)).collect()
}

pub(crate) async fn next(feed: &mut Feed) -> String {
    let event = timeout(Duration::from_secs(3_600), feed.next()).await.unwrap();
    event.map_or_else(|| "end".to_owned(), |event| brief(&event))
}

/// Returns a feed's cursor as the next program reads it from text.
pub(crate) fn token(feed: &Feed) -> Cursor {
    feed.cursor().to_string().parse().unwrap()
}

pub(crate) fn brief(event: &FeedEvent) -> String {
    match event {
        FeedEvent::Trade(trade) => {
            let ms = trade.time.as_millis() - NOON * 1_000;
            format!("{} {ms}", trade.symbol)
        }
        FeedEvent::Ticker(ticker) => format!("ticker {}", ticker.day_volume),
        FeedEvent::Candle { candle, .. } => {
            let minute = (candle.open_time.as_secs() - NOON) / 60;
            format!("candle {minute} {}{}", candle.close, if candle.is_final { " final" } else { "" })
        }
        FeedEvent::Bar { candle, revision, is_quiet, .. } => {
            let minute = (candle.open_time.as_secs() - NOON) / 60;
            let revised = if *revision > 0 { format!(" revision {revision}") } else { String::new() };
            format!("bar {minute} {}{revised}{}", candle.close, if *is_quiet { " quiet" } else { "" })
        }
        FeedEvent::Ended { reason } => format!("ended: {reason}"),
        FeedEvent::Gap(gap) => {
            let why = gap.loss.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            format!("{} {}{why}", gap.state.as_str(), gap.cause.as_str())
        }
        FeedEvent::CaughtUp(histories) => format!("caught up {}", histories.len()),
        other => format!("{other:?}"),
    }
}

#[async_trait]
impl PageSource for Venue {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn trade_page(
        &self,
        request: &TradePageRequest,
        priority: Priority,
    ) -> Result<TradePage, SourceError> {
        let number = {
            let mut asked = self.asked.lock().unwrap();
            asked.push((request.clone(), priority));
            asked.len() - 1
        };
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        sleep(Duration::from_millis(40)).await;
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        match (self.script.lock().unwrap())(number) {
            Some(kind) => Err(SourceError::new(kind, "as the script says")),
            None => Ok(self.page(request)),
        }
    }

    async fn candle_page(&self, _: &CandlePageRequest, _: Priority) -> Result<CandlePage, SourceError> {
        Err(unsupported())
    }

    async fn forming(&self, _: &Series, _: Priority) -> Result<Option<CandlePart>, SourceError> {
        Err(unsupported())
    }

    async fn markets(&self, _: Priority) -> Result<Vec<Instrument>, SourceError> {
        Err(unsupported())
    }
}

/// A source of the closed candles in `tape` that has observed them now.
fn candle_source(tape: Tape, clock: Arc<TaskClock>) -> ScriptedCandles {
    let rows = move |query: &CandleQuery, range: TimeRange| {
        let tape = tape.lock().unwrap();
        let of = tape.iter().filter(|(symbol, _)| *symbol == query.series.symbol);
        of.map(|(_, candle)| *candle).filter(|candle| range.contains(candle.open_time)).collect()
    };
    ScriptedCandles::new(rows).proving(move |range| {
        let provenance = Provenance { origin: Origin::Rest, observed_at: clock.now() };
        let known = TimeRange::new(range.from(), range.to().min(clock.now()));
        known.into_iter().map(|range| Span { range, provenance }).collect()
    })
}

#[async_trait]
impl LiveSource for Venue {
    async fn subscribe(&self, _: Subscription) -> Result<LiveStream, SourceError> {
        let (sender, events) = unbounded();
        self.live.lock().unwrap().push(sender);
        Ok(events.boxed())
    }

    async fn tickers(&self, _: &TickerRequest, _: Priority) -> Result<Vec<Ticker>, SourceError> {
        Err(unsupported())
    }

    async fn books(&self, _: &BookRequest, _: Priority) -> Result<Vec<OrderBook>, SourceError> {
        Err(unsupported())
    }

    fn refusal(&self) -> Option<SourceError> {
        self.refusal.lock().unwrap().clone()
    }

    fn latest_ticker(&self, _: &Symbol) -> Option<Ticker> {
        None
    }

    fn latest_trade(&self, _: &Symbol) -> Option<Trade> {
        None
    }

    fn latest_book(&self, _: &Symbol) -> Option<OrderBook> {
        None
    }

    fn latest_candle(&self, _: &Series) -> Option<Candle> {
        None
    }
}

fn unsupported() -> SourceError {
    SourceError::new(SourceErrorKind::Unsupported, "not here")
}

pub(crate) fn shallow(mut subscription: Subscription, depth: usize) -> Subscription {
    subscription.delivery = Delivery::Buffered { capacity: depth };
    subscription
}
