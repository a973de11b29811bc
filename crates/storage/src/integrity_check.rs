//! Checks that stored data are possible: each series against its grid, its own order, its ledger and its
//! minutes.
//!
//! Works through the [`CandleStore`] port, so any store can be checked; what can be wrong only in files is
//! checked by [`SqliteStore::check`](crate::SqliteStore::check). Nothing is changed here. A [`RepairPlan`]
//! says what follows from findings: forget the range and fetch it again.

mod derived_check;
mod finding;
#[cfg(feature = "postgres")]
mod ledger_check;
pub(crate) mod lone_witness;
mod repair;
mod series_check;

use market_backbone_core::{CandleStore, StoreError};

pub(crate) use self::finding::Findings;
pub use self::finding::{Finding, IntegrityIssue, IssueLocation};
#[cfg(feature = "postgres")]
pub(crate) use self::ledger_check::{StoredSpan, ledger_issue};
pub use self::repair::RepairPlan;
use crate::GridLookup;

/// Checks all series of a store.
///
/// # Errors
///
/// If the store cannot list its series. A series that cannot be read is a finding.
pub async fn check_integrity(store: &dyn CandleStore, grid: GridLookup) -> Result<Vec<Finding>, StoreError> {
    let all = store.series().await?;
    let mut findings = Vec::new();
    for series in &all {
        match series_check::run(store, series, grid(series.symbol.venue())).await {
            Ok(found) => findings.extend(found),
            Err(error) => findings.push(Finding::unreadable(series, &error)),
        }
    }
    for series in &all {
        // An unreadable series has been found above.
        let grid = grid(series.symbol.venue());
        if let Ok(found) = derived_check::run(store, &all, series, grid).await {
            findings.extend(found);
        }
    }
    Ok(findings)
}
