//! One query in flight: sends planned pages, processes arriving ones, and retries failed ones.
//!
//! A loop over three steps: fill up the requests in flight, wait for one answer, process it. It ends when
//! nothing is in flight and the plan wants nothing, and the plan wants something as long as anything is
//! unknown.

mod page_job;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{AbortHandle, BoxFuture};
use futures::stream::FuturesUnordered;
use market_backbone_core::{
    AbsenceClaim, CandlePage, CandlePageRequest, CandlePart, CandleQuery, Coverage, FetchStats, PageSequence,
    Priority, Series, SourceError, SourceErrorKind, Span, TimeRange, Timestamp,
};

use crate::fetch::page_job::{FetchOutcome, PageJob};
use crate::fetch_context::FetchContext;
use crate::page_evidence::InconclusivePage;
use crate::query_progress::QueryProgress;
use crate::query_scope::{FormingRequest, QueryScope};
use crate::single_flight::PageResult;
use crate::slot_grid::SlotGrid;

/// The number of rows up to which a page costs the same, however many it holds.
const SMALL_PAGE: u32 = 200;

/// One query in flight.
pub(crate) struct Fetch {
    context: Arc<FetchContext>,
    series: Series,
    priority: Priority,
    /// The number of completed pages when the query was made.
    landmark: u64,
    /// The forming slot when the query was made, or a later one if the venue has shown that it has ended.
    now: Timestamp,
    /// `true` if the slots beyond the ended ones are to be requested without an upper end. Only once: a very
    /// late answer may have missed the slot, and must not be requested forever.
    open_end: bool,
    /// `true` if the forming slot is not wanted.
    closed: bool,
    slots: SlotGrid,
    finality_delay: Duration,
    page: u32,
    progress: QueryProgress,
    under_way: FuturesUnordered<BoxFuture<'static, FetchOutcome>>,
    /// The pages in flight; never more than the configuration allows.
    in_flight: Vec<InFlightPage>,
    /// Failed pages, which wait until the others have been sent.
    retry_queue: VecDeque<PageJob>,
    /// `true` if the forming candle is still to be requested separately.
    needs_forming: bool,
    forming_tries: u32,
    next_number: u64,
    /// `true` once anything has arrived.
    any_success: bool,
    failures_in_row: usize,
    ended: bool,
}

struct InFlightPage {
    number: u64,
    chunk: TimeRange,
    abort: AbortHandle,
}

impl Fetch {
    pub(crate) fn new(context: Arc<FetchContext>, query: &CandleQuery, now: Timestamp) -> Self {
        let capabilities = context.pages.capabilities();
        let slots = SlotGrid::new(capabilities.grid, query.series.timeframe);
        let page = capabilities.candle_page_of(query.series.timeframe).max(1);
        let finality_delay = capabilities.finality_delay;
        let density = context.densities.get(&query.series);
        let scope = QueryScope::of(query, now, slots, page, density);
        let landmark = query
            .pages_since
            .map_or_else(|| context.single_flight.completed_count(), |PageSequence(put)| put);
        Self {
            context,
            landmark,
            series: query.series.clone(),
            priority: query.priority,
            now: scope.now,
            open_end: true,
            closed: scope.closed,
            slots,
            finality_delay,
            page,
            progress: QueryProgress::new(
                &scope,
                slots,
                page,
                finality_delay,
                density,
                query.prior_claims.clone(),
            ),
            under_way: FuturesUnordered::new(),
            in_flight: Vec::new(),
            retry_queue: VecDeque::new(),
            needs_forming: scope.forming == FormingRequest::Separate,
            forming_tries: 0,
            next_number: 0,
            any_success: false,
            failures_in_row: 0,
            ended: false,
        }
    }

    /// Returns the next part, or the error that ends the query. Dropping the future loses nothing: call it
    /// again.
    pub(crate) async fn next(&mut self) -> Option<Result<CandlePart, SourceError>> {
        while !self.ended {
            self.fill();
            let Some(arrival) = self.under_way.next().await else {
                debug_assert!(self.progress.is_done(), "ended with something unknown");
                break;
            };
            match self.handle_outcome(arrival) {
                Ok(Some(part)) => return Some(Ok(part)),
                Ok(None) => {}
                Err(error) => {
                    self.end();
                    self.context.counters.failed.increment();
                    return Some(Err(error));
                }
            }
        }
        self.end();
        None
    }

    fn end(&mut self) {
        self.ended = true;
        self.under_way.clear();
        self.in_flight.clear();
    }

    fn fill(&mut self) {
        // This comes first: the claims of pages that nobody will send would keep others from being sent.
        self.retry_queue.retain(|job| self.progress.wants(job.chunk));
        // The first failure came before any success: wait for the others before sending more.
        let is_uncertain = !self.any_success && self.failures_in_row > 0 && !self.in_flight.is_empty();
        if !is_uncertain {
            self.send_new();
            self.send_retries();
        }
        // This comes after the first page, so that the channel choice knows whether requests are scarce.
        if self.needs_forming {
            self.needs_forming = false;
            self.send_forming();
        }
    }

    fn room(&self) -> usize {
        self.context.config.in_flight.saturating_sub(self.in_flight.len())
    }

    fn send_new(&mut self) {
        let claims: Vec<_> = self
            .in_flight
            .iter()
            .map(|page| page.chunk)
            .chain(self.retry_queue.iter().map(|job| job.chunk))
            .collect();
        for chunk in self.progress.next_chunks(&claims, self.room()) {
            let open = self.open_end && self.now < chunk.to();
            let before = self.progress.page_end(chunk, open);
            let count =
                self.rows_of(TimeRange::new(chunk.from(), before.unwrap_or(chunk.to())).unwrap_or(chunk));
            let request = CandlePageRequest { series: self.series.clone(), before, count };
            self.send(PageJob::new(request, chunk));
        }
    }

    /// Returns how many rows to request. A small page is requested as a whole, because it costs the same. A
    /// large page is limited to what the range can hold or the query still lacks.
    fn rows_of(&self, chunk: TimeRange) -> u32 {
        let slots = self.slots.count(chunk);
        let lacking = self.progress.missing_rows().map_or(slots, |rows| slots.min(rows as u64));
        self.page.min(u32::try_from(lacking).unwrap_or(u32::MAX).max(SMALL_PAGE))
    }

    fn send_retries(&mut self) {
        while self.room() > 0
            && let Some(job) = self.retry_queue.pop_front()
        {
            self.send(job);
        }
    }

    fn send(&mut self, job: PageJob) {
        let unsettled = self.slots.floor(self.now.minus(self.finality_delay));
        let touches_now = job.request.before.is_none_or(|before| before > unsettled);
        let slot = touches_now.then_some(self.now);
        let (number, chunk) = (self.next_number, job.chunk);
        self.next_number += 1;
        let (page, abort) = job.run(number, Arc::clone(&self.context), slot, (self.priority, self.landmark));
        self.in_flight.push(InFlightPage { number, chunk, abort });
        self.under_way.push(page);
    }

    fn send_forming(&self) {
        self.context.counters.forming.increment();
        let pause = self.context.config.retry_pause * self.forming_tries;
        let context = Arc::clone(&self.context);
        self.under_way.push(page_job::forming(context, self.series.clone(), self.priority, pause));
    }

    fn handle_outcome(&mut self, arrival: FetchOutcome) -> Result<Option<CandlePart>, SourceError> {
        match arrival {
            FetchOutcome::Aborted => Ok(None),
            FetchOutcome::Forming(result) => self.handle_forming(result),
            FetchOutcome::Page { number, job, result: landed } => {
                self.in_flight.retain(|page| page.number != number);
                self.handle_page(job, &landed)
            }
        }
    }

    fn handle_page(
        &mut self,
        mut job: PageJob,
        landed: &PageResult,
    ) -> Result<Option<CandlePart>, SourceError> {
        job.requests_spent += landed.take_request_count();
        let page = match &landed.result {
            Ok(page) => page,
            Err(error) if self.is_final_failure(error) => return Err(error.clone()),
            Err(error) => return self.retry(job, error).map(|()| None),
        };
        let absorbed = match self.progress.absorb(&job.request, page, job.chunk) {
            Ok(absorbed) => absorbed,
            Err(inconclusive) => {
                let venue = self.context.pages.capabilities().venue;
                let error =
                    SourceError::new(SourceErrorKind::Malformed, inconclusive.to_string()).at_venue(venue);
                if matches!(inconclusive, InconclusivePage::Stale(_)) {
                    job.request.before = self.progress.retry_end(job.chunk, job.request.before);
                }
                return self.retry(job, &error).map(|()| None);
            }
        };
        self.any_success = true;
        self.failures_in_row = 0;
        self.open_end &= job.request.before.is_some();
        if let Some(density) = self.progress.density() {
            self.context.densities.remember(&self.series, density);
        }
        self.abort_redundant();
        let mut coverage = self.context.pages.capabilities().coverage_of(self.series.timeframe, page);
        for span in absorbed.proven.iter().flat_map(|span| excluding_uncertain(*span, page)) {
            coverage.insert(span);
        }
        if let Some(gone) = absorbed.no_longer_available {
            coverage.add_claim(AbsenceClaim::uncertain(gone, page.asked_at));
        }
        absorbed.truncated_slot.into_iter().for_each(|slot| coverage.remove(slot));
        let mut part = part(page, coverage, job.requests_spent);
        part.candles
            .retain(|candle| absorbed.truncated_slot.is_none_or(|slot| !slot.contains(candle.open_time)));
        // A page that was requested in another way may reach further than the query.
        part.candles.retain(|candle| !self.closed || candle.is_final || candle.open_time < self.now);
        Ok(Some(part))
    }

    fn handle_forming(
        &mut self,
        result: Result<Option<CandlePart>, SourceError>,
    ) -> Result<Option<CandlePart>, SourceError> {
        match result {
            Ok(part) => {
                self.any_success = true;
                self.cover_ended_slot(part.as_ref());
                Ok(part)
            }
            Err(error) if self.is_final_failure(&error) => Err(error),
            Err(error) if self.forming_tries >= self.context.config.page_retries => {
                let message = format!("cannot fetch the forming candle of {}", self.series);
                Err(SourceError::new(error.kind(), message).with_source(error))
            }
            Err(_) => {
                self.forming_tries += 1;
                self.needs_forming = true;
                self.context.counters.retried.increment();
                Ok(None)
            }
        }
    }

    /// Covers a slot that ended since the query was made. The pages end before it and the forming candle lies
    /// after it, so the newest page is wanted as well.
    fn cover_ended_slot(&mut self, forming: Option<&CandlePart>) {
        let Some(forming) = forming else { return self.cover_silent_slot() };
        let candles = &forming.candles;
        if let (Some(oldest), Some(newest)) = (candles.first(), candles.last())
            && self.now < oldest.open_time
            && let Ok(seam) = TimeRange::new(self.now, self.slots.close(newest.open_time))
        {
            self.progress.reopen(seam);
            self.now = newest.open_time;
            self.open_end = true;
        }
    }

    /// Covers a slot without trades. The venue reports "no trade yet" for the slot that is forming now. If that
    /// is not the one that was forming when the query was made, the earlier one has ended and was not
    /// requested.
    fn cover_silent_slot(&mut self) {
        let now = self.slots.floor(self.context.clock.now());
        if let Ok(seam) = TimeRange::new(self.now, now) {
            self.progress.reopen(seam);
            self.now = now;
        }
    }

    /// Returns whether asking again is pointless: the error is permanent, or nothing has succeeded yet and no
    /// other page may.
    fn is_final_failure(&self, error: &SourceError) -> bool {
        !error.is_transient() || (!self.any_success && self.in_flight.is_empty())
    }

    fn retry(&mut self, mut job: PageJob, error: &SourceError) -> Result<(), SourceError> {
        let config = &self.context.config;
        job.tries += 1;
        self.failures_in_row += 1;
        // Everything in flight failed, and more: the venue is down, and each further page would only confirm
        // it.
        let stalled = self.failures_in_row > config.in_flight + config.page_retries as usize;
        if stalled || job.tries > config.page_retries {
            return Err(job.final_error(error));
        }
        tracing::debug!(series = %self.series, stretch = %job.chunk, %error, "retrying a page");
        self.context.counters.retried.increment();
        self.retry_queue.push_back(job);
        Ok(())
    }

    /// Cancels pages whose range others have shown; they may still be waiting for a permit.
    fn abort_redundant(&mut self) {
        let Self { in_flight, progress, context, .. } = self;
        in_flight.retain(|page| {
            let wanted = progress.wants(page.chunk);
            if !wanted {
                page.abort.abort();
                context.counters.abandoned.increment();
            }
            wanted
        });
    }
}

fn part(page: &CandlePage, coverage: Coverage, requests: u64) -> CandlePart {
    let venue_rows = page.candles.len() as u64;
    CandlePart {
        candles: page.candles[..].into(),
        coverage,
        stats: FetchStats { venue_rows, requests, ..FetchStats::default() },
        rejected: page.rejected.clone(),
        write_failure: None,
    }
}

/// Returns the parts of a span without the slots of rows that were left out.
fn excluding_uncertain(span: Span, page: &CandlePage) -> Vec<Span> {
    let mut sure: Coverage = [span].into_iter().collect();
    page.proof.uncertain.iter().for_each(|range| sure.remove(*range));
    sure.spans().to_vec()
}
