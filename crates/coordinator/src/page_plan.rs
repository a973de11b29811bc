//! Estimates the cost of a query with the arithmetic that plans its pages. Nothing is requested.
//!
//! The estimate is exact where every slot is known to have a candle, because then a page shows as many slots as
//! it has rows. Where the density is not known, full density is assumed: that is the most a *range* can take,
//! while a *count* takes about as many pages as its rows fill, however far apart they lie.

use std::time::Duration;

use market_backbone_core::{CandleQuery, TimeRange};

use crate::coordinator::Coordinator;
use crate::density::Density;
use crate::planner;
use crate::query_scope::{FormingRequest, QueryScope};
use crate::slot_grid::SlotGrid;

/// The number of times a count may have to look further back.
const EXTRA_LOOKBACKS: u64 = 3;

/// The number of additional pages for the slots left out after the newest row.
const SECOND_LOOK: u64 = 1;

/// The estimated cost of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PagePlan {
    /// The number of pages that will probably be requested, without the forming candle if it is requested
    /// separately.
    pub pages: u64,
    /// The fewest pages it can take.
    pub at_least: u64,
    /// The most pages it can take unless some fail.
    pub at_most: u64,
    /// `true` if the number of pages is certain.
    pub exact: bool,
    /// `true` if the forming candle is requested separately: one request more where no socket sends it.
    pub forming_apart: bool,
    /// The number of round trips that must follow one another, whatever the rate limit: the probe before the
    /// others, or the walk from page to page in a thin series.
    pub sequential_round_trips: u64,
}

impl PagePlan {
    /// Returns the cost of both queries.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            pages: self.pages + other.pages,
            at_least: self.at_least + other.at_least,
            at_most: self.at_most + other.at_most,
            exact: self.exact && other.exact,
            forming_apart: self.forming_apart || other.forming_apart,
            sequential_round_trips: self.sequential_round_trips.max(other.sequential_round_trips),
        }
    }

    /// Returns the time of the round trips that must follow one another.
    #[must_use]
    pub fn sequential_time(&self, round_trip: Duration) -> Duration {
        round_trip.saturating_mul(u32::try_from(self.sequential_round_trips).unwrap_or(u32::MAX))
    }

    /// Returns the plan of a query that costs nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self { exact: true, ..Self::default() }
    }
}

impl Coordinator {
    /// Returns the cost of `query`. `density` is the share of slots with a candle, as far as the caller knows
    /// (from 0 to 1); a density that this coordinator has seen itself takes precedence.
    #[must_use]
    pub fn plan(&self, query: &CandleQuery, density: Option<f64>) -> PagePlan {
        let capabilities = self.pages().capabilities();
        let slots = SlotGrid::new(capabilities.grid, query.series.timeframe);
        let page = capabilities.candle_page_of(query.series.timeframe).max(1);
        let seen = self.density_of(&query.series);
        let known = seen.or_else(|| density.and_then(Density::of));
        let scope = QueryScope::of(query, self.now(), slots, page, seen);
        let mut plan = match scope.pages {
            Some(range) => pages(range, scope.count, slots, u64::from(page), known),
            None => PagePlan::nothing(),
        };
        plan.forming_apart = scope.forming == FormingRequest::Separate;
        // Without an observed density the coordinator sends one page ahead.
        if seen.is_none() && plan.pages > 1 {
            plan.sequential_round_trips = plan.sequential_round_trips.max(1);
        }
        plan
    }
}

fn pages(
    range: TimeRange,
    count: Option<usize>,
    slots: SlotGrid,
    page: u64,
    density: Option<Density>,
) -> PagePlan {
    let there = slots.count(range);
    if there == 0 {
        return PagePlan::nothing();
    }
    let wanted = count.map_or(there, |count| there.min(count as u64));
    let one_page = wanted <= page;
    let most = wanted.div_ceil(page);
    let certain = PagePlan { pages: most, at_least: most, at_most: most, exact: true, ..PagePlan::default() };
    match density {
        _ if one_page && count.is_some() => certain,
        Some(density) if density.is_full() => certain,
        // For a range it is checked again that nothing lies after its newest row.
        _ if one_page => PagePlan { at_most: most + SECOND_LOOK, exact: false, ..certain },
        Some(density) if !density.is_dense() => walk(density.rows_in(there), count, page, most),
        // A count that looks in as many slots as rows falls short where some are missing, and looks again.
        Some(_) | None => {
            let at_most = most + if count.is_some() { EXTRA_LOOKBACKS } else { SECOND_LOOK };
            PagePlan { pages: most, at_least: 1, at_most, ..PagePlan::default() }
        }
    }
}

/// Returns the cost in a thin series: each page shows a number of rows, and the last reaches beyond the
/// beginning.
fn walk(rows: f64, count: Option<usize>, page: u64, most: u64) -> PagePlan {
    let rows = count.map_or(rows, |count| rows.min(count as f64));
    let alone = |rows: f64| (rows / page as f64) as u64 + 1;
    let two = count.is_none() && rows / page as f64 >= planner::WORTH_SPLITTING;
    let pages = if two { 2 * alone(rows / 2.0) } else { alone(rows) };
    let walkers = if two { planner::WALKERS as u64 } else { 1 };
    PagePlan {
        pages: pages.min(most),
        at_least: 1,
        at_most: most + if count.is_some() { EXTRA_LOOKBACKS } else { SECOND_LOOK },
        sequential_round_trips: pages.div_ceil(walkers).saturating_sub(1),
        ..PagePlan::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{Grid, Timeframe, Timestamp};

    const SLOTS: SlotGrid = SlotGrid::new(Grid::Utc, Timeframe::M1);

    fn of(minutes: i64, count: Option<usize>, density: Option<f64>) -> (u64, u64, u64, bool) {
        let range = TimeRange::new(Timestamp::EPOCH, Timestamp::from_secs(minutes * 60)).unwrap();
        let plan = pages(range, count, SLOTS, 200, density.and_then(Density::of));
        assert!(plan.at_least <= plan.pages && plan.pages <= plan.at_most, "{plan:?}");
        (plan.at_least, plan.pages, plan.at_most, plan.exact)
    }

    #[test]
    fn where_every_slot_has_a_candle_the_number_is_certain() {
        assert_eq!(of(20_000, None, Some(1.0)), (100, 100, 100, true));
        assert_eq!(of(20_001, None, Some(1.0)), (101, 101, 101, true));
        assert_eq!(of(90_000, Some(4_000), Some(1.0)), (20, 20, 20, true));
    }

    #[test]
    fn one_page_is_one_page_however_thin_it_is() {
        assert_eq!(of(200, None, Some(1.0)), (1, 1, 1, true));
        for density in [None, Some(0.04), Some(1.0)] {
            let at_most = if density == Some(1.0) { 1 } else { 2 };
            assert_eq!(of(200, None, density), (1, 1, at_most, at_most == 1));
            assert_eq!(of(90_000, Some(200), density), (1, 1, 1, true));
        }
    }

    #[test]
    fn where_nobody_knows_full_density_is_the_bound_of_a_range() {
        assert_eq!(of(20_000, None, None), (1, 100, 101, false));
        assert_eq!(of(90_000, Some(4_000), None), (1, 20, 23, false));
    }

    #[test]
    fn a_thin_range_takes_about_as_many_pages_as_its_rows_fill() {
        assert_eq!(of(43_200, None, Some(0.04)), (1, 9, 217, false));
        assert_eq!(of(10_000, None, Some(0.04)), (1, 3, 51, false));
    }

    #[test]
    fn plans_add_up() {
        let certain = PagePlan { pages: 2, at_least: 2, at_most: 2, exact: true, ..PagePlan::default() };
        let sum = PagePlan::nothing().and(certain).and(certain);
        assert_eq!((sum.pages, sum.exact), (4, true));
        assert!(!sum.and(PagePlan { exact: false, ..certain }).exact);
    }
}
