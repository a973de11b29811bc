//! What a query asks, in slots: where it begins and ends, and how it gets at the candle in progress.

use market_backbone_core::{CandleQuery, Forming, Selection, TimeRange, Timestamp};

use crate::density::Density;
use crate::slot_grid::SlotGrid;

/// Where the candle in progress comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormingTip {
    /// It is not asked for.
    NotRequested,
    /// The newest page is asked without an end and brings it along.
    WithPage,
    /// It is asked by itself, and the pages cover ended slots only, so that a bulk fetch of N leaves N of them.
    Separate,
}

/// What a query asks, in slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueryScope {
    /// What pages have to show; on the grid.
    pub(crate) pages: Option<TimeRange>,
    /// How many of the newest rows do; `None` for all.
    pub(crate) count: Option<usize>,
    /// Rows from here on do not count, whatever a page brings.
    pub(crate) bound: Timestamp,
    /// The slot in progress when the query was made.
    pub(crate) now: Timestamp,
    /// How the candle of that slot is had.
    pub(crate) forming_tip: FormingTip,
    /// Whether only final candles are wanted.
    pub(crate) closed: bool,
}

impl QueryScope {
    pub(crate) fn of(
        query: &CandleQuery,
        now: Timestamp,
        slots: SlotGrid,
        page: u32,
        density: Option<Density>,
    ) -> Self {
        let now = slots.floor(now);
        let (from, to, count) = match query.selection() {
            Selection::Last { count, before, floor } => {
                (floor, before.unwrap_or(Timestamp::MAX), Some(count))
            }
            Selection::Range(range) => (range.from(), range.to(), None),
        };
        let newest = match query.forming {
            Forming::Include => slots.close(now),
            Forming::Exclude => now,
        };
        let (from, bound) = (slots.ceil(from), slots.ceil(to));
        let to = bound.min(newest);
        let closed = TimeRange::new(from, to.min(now)).ok();
        let one_page = count.is_some_and(|count| count <= page as usize)
            || closed.is_some_and(|closed| {
                density.unwrap_or(Density::FULL).rows_in(slots.count(closed)) < f64::from(page)
            });
        let forming_tip = match closed {
            _ if to <= now || to <= from => FormingTip::NotRequested,
            Some(_) if one_page => FormingTip::WithPage,
            _ => FormingTip::Separate,
        };
        let pages = if forming_tip == FormingTip::WithPage { TimeRange::new(from, to).ok() } else { closed };
        let closed = query.forming == Forming::Exclude;
        Self { pages, count, bound, now, forming_tip, closed }
    }
}
