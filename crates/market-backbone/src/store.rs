//! Everything a program needs to maintain a data folder by itself, without a backbone.

pub use market_backbone_storage::{Finding, IntegrityIssue, IssueLocation, RepairPlan};
#[cfg(feature = "sqlite")]
pub use market_backbone_storage::{
    MaintenanceConfig, MaintenanceReport, Retention, SealReport, SealingConfig, SeriesStats,
    ShardMaintenance, ShardStats, SqliteStore, StoreConfig, StoreStats,
};
