//! The coordinator: the state that all queries share, and the start of each.

use std::fmt;
use std::sync::Arc;

use futures::StreamExt;
use market_backbone_core::{
    CandleQuery, CandleSource, Clock, PageSequence, PageSource, PartStream, Series, Timestamp,
};

use crate::config::CoordinatorConfig;
use crate::density::{Density, DensityCache};
use crate::fetch::Fetch;
use crate::fetch_context::FetchContext;
use crate::metrics::{CoordinatorCounters, CoordinatorMetrics};
use crate::single_flight::PageSingleFlight;

/// A source of any range or count of candles, built from single pages.
///
/// It is cheap to clone; clones share the pages in flight and the learnt densities.
#[derive(Clone)]
pub struct Coordinator {
    context: Arc<FetchContext>,
}

impl Coordinator {
    /// Creates a coordinator that fetches its pages from `pages`.
    #[must_use]
    pub fn new(pages: Arc<dyn PageSource>, clock: Arc<dyn Clock>, config: CoordinatorConfig) -> Self {
        let config = CoordinatorConfig { in_flight: config.in_flight.max(1), ..config };
        let counters = Arc::<CoordinatorCounters>::default();
        let flights = PageSingleFlight::new(Arc::clone(&pages), config.page_deadline, Arc::clone(&counters));
        let densities = DensityCache::default();
        Self {
            context: Arc::new(FetchContext {
                pages,
                single_flight: flights,
                densities,
                counters,
                config,
                clock,
            }),
        }
    }

    pub(crate) fn pages(&self) -> &dyn PageSource {
        self.context.pages.as_ref()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.context.clock.now()
    }

    pub(crate) fn density_of(&self, series: &Series) -> Option<Density> {
        self.context.densities.get(series)
    }

    /// Returns what it has done so far.
    #[must_use]
    pub fn metrics(&self) -> CoordinatorMetrics {
        self.context.counters.snapshot(self.context.single_flight.len())
    }
}

impl fmt::Debug for Coordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coordinator")
            .field("venue", &self.context.pages.capabilities().venue)
            .field("config", &self.context.config)
            .finish_non_exhaustive()
    }
}

impl CandleSource for Coordinator {
    /// Pages are passed on as they arrive, in any order, and may show more than was requested: all of it is
    /// proven. "Now" is the moment of this call, not that of the first poll.
    fn stream(&self, query: CandleQuery) -> PartStream {
        let fetch = Fetch::new(Arc::clone(&self.context), &query, self.context.clock.now());
        futures::stream::unfold(fetch, async |mut fetch| fetch.next().await.map(|part| (part, fetch))).boxed()
    }

    fn page_sequence(&self) -> Option<PageSequence> {
        Some(PageSequence(self.context.single_flight.completed_count()))
    }
}
