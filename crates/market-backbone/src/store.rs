//! What a program needs to look after a data folder by itself, without a backbone.

pub use market_backbone_storage::{
    Care, CareReport, Finding, Flaw, Place, RepairPlan, Retention, SeriesStats, ShardCare, ShardStats,
    SqliteStore, StoreConfig, StoreStats,
};

use market_backbone_core::Venue;
use market_backbone_upbit::Upbit;

/// What would mend `findings`, and how many requests of the venue it takes.
#[must_use]
pub fn plan_repair(findings: &[Finding]) -> RepairPlan {
    let upbit = Upbit::new();
    let venue = upbit.capabilities();
    RepairPlan::of(findings, venue.grid, venue.candle_page)
}
