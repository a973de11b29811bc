//! Which pages to ask next. Pure arithmetic on guesses: what is asked is decided here, what is done is not.
//!
//! A page holds a fixed number of *rows*. Where nearly every slot has one, a page is sure to show as many slots
//! as it has rows, so pages are asked side by side without knowing one another: a dense series takes exactly
//! slots ÷ rows of them. Where candles are thin, nobody knows how far a page reaches, and pages asked side by side
//! would overlap or leave slivers, each of which costs a page. There the stretch is walked from page to page, by at
//! most two walkers, which is enough to use up ten requests a second at a round trip of 200 ms, and wastes at most
//! one page where the first walker runs into what the second has seen.
//!
//! Pages side by side are wasted where the market was not listed yet. So they are sent where an older row is known;
//! where none is, the next page is sent, and a *scout* as far back as is likely to be worth it.

use market_backbone_core::{RangeSet, TimeRange, Timestamp};

use crate::density::Density;
use crate::slot_grid::SlotGrid;

/// Walkers of a thin series.
pub(crate) const WALKERS: usize = 2;
/// A stretch of fewer pages than this is not worth a second walker: it may waste one.
pub(crate) const WORTH_SPLITTING: f64 = 12.0;
/// A scout goes so many times as far as pages have arrived; and so many must have for each page that was empty.
const SCOUT_REACH: u64 = 16;

/// What a plan goes by.
#[derive(Debug)]
pub(crate) struct PlannerInput<'a> {
    pub(crate) slots: SlotGrid,
    /// Rows of a full page.
    pub(crate) page: u32,
    /// What is wanted and not proven.
    pub(crate) unknown: &'a RangeSet,
    /// The stretches that pages are under way for.
    pub(crate) claims: &'a [TimeRange],
    /// How many more pages may be under way.
    pub(crate) room: usize,
    /// `None` until a page has been seen: then one page alone finds out.
    pub(crate) density: Option<Density>,
    /// Pages that have arrived.
    pub(crate) arrived: u32,
    /// Below this there is probably nothing: a page came back short.
    pub(crate) probable_start: Timestamp,
    /// Whether the end of what exists was seen. A second walker sent out beyond it finds nothing.
    pub(crate) exhausted: bool,
    /// The oldest row of all pages: newer slots are of a market that was listed.
    pub(crate) oldest: Option<Timestamp>,
    /// Pages that were empty.
    pub(crate) empty: u32,
}

impl PlannerInput<'_> {
    /// The stretches to ask next, most urgent first. The page for each is asked with `before` at its end.
    ///
    /// Never empty if something is unknown, nothing is claimed and there is room.
    pub(crate) fn chunks(&self) -> Vec<TimeRange> {
        let free = self.free();
        match self.density {
            None if self.claims.is_empty() => {
                free.last().map(|range| self.newest_page(*range)).into_iter().take(self.room).collect()
            }
            None => Vec::new(),
            Some(density) if density.is_dense() => self.side_by_side(&free),
            Some(density) => self.walk(&free, density),
        }
    }

    /// What is neither proven nor claimed, oldest first.
    fn free(&self) -> Vec<TimeRange> {
        let mut free = self.unknown.clone();
        self.claims.iter().for_each(|claim| free.remove(*claim));
        free.into_vec()
    }

    /// As much of the newer end of `range` as one page is sure to show.
    fn newest_page(&self, range: TimeRange) -> TimeRange {
        let from = self.slots.back(range.to(), u64::from(self.page));
        TimeRange::new(range.from().max(from), range.to()).unwrap_or(range)
    }

    fn side_by_side(&self, free: &[TimeRange]) -> Vec<TimeRange> {
        let mut chunks = Vec::new();
        for range in free.iter().rev() {
            let mut rest = Some(*range);
            while let Some(range) = rest
                && chunks.len() < self.room
            {
                let beyond = range.to() <= self.probable_start;
                // What is newer shows in passing whether anything is there.
                if beyond && !(chunks.is_empty() && self.claims.is_empty()) {
                    return chunks;
                }
                let chunk = if beyond { range } else { self.newest_page(range) };
                if !self.was_listed(chunk) {
                    if self.claims.iter().all(|claim| self.was_listed(*claim)) {
                        chunks.push(chunk);
                        chunks.extend(self.scout(free, chunk).filter(|_| !beyond));
                        chunks.truncate(self.room);
                    }
                    return chunks;
                }
                chunks.push(chunk);
                rest = TimeRange::new(range.from(), chunk.from()).ok();
            }
        }
        chunks
    }

    /// Whether the market is known to have been listed when `chunk` ended.
    fn was_listed(&self, chunk: TimeRange) -> bool {
        self.oldest.is_some_and(|oldest| oldest < chunk.to())
    }

    /// A page far behind the `next` one: if it shows a row, all between can be asked side by side. At first it goes as far
    /// as so many pages are worth, and where that was too far, half as far as it may.
    fn scout(&self, free: &[TimeRange], next: TimeRange) -> Option<TimeRange> {
        let from = free.first()?.from().max(self.probable_start);
        let behind = self.slots.count(TimeRange::new(from, next.from()).ok()?).div_ceil(u64::from(self.page));
        let pages = match self.empty {
            0 => behind.min(SCOUT_REACH * u64::from(self.arrived.max(1))),
            empty if u64::from(self.arrived) < SCOUT_REACH * u64::from(empty) => return None,
            _ => behind / 2,
        };
        let end = self.slots.back(next.to(), pages * u64::from(self.page));
        let range = free.iter().rev().find(|range| range.from() < end)?;
        let chunk = self.newest_page(TimeRange::new(range.from(), range.to().min(end)).ok()?);
        (pages > 0 && chunk.to() <= next.from()).then_some(chunk)
    }

    fn walk(&self, free: &[TimeRange], density: Density) -> Vec<TimeRange> {
        let mut chunks = Vec::new();
        for range in free.iter().rev() {
            let walkers = WALKERS.saturating_sub(self.claims.len() + chunks.len());
            // What is newer shows in passing whether anything is there.
            if range.to() <= self.probable_start && !(chunks.is_empty() && self.claims.is_empty()) {
                continue;
            }
            let worth_splitting = self.worth_splitting(*range, density);
            let likely_shown = self.claims.iter().any(|claim| claim.from() == range.to());
            if likely_shown && !worth_splitting {
                continue;
            }
            match walkers {
                0 => break,
                1 => chunks.push(*range),
                _ if worth_splitting => chunks.extend(self.halves(*range)),
                _ => chunks.push(*range),
            }
        }
        chunks.truncate(self.room);
        chunks
    }

    /// Whether a second walker pays. It may waste a page, which must be little beside what it cost so far, lest a
    /// long walk be split again and again near its end.
    fn worth_splitting(&self, range: TimeRange, density: Density) -> bool {
        let pages = density.rows_in(self.slots.count(range)) / f64::from(self.page);
        let bounded = range.from() != Timestamp::MIN && range.to() > self.probable_start;
        bounded && !self.exhausted && pages >= WORTH_SPLITTING.max(f64::from(self.arrived) / 8.0)
    }

    fn halves(&self, range: TimeRange) -> impl Iterator<Item = TimeRange> {
        let middle = self.slots.back(range.to(), self.slots.count(range) / 2);
        [TimeRange::new(middle, range.to()), TimeRange::new(range.from(), middle)].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests;
