//! Derives longer candles from one-minute ones where the ledger knows every minute of a slot, without a
//! request.

mod aggregation;
mod answer;
mod derivation_plan;
mod estimate;
mod known;

use std::fmt;
use std::sync::Arc;

use futures::{StreamExt, stream};
use market_backbone_core::{
    CandleQuery, CandleSource, CandleStore, Capabilities, Clock, DerivationPolicy, Forming, Grid,
    PageSequence, PartStream, Selection, TimeRange, Timestamp,
};

pub use self::estimate::QueryEstimate;

use crate::as_of;
use crate::stored_source::emitter;

/// A source that derives answers from shorter candles that `store` knows completely, and asks `inner` for the
/// rest.
///
/// Stored candles of the longer timeframe come first, because they are the venue's own. Of the rest, a range
/// is derived if that does not split an unknown range, because a hole in the middle of a range that has to be
/// fetched anyway would cost a request instead of saving one. Disputed minutes are not used.
///
/// Candles that the venue lacks are added up from the longest timeframe it has that
/// [divides](market_backbone_core::Grid::divides) theirs, whether it is known or asked for. Where there is none, or the
/// policy is [`Never`](DerivationPolicy::Never), the question is refused with the list of what the venue has.
///
/// Derived candles are marked in their provenance ([`Origin::Derived`]), with the time of the oldest
/// observation that they rest on. They are not stored, because the minutes are.
///
/// [`Origin::Derived`]: market_backbone_core::Origin::Derived
#[derive(Clone)]
pub struct DerivedSource {
    store: Arc<dyn CandleStore>,
    inner: Arc<dyn CandleSource>,
    clock: Arc<dyn Clock>,
    capabilities: Capabilities,
    grid: Grid,
    page: u64,
    derive: DerivationPolicy,
}

impl DerivedSource {
    /// Wraps `inner`, which draws on a venue of these `capabilities`, with the one-minute candles of `store`.
    #[must_use]
    pub fn new(
        store: Arc<dyn CandleStore>,
        inner: Arc<dyn CandleSource>,
        clock: Arc<dyn Clock>,
        capabilities: &Capabilities,
        derive: DerivationPolicy,
    ) -> Self {
        let (grid, page) = (capabilities.grid, u64::from(capabilities.candle_page));
        Self { store, inner, clock, capabilities: *capabilities, grid, page, derive }
    }

    /// Returns the open time of the forming slot.
    fn forming_open(&self, query: &CandleQuery) -> Timestamp {
        self.grid.floor(query.series.timeframe, as_of::effective_time(query, self.clock.as_ref()))
    }

    /// Returns the range of the answer, as far as it is not in the future.
    fn window(&self, query: &CandleQuery) -> Option<TimeRange> {
        let (timeframe, forming_open) = (query.series.timeframe, self.forming_open(query));
        let end = match query.forming {
            Forming::Include => self.grid.close(timeframe, forming_open),
            Forming::Exclude => forming_open,
        };
        let (from, to) = match query.selection() {
            Selection::Range(range) => (range.from(), range.to()),
            Selection::Last { before, floor, .. } => (floor, before.unwrap_or(Timestamp::MAX)),
        };
        let aligned = |moment| self.grid.ceil(timeframe, moment);
        TimeRange::new(aligned(from), aligned(to).min(end)).ok()
    }
}

impl CandleSource for DerivedSource {
    fn stream(&self, query: CandleQuery) -> PartStream {
        let timeframe = query.series.timeframe;
        let derived = self.derive.base_of(timeframe);
        match (self.substitute_for(timeframe), derived) {
            (Err(error), _) => stream::iter([Err(error)]).boxed(),
            (Ok(None), None) => self.inner.stream(query),
            (Ok(None), Some(_)) => {
                let (source, query) = (self.clone(), as_of::exclude_forming(self.pin_page_sequence(query)));
                emitter::stream(move |out| answer::answer(source, query, out))
            }
            (Ok(Some(base)), _) => {
                let (source, query) = (self.clone(), as_of::exclude_forming(self.pin_page_sequence(query)));
                emitter::stream(move |out| aggregation::answer(source, query, base, out))
            }
        }
    }

    fn page_sequence(&self) -> Option<PageSequence> {
        self.inner.page_sequence()
    }
}

impl fmt::Debug for DerivedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DerivedSource")
            .field("grid", &self.grid)
            .field("derive", &self.derive)
            .finish_non_exhaustive()
    }
}
