//! The metrics of all layers.

use market_backbone_coordinator::{CoordinatorMetrics, FeedMetrics};
use market_backbone_routing::RouterMetrics;
use market_backbone_storage::{RecorderMetrics, RemoteStoreState};

/// A snapshot of the metrics since the start.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// The metrics of Layer 1: requests, limits, channels, the socket.
    pub router: RouterMetrics,
    /// The metrics of Layer 2: pages.
    pub coordinator: CoordinatorMetrics,
    /// The metrics of the feeds of programs: what they have left out.
    pub feeds: FeedMetrics,
    /// The metrics of the recording of live feeds.
    pub recorder: RecorderMetrics,
    /// The state of the shared store, where there is one: whether it is available, and how much has still to be
    /// written to it.
    pub shared: Option<RemoteStoreState>,
}
