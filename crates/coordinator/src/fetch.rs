//! One query under way: sends what the plan says, takes in what arrives, repeats what failed.
//!
//! A loop over three steps: fill up what is under way, wait for one answer, take it in. It ends when nothing is
//! under way and the plan wants nothing, and the plan wants something as long as anything is unknown.

mod job;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{AbortHandle, BoxFuture};
use futures::stream::FuturesUnordered;
use market_backbone_core::{
    CandlePage, CandlePageRequest, CandlePart, CandleQuery, Claim, Coverage, Landmark, Priority, Series,
    Served, SourceError, SourceErrorKind, Span, TimeRange, Timestamp,
};

use crate::fetch::job::{Arrival, Job};
use crate::flight::Landed;
use crate::office::Office;
use crate::progress::Progress;
use crate::scope::{Scope, Tip};
use crate::slots::Slots;
use crate::verdict::Barren;

/// Up to so many rows a page costs the same however many it holds.
const SMALL_PAGE: u32 = 200;

/// One query under way.
pub(crate) struct Fetch {
    office: Arc<Office>,
    series: Series,
    priority: Priority,
    /// What had landed when the question was put.
    began: u64,
    /// The slot in progress when the query was made, or a later one if the venue has shown that it is over.
    now: Timestamp,
    /// Whether what lies beyond the ended slots is asked without an end. Once only: an answer that came very late may
    /// have missed the slot, and must not be asked for ever.
    open_end: bool,
    /// Whether the slot in progress is not wanted.
    closed: bool,
    slots: Slots,
    settling: Duration,
    page: u32,
    progress: Progress,
    under_way: FuturesUnordered<BoxFuture<'static, Arrival>>,
    /// The pages in `under_way`; never more than the configuration allows.
    aloft: Vec<Aloft>,
    /// Pages that failed and wait until the others have been sent.
    again: VecDeque<Job>,
    /// Whether the candle in progress is still to be asked for, by itself.
    owes_forming: bool,
    forming_tries: u32,
    next_number: u64,
    /// Whether anything ever came.
    worked: bool,
    failures_in_row: usize,
    ended: bool,
}

struct Aloft {
    number: u64,
    chunk: TimeRange,
    abort: AbortHandle,
}

impl Fetch {
    pub(crate) fn new(office: Arc<Office>, query: &CandleQuery, now: Timestamp) -> Self {
        let capabilities = office.pages.capabilities();
        let slots = Slots::new(capabilities.grid, query.series.timeframe);
        let page = capabilities.candle_page_of(query.series.timeframe).max(1);
        let settling = capabilities.settling;
        let density = office.densities.get(&query.series);
        let scope = Scope::of(query, now, slots, page, density);
        let began = query.put.map_or_else(|| office.flights.landings(), |Landmark(put)| put);
        Self {
            office,
            began,
            series: query.series.clone(),
            priority: query.priority,
            now: scope.now,
            open_end: true,
            closed: scope.closed,
            slots,
            settling,
            page,
            progress: Progress::new(&scope, slots, page, settling, density, query.hearsay.clone()),
            under_way: FuturesUnordered::new(),
            aloft: Vec::new(),
            again: VecDeque::new(),
            owes_forming: scope.tip == Tip::Apart,
            forming_tries: 0,
            next_number: 0,
            worked: false,
            failures_in_row: 0,
            ended: false,
        }
    }

    /// The next part, or the error that ends it all. Dropping the future loses nothing: call again.
    pub(crate) async fn next(&mut self) -> Option<Result<CandlePart, SourceError>> {
        while !self.ended {
            self.fill();
            let Some(arrival) = self.under_way.next().await else {
                debug_assert!(self.progress.is_done(), "ended with something unknown");
                break;
            };
            match self.take_in(arrival) {
                Ok(Some(part)) => return Some(Ok(part)),
                Ok(None) => {}
                Err(error) => {
                    self.end();
                    self.office.counters.failed.bump();
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
        self.aloft.clear();
    }

    fn fill(&mut self) {
        // First, or the claims of pages that nobody will send keep others from being sent.
        self.again.retain(|job| self.progress.wants(job.chunk));
        // The first failure before anything worked: see how the others fare before sending more.
        let doubtful = !self.worked && self.failures_in_row > 0 && !self.aloft.is_empty();
        if !doubtful {
            self.send_fresh();
            self.send_again();
        }
        // After the first page, so that whoever picks the channel knows whether requests are scarce.
        if self.owes_forming {
            self.owes_forming = false;
            self.send_forming();
        }
    }

    fn room(&self) -> usize {
        self.office.config.in_flight.saturating_sub(self.aloft.len())
    }

    fn send_fresh(&mut self) {
        let claims: Vec<_> =
            self.aloft.iter().map(|page| page.chunk).chain(self.again.iter().map(|job| job.chunk)).collect();
        for chunk in self.progress.next_chunks(&claims, self.room()) {
            let open = self.open_end && self.now < chunk.to();
            let before = self.progress.end_of(chunk, open);
            let count =
                self.rows_of(TimeRange::new(chunk.from(), before.unwrap_or(chunk.to())).unwrap_or(chunk));
            let request = CandlePageRequest { series: self.series.clone(), before, count };
            self.send(Job::new(request, chunk));
        }
    }

    /// How many rows to ask for. A small page is asked whole, for it costs the same; of a large one no more than the
    /// stretch can hold or the query still lacks.
    fn rows_of(&self, chunk: TimeRange) -> u32 {
        let slots = self.slots.count(chunk);
        let lacking = self.progress.lacking().map_or(slots, |rows| slots.min(rows as u64));
        self.page.min(u32::try_from(lacking).unwrap_or(u32::MAX).max(SMALL_PAGE))
    }

    fn send_again(&mut self) {
        while self.room() > 0
            && let Some(job) = self.again.pop_front()
        {
            self.send(job);
        }
    }

    fn send(&mut self, job: Job) {
        let unsettled = self.slots.floor(self.now.minus(self.settling));
        let touches_now = job.request.before.is_none_or(|before| before > unsettled);
        let slot = touches_now.then_some(self.now);
        let (number, chunk) = (self.next_number, job.chunk);
        self.next_number += 1;
        let (page, abort) = job.run(number, Arc::clone(&self.office), slot, (self.priority, self.began));
        self.aloft.push(Aloft { number, chunk, abort });
        self.under_way.push(page);
    }

    fn send_forming(&self) {
        self.office.counters.forming.bump();
        let pause = self.office.config.retry_pause * self.forming_tries;
        let office = Arc::clone(&self.office);
        self.under_way.push(job::forming(office, self.series.clone(), self.priority, pause));
    }

    fn take_in(&mut self, arrival: Arrival) -> Result<Option<CandlePart>, SourceError> {
        match arrival {
            Arrival::Abandoned => Ok(None),
            Arrival::Forming(result) => self.take_in_forming(result),
            Arrival::Page { number, job, landed } => {
                self.aloft.retain(|page| page.number != number);
                self.take_in_page(job, &landed)
            }
        }
    }

    fn take_in_page(&mut self, mut job: Job, landed: &Landed) -> Result<Option<CandlePart>, SourceError> {
        job.spent += landed.charge();
        let page = match &landed.result {
            Ok(page) => page,
            Err(error) if self.is_hopeless(error) => return Err(error.clone()),
            Err(error) => return self.try_again(job, error).map(|()| None),
        };
        let together = match self.progress.absorb(&job.request, page, job.chunk) {
            Ok(together) => together,
            Err(barren) => {
                let venue = self.office.pages.capabilities().venue;
                let error = SourceError::new(SourceErrorKind::Malformed, barren.to_string()).at(venue);
                if matches!(barren, Barren::Stale(_)) {
                    job.request.before = self.progress.another_end(job.chunk, job.request.before);
                }
                return self.try_again(job, &error).map(|()| None);
            }
        };
        self.worked = true;
        self.failures_in_row = 0;
        self.open_end &= job.request.before.is_some();
        if let Some(density) = self.progress.density() {
            self.office.densities.remember(&self.series, density);
        }
        self.abandon_needless();
        let mut coverage = self.office.pages.capabilities().proof(self.series.timeframe, page);
        for span in together.proven.iter().flat_map(|span| without_doubt(*span, page)) {
            coverage.insert(span);
        }
        if let Some(gone) = together.gone {
            coverage.claim(Claim::doubt(gone, page.asked_at));
        }
        together.cut.into_iter().for_each(|slot| coverage.remove(slot));
        let mut part = part(page, coverage, job.spent);
        part.candles.retain(|candle| together.cut.is_none_or(|slot| !slot.contains(candle.open_time)));
        // A page that was asked for in another way may reach further than was asked for.
        part.candles.retain(|candle| !self.closed || candle.is_final || candle.open_time < self.now);
        Ok(Some(part))
    }

    fn take_in_forming(
        &mut self,
        result: Result<Option<CandlePart>, SourceError>,
    ) -> Result<Option<CandlePart>, SourceError> {
        match result {
            Ok(part) => {
                self.worked = true;
                self.close_seam(part.as_ref());
                Ok(part)
            }
            Err(error) if self.is_hopeless(&error) => Err(error),
            Err(error) if self.forming_tries >= self.office.config.page_retries => {
                let message = format!("cannot fetch the candle of {} in progress", self.series);
                Err(SourceError::new(error.kind(), message).because(error))
            }
            Err(_) => {
                self.forming_tries += 1;
                self.owes_forming = true;
                self.office.counters.retried.bump();
                Ok(None)
            }
        }
    }

    /// If a slot ended since the query was made, the pages end before it and the candle in progress lies after it:
    /// then the newest page is wanted as well.
    fn close_seam(&mut self, forming: Option<&CandlePart>) {
        let Some(forming) = forming else { return self.close_silent_seam() };
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

    /// That nothing has traded in the slot in progress is said of the one that is now. If it is not the one that was
    /// in progress when the query was made, that one has ended, and nobody has asked for it.
    fn close_silent_seam(&mut self) {
        let now = self.slots.floor(self.office.clock.now());
        if let Ok(seam) = TimeRange::new(self.now, now) {
            self.progress.reopen(seam);
            self.now = now;
        }
    }

    /// Whether asking again is in vain: it is refused for good, or nothing has worked yet and nothing else may.
    fn is_hopeless(&self, error: &SourceError) -> bool {
        !error.is_transient() || (!self.worked && self.aloft.is_empty())
    }

    fn try_again(&mut self, mut job: Job, error: &SourceError) -> Result<(), SourceError> {
        let config = &self.office.config;
        job.tries += 1;
        self.failures_in_row += 1;
        // All that was under way failed, and then some: the venue is gone, and each further page would only say so.
        let stalled = self.failures_in_row > config.in_flight + config.page_retries as usize;
        if stalled || job.tries > config.page_retries {
            return Err(job.given_up(error));
        }
        tracing::debug!(series = %self.series, stretch = %job.chunk, %error, "asking a page again");
        self.office.counters.retried.bump();
        self.again.push_back(job);
        Ok(())
    }

    /// Gives up pages whose stretch others have shown: they may still be waiting for their turn.
    fn abandon_needless(&mut self) {
        let Self { aloft, progress, office, .. } = self;
        aloft.retain(|page| {
            let wanted = progress.wants(page.chunk);
            if !wanted {
                page.abort.abort();
                office.counters.abandoned.bump();
            }
            wanted
        });
    }
}

fn part(page: &CandlePage, coverage: Coverage, requests: u64) -> CandlePart {
    let venue_rows = page.candles.len() as u64;
    CandlePart {
        candles: page.candles.clone(),
        coverage,
        served: Served { venue_rows, requests, ..Served::default() },
        rejected: page.rejected.clone(),
        unkept: None,
    }
}

/// What of a span is not about rows that were left out.
fn without_doubt(span: Span, page: &CandlePage) -> Vec<Span> {
    let mut sure: Coverage = [span].into_iter().collect();
    page.proof.doubtful.iter().for_each(|range| sure.remove(*range));
    sure.spans().to_vec()
}
