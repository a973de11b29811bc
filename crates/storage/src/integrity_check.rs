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
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) mod lone_witness;
mod repair;
mod series_check;

use market_backbone_core::{CandleStore, StoreError};

pub(crate) use self::derived_check::minutes_of;
#[cfg(feature = "sqlite")]
pub(crate) use self::derived_check::run as check_derived;
#[cfg(feature = "sqlite")]
pub(crate) use self::finding::Findings;
pub use self::finding::{Finding, IntegrityIssue, IssueLocation};
#[cfg(feature = "postgres")]
pub(crate) use self::ledger_check::{StoredSpan, ledger_issue};
pub use self::repair::RepairPlan;
#[cfg(feature = "sqlite")]
pub(crate) use self::series_check::run as check_series;
use crate::GridLookup;

/// Checks all series of a store.
///
/// # Errors
///
/// If the store cannot list its series. A series that cannot be read is a finding, and so is one of a venue that nobody
/// described.
pub async fn check_integrity(
    store: &dyn CandleStore,
    grids: impl Into<GridLookup>,
) -> Result<Vec<Finding>, StoreError> {
    let grids = grids.into();
    let all = store.series().await?;
    let mut findings = Vec::new();
    for series in &all {
        let grid = match grids.grid_of(series.symbol.venue()) {
            Ok(grid) => grid,
            Err(error) => {
                findings.push(Finding::of(IntegrityIssue::Undescribed, series, error.to_string()));
                continue;
            }
        };
        match series_check::run(store, series, grid).await {
            Ok(found) => findings.extend(found),
            Err(error) => findings.push(Finding::unreadable(series, &error)),
        }
    }
    for series in &all {
        let Some(minutes) = minutes_of(series).filter(|minutes| all.binary_search(minutes).is_ok()) else {
            continue;
        };
        // An unreadable or undescribed series has been found above.
        let Ok(grid) = grids.grid_of(series.symbol.venue()) else { continue };
        if let Ok(found) = derived_check::run(store, series, &minutes, grid).await {
            findings.extend(found);
        }
    }
    Ok(findings)
}
