//! The settings of each layer. Every setting has a working default.

pub use market_backbone_coordinator::{ContinuityConfig, CoordinatorConfig};
pub use market_backbone_routing::{
    ChoiceConfig, HttpConfig, LimiterConfig, LivenessConfig, PinnedConnection, ReconnectConfig, RetryConfig,
    RouterConfig, SessionConfig,
};
#[cfg(feature = "postgres")]
pub use market_backbone_storage::PostgresConfig;
pub use market_backbone_storage::RecorderConfig;
#[cfg(feature = "sqlite")]
pub use market_backbone_storage::{MaintenanceConfig, Retention, StoreConfig};
