//! The progress of a query: what is still unknown, how many rows have arrived, what to request next.
//!
//! It is pure: pages go in, ranges to request come out.

use std::collections::BTreeSet;
use std::time::Duration;

use market_backbone_core::{
    CandlePage, CandlePageRequest, PriorClaims, RangeSet, Span, TimeRange, Timestamp,
};

use crate::density::Density;
use crate::page_evidence::{InconclusivePage, PageEvidence};
use crate::planner::PlannerInput;
use crate::query_scope::QueryScope;
use crate::slot_grid::SlotGrid;

/// The page size from which a page has room for some rows that were not asked for.
const LARGE_PAGE: u32 = 10_000;
/// The time beyond the end of a query in which an additional row is looked for: a long weekend.
const LOOK_AHEAD: Duration = Duration::from_secs(5 * 86_400);

/// The progress of a query.
#[derive(Debug)]
pub(crate) struct QueryProgress {
    slots: SlotGrid,
    page: u32,
    /// The end of the query.
    end: Timestamp,
    now: Timestamp,
    evidence: PageEvidence,
    unknown: RangeSet,
    /// The moment back to which the plan looks for now. For a count it moves as rows fall short; for a range it
    /// is the beginning.
    horizon: Timestamp,
    rows: Option<NewestRows>,
    density: Option<Density>,
    arrived: u32,
    probable_start: Timestamp,
    exhausted: bool,
    /// The oldest row of all pages.
    oldest: Option<Timestamp>,
    empty: u32,
}

/// The result of a page together with earlier ones.
#[derive(Debug)]
pub(crate) struct AbsorbedPage {
    pub(crate) proven: Vec<Span>,
    /// The range that the venue no longer has.
    pub(crate) no_longer_available: Option<TimeRange>,
    /// The slot of a row that another page shows completely: this page may have cut off a second row of it.
    pub(crate) truncated_slot: Option<TimeRange>,
}

/// The rows of a query for the newest rows. Only those count above which nothing is unknown.
#[derive(Clone, Debug)]
struct NewestRows {
    wanted: usize,
    counted: usize,
    /// The moment from which rows are counted and everything is known.
    counted_from: Timestamp,
    /// The rows below that moment, not yet counted.
    uncounted: BTreeSet<Timestamp>,
    /// `true` if only final rows count.
    closed: bool,
}

impl QueryProgress {
    pub(crate) fn new(
        scope: &QueryScope,
        slots: SlotGrid,
        page: u32,
        finality_delay: Duration,
        density: Option<Density>,
        prior: PriorClaims,
    ) -> Self {
        let (counted_from, closed) = (scope.bound, scope.closed);
        let rows =
            |wanted| NewestRows { wanted, counted: 0, counted_from, uncounted: BTreeSet::new(), closed };
        let end = scope.pages.map_or(scope.now, TimeRange::to);
        let begin = scope.pages.map_or(scope.now, TimeRange::from);
        Self {
            slots,
            page,
            end,
            now: scope.now,
            evidence: PageEvidence::new(
                slots,
                finality_delay,
                scope.count.is_none(),
                (end, scope.now),
                prior,
            ),
            unknown: scope.pages.map(RangeSet::from).unwrap_or_default(),
            horizon: if scope.count.is_some() { Timestamp::MAX } else { begin },
            rows: scope.count.map(rows),
            density,
            arrived: 0,
            probable_start: Timestamp::MIN,
            exhausted: false,
            oldest: None,
            empty: 0,
        }
    }

    pub(crate) fn density(&self) -> Option<Density> {
        self.density
    }

    /// Returns the end with which to request `chunk`.
    ///
    /// Where a row is known right behind the chunk, that row is requested as well: then the answer shows by
    /// itself that nothing lies between, and that it is not stale. This costs a row of the page, so it is not
    /// done where each page is full.
    pub(crate) fn page_end(&mut self, chunk: TimeRange, open: bool) -> Option<Timestamp> {
        let is_full = self.density.is_some_and(|density| {
            density.is_dense() && density.rows_in(self.slots.count(chunk)) > f64::from(self.page - 1)
        });
        if !open && self.page >= LARGE_PAGE && chunk.to() == self.end {
            // The page has room for the following rows: a row beyond the end proves the slots before it.
            let room = u64::from(self.page).saturating_sub(self.slots.count(chunk));
            let most = self.slots.floor(chunk.to().plus(LOOK_AHEAD));
            let reach = self.slots.ahead(chunk.to(), room).min(most).min(self.now).max(chunk.to());
            return self.evidence.unused_end(Some(reach), self.page);
        }
        if !open && chunk.to() == self.now && self.slots.count(chunk) < u64::from(self.page) {
            // The page has room for the forming slot, which shows that the venue has moved on.
            return self.evidence.unused_end(None, self.page);
        }
        let end = if self.page > 1 && self.evidence.has_shown(chunk.to()) && !is_full {
            self.slots.close(chunk.to())
        } else {
            chunk.to()
        };
        self.unused_end(chunk, (!open).then_some(end))
    }

    /// Returns another end for a page that settled nothing, so that the answer is not the same cached copy.
    pub(crate) fn retry_end(&mut self, chunk: TimeRange, before: Option<Timestamp>) -> Option<Timestamp> {
        self.unused_end(chunk, before)
    }

    /// Returns an unused end that is early enough for a page full of newer rows to still show one of the chunk.
    fn unused_end(&mut self, chunk: TimeRange, before: Option<Timestamp>) -> Option<Timestamp> {
        let later = before.and_then(|end| TimeRange::new(chunk.to(), end).ok());
        let later = later.map_or(0, |later| self.slots.count(later));
        let room = u64::from(self.page).saturating_sub(later).max(1);
        self.evidence.unused_end(before, u32::try_from(room).unwrap_or(self.page))
    }

    /// Processes a page and returns what it shows together with earlier ones.
    pub(crate) fn absorb(
        &mut self,
        request: &CandlePageRequest,
        page: &CandlePage,
        chunk: TimeRange,
    ) -> Result<AbsorbedPage, InconclusivePage> {
        let conclusion = self.evidence.ingest(page, request, &self.unknown)?;
        let before = self.unknown.clone();
        for range in conclusion.ranges {
            self.unknown.remove(range);
        }
        let truncated_slot = self.find_truncated_slot(page, chunk, &before);
        if let Some(slot) = truncated_slot.filter(|slot| before.intersects(*slot)) {
            self.unknown.insert(slot);
        }
        // Every page that is processed makes progress, or the query would not end. A page without an end is
        // requested once.
        let idle = self.unknown == before && !conclusion.uncertain && request.before.is_some();
        // If other pages have shown the newer end of the chunk meanwhile, the rest of it is requested
        // separately.
        let newest = TimeRange::new(self.slots.back(chunk.to(), 1), chunk.to()).unwrap_or(chunk);
        if idle && self.unknown.intersects(newest) {
            return Err(InconclusivePage::NoEvidence);
        }
        self.arrived += 1;
        self.exhausted |= conclusion.exhausted;
        if let Some(oldest) = page.candles.first()
            && page.candles.len() + page.rejected.len() < request.count as usize
        {
            self.probable_start = self.probable_start.max(oldest.open_time);
        }
        if let (true, Some(before)) = (page.candles.is_empty() && page.rejected.is_empty(), request.before) {
            self.probable_start = self.probable_start.max(before);
            self.exhausted = true;
            self.empty += 1;
        }
        let rows = page.candles.first().map(|candle| candle.open_time);
        self.oldest = self.oldest.into_iter().chain(rows).min();
        if let Some(seen) = Density::observed_in(page, self.slots) {
            self.density = Some(Density::corrected(self.density, seen));
        }
        if let Some(rows) = &mut self.rows {
            rows.count(
                page,
                truncated_slot,
                self.unknown.last().map(TimeRange::to).unwrap_or(Timestamp::MIN),
            );
        }
        Ok(AbsorbedPage {
            proven: conclusion.proven,
            no_longer_available: conclusion.no_longer_available,
            truncated_slot,
        })
    }

    /// Returns the slot of the row with which a full page ends, if another page shows it too, or it was not
    /// requested. A slot that was unknown `before` the page was processed is not known any more where the page
    /// has shown it.
    ///
    /// A row with which the wanted range ends, and the last one of a page that fits its chunk, are accepted as
    /// they are: checking for a second row of the slot would cost one page more, or one in two hundred.
    fn find_truncated_slot(
        &self,
        page: &CandlePage,
        chunk: TimeRange,
        before: &RangeSet,
    ) -> Option<TimeRange> {
        let oldest = page.proof.truncated_at.filter(|_| page.candles.len() > 1)?;
        let slot = TimeRange::new(oldest, self.slots.close(oldest)).ok()?;
        if !before.intersects(slot) {
            return Some(slot);
        }
        let density = self.density.or_else(|| Density::observed_in(page, self.slots));
        let fits = oldest == chunk.from() && density.is_some_and(Density::is_dense);
        let goes_on = self.unknown.first().is_some_and(|range| range.from() < oldest);
        let has_all = self.rows.as_ref().is_some_and(|rows| {
            let mut rows = rows.clone();
            rows.count(page, None, self.unknown.last().map(TimeRange::to).unwrap_or(Timestamp::MIN));
            rows.missing() == 0
        });
        let mut left = self.unknown.clone();
        left.insert(slot);
        (goes_on && !fits && !has_all && left != *before).then_some(slot)
    }

    /// Returns the number of rows that are still missing of a query for the newest rows.
    pub(crate) fn missing_rows(&self) -> Option<usize> {
        self.rows.as_ref().map(NewestRows::missing)
    }

    /// Returns the part of what is unknown that opens at or after the horizon.
    fn unknown_since_horizon(&self) -> RangeSet {
        TimeRange::new(self.horizon, Timestamp::MAX)
            .map(|range| self.unknown.within(range))
            .unwrap_or_default()
    }

    /// Adds a range that the query did not contain when it was made.
    pub(crate) fn reopen(&mut self, range: TimeRange) {
        self.unknown.insert(range);
    }

    /// Returns whether a page for `chunk` would still show something new.
    pub(crate) fn wants(&self, chunk: TimeRange) -> bool {
        !self.is_done() && self.unknown.intersects(chunk)
    }

    /// Returns the ranges to request next, while pages for `claims` are in flight and `room` more may be.
    pub(crate) fn next_chunks(&mut self, claims: &[TimeRange], room: usize) -> Vec<TimeRange> {
        if self.is_done() {
            return Vec::new();
        }
        self.look_further_back();
        PlannerInput {
            slots: self.slots,
            page: self.page,
            unknown: &self.unknown_since_horizon(),
            claims,
            room,
            density: self.density,
            arrived: self.arrived,
            probable_start: self.probable_start,
            exhausted: self.exhausted,
            oldest: self.oldest,
            empty: self.empty,
        }
        .chunks()
    }

    /// Returns whether nothing more has to be requested: everything is known, or all requested rows are there.
    pub(crate) fn is_done(&self) -> bool {
        match (&self.rows, self.unknown.last().map(TimeRange::to)) {
            (_, None) => true,
            (None, Some(_)) => false,
            // A range above that moment may have been reopened.
            (Some(rows), Some(end)) => rows.missing() == 0 && end <= rows.counted_from,
        }
    }

    /// Moves the horizon to where the missing rows are likely to lie, once everything above it is known.
    fn look_further_back(&mut self) {
        let (Some(rows), Some(end)) = (&self.rows, self.unknown.last().map(TimeRange::to)) else { return };
        if self.horizon < end {
            return;
        }
        let slots = match self.density {
            Some(density) => density.slots_for(rows.missing() as u64),
            None => u64::from(self.page),
        };
        let horizon = self.slots.back(end, slots.max(1));
        self.horizon = if horizon < end { horizon } else { Timestamp::MIN };
    }
}

impl NewestRows {
    fn missing(&self) -> usize {
        self.wanted.saturating_sub(self.counted)
    }

    /// Counts the rows of `page`, except for the slot that is left to another page.
    fn count(&mut self, page: &CandlePage, cut: Option<TimeRange>, known_from: Timestamp) {
        let left = |open: Timestamp| cut.is_some_and(|slot| slot.contains(open));
        let counts = page.candles.iter().filter(|candle| candle.is_final || !self.closed);
        let counts = counts.filter(|candle| !left(candle.open_time));
        self.uncounted.extend(counts.map(|candle| candle.open_time).filter(|open| *open < self.counted_from));
        self.counted_from = self.counted_from.min(known_from);
        self.counted += self.uncounted.split_off(&self.counted_from).len();
    }
}
