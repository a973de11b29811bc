//! Fetches what a channel is missing: trades page by page, closed candles by query.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use market_backbone_core::{
    CandleQuery, CandleSource, Channel, Clock, Coverage, FeedEvent, Loss, Origin, PageSource, Priority,
    Provenance, Series, SourceError, SourceErrorKind, Span, StreamKind, Symbol, TimeRange, Timeframe,
    Timestamp, Trade, TradeId, TradePage, TradePageRequest,
};
use tokio::time::{Instant, sleep, timeout_at};

use super::ContinuityConfig;

const DAY: i64 = 86_400;

/// Where the past can be had from.
#[derive(Clone)]
pub(super) struct Archive {
    pub(super) pages: Arc<dyn PageSource>,
    pub(super) candles: Arc<dyn CandleSource>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) config: ContinuityConfig,
}

/// What is to be fetched.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) lane: usize,
    pub(super) channel: Channel,
    /// What happened from here on has not been delivered, but for single events.
    pub(super) begin: Timestamp,
    /// What happened before this has been delivered whatever the pages say.
    pub(super) needed: Timestamp,
    pub(super) priority: Priority,
}

/// What was fetched.
#[derive(Debug)]
pub(super) struct Caught {
    pub(super) lane: usize,
    /// In the order in which they are to be delivered.
    pub(super) events: Vec<FeedEvent>,
    /// The stretches of which all is there.
    pub(super) coverage: Coverage,
    pub(super) loss: Option<Loss>,
    /// Of what happened after this nothing is there.
    pub(super) asked_at: Timestamp,
}

impl Archive {
    /// Fetches all that `order` asks for, or says why not.
    pub(super) async fn fetch(self, order: Order) -> Caught {
        sleep(self.config.page_lag).await;
        match order.channel.kind {
            StreamKind::Candle(frame) => self.candles(&order, frame).await,
            _ => self.trades(&order).await,
        }
    }

    async fn trades(&self, order: &Order) -> Caught {
        let asked_at = self.clock.now();
        let mut walk = Walk::new(order.begin);
        let walked = self.walk(&mut walk, order).await;
        let days = self.pages.capabilities().trade_days;
        let kept_since = midnight(asked_at).minus(Duration::from_secs(u64::from(days) * DAY.unsigned_abs()));
        let too_old = !walk.reached && order.begin.max(order.needed) < kept_since;
        let loss = walked.err().or(too_old.then_some(Loss::TooOld { days }));
        let trades = walk.in_order();
        let from = match (&loss, trades.first()) {
            (None, _) => order.begin,
            (Some(_), Some(oldest)) => oldest.time,
            (Some(_), None) => asked_at,
        };
        let provenance = Provenance { origin: Origin::Rest, observed_at: asked_at };
        let spans = TimeRange::new(from, asked_at).map(|range| Span { range, provenance });
        Caught {
            lane: order.lane,
            events: trades.into_iter().map(FeedEvent::Trade).collect(),
            coverage: spans.into_iter().collect(),
            loss,
            asked_at,
        }
    }

    /// Goes back page by page until all is there, or the venue has no more.
    async fn walk(&self, walk: &mut Walk, order: &Order) -> Result<(), Loss> {
        let capabilities = self.pages.capabilities();
        let patience = Patience::new(&self.config);
        while !walk.reached && walk.days_ago <= capabilities.trade_days {
            let request = walk.request(&order.channel.symbol, capabilities.trade_page);
            let page = patience.ask(|| self.pages.trade_page(&request, order.priority)).await?;
            if page.dropped > 0 {
                let message = format!("{} trades of a page could not be read", page.dropped);
                return Err(Loss::Unreachable { message: message.into() });
            }
            walk.take(page, request.count);
            if walk.newest_first.len() > self.config.backlog {
                walk.newest_first.truncate(self.config.backlog);
                return Err(Loss::TooMuch { limit: self.config.backlog });
            }
        }
        Ok(())
    }

    async fn candles(&self, order: &Order, frame: Timeframe) -> Caught {
        let (asked_at, capabilities) = (self.clock.now(), self.pages.capabilities());
        let forming = capabilities.grid.floor(frame, asked_at);
        let mut caught = Caught {
            lane: order.lane,
            events: Vec::new(),
            coverage: Coverage::empty(),
            loss: None,
            asked_at,
        };
        let Ok(range) = TimeRange::new(order.begin, forming) else { return caught };
        let series = Series::new(order.channel.symbol.clone(), frame);
        let query = CandleQuery::within(series.clone(), range).closed().priority(order.priority);
        match Patience::new(&self.config).ask(|| self.candles.candles(query.clone())).await {
            Ok(set) => {
                let settled = capabilities.grid.floor(frame, asked_at.minus(capabilities.settling));
                let due = TimeRange::new(range.from(), range.to().min(settled));
                if due.is_ok_and(|due| !set.coverage.covers(due)) {
                    caught.loss = Some(Loss::Unreachable { message: "some slots stay unknown".into() });
                }
                caught.coverage = set.coverage;
                let event = |candle| FeedEvent::Candle { series: series.clone(), candle, received: asked_at };
                caught.events = set.candles.into_iter().map(event).collect();
            }
            Err(loss) => caught.loss = Some(loss),
        }
        caught
    }
}

/// A walk back through the pages of a market's trades.
#[derive(Debug)]
struct Walk {
    begin: Timestamp,
    newest_first: Vec<Trade>,
    before: Option<TradeId>,
    days_ago: u8,
    /// A trade from before the beginning was seen: all after it is there.
    reached: bool,
}

impl Walk {
    const fn new(begin: Timestamp) -> Self {
        Self { begin, newest_first: Vec::new(), before: None, days_ago: 0, reached: false }
    }

    fn request(&self, symbol: &Symbol, count: u32) -> TradePageRequest {
        TradePageRequest {
            symbol: symbol.clone(),
            before: self.before.clone(),
            days_ago: self.days_ago,
            count,
        }
    }

    fn take(&mut self, page: TradePage, asked: u32) {
        let oldest = page.trades.first().map(|trade| trade.id.clone());
        if page.trades.len() < asked as usize || oldest == self.before {
            self.days_ago += 1; // this day has no more
        }
        self.before = oldest.or(self.before.take());
        self.reached = page.trades.iter().any(|trade| trade.time < self.begin);
        self.newest_first.extend(page.trades.into_iter().rev().filter(|trade| trade.time >= self.begin));
    }

    /// By id, each once.
    fn in_order(self) -> Vec<Trade> {
        let mut trades = self.newest_first;
        let mut known = HashSet::with_capacity(trades.len());
        trades.retain(|trade| known.insert(trade.id.clone()));
        trades.sort_by(|a, b| match (&a.id, &b.id) {
            (TradeId::Number(a), TradeId::Number(b)) => a.cmp(b),
            // Of texts the order means nothing.
            _ => (a.time, &a.id).cmp(&(b.time, &b.id)),
        });
        trades
    }
}

type Answer<'a, T> = BoxFuture<'a, Result<T, SourceError>>;

/// How long one goes on asking.
struct Patience {
    within: Duration,
    first: Duration,
    cap: Duration,
}

impl Patience {
    const fn new(config: &ContinuityConfig) -> Self {
        Self { within: config.heal_within, first: config.retry_pause, cap: config.retry_pause_cap }
    }

    /// Asks until there is an answer, asking again cannot help, or it has taken too long.
    async fn ask<'a, T>(&self, ask: impl Fn() -> Answer<'a, T>) -> Result<T, Loss> {
        let until = Instant::now() + self.within;
        let mut pause = self.first;
        loop {
            let error = match timeout_at(until, ask()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_) => SourceError::new(SourceErrorKind::TimedOut, "no answer in time"),
            };
            let (may_help, wait) = match error.kind() {
                SourceErrorKind::Closed => return Err(Loss::Ended),
                SourceErrorKind::Banned(wait) | SourceErrorKind::Throttled(wait) => (true, wait),
                _ => (error.is_transient(), None),
            };
            let wait = wait.unwrap_or_default().max(pause);
            if !may_help || Instant::now() + wait >= until {
                return Err(Loss::Unreachable { message: error.to_string().into() });
            }
            tracing::debug!(%error, ?wait, "cannot fetch what a feed is missing; trying again");
            sleep(wait).await;
            pause = (pause * 2).min(self.cap);
        }
    }
}

fn midnight(moment: Timestamp) -> Timestamp {
    Timestamp::from_secs(moment.as_secs() - moment.as_secs().rem_euclid(DAY))
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive").field("config", &self.config).finish_non_exhaustive()
    }
}
