//! The scope of a query in slots: where it begins and ends, and how it obtains the forming candle.

use market_backbone_core::{CandleQuery, Forming, Selection, TimeRange, Timestamp};

use crate::density::Density;
use crate::slot_grid::SlotGrid;

/// The source of the forming candle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormingRequest {
    /// The forming candle is not requested.
    NotRequested,
    /// The newest page is requested without an end and includes it.
    WithPage,
    /// It is requested separately, and the pages cover ended slots only, so that a bulk fetch of N leaves N of
    /// them.
    Separate,
}

/// The scope of a query in slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueryScope {
    /// The range that pages have to show, on the grid.
    pub(crate) pages: Option<TimeRange>,
    /// The number of newest rows to show, or `None` for all.
    pub(crate) count: Option<usize>,
    /// The moment before which rows do not count, whatever a page holds.
    pub(crate) bound: Timestamp,
    /// The forming slot when the query was made.
    pub(crate) now: Timestamp,
    /// The source of the candle of that slot.
    pub(crate) forming: FormingRequest,
    /// `true` if only final candles are wanted.
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
        let forming = match closed {
            _ if to <= now || to <= from => FormingRequest::NotRequested,
            Some(_) if one_page => FormingRequest::WithPage,
            _ => FormingRequest::Separate,
        };
        let pages = if forming == FormingRequest::WithPage { TimeRange::new(from, to).ok() } else { closed };
        let closed = query.forming == Forming::Exclude;
        Self { pages, count, bound, now, forming, closed }
    }
}
