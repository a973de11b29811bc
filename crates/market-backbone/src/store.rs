//! What a program needs to look after a data folder by itself, without a backbone.

pub use market_backbone_storage::{
    Care, CareReport, Finding, Flaw, Place, RepairPlan, Retention, SeriesStats, ShardCare, ShardStats,
    SqliteStore, StoreConfig, StoreStats,
};
