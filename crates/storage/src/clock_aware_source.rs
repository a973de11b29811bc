//! Corrects answers for the venue's time: a query is repeated if the clock proves wrong, and candles that are
//! not final are not returned as closed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use market_backbone_core::{
    CandlePageRequest, CandlePart, CandleQuery, CandleSource, CandleStore, Capabilities, Clock, Coverage,
    Forming, PageSequence, PageSource, PartStream, Selection, SourceError, SourceErrorKind, TimeRange,
    Timestamp, TradeCursor, TradePageRequest,
};
use tokio::sync::Mutex;

use crate::as_of;
use crate::stored_source::emitter::{self, Emitter};

/// The largest number of repetitions of a query: a clock that jumps must not repeat it for ever.
const MAX_REPEATS: u32 = 4;
/// The age above which a slot is over by any clock.
const CERTAINLY_PAST: Duration = Duration::from_secs(2 * 86_400);
/// The number of trades requested to learn the venue's time.
const CLOCK_PROBE_TRADES: u32 = 100;

/// The outermost source of a venue's candles. It handles two things that each inner source would get wrong by
/// itself.
///
/// *The clock.* The first reply of the venue may show that this machine's clock is off. Then the forming
/// candle is a different one, and the query is repeated, with what has arrived already known. If the store
/// knows more than can have happened by a clock that was never compared with another, the venue is asked
/// first. If its replies do not tell its time, its trades are requested, once.
///
/// *Closed candles.* A candle is closed if it will not change, not if its slot has ended: slots that have
/// ended but are within the [finality delay](Capabilities::finality_delay) are left out, and others take
/// their place in a count.
#[derive(Clone)]
pub struct ClockAwareSource {
    inner: Arc<dyn CandleSource>,
    pages: Arc<dyn PageSource>,
    store: Arc<dyn CandleStore>,
    clock: Arc<dyn Clock>,
    venue: Capabilities,
    /// The number of times the clock had been set at the last request made only to learn the time, plus one.
    /// Other queries that need the time wait for that request.
    last_measured_step: Arc<Mutex<u64>>,
}

impl ClockAwareSource {
    /// Wraps `inner`, which stores the venue's `pages` in `store`.
    #[must_use]
    pub fn new(
        inner: Arc<dyn CandleSource>,
        (store, pages): (Arc<dyn CandleStore>, Arc<dyn PageSource>),
        clock: Arc<dyn Clock>,
    ) -> Self {
        let venue = *pages.capabilities();
        Self { inner, pages, store, clock, venue, last_measured_step: Arc::default() }
    }

    /// Returns the query to the inner source now; `None` if all of the range is in the future.
    ///
    /// Where the venue revises what it sends live, bars are stored before they are final, with an origin of
    /// their own, and are closed for the caller: then only those that are not stored yet are left out.
    #[must_use]
    pub fn inner_query(&self, query: &CandleQuery) -> Option<CandleQuery> {
        let frame = query.series.timeframe;
        let (final_before, forming_open) = (self.final_before(query), self.forming_open_time(query));
        match (query.forming, query.selection()) {
            (Forming::Include, _) => Some(query.clone()),
            (Forming::Exclude, Selection::Range(_)) if self.venue.revision_policy.live_is_provisional => {
                Some(query.clone())
            }
            (Forming::Exclude, Selection::Last { count, before, floor })
                if self.venue.revision_policy.live_is_provisional =>
            {
                let unsettled =
                    TimeRange::new(final_before.max(floor), before.unwrap_or(forming_open).min(forming_open));
                let more = unsettled.map_or(0, |range| self.venue.grid.slots(frame, range));
                let count = count.saturating_add(usize::try_from(more).unwrap_or(usize::MAX));
                Some(
                    self.last_closed_query(query, count, before.unwrap_or(Timestamp::MAX))
                        .unwrap_or_else(|| query.clone()),
                )
            }
            (Forming::Exclude, Selection::Range(range)) => {
                let range = TimeRange::new(range.from(), range.to().min(final_before)).ok()?;
                Some(
                    as_of::with_moment_of(CandleQuery::within(query.series.clone(), range), query)
                        .closed()
                        .priority(query.priority),
                )
            }
            (Forming::Exclude, Selection::Last { count, before, .. }) => {
                self.last_closed_query(query, count, before.unwrap_or(Timestamp::MAX).min(final_before))
            }
        }
    }

    /// Returns the query for the newest `count` closed candles before `before`, otherwise like `query`.
    fn last_closed_query(&self, query: &CandleQuery, count: usize, before: Timestamp) -> Option<CandleQuery> {
        let Selection::Last { floor, .. } = query.selection() else { return None };
        let question = CandleQuery::last(query.series.clone(), count).ok()?.not_before(floor).closed();
        let question = if before < Timestamp::MAX { question.before(before) } else { question };
        (floor < before).then(|| as_of::with_moment_of(question, query).priority(query.priority))
    }

    /// Returns the open time of the forming slot.
    fn forming_open_time(&self, query: &CandleQuery) -> Timestamp {
        self.venue.grid.floor(query.series.timeframe, as_of::effective_time(query, self.clock.as_ref()))
    }

    /// Returns the open time before which all slots are final.
    fn final_before(&self, query: &CandleQuery) -> Timestamp {
        let settled = self.clock.now().minus(self.venue.finality_delay);
        let moment = query.as_of.map_or(settled, |moment| moment.min(settled));
        self.venue.grid.floor(query.series.timeframe, moment)
    }

    /// Returns the end of the answer, by the clock as it is.
    fn answer_end(&self, query: &CandleQuery) -> Timestamp {
        let end = match query.forming {
            Forming::Include => self.venue.grid.close(query.series.timeframe, self.forming_open_time(query)),
            Forming::Exclude => self.final_before(query),
        };
        query_end(query).min(end)
    }

    /// Asks the venue for its time where the clock is not reliable: it was set, more is known than can have
    /// happened by it, or all of the range is in the future.
    async fn verify_clock(&self, query: &CandleQuery) -> Result<(), SourceError> {
        if self.clock.is_measured() {
            return Ok(());
        }
        let from = match query.selection() {
            Selection::Range(range) => range.from(),
            Selection::Last { floor, .. } => floor,
        };
        let now = self.clock.now();
        let is_ahead = self.answer_end(query) <= from && from < now.plus(CERTAINLY_PAST);
        let was_set = self.clock.step_count() > 0;
        let known = latest_known(&self.store.coverage(&query.series).await?);
        let is_behind = known.is_some_and(|known| now < known);
        if is_ahead || was_set || is_behind {
            let measured = self.measure_clock(query).await;
            // A clock that may be wrong, or is known to be, must not decide that all of it is in the future,
            // or that there is no more.
            if is_ahead || (is_behind && now < query_end(query)) {
                measured?;
            }
        }
        Ok(())
    }

    /// Returns whether `part` of the answer came from the venue without the venue's time, and the answer
    /// depends on that time.
    fn is_time_uncertain(&self, query: &CandleQuery, part: Option<&CandlePart>) -> bool {
        if self.clock.is_measured() || part.is_none_or(|part| part.stats.requests == 0) {
            return false;
        }
        self.clock.now().minus(CERTAINLY_PAST) < query_end(query) && query.as_of.is_none()
    }

    /// Asks the venue, once since the clock was set, for its latest trades, which show its time. Returns
    /// whether the time is known now.
    ///
    /// If it does not answer, the machine's clock is used until the next query.
    async fn measure_clock(&self, query: &CandleQuery) -> Result<bool, SourceError> {
        let mut asked = self.last_measured_step.lock().await;
        let steps = self.clock.step_count();
        if self.clock.is_measured() || steps < *asked {
            return Ok(self.clock.is_measured());
        }
        let (symbol, series) = (query.series.symbol.clone(), query.series.clone());
        let count = self.venue.trade_page.min(CLOCK_PROBE_TRADES);
        let trades = TradePageRequest { symbol, cursor: TradeCursor::Latest, count, newest: None };
        let answer = match self.pages.trade_page(&trades, query.priority).await {
            // Pages of trades may be none of the venue's, or none of the plan's.
            Err(error)
                if matches!(error.kind(), SourceErrorKind::Unsupported | SourceErrorKind::Forbidden) =>
            {
                let newest = CandlePageRequest { series, before: None, count: 1 };
                self.pages.candle_page(&newest, query.priority).await.map(drop)
            }
            answer => answer.map(drop),
        };
        if let Err(error) = answer {
            let venue = self.venue.venue;
            tracing::warn!(%error, "the time at {venue} cannot be determined; this machine's clock is used");
            return Err(error);
        }
        *asked = steps + 1;
        Ok(self.clock.is_measured())
    }
}

/// Returns where a query ends by itself, whatever the time is.
fn query_end(query: &CandleQuery) -> Timestamp {
    match query.selection() {
        Selection::Range(range) => range.to(),
        Selection::Last { before, .. } => before.unwrap_or(Timestamp::MAX),
    }
}

/// Returns the latest moment in a ledger: its content has happened.
fn latest_known(known: &Coverage) -> Option<Timestamp> {
    let moments = known.spans().iter().flat_map(|span| [span.range.to(), span.provenance.observed_at]);
    moments.chain(known.claims().iter().map(|claim| claim.last_asked_at)).max()
}

impl CandleSource for ClockAwareSource {
    fn stream(&self, query: CandleQuery) -> PartStream {
        let (source, query) = (self.clone(), self.pin_page_sequence(query));
        emitter::stream(move |out| async move {
            source.verify_clock(&query).await?;
            ClockAwareAnswer { source, query, out, oldest_withheld: None }.run().await
        })
    }

    fn page_sequence(&self) -> Option<PageSequence> {
        self.inner.page_sequence()
    }
}

impl fmt::Debug for ClockAwareSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PunctualSource").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// An answer in progress.
struct ClockAwareAnswer {
    source: ClockAwareSource,
    query: CandleQuery,
    out: Emitter,
    /// The oldest candle that was left out because it is not final.
    oldest_withheld: Option<Timestamp>,
}

impl ClockAwareAnswer {
    async fn run(mut self) -> Result<(), SourceError> {
        self.run_query(self.query.clone()).await?;
        if let Some(oldest) = self.oldest_withheld
            && let Selection::Last { count, .. } = self.query.selection()
            && let Some(older) = self.source.last_closed_query(&self.query, count, oldest)
        {
            // The candles left out counted. The store knows best which of the rest are new.
            self.run_query(older.pages_since(self.source.page_sequence())).await?;
        }
        Ok(())
    }

    /// Runs the query, and again each time the clock proves to have been wrong.
    async fn run_query(&mut self, mut query: CandleQuery) -> Result<(), SourceError> {
        let mut has_looked = false;
        for again in 0..=MAX_REPEATS {
            let (steps, end) = (self.source.clock.step_count(), self.source.answer_end(&query));
            let Some(question) = self.source.inner_query(&query) else { return Ok(()) };
            let mut parts = self.source.inner.stream(question);
            let was_wrong = loop {
                let part = parts.next().await;
                let source = &self.source;
                let arrived = part.as_ref().and_then(|part| part.as_ref().ok());
                let looks = !has_looked && source.is_time_uncertain(&query, arrived);
                has_looked |= looks;
                let is_known_now = looks && source.measure_clock(&query).await.unwrap_or(false);
                let has_jumped = source.clock.step_count() != steps && source.answer_end(&query) != end;
                let was_wrong = again < MAX_REPEATS && (is_known_now || has_jumped);
                match part {
                    Some(Ok(part)) => self.emit(part).await?,
                    Some(Err(error)) if !was_wrong => return Err(error),
                    Some(Err(_)) => {}
                    None if !was_wrong => break false,
                    None => {}
                }
                if was_wrong {
                    break true;
                }
            };
            if !was_wrong {
                break;
            }
            tracing::debug!(series = %query.series, "the clock was wrong; repeating the query");
            query.pages_since = self.source.page_sequence();
        }
        Ok(())
    }

    async fn emit(&mut self, mut part: CandlePart) -> Result<(), SourceError> {
        if self.query.forming == Forming::Exclude {
            let end = self.source.answer_end(&self.query);
            let held_back = part.candles.iter().filter(|candle| !candle.is_final && candle.open_time < end);
            if let Some(oldest) = held_back.map(|candle| candle.open_time).min() {
                self.oldest_withheld = Some(self.oldest_withheld.map_or(oldest, |before| before.min(oldest)));
            }
            part.candles.retain(|candle| candle.is_final);
        }
        self.out.emit(part).await
    }
}
