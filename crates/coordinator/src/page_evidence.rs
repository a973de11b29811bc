//! Decides which ranges a page settles, so that they need not be requested again.
//!
//! Slots between two rows of a page are proven by it alone. Slots it left out at its edges are not: an answer
//! can be empty by mistake, stale, or lack the venue's newest rows. Such a range is requested again, in another
//! way, and is settled when a second answer leaves it out as well. [`PageEvidence`] remembers what each page
//! showed.

mod prior_claims;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use market_backbone_core::{
    CandlePage, CandlePageRequest, MAX_ROW_DELAY, Origin, PriorClaims, Provenance, RangeSet, Span, TimeRange,
    Timestamp,
};

use crate::slot_grid::SlotGrid;

/// The most second looks of one query at what answers left out; beyond this it stays unknown.
const MAX_SECOND_LOOKS: u32 = 8;

/// The most empty pages of one query before the search for older rows is given up.
const MAX_EMPTY_PAGES: usize = 64;
/// The fewest rows from which the density of a series is estimated.
const MIN_DENSITY_ROWS: usize = 10;
/// The number of consecutive missing rows that is surprising.
const SURPRISING_MISSING_ROWS: u64 = 8;

/// The reason why a page settles nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InconclusivePage {
    /// The page says nothing about the slot right before the moment it was requested for.
    NoEvidence,
    /// The page lacks this row, which an earlier page has shown.
    Stale(Timestamp),
}

impl fmt::Display for InconclusivePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEvidence => f.write_str("the page proves nothing about the range it was requested for"),
            Self::Stale(row) => write!(f, "the page lacks the candle of {row}, which was shown before"),
        }
    }
}

/// The conclusions from a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PageConclusion {
    /// The ranges that need not be requested again, on the grid, proven or not.
    pub(crate) ranges: Vec<TimeRange>,
    /// The ranges that are proven by this page and an earlier one together.
    pub(crate) proven: Vec<Span>,
    /// The range that the venue no longer has, as this page and an earlier one show.
    pub(crate) no_longer_available: Option<TimeRange>,
    /// `true` if nothing older exists, or is available.
    pub(crate) exhausted: bool,
    /// `true` if something is left for a second look.
    pub(crate) uncertain: bool,
}

/// The evidence of all pages of one query so far.
#[derive(Debug)]
pub(crate) struct PageEvidence {
    slots: SlotGrid,
    finality_delay: Duration,
    /// `true` if a whole range is wanted: then slots left out at its newer end are requested again.
    wants_whole_range: bool,
    /// The end of the query.
    end: Timestamp,
    /// The end of the forming slot. A request up to it asks for everything, in other words.
    now_ends: Timestamp,
    /// The claims from before the query.
    prior: PriorClaims,
    /// The oldest and the newest row of each page.
    shown: BTreeSet<Timestamp>,
    /// The ends that were requested.
    asked: BTreeSet<Option<Timestamp>>,
    /// The ranges that one page left out after its newest row, and when it was requested.
    absent_after: Vec<(TimeRange, Timestamp)>,
    /// The pages that show nothing before a moment, the latest moment first.
    start_observations: Vec<StartObservation>,
    second_looks: u32,
}

/// The observation that there is nothing before a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct StartObservation {
    since: Timestamp,
    /// The end of the page's request.
    asked: Option<Timestamp>,
    /// `true` if the page shows a row. A page without one may be empty by mistake.
    shows_row: bool,
}

impl PageEvidence {
    /// Creates the evidence of a query that ends at `end`; `now` is the forming slot when it was made.
    pub(crate) fn new(
        slots: SlotGrid,
        finality_delay: Duration,
        wants_whole_range: bool,
        (end, now): (Timestamp, Timestamp),
        prior: PriorClaims,
    ) -> Self {
        let (shown, asked, now_ends) = (BTreeSet::new(), BTreeSet::new(), slots.close(now));
        Self {
            slots,
            finality_delay,
            wants_whole_range,
            end,
            now_ends,
            prior,
            shown,
            asked,
            absent_after: Vec::new(),
            start_observations: Vec::new(),
            second_looks: 0,
        }
    }

    /// Returns whether a page has shown a row that opens at `moment`.
    pub(crate) fn has_shown(&self, moment: Timestamp) -> bool {
        self.shown.contains(&moment)
    }

    /// Returns an end that was not requested before, so that a second answer is not a cached copy of the first:
    /// one of the next `room` ones, or the same if there is none.
    pub(crate) fn unused_end(&mut self, before: Option<Timestamp>, room: u32) -> Option<Timestamp> {
        let later = |end: &Option<Timestamp>| {
            let next = end.map_or(self.now_ends, |end| self.slots.close(self.slots.floor(end)));
            Some(Some(next))
        };
        let mut ends = std::iter::successors(Some(before), later).take(room as usize);
        let fresh = ends.find(|end| !self.asked.contains(end)).unwrap_or(before);
        self.asked.insert(fresh);
        fresh
    }

    /// Evaluates what `page` shows about the `unknown` ranges. `Ok` always makes progress: something is
    /// settled, or looked at a second time, and the number of second looks is limited.
    pub(crate) fn ingest(
        &mut self,
        page: &CandlePage,
        request: &CandlePageRequest,
        unknown: &RangeSet,
    ) -> Result<PageConclusion, InconclusivePage> {
        let before = request.before.unwrap_or(Timestamp::MAX);
        // A row that was left out is still a row, even if its slot is not known.
        let left_out = page.rejected.iter().filter_map(|row| row.slot);
        let newest = page.candles.last().map(|candle| candle.open_time).into_iter().chain(left_out).max();
        if let Some(row) = self.shown.range(..before).next_back()
            && newest.is_none_or(|newest| newest < *row)
            && !page.proof.uncertain.iter().any(|range| range.contains(*row))
        {
            return Err(InconclusivePage::Stale(*row));
        }
        if self.lacks_evidence(page, before) {
            return Err(InconclusivePage::NoEvidence);
        }
        let mut conclusion = PageConclusion::default();
        conclusion.ranges.extend(page.proof.covered.and_then(|covered| self.slots.align(covered)));
        conclusion.ranges.extend(page.proof.uncertain.iter().filter_map(|range| self.slots.align(*range)));
        conclusion.ranges.extend(self.unprovable(page, before));
        // A row that is not final yet is accepted as it is.
        let forming = page.candles.iter().filter(|candle| !candle.is_final).map(|candle| candle.open_time);
        conclusion
            .ranges
            .extend(forming.filter_map(|open| TimeRange::new(open, self.slots.close(open)).ok()));
        self.apply_prior_claims(page, &mut conclusion);
        let mut left = unknown.clone();
        conclusion.ranges.iter().for_each(|range| left.remove(*range));
        self.ingest_absent_after(page, &left, &mut conclusion);
        self.ingest_absent_before(page, request, &left, &mut conclusion);
        for row in [page.candles.first(), page.candles.last()].into_iter().flatten() {
            self.shown.insert(row.open_time);
            self.start_observations.retain(|one| one.since <= row.open_time);
        }
        Ok(conclusion)
    }

    /// Returns whether the page shows nothing although it could.
    fn lacks_evidence(&self, page: &CandlePage, before: Timestamp) -> bool {
        let proof = &page.proof;
        let has_evidence = proof.covered.is_some()
            || proof.absent_after.is_some()
            || proof.absent_before.is_some()
            || proof.exhausted
            || !page.rejected.is_empty();
        let provable = self.slots.floor(page.asked_at.minus(self.finality_delay)).min(before);
        !has_evidence && page.candles.first().is_none_or(|oldest| oldest.open_time < provable)
    }

    /// Returns the slots of the page that may still change. They cannot be proven, so their rows are accepted
    /// as they are.
    fn unprovable(&self, page: &CandlePage, before: Timestamp) -> Option<TimeRange> {
        let unsettled = self.slots.floor(page.asked_at.minus(self.finality_delay));
        let oldest = page.candles.first().map_or(Timestamp::MIN, |candle| candle.open_time);
        TimeRange::new(unsettled.max(oldest), before).ok()
    }

    /// Evaluates the slots left out after the newest row.
    fn ingest_absent_after(
        &mut self,
        page: &CandlePage,
        unknown: &RangeSet,
        conclusion: &mut PageConclusion,
    ) {
        let Some(absent) = page.proof.absent_after.and_then(|absent| self.slots.align(absent)) else {
            return;
        };
        let old_enough = self.slots.floor(page.asked_at.minus(MAX_ROW_DELAY));
        let provenance = Provenance { origin: Origin::Rest, observed_at: page.asked_at };
        for (reported, asked_at) in &self.absent_after {
            let Some(twice) = reported.intersect(absent) else { continue };
            conclusion.ranges.push(twice);
            if self.is_surprising(twice, page) {
                continue; // Two answers of one query are too near one another to be believed: a claim is kept.
            }
            let sure = self.slots.floor(asked_at.minus(MAX_ROW_DELAY));
            let range = TimeRange::new(twice.from(), twice.to().min(sure));
            conclusion.proven.extend(range.map(|range| Span { range, provenance }));
        }
        self.absent_after.push((absent, page.asked_at));
        let lies_between = self.lies_between(absent, page);
        let (keep, rest) = if lies_between {
            (Some(absent), None)
        } else if self.is_worth_second_look(absent, page) {
            let old = TimeRange::new(absent.from(), absent.to().min(old_enough)).ok();
            (old, TimeRange::new(absent.from().max(old_enough), absent.to()).ok())
        } else {
            (None, Some(absent))
        };
        conclusion.ranges.extend(rest);
        if lies_between {
            conclusion.uncertain = true;
        } else {
            self.request_second_look(keep, unknown, conclusion);
        }
    }

    /// Returns whether a request for the known row behind the range, together with the row before it, proves
    /// what lies between. This is so where pages of newer slots are still to come.
    fn lies_between(&self, absent: TimeRange, page: &CandlePage) -> bool {
        let top = self.end.min(self.slots.floor(page.asked_at.minus(self.finality_delay)));
        absent.to() < top || self.shown.range(absent.to()..).next().is_some()
    }

    /// Returns whether it is surprising that a few slots have no row although all shown ones do. Late rows look
    /// like this.
    fn is_surprising(&self, absent: TimeRange, page: &CandlePage) -> bool {
        let shown = page.proof.covered.map_or(0, |covered| self.slots.count(covered));
        let is_dense = page.candles.len() >= MIN_DENSITY_ROWS && page.candles.len() as u64 >= shown;
        is_dense && self.slots.count(absent) < MIN_DENSITY_ROWS as u64
    }

    /// Returns whether a second request is worth what it may prove. For a query of the newest rows it is not,
    /// because the next trade proves the range for free; but it always is where so many rows are expected that
    /// a hole is surprising.
    fn is_worth_second_look(&self, absent: TimeRange, page: &CandlePage) -> bool {
        let shown = page.proof.covered.map_or(0, |covered| self.slots.count(covered));
        let tells = page.candles.len() >= MIN_DENSITY_ROWS;
        let rows = if tells { page.candles.len() as u64 } else { 0 };
        self.wants_whole_range
            || self.slots.count(absent).saturating_mul(rows) / shown.max(1) >= SURPRISING_MISSING_ROWS
    }

    /// Evaluates that nothing older exists.
    fn ingest_absent_before(
        &mut self,
        page: &CandlePage,
        request: &CandlePageRequest,
        unknown: &RangeSet,
        conclusion: &mut PageConclusion,
    ) {
        let absent = page.proof.absent_before;
        let since = match (absent, page.proof.exhausted) {
            (Some(absent), _) => absent.to(),
            (None, true) => {
                let oldest = page.candles.first().map(|candle| candle.open_time);
                oldest.or(request.before).unwrap_or(Timestamp::MAX)
            }
            (None, false) => return,
        };
        if self.shown.first().is_some_and(|oldest| *oldest < since) {
            return; // others have shown that there is
        }
        let new = StartObservation { since, asked: request.before, shows_row: !page.candles.is_empty() };
        self.start_observations.retain(|one| one.asked != new.asked);
        self.start_observations.push(new);
        self.start_observations.sort_by(|a, b| b.cmp(a));
        let everything = |to| TimeRange::new(Timestamp::MIN, to).ok();
        let twice = self.confirmed_start();
        if let Some(twice) = twice {
            let provenance = Provenance { origin: Origin::BeforeListing, observed_at: page.asked_at };
            // The first rows of a series may come late, too.
            let sure = twice.min(self.slots.floor(page.asked_at.minus(MAX_ROW_DELAY)));
            let range = absent.and_then(|absent| TimeRange::new(absent.from(), sure).ok());
            conclusion.proven.extend(range.map(|range| Span { range, provenance }));
            conclusion.ranges.extend(everything(twice));
            conclusion.no_longer_available = everything(twice).filter(|_| absent.is_none());
            conclusion.exhausted = true;
        }
        let rest = TimeRange::new(twice.unwrap_or(Timestamp::MIN), since).ok();
        // Where a row is known, the page that begins with the oldest one will show whether anything is before
        // it.
        if page.candles.is_empty()
            && !self.shown.is_empty()
            && self.start_observations.len() < MAX_EMPTY_PAGES
        {
            conclusion.uncertain = true;
        } else {
            self.request_second_look(rest, unknown, conclusion);
        }
    }

    /// Returns the moment before which two pages show nothing. Where any row is known, one of the two must show
    /// a row itself: pages that are empty by mistake are common enough for two in a hundred.
    fn confirmed_start(&self) -> Option<Timestamp> {
        let any_row = !self.shown.is_empty() || self.start_observations.iter().any(|one| one.shows_row);
        let second = self.start_observations.get(1)?;
        let witness = self.start_observations.iter().position(|one| one.shows_row || !any_row)?;
        Some(self.start_observations.get(witness.max(1)).unwrap_or(second).since)
    }

    /// Leaves `range` to be requested again, as long as that has not happened too often.
    fn request_second_look(
        &mut self,
        range: Option<TimeRange>,
        unknown: &RangeSet,
        conclusion: &mut PageConclusion,
    ) {
        let Some(range) = range.filter(|range| unknown.intersects(*range)) else { return };
        self.second_looks += 1;
        if self.second_looks > MAX_SECOND_LOOKS {
            conclusion.ranges.push(range);
        } else {
            conclusion.uncertain = true;
        }
    }
}
