//! What a page settles: which stretches need not be asked again after it.
//!
//! What lies between two rows of a page is proven by it alone. What it left out at its edges is not: an answer can be
//! empty by mistake, stale, or lack the venue's newest rows. Such a stretch is asked about again, in another way, and
//! is settled when a second answer leaves it out as well; [`PageEvidence`] remembers who said what.

mod prior_claims;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use market_backbone_core::{
    CandlePage, CandlePageRequest, MAX_ROW_DELAY, Origin, PriorClaims, Provenance, RangeSet, Span, TimeRange,
    Timestamp,
};

use crate::slot_grid::SlotGrid;

/// So often one query looks a second time at what answers left out, before it leaves it unknown.
const MAX_SECOND_LOOKS: u32 = 8;

/// So many pages of one query may be empty before it is given up to find out what is there.
const MAX_EMPTY_PAGES: usize = 64;
/// So many rows tell how dense a series is,
const MIN_DENSITY_ROWS: usize = 10;
/// and so many that are missing in a row are a surprise.
const SURPRISING_MISSING_ROWS: u64 = 8;

/// Why a page settles nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InconclusivePage {
    /// It says nothing about the slot right before the moment it was asked for.
    NoEvidence,
    /// It lacks this row, which an earlier page has shown.
    Stale(Timestamp),
}

impl fmt::Display for InconclusivePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEvidence => f.write_str("the page proves nothing about the stretch it was asked for"),
            Self::Stale(row) => write!(f, "the page lacks the candle of {row}, which was shown before"),
        }
    }
}

/// What a page settles.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PageConclusion {
    /// Stretches that need not be asked again, on the grid, proven or not.
    pub(crate) ranges: Vec<TimeRange>,
    /// Those of them that are proven by this page and an earlier one together.
    pub(crate) proven: Vec<Span>,
    /// What the venue no longer has, as this page and an earlier one say.
    pub(crate) no_longer_available: Option<TimeRange>,
    /// Whether nothing older exists, or is to be had.
    pub(crate) exhausted: bool,
    /// Whether something is left to be looked at a second time.
    pub(crate) uncertain: bool,
}

/// What the pages of one query have said so far.
#[derive(Debug)]
pub(crate) struct PageEvidence {
    slots: SlotGrid,
    finality_delay: Duration,
    /// Whether all of a stretch is wanted: then what a page leaves out at its newer end is asked about again.
    wants_whole_range: bool,
    /// Where the query ends.
    end: Timestamp,
    /// The end of the slot in progress: asking with it is asking for everything, in other words.
    now_ends: Timestamp,
    /// What was said before the query was made.
    prior: PriorClaims,
    /// The oldest and the newest row of each page.
    shown: BTreeSet<Timestamp>,
    /// Which ends were asked for.
    asked: BTreeSet<Option<Timestamp>>,
    /// What one page left out after its newest row, and when it was asked for.
    absent_after: Vec<(TimeRange, Timestamp)>,
    /// Which pages say that there is nothing before a moment, the latest moment first.
    start_observations: Vec<StartObservation>,
    second_looks: u32,
}

/// A page says that there is nothing before a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct StartObservation {
    since: Timestamp,
    /// Which end it was asked for.
    asked: Option<Timestamp>,
    /// Whether it shows a row. One that shows nothing may be empty by mistake.
    shows_row: bool,
}

impl PageEvidence {
    /// The query ends at `end`; `now` is the slot in progress when it was made.
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

    /// Whether a page has shown a row that opens at `moment`.
    pub(crate) fn has_shown(&self, moment: Timestamp) -> bool {
        self.shown.contains(&moment)
    }

    /// Another end than was asked for before, so that a second answer is not the first one out of a cache: one of the
    /// `room` next ones, or the same if there is none.
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

    /// Hears what `page` says of what is `unknown`. An `Ok` always makes progress: something is settled, or looked at
    /// a second time, which has an end.
    pub(crate) fn ingest(
        &mut self,
        page: &CandlePage,
        request: &CandlePageRequest,
        unknown: &RangeSet,
    ) -> Result<PageConclusion, InconclusivePage> {
        let before = request.before.unwrap_or(Timestamp::MAX);
        // A row that was left out is a row all the same, also where nobody knows of which slot it was.
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
        // A row that is not final yet must do as it is.
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

    /// Whether the page says nothing although it could.
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

    /// The slots the page reached that may still change: nobody can prove them, so their rows as they are must do.
    fn unprovable(&self, page: &CandlePage, before: Timestamp) -> Option<TimeRange> {
        let unsettled = self.slots.floor(page.asked_at.minus(self.finality_delay));
        let oldest = page.candles.first().map_or(Timestamp::MIN, |candle| candle.open_time);
        TimeRange::new(unsettled.max(oldest), before).ok()
    }

    /// What it left out after its newest row.
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

    /// Whether asking for a row that is known behind it, together with what is before it, proves what lies between. So it
    /// is where pages of what is newer are still to come.
    fn lies_between(&self, absent: TimeRange, page: &CandlePage) -> bool {
        let top = self.end.min(self.slots.floor(page.asked_at.minus(self.finality_delay)));
        absent.to() < top || self.shown.range(absent.to()..).next().is_some()
    }

    /// Whether it is a surprise that a few slots have no row, for all that the page shows have one: late rows look so.
    fn is_surprising(&self, absent: TimeRange, page: &CandlePage) -> bool {
        let shown = page.proof.covered.map_or(0, |covered| self.slots.count(covered));
        let is_dense = page.candles.len() >= MIN_DENSITY_ROWS && page.candles.len() as u64 >= shown;
        is_dense && self.slots.count(absent) < MIN_DENSITY_ROWS as u64
    }

    /// Whether a second request is worth what it may prove. Of a query for the newest so many it is not, for the next
    /// trade proves it without one; but where so many rows are to be expected that none is a surprise, it always is.
    fn is_worth_second_look(&self, absent: TimeRange, page: &CandlePage) -> bool {
        let shown = page.proof.covered.map_or(0, |covered| self.slots.count(covered));
        let tells = page.candles.len() >= MIN_DENSITY_ROWS;
        let rows = if tells { page.candles.len() as u64 } else { 0 };
        self.wants_whole_range
            || self.slots.count(absent).saturating_mul(rows) / shown.max(1) >= SURPRISING_MISSING_ROWS
    }

    /// That nothing older is there.
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
            // Its first rows may come late, too.
            let sure = twice.min(self.slots.floor(page.asked_at.minus(MAX_ROW_DELAY)));
            let range = absent.and_then(|absent| TimeRange::new(absent.from(), sure).ok());
            conclusion.proven.extend(range.map(|range| Span { range, provenance }));
            conclusion.ranges.extend(everything(twice));
            conclusion.no_longer_available = everything(twice).filter(|_| absent.is_none());
            conclusion.exhausted = true;
        }
        let rest = TimeRange::new(twice.unwrap_or(Timestamp::MIN), since).ok();
        // Where a row is known, the page that begins with the oldest one will say whether anything is before it.
        if page.candles.is_empty()
            && !self.shown.is_empty()
            && self.start_observations.len() < MAX_EMPTY_PAGES
        {
            conclusion.uncertain = true;
        } else {
            self.request_second_look(rest, unknown, conclusion);
        }
    }

    /// Before when two pages say that there is nothing. Where any row is known, one of them must show one itself: pages
    /// that are empty by mistake are not so rare that two of a hundred could not be.
    fn confirmed_start(&self) -> Option<Timestamp> {
        let any_row = !self.shown.is_empty() || self.start_observations.iter().any(|one| one.shows_row);
        let second = self.start_observations.get(1)?;
        let witness = self.start_observations.iter().position(|one| one.shows_row || !any_row)?;
        Some(self.start_observations.get(witness.max(1)).unwrap_or(second).since)
    }

    /// Leaves `range` to be asked about again, as long as that has not been done too often.
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
