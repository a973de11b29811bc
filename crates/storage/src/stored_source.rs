//! The read path: known data comes from the store, unknown data from upstream, and is stored as it arrives.

mod answer;
pub(crate) mod emitter;
mod last;
mod listing;
mod prior_claims;
mod range;
mod recheck;
mod write_failure;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use market_backbone_core::{
    CandleQuery, CandleSource, CandleStore, Capabilities, Clock, Grid, PageSequence, PartStream, Selection,
    Series, StoreError, TimeRange,
};

use self::answer::StoredAnswer;

/// A source that answers from a store and asks `upstream` only for what the store does not know.
///
/// Each piece that upstream sends is committed, its rows together with its coverage, before it is passed on.
/// A process that is killed half-way has lost only the pieces in flight. Candles that are not final are
/// passed on and not stored, and the forming slot is never called known.
///
/// What cannot be stored because the disk is full or fails is passed on all the same, and [is
/// marked](market_backbone_core::CandlePart::write_failure). Any other failure of the store ends the answer.
///
/// A query [as of](CandleQuery::as_of) an earlier moment is answered from what the store kept of that time;
/// what the store does not know is fetched as usual, as of now.
///
/// Rows that are read are validated. An invalid row is left out and logged, and its slot is forgotten and
/// fetched. The same holds for rows that the store has lost since its coverage was read, and for what a
/// shared store cannot read.
///
/// Within one query nothing is fetched twice: where upstream could prove nothing (it keeps one-second candles
/// for a limited time, say), the answer has a hole, and its coverage says so.
///
/// All work is done by the stream that the caller polls. Dropping it abandons the requests in flight; a
/// commit that was begun either happens or does not.
#[derive(Clone)]
pub struct StoredSource {
    store: Arc<dyn CandleStore>,
    upstream: Arc<dyn CandleSource>,
    clock: Arc<dyn Clock>,
    grid: Grid,
    is_shared: bool,
    rechecks: bool,
    /// True if the store cannot write, which is logged once.
    is_full: Arc<AtomicBool>,
}

impl StoredSource {
    /// Wraps `upstream`, whose candles follow `grid`, with `store`.
    #[must_use]
    pub fn new(
        store: Arc<dyn CandleStore>,
        upstream: Arc<dyn CandleSource>,
        clock: Arc<dyn Clock>,
        grid: Grid,
    ) -> Self {
        let is_full = Arc::default();
        Self { store, upstream, clock, grid, is_shared: false, rechecks: false, is_full }
    }

    /// Makes the source fetch candles again that were fetched before their venue had visibly moved on.
    ///
    /// For venues that do not revise candles by rule; where they do, a recorder asks.
    #[must_use]
    pub fn rechecking_early(mut self, capabilities: &Capabilities) -> Self {
        self.rechecks = capabilities.revision_policy.revision_window().is_zero();
        self
    }

    /// Marks the store as shared with other machines, so that its rows are counted apart from those of this
    /// disk.
    ///
    /// Such a source can be the upstream of another one with a nearer store: what is found here is then
    /// stored there, with its provenance.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.is_shared = true;
        self
    }

    /// Returns whether any row opens in `range`. An unavailable shared store has none.
    async fn has_rows(&self, series: &Series, range: TimeRange) -> Result<bool, StoreError> {
        match self.store.read(series, range, 1).await {
            Err(_) if self.is_shared => Ok(false),
            read => Ok(!read?.candles.is_empty()),
        }
    }
}

impl CandleSource for StoredSource {
    fn stream(&self, query: CandleQuery) -> PartStream {
        let (source, query) = (self.clone(), self.pin_page_sequence(query));
        emitter::stream(move |out| async move {
            let selection = query.selection();
            let answer = StoredAnswer::new(source, query, out);
            match selection {
                Selection::Range(range) => range::answer(answer, range).await,
                Selection::Last { count, before, floor } => last::answer(answer, count, before, floor).await,
            }
        })
    }

    fn page_sequence(&self) -> Option<PageSequence> {
        self.upstream.page_sequence()
    }
}

impl fmt::Debug for StoredSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSource")
            .field("clock", &self.clock)
            .field("grid", &self.grid)
            .finish_non_exhaustive()
    }
}
