//! Plans the next pages. It is pure arithmetic on estimates: it decides what to request, not when a range is
//! done.
//!
//! A page holds a fixed number of *rows*. Where nearly every slot has one, a page is sure to show as many slots
//! as it has rows, so pages are requested in parallel: a dense series takes exactly slots ÷ rows of them. In a
//! thin series nobody knows how far a page reaches, and parallel pages would overlap or leave small remainders,
//! each of which costs a page. There the range is walked from page to page by at most two walkers. That is
//! enough to use ten requests a second at a round trip of 200 ms, and wastes at most one page where the first
//! walker meets what the second has seen.
//!
//! Parallel pages are wasted where the market was not listed yet. So they are sent where an older row is known.
//! Where none is known, the next page is sent, with a *scout* as far back as is likely to be useful.

use market_backbone_core::{RangeSet, TimeRange, Timestamp};

use crate::density::Density;
use crate::slot_grid::SlotGrid;

/// The most walkers in a thin series.
pub(crate) const WALKERS: usize = 2;
/// The fewest pages of a range that are worth a second walker: it may waste one.
pub(crate) const WORTH_SPLITTING: f64 = 12.0;
/// The factor by which a scout goes further than pages have arrived, and the number of pages that must have
/// arrived for each empty one.
const SCOUT_REACH: u64 = 16;

/// The input of a plan.
#[derive(Debug)]
pub(crate) struct PlannerInput<'a> {
    pub(crate) slots: SlotGrid,
    /// The number of rows of a full page.
    pub(crate) page: u32,
    /// The ranges that are wanted and not proven.
    pub(crate) unknown: &'a RangeSet,
    /// The ranges for which pages are in flight.
    pub(crate) claims: &'a [TimeRange],
    /// The number of further pages that may be in flight.
    pub(crate) room: usize,
    /// The density, or `None` until a page has been seen: then a single page is sent to find out.
    pub(crate) density: Option<Density>,
    /// The number of pages that have arrived.
    pub(crate) arrived: u32,
    /// The moment before which there is probably nothing, because a page came back short.
    pub(crate) probable_start: Timestamp,
    /// `true` if the beginning of the data was seen. A second walker beyond it finds nothing.
    pub(crate) exhausted: bool,
    /// The oldest row of all pages: at newer slots the market was listed.
    pub(crate) oldest: Option<Timestamp>,
    /// The number of empty pages.
    pub(crate) empty: u32,
}

impl PlannerInput<'_> {
    /// Returns the ranges to request next, most urgent first. The page for each is requested with `before` at
    /// its end.
    ///
    /// The result is never empty if something is unknown, nothing is claimed and there is room.
    pub(crate) fn chunks(&self) -> Vec<TimeRange> {
        let free = self.free();
        match self.density {
            None if self.claims.is_empty() => {
                free.last().map(|range| self.newest_page(range)).into_iter().take(self.room).collect()
            }
            None => Vec::new(),
            Some(density) if density.is_dense() => self.side_by_side(&free),
            Some(density) => self.walk(&free, density),
        }
    }

    /// Returns the ranges that are neither proven nor claimed, oldest first.
    fn free(&self) -> RangeSet {
        let mut free = self.unknown.clone();
        self.claims.iter().for_each(|claim| free.remove(*claim));
        free
    }

    /// Returns as much of the newer end of `range` as one page is sure to show.
    fn newest_page(&self, range: TimeRange) -> TimeRange {
        let from = self.slots.back(range.to(), u64::from(self.page));
        TimeRange::new(range.from().max(from), range.to()).unwrap_or(range)
    }

    fn side_by_side(&self, free: &RangeSet) -> Vec<TimeRange> {
        let mut chunks = Vec::new();
        for range in free.iter().rev() {
            let mut rest = Some(*range);
            while let Some(range) = rest
                && chunks.len() < self.room
            {
                let beyond = range.to() <= self.probable_start;
                // Pages of newer slots will also show whether anything is here.
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

    /// Returns whether the market is known to have been listed when `chunk` ended.
    fn was_listed(&self, chunk: TimeRange) -> bool {
        self.oldest.is_some_and(|oldest| oldest < chunk.to())
    }

    /// Returns a page far behind the `next` one. If it shows a row, everything between can be requested in
    /// parallel. At first it goes as far as the number of arrived pages justifies, and after an empty one half
    /// as far.
    fn scout(&self, free: &RangeSet, next: TimeRange) -> Option<TimeRange> {
        let from = free.first()?.from().max(self.probable_start);
        let behind = self.slots.count(TimeRange::new(from, next.from()).ok()?).div_ceil(u64::from(self.page));
        let pages = match self.empty {
            0 => behind.min(SCOUT_REACH * u64::from(self.arrived.max(1))),
            empty if u64::from(self.arrived) < SCOUT_REACH * u64::from(empty) => return None,
            _ => behind / 2,
        };
        let end = self.slots.back(next.to(), pages * u64::from(self.page));
        let range = free.stretches(TimeRange::new(Timestamp::MIN, end).ok()?).held().next_back()?;
        let chunk = self.newest_page(range);
        (pages > 0 && chunk.to() <= next.from()).then_some(chunk)
    }

    fn walk(&self, free: &RangeSet, density: Density) -> Vec<TimeRange> {
        let mut chunks = Vec::new();
        for range in free.iter().rev() {
            let walkers = WALKERS.saturating_sub(self.claims.len() + chunks.len());
            // Pages of newer slots will also show whether anything is here.
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

    /// Returns whether a second walker pays. It may waste a page, which must be little compared with the cost
    /// so far; otherwise a long walk would be split again and again near its end.
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
