//! What the layers have done so far.

use market_backbone_coordinator::CoordinatorMetrics;
use market_backbone_routing::RouterMetrics;
use market_backbone_storage::{RecorderMetrics, RemoteStoreState};

/// A snapshot of what the layers have done since the start.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Layer 1: requests, limits, channels, the socket.
    pub router: RouterMetrics,
    /// Layer 2: pages.
    pub coordinator: CoordinatorMetrics,
    /// What was recorded from live feeds.
    pub recorder: RecorderMetrics,
    /// How the shared store is, where there is one: whether it is done without, and what it has still to be told.
    pub shared: Option<RemoteStoreState>,
}
