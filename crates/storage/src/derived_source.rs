//! Longer candles without asking: added up from one-minute ones where the ledger knows every minute of a slot.

mod answer;
mod derivation_plan;
mod estimate;

use std::fmt;
use std::sync::Arc;

use market_backbone_core::{
    CandleQuery, CandleSource, CandleStore, Capabilities, Clock, DerivationPolicy, Forming, Grid,
    PageSequence, PartStream, Selection, TimeRange, Timestamp,
};

pub use self::estimate::QueryEstimate;

use crate::as_of;
use crate::stored_source::emitter;

/// Answers from shorter candles that `store` knows from end to end, and asks `inner` for all else.
///
/// What the store knows of the longer timeframe itself comes first: it is the venue's own word. Of the rest, a
/// stretch is computed if that takes nothing apart, for a hole in the middle of a stretch that has to be asked
/// for anyway would cost a request instead of saving one. A disputed minute is no ground to build on.
///
/// Derived candles say so in their provenance ([`Origin::Derived`]), under the time of the oldest observation
/// they rest on. They are not stored: the minutes are.
///
/// [`Origin::Derived`]: market_backbone_core::Origin::Derived
#[derive(Clone)]
pub struct DerivedSource {
    store: Arc<dyn CandleStore>,
    inner: Arc<dyn CandleSource>,
    clock: Arc<dyn Clock>,
    grid: Grid,
    page: u64,
    derive: DerivationPolicy,
}

impl DerivedSource {
    /// Puts what `store` knows of one-minute candles before `inner`, which draws on a venue of these
    /// `capabilities`.
    #[must_use]
    pub fn new(
        store: Arc<dyn CandleStore>,
        inner: Arc<dyn CandleSource>,
        clock: Arc<dyn Clock>,
        capabilities: &Capabilities,
        derive: DerivationPolicy,
    ) -> Self {
        let (grid, page) = (capabilities.grid, u64::from(capabilities.candle_page));
        Self { store, inner, clock, grid, page, derive }
    }

    /// Returns the open time of the forming slot.
    fn forming_open(&self, query: &CandleQuery) -> Timestamp {
        self.grid.floor(query.series.timeframe, as_of::effective_time(query, self.clock.as_ref()))
    }

    /// Returns the range of the answer, as far as it is not in the future.
    fn window(&self, query: &CandleQuery) -> Option<TimeRange> {
        let (timeframe, tip) = (query.series.timeframe, self.forming_open(query));
        let end = match query.forming {
            Forming::Include => self.grid.close(timeframe, tip),
            Forming::Exclude => tip,
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
        match self.derive.base_of(query.series.timeframe) {
            None => self.inner.stream(query),
            Some(_) => {
                let (source, query) = (self.clone(), as_of::exclude_forming(self.pin_page_sequence(query)));
                emitter::stream(move |out| answer::answer(source, query, out))
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
