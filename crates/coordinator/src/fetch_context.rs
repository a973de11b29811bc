//! The state that all queries of one coordinator share.

use std::sync::Arc;

use market_backbone_core::{Clock, PageSource};

use crate::config::CoordinatorConfig;
use crate::density::DensityCache;
use crate::metrics::CoordinatorCounters;
use crate::single_flight::PageSingleFlight;

/// The state that all queries share.
pub(crate) struct FetchContext {
    pub(crate) pages: Arc<dyn PageSource>,
    pub(crate) single_flight: PageSingleFlight,
    pub(crate) densities: DensityCache,
    pub(crate) counters: Arc<CoordinatorCounters>,
    pub(crate) config: CoordinatorConfig,
    pub(crate) clock: Arc<dyn Clock>,
}
