//! What all queries of one coordinator share.

use std::sync::Arc;

use market_backbone_core::{Clock, PageSource};

use crate::config::CoordinatorConfig;
use crate::density::Densities;
use crate::flight::Flights;
use crate::metrics::Counters;

/// What all queries share.
pub(crate) struct Office {
    pub(crate) pages: Arc<dyn PageSource>,
    pub(crate) flights: Flights,
    pub(crate) densities: Densities,
    pub(crate) counters: Arc<Counters>,
    pub(crate) config: CoordinatorConfig,
    pub(crate) clock: Arc<dyn Clock>,
}
