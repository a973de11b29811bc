//! What a page settles: which stretches need not be asked again after it.
//!
//! What lies between two rows of a page is proven by it alone. What it left out at its edges is not: an answer can be
//! empty by mistake, stale, or lack the venue's newest rows. Such a stretch is asked about again, in another way, and
//! is settled when a second answer leaves it out as well; [`Testimony`] remembers who said what.

mod said_before;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use market_backbone_core::{
    CandlePage, CandlePageRequest, Hearsay, LATE_ROWS, Origin, Provenance, Span, TimeRange, Timestamp,
};

use crate::slots::Slots;
use crate::unknown::Unknown;

/// So often one query looks a second time at what answers left out, before it leaves it unknown.
const MOST_LOOKS: u32 = 8;

/// So many pages of one query may be empty before it is given up to find out what is there.
const MOST_EMPTY: usize = 64;
/// So many rows tell how dense a series is,
const TELLING: usize = 10;
/// and so many that are missing in a row are a surprise.
const SURPRISING: u64 = 8;

/// Why a page settles nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Barren {
    /// It says nothing about the slot right before the moment it was asked for.
    Silent,
    /// It lacks this row, which an earlier page has shown.
    Stale(Timestamp),
}

impl fmt::Display for Barren {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("the page proves nothing about the stretch it was asked for"),
            Self::Stale(row) => write!(f, "the page lacks the candle of {row}, which was shown before"),
        }
    }
}

/// What a page settles.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    /// Stretches that need not be asked again, on the grid, proven or not.
    pub(crate) ranges: Vec<TimeRange>,
    /// Those of them that are proven by this page and an earlier one together.
    pub(crate) proven: Vec<Span>,
    /// What the venue no longer has, as this page and an earlier one say.
    pub(crate) gone: Option<TimeRange>,
    /// Whether nothing older exists, or is to be had.
    pub(crate) exhausted: bool,
    /// Whether something is left to be looked at a second time.
    pub(crate) doubts: bool,
}

/// What the pages of one query have said so far.
#[derive(Debug)]
pub(crate) struct Testimony {
    slots: Slots,
    settling: Duration,
    /// Whether all of a stretch is wanted: then what a page leaves out at its newer end is asked about again.
    whole: bool,
    /// Where the query ends.
    end: Timestamp,
    /// The end of the slot in progress: asking with it is asking for everything, in other words.
    now_ends: Timestamp,
    /// What was said before the query was made.
    hearsay: Hearsay,
    /// The oldest and the newest row of each page.
    shown: BTreeSet<Timestamp>,
    /// Which ends were asked for.
    asked: BTreeSet<Option<Timestamp>>,
    /// What one page left out after its newest row, and when it was asked for.
    after: Vec<(TimeRange, Timestamp)>,
    /// Which pages say that there is nothing before a moment, the latest moment first.
    before: Vec<Beginning>,
    looks: u32,
}

/// A page says that there is nothing before a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Beginning {
    since: Timestamp,
    /// Which end it was asked for.
    asked: Option<Timestamp>,
    /// Whether it shows a row. One that shows nothing may be empty by mistake.
    shows: bool,
}

impl Testimony {
    /// The query ends at `end`; `now` is the slot in progress when it was made.
    pub(crate) fn new(
        slots: Slots,
        settling: Duration,
        whole: bool,
        (end, now): (Timestamp, Timestamp),
        hearsay: Hearsay,
    ) -> Self {
        let (shown, asked, now_ends) = (BTreeSet::new(), BTreeSet::new(), slots.close(now));
        Self {
            slots,
            settling,
            whole,
            end,
            now_ends,
            hearsay,
            shown,
            asked,
            after: Vec::new(),
            before: Vec::new(),
            looks: 0,
        }
    }

    /// Whether a page has shown a row that opens at `moment`.
    pub(crate) fn has_shown(&self, moment: Timestamp) -> bool {
        self.shown.contains(&moment)
    }

    /// Another end than was asked for before, so that a second answer is not the first one out of a cache: one of the
    /// `room` next ones, or the same if there is none.
    pub(crate) fn fresh_end(&mut self, before: Option<Timestamp>, room: u32) -> Option<Timestamp> {
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
    pub(crate) fn hear(
        &mut self,
        page: &CandlePage,
        request: &CandlePageRequest,
        unknown: &Unknown,
    ) -> Result<Settled, Barren> {
        let before = request.before.unwrap_or(Timestamp::MAX);
        // A row that was left out is a row all the same, also where nobody knows of which slot it was.
        let left_out = page.rejected.iter().filter_map(|row| row.slot);
        let newest = page.candles.last().map(|candle| candle.open_time).into_iter().chain(left_out).max();
        if let Some(row) = self.shown.range(..before).next_back()
            && newest.is_none_or(|newest| newest < *row)
            && !page.proof.doubtful.iter().any(|range| range.contains(*row))
        {
            return Err(Barren::Stale(*row));
        }
        if self.is_mute(page, before) {
            return Err(Barren::Silent);
        }
        let mut settled = Settled::default();
        settled.ranges.extend(page.proof.covered.and_then(|covered| self.slots.align(covered)));
        settled.ranges.extend(page.proof.doubtful.iter().filter_map(|range| self.slots.align(*range)));
        settled.ranges.extend(self.unprovable(page, before));
        // A row that is not final yet must do as it is.
        let forming = page.candles.iter().filter(|candle| !candle.is_final).map(|candle| candle.open_time);
        settled.ranges.extend(forming.filter_map(|open| TimeRange::new(open, self.slots.close(open)).ok()));
        self.hear_it_again(page, &mut settled);
        let mut left = unknown.clone();
        settled.ranges.iter().for_each(|range| left.remove(*range));
        self.hear_of_the_end(page, &left, &mut settled);
        self.hear_of_the_beginning(page, request, &left, &mut settled);
        for row in [page.candles.first(), page.candles.last()].into_iter().flatten() {
            self.shown.insert(row.open_time);
            self.before.retain(|one| one.since <= row.open_time);
        }
        Ok(settled)
    }

    /// Whether the page says nothing although it could.
    fn is_mute(&self, page: &CandlePage, before: Timestamp) -> bool {
        let proof = &page.proof;
        let says = proof.covered.is_some()
            || proof.absent_after.is_some()
            || proof.absent_before.is_some()
            || proof.exhausted
            || !page.rejected.is_empty();
        let provable = self.slots.floor(page.asked_at.minus(self.settling)).min(before);
        !says && page.candles.first().is_none_or(|oldest| oldest.open_time < provable)
    }

    /// The slots the page reached that may still change: nobody can prove them, so their rows as they are must do.
    fn unprovable(&self, page: &CandlePage, before: Timestamp) -> Option<TimeRange> {
        let unsettled = self.slots.floor(page.asked_at.minus(self.settling));
        let oldest = page.candles.first().map_or(Timestamp::MIN, |candle| candle.open_time);
        TimeRange::new(unsettled.max(oldest), before).ok()
    }

    /// What it left out after its newest row.
    fn hear_of_the_end(&mut self, page: &CandlePage, unknown: &Unknown, settled: &mut Settled) {
        let Some(absent) = page.proof.absent_after.and_then(|absent| self.slots.align(absent)) else {
            return;
        };
        let old_enough = self.slots.floor(page.asked_at.minus(LATE_ROWS));
        let provenance = Provenance { origin: Origin::Rest, observed_at: page.asked_at };
        for (heard, asked_at) in &self.after {
            let Some(twice) = heard.intersect(absent) else { continue };
            settled.ranges.push(twice);
            if self.is_surprising(twice, page) {
                continue; // Two answers of one query are too near one another to be believed: a claim is kept.
            }
            let sure = self.slots.floor(asked_at.minus(LATE_ROWS));
            let range = TimeRange::new(twice.from(), twice.to().min(sure));
            settled.proven.extend(range.map(|range| Span { range, provenance }));
        }
        self.after.push((absent, page.asked_at));
        let lies_between = self.lies_between(absent, page);
        let (keep, rest) = if lies_between {
            (Some(absent), None)
        } else if self.is_worth_a_look(absent, page) {
            let old = TimeRange::new(absent.from(), absent.to().min(old_enough)).ok();
            (old, TimeRange::new(absent.from().max(old_enough), absent.to()).ok())
        } else {
            (None, Some(absent))
        };
        settled.ranges.extend(rest);
        if lies_between {
            settled.doubts = true;
        } else {
            self.look_again(keep, unknown, settled);
        }
    }

    /// Whether asking for a row that is known behind it, together with what is before it, proves what lies between. So it
    /// is where pages of what is newer are still to come.
    fn lies_between(&self, absent: TimeRange, page: &CandlePage) -> bool {
        let top = self.end.min(self.slots.floor(page.asked_at.minus(self.settling)));
        absent.to() < top || self.shown.range(absent.to()..).next().is_some()
    }

    /// Whether it is a surprise that a few slots have no row, for all that the page shows have one: late rows look so.
    fn is_surprising(&self, absent: TimeRange, page: &CandlePage) -> bool {
        let shown = page.proof.covered.map_or(0, |covered| self.slots.count(covered));
        let is_dense = page.candles.len() >= TELLING && page.candles.len() as u64 >= shown;
        is_dense && self.slots.count(absent) < TELLING as u64
    }

    /// Whether a second request is worth what it may prove. Of a query for the newest so many it is not, for the next
    /// trade proves it without one; but where so many rows are to be expected that none is a surprise, it always is.
    fn is_worth_a_look(&self, absent: TimeRange, page: &CandlePage) -> bool {
        let shown = page.proof.covered.map_or(0, |covered| self.slots.count(covered));
        let tells = page.candles.len() >= TELLING;
        let rows = if tells { page.candles.len() as u64 } else { 0 };
        self.whole || self.slots.count(absent).saturating_mul(rows) / shown.max(1) >= SURPRISING
    }

    /// That nothing older is there.
    fn hear_of_the_beginning(
        &mut self,
        page: &CandlePage,
        request: &CandlePageRequest,
        unknown: &Unknown,
        settled: &mut Settled,
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
        let new = Beginning { since, asked: request.before, shows: !page.candles.is_empty() };
        self.before.retain(|one| one.asked != new.asked);
        self.before.push(new);
        self.before.sort_by(|a, b| b.cmp(a));
        let everything = |to| TimeRange::new(Timestamp::MIN, to).ok();
        let twice = self.believed_beginning();
        if let Some(twice) = twice {
            let provenance = Provenance { origin: Origin::Listed, observed_at: page.asked_at };
            // Its first rows may come late, too.
            let sure = twice.min(self.slots.floor(page.asked_at.minus(LATE_ROWS)));
            let range = absent.and_then(|absent| TimeRange::new(absent.from(), sure).ok());
            settled.proven.extend(range.map(|range| Span { range, provenance }));
            settled.ranges.extend(everything(twice));
            settled.gone = everything(twice).filter(|_| absent.is_none());
            settled.exhausted = true;
        }
        let rest = TimeRange::new(twice.unwrap_or(Timestamp::MIN), since).ok();
        // Where a row is known, the page that begins with the oldest one will say whether anything is before it.
        if page.candles.is_empty() && !self.shown.is_empty() && self.before.len() < MOST_EMPTY {
            settled.doubts = true;
        } else {
            self.look_again(rest, unknown, settled);
        }
    }

    /// Before when two pages say that there is nothing. Where any row is known, one of them must show one itself: pages
    /// that are empty by mistake are not so rare that two of a hundred could not be.
    fn believed_beginning(&self) -> Option<Timestamp> {
        let any_row = !self.shown.is_empty() || self.before.iter().any(|one| one.shows);
        let second = self.before.get(1)?;
        let witness = self.before.iter().position(|one| one.shows || !any_row)?;
        Some(self.before.get(witness.max(1)).unwrap_or(second).since)
    }

    /// Leaves `range` to be asked about again, as long as that has not been done too often.
    fn look_again(&mut self, range: Option<TimeRange>, unknown: &Unknown, settled: &mut Settled) {
        let Some(range) = range.filter(|range| unknown.touches(*range)) else { return };
        self.looks += 1;
        if self.looks > MOST_LOOKS {
            settled.ranges.push(range);
        } else {
            settled.doubts = true;
        }
    }
}
