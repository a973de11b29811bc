//! Backfills a channel: trades page by page, closed candles by query.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use market_backbone_core::{
    CandleQuery, CandleSource, Channel, Clock, Coverage, FeedEvent, Grid, LossReason, Origin, PageSource,
    Priority, Provenance, Series, SourceError, SourceErrorKind, Span, StreamKind, TimeRange, Timeframe,
    Timestamp, Trade, TradeCursor, TradePage, drop_future,
};
use tokio::time::{Instant, sleep, timeout_at};

use super::ContinuityConfig;
use super::pause_stats::PauseStats;
use super::trade_rank::TradeRank;
use crate::trade_walk::{TradeWalk, WalkStep};

const DAY: Duration = Duration::from_secs(86_400);
/// The most trades of a walk's first page. Usually seconds are missing and not days, and a venue's page may
/// hold a day.
pub(super) const FIRST_PAGE: u32 = 1_000;
/// The factor by which each page of a walk may be longer than the one before it.
const GROWTH: u32 = 4;
/// The number of times a page is fetched again that does not continue where the one before it ended.
const MAX_TORN_PAGES: u32 = 4;

/// The sources of past events.
#[derive(Clone)]
pub(super) struct BackfillSource {
    pub(super) pages: Arc<dyn PageSource>,
    pub(super) candles: Arc<dyn CandleSource>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) config: ContinuityConfig,
}

/// The part of a channel to be fetched.
#[derive(Clone, Debug)]
pub(super) struct BackfillRequest {
    pub(super) channel_index: usize,
    pub(super) channel: Channel,
    /// The start: later events have not been delivered, except for single ones.
    pub(super) begin: Timestamp,
    /// The end of the fetch; `None` for everything there is.
    pub(super) until: Option<Timestamp>,
    /// The moment before which everything has been delivered, whatever the pages show.
    pub(super) needed: Timestamp,
    pub(super) priority: Priority,
    /// The time to wait before the first request.
    pub(super) wait: Duration,
    /// The number of trades to request first.
    pub(super) count: u32,
    /// `true` if each page may be longer than the one before it.
    pub(super) grows: bool,
    /// The cursor of the first page.
    pub(super) cursor: TradeCursor,
}

/// The result of a fetch.
#[derive(Debug)]
pub(super) struct BackfillResult {
    pub(super) number: usize,
    pub(super) found: BackfillData,
    /// The time of the request: nothing after it is included.
    pub(super) asked_at: Timestamp,
}

#[derive(Debug)]
pub(super) enum BackfillData {
    Trades(TradeWalkResult),
    /// A part of the past, up to this moment.
    TradeChunk(TradeWalkResult, Timestamp),
    Candles {
        events: Vec<FeedEvent>,
        coverage: Coverage,
        loss: Option<LossReason>,
    },
}

/// The result of a walk back through the pages of a market's trades.
#[derive(Debug)]
pub(super) struct TradeWalkResult {
    /// The trades found, newest first, with possible duplicates.
    pub(super) trades: Vec<Trade>,
    /// The ranks of all trades that the walk showed.
    pub(super) shown: BTreeSet<TradeRank>,
    /// The latest trade shown from before the beginning: the pages had to show every later one.
    pub(super) newest_before_begin: Option<TradeRank>,
    /// The pauses between trades before the beginning.
    pub(super) pause_stats: PauseStats,
    /// The number of trades on the pages that could not be read.
    pub(super) unreadable: u32,
    /// `true` if a page was shorter than requested: a day has no more, or the page lacks some.
    pub(super) is_short: bool,
    /// `true` if a page did not continue where the one before it ended.
    pub(super) is_disjoint: bool,
    /// The reason why the walk ended early, if it did.
    pub(super) cut_short: Option<LossReason>,
    /// The number of days the venue goes back, if that is not far enough.
    pub(super) too_old: Option<u8>,
    /// The moment before which the venue has no trades.
    pub(super) kept_since: Timestamp,
    /// The number of pages fetched.
    pub(super) pages: u32,
    /// The time during which the venue did not answer.
    pub(super) unanswered: Duration,
}

impl BackfillSource {
    /// Fetches everything `order` asks for, or returns why that was not possible.
    pub(super) async fn fetch(self, order: BackfillRequest) -> BackfillResult {
        sleep(order.wait).await;
        let asked_at = self.clock.now();
        let found = match (order.channel.kind, order.until) {
            (StreamKind::Candle(frame), _) => self.candles(&order, frame, asked_at).await,
            (_, None) => BackfillData::Trades(self.trades(&order).await),
            (_, Some(until)) => BackfillData::TradeChunk(self.trades(&order).await, until),
        };
        BackfillResult { number: order.channel_index, found, asked_at }
    }

    /// Returns the moment before which the venue has no trades.
    pub(super) fn kept_since(&self) -> Timestamp {
        self.pages.capabilities().trades_kept_since(self.clock.now())
    }

    /// The days of which the venue has trades, for messages.
    pub(super) fn history_days(&self) -> u8 {
        u8::try_from(self.pages.capabilities().trade_history.as_secs() / DAY.as_secs()).unwrap_or(u8::MAX)
    }

    async fn trades(&self, order: &BackfillRequest) -> TradeWalkResult {
        let mut found = FoundTrades::new(order);
        let cut_short = self.walk(&mut found, order).await.err();
        let kept_since = self.kept_since();
        let is_too_old = !found.reached && order.begin.max(order.needed) < kept_since;
        TradeWalkResult {
            trades: found.newest_first,
            shown: BTreeSet::new(),
            newest_before_begin: found.newest_before_begin,
            pause_stats: found.pause_stats,
            unreadable: found.unreadable,
            is_short: found.is_short,
            is_disjoint: found.is_disjoint,
            cut_short,
            too_old: is_too_old.then(|| self.history_days()),
            kept_since,
            pages: found.pages,
            unanswered: found.unanswered,
        }
    }

    /// Goes back page by page until everything is there, or the venue has no more.
    async fn walk(&self, found: &mut FoundTrades, order: &BackfillRequest) -> Result<(), LossReason> {
        let capabilities = self.pages.capabilities();
        let retry = BackfillRetry::new(&self.config);
        let most = capabilities.trade_page.max(2);
        let mut count = order.count.clamp(2, most);
        let mut torn_pages = 0;
        // A day more than the one of the beginning: a trade from before the beginning proves that none is missing.
        let oldest_needed = Grid::Utc.floor(Timeframe::D1, order.begin).minus(DAY);
        let mut walk = TradeWalk::new(order.channel.symbol.clone(), order.cursor.clone())
            .until(order.begin, oldest_needed)
            .proving_joins();
        while let Some(request) = walk.next_request(count, self.kept_since()) {
            let (page, unanswered) = retry.call(|| self.pages.trade_page(&request, order.priority)).await?;
            found.unanswered += unanswered;
            let step = walk.absorb(&request, page);
            found.pages = walk.answers();
            match step {
                WalkStep::AskAgain => {}
                WalkStep::Torn => {
                    torn_pages += 1;
                    if torn_pages > MAX_TORN_PAGES {
                        found.is_disjoint = true;
                        return Ok(());
                    }
                    sleep(self.config.retry_pause * torn_pages).await;
                }
                WalkStep::Page(page) => {
                    found.add_page(page, count, (self.clock.now(), self.config.max_future_skew));
                    found.reached = walk.has_reached_begin();
                    if order.grows {
                        count = count.saturating_mul(GROWTH).min(most);
                    }
                    if found.newest_first.len() > self.config.backlog {
                        found.newest_first.truncate(self.config.backlog);
                        return Err(LossReason::TooMuch { limit: self.config.backlog });
                    }
                }
            }
        }
        Ok(())
    }

    async fn candles(&self, order: &BackfillRequest, frame: Timeframe, asked_at: Timestamp) -> BackfillData {
        let capabilities = self.pages.capabilities();
        let forming = capabilities.grid.floor(frame, asked_at);
        let (mut events, mut coverage, mut loss) = (Vec::new(), Coverage::empty(), None);
        let Ok(range) = TimeRange::new(order.begin, forming) else {
            return BackfillData::Candles { events, coverage, loss };
        };
        let series = Series::new(order.channel.symbol.clone(), frame);
        let query = CandleQuery::within(series.clone(), range).closed().priority(order.priority);
        match BackfillRetry::new(&self.config).call(|| self.candles.candles(query.clone())).await {
            Ok((set, _)) => {
                let settled = capabilities.grid.floor(frame, asked_at.minus(capabilities.finality_delay));
                let due = TimeRange::new(range.from(), range.to().min(settled));
                if due.is_ok_and(|due| !set.coverage.covers(due)) {
                    loss = Some(LossReason::Unreachable { message: "some slots stay unknown".into() });
                }
                coverage = set.coverage;
                let event = |candle| FeedEvent::Candle { series: series.clone(), candle, received: asked_at };
                events = set.candles.into_iter().map(event).collect();
            }
            Err(why) => loss = Some(why),
        }
        BackfillData::Candles { events, coverage, loss }
    }
}

impl TradeWalkResult {
    /// Returns the range that is complete, given the fetched `trades` and the `loss`.
    pub(super) fn coverage(
        trades: &[Trade],
        loss: Option<&LossReason>,
        begin: Timestamp,
        until: Timestamp,
    ) -> Coverage {
        let from = match (loss, trades.first()) {
            (None, _) => begin,
            (Some(_), Some(oldest)) => oldest.time,
            (Some(_), None) => until,
        };
        let provenance = Provenance { origin: Origin::Rest, observed_at: until };
        TimeRange::new(from, until).map(|range| Span { range, provenance }).into_iter().collect()
    }
}

/// What a walk back through the pages of a market's trades has found so far.
#[derive(Debug)]
struct FoundTrades {
    begin: Timestamp,
    newest_first: Vec<Trade>,
    /// `true` once a trade from before the beginning was seen: all later ones are there.
    reached: bool,
    /// The latest trade from before the beginning.
    newest_before_begin: Option<TradeRank>,
    /// The pauses between trades before the beginning.
    pause_stats: PauseStats,
    unreadable: u32,
    is_short: bool,
    is_disjoint: bool,
    pages: u32,
    unanswered: Duration,
}

impl FoundTrades {
    fn new(order: &BackfillRequest) -> Self {
        Self {
            begin: order.begin,
            newest_first: Vec::new(),
            reached: false,
            newest_before_begin: None,
            pause_stats: PauseStats::default(),
            unreadable: 0,
            is_short: false,
            is_disjoint: false,
            pages: 0,
            unanswered: Duration::ZERO,
        }
    }

    fn add_page(&mut self, mut page: TradePage, asked: u32, (now, bound): (Timestamp, Duration)) {
        self.unreadable += page.dropped;
        self.is_short |= !page.is_full(asked);
        let dropped = drop_future(&mut page.trades, now, bound);
        if dropped > 0 {
            tracing::warn!(dropped, "trades of a page are stamped in the future and left out");
        }
        let beyond = page.trades.iter().filter(|trade| trade.time < self.begin).map(TradeRank::of).max();
        self.newest_before_begin = beyond.max(self.newest_before_begin.take());
        let earlier = page.trades.iter().map(|trade| trade.time).filter(|time| *time < self.begin);
        self.pause_stats = self.pause_stats.merge(PauseStats::of(earlier));
        self.newest_first.extend(page.trades.into_iter().rev().filter(|trade| trade.time >= self.begin));
    }
}

type SourceFuture<'a, T> = BoxFuture<'a, Result<T, SourceError>>;

/// The limits of repeated requests.
struct BackfillRetry {
    timeout: Duration,
    first_pause: Duration,
    max_pause: Duration,
}

impl BackfillRetry {
    const fn new(config: &ContinuityConfig) -> Self {
        Self {
            timeout: config.heal_timeout,
            first_pause: config.retry_pause,
            max_pause: config.retry_pause_cap,
        }
    }

    /// Repeats a request until there is an answer, asking again cannot help, or it has taken too long. Returns
    /// the answer with the time spent in vain before it.
    async fn call<'a, T>(&self, ask: impl Fn() -> SourceFuture<'a, T>) -> Result<(T, Duration), LossReason> {
        let since = Instant::now();
        let until = since + self.timeout;
        let mut pause = self.first_pause;
        loop {
            let unanswered = since.elapsed();
            let error = match timeout_at(until, ask()).await {
                Ok(Ok(answer)) => return Ok((answer, unanswered)),
                Ok(Err(error)) => error,
                Err(_) => SourceError::new(SourceErrorKind::TimedOut, "no answer in time"),
            };
            let (may_help, wait) = match error.kind() {
                SourceErrorKind::Closed => return Err(LossReason::Ended),
                SourceErrorKind::Banned(wait) | SourceErrorKind::Throttled(wait) => (true, wait),
                _ => (error.is_transient(), None),
            };
            let wait = wait.unwrap_or_default().max(pause);
            if !may_help || Instant::now() + wait >= until {
                return Err(LossReason::Unreachable { message: error.to_string().into() });
            }
            tracing::debug!(%error, ?wait, "cannot fetch the missing events of a feed; retrying");
            sleep(wait).await;
            pause = (pause * 2).min(self.max_pause);
        }
    }
}

impl fmt::Debug for BackfillSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackfillSource").field("config", &self.config).finish_non_exhaustive()
    }
}
