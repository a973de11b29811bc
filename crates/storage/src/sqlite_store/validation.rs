//! Checks everything that is stored, file by file, and repairs ledgers that contradict themselves.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures::{StreamExt, stream};
use market_backbone_core::{Coverage, Series, StoreError};
use sqlx::sqlite::SqliteConnection;
use tokio::task::spawn_blocking;

use super::checksum_table::{self, SeriesChecksum};
use super::ownership::{self, LedgerRead};
use super::sealed::SealedTier;
use super::shard_check::{self, CheckedShard, ShardToCheck};
use super::shard_pool::ShardId;
use super::shard_transaction::ShardTransaction;
use super::table_name::TableName;
use super::{SqliteStore, checksum, database_file, direct_reader, fault, ledger_table};
use crate::GridLookup;
use crate::integrity_check::{self, Finding, IntegrityIssue, IssueLocation};

/// The number of shards that are checked at the same time.
const SHARDS_AT_ONCE: usize = 2;

impl SqliteStore {
    /// Checks everything that is stored: the files, then each series. Reads all of it, two files at a time.
    ///
    /// If another process writes meanwhile, its commits may or may not be seen, and a series may be seen
    /// between two commits, but never in the middle of one. Findings are not repaired. A series that an older
    /// version wrote, and that has no finding, gets its missing checksums.
    ///
    /// # Errors
    ///
    /// If the index cannot be read. A shard that cannot be read is a finding.
    pub async fn check(&self, grids: impl Into<GridLookup>) -> Result<Vec<Finding>, StoreError> {
        let grids = grids.into();
        let view = self.read_only_view();
        let findings = view.check_index().await?;
        if !findings.is_empty() {
            return Ok(findings); // it says which shard each series is in
        }
        let mut checked = view.check_shards(&grids).await?;
        view.check_across_shards(&grids, &mut checked).await;
        let mut findings = checked.file;
        findings.append(&mut checked.series);
        findings.append(&mut checked.derived);
        if !self.read_only && checked.lacks_checksums {
            self.add_checksums_where_valid(&findings).await?;
        }
        Ok(findings)
    }

    /// Checks each shard by itself.
    async fn check_shards(&self, grids: &GridLookup) -> Result<CheckedShard, StoreError> {
        let mut assigned: BTreeMap<ShardId, Vec<Series>> = BTreeMap::new();
        for (venue, table, number) in self.index.all().await? {
            let entry = assigned.entry(ShardId { venue, number }).or_default();
            entry.extend(TableName::series(venue, &table));
        }
        let shards = self.shards.all().into_iter().map(|id| {
            let mut series = assigned.remove(&id).unwrap_or_default();
            series.sort();
            (id, series)
        });
        let checks = stream::iter(shards).map(|(id, series)| self.check_shard(id, series, grids));
        let mut checks = std::pin::pin!(checks.buffered(SHARDS_AT_ONCE));
        let mut all = CheckedShard::default();
        while let Some(checked) = checks.next().await {
            all.append(checked?);
        }
        all.sort();
        Ok(all)
    }

    async fn check_shard(
        &self,
        id: ShardId,
        series: Vec<Series>,
        grids: &GridLookup,
    ) -> Result<CheckedShard, StoreError> {
        let path = self.shards.path(id)?;
        let grid = grids.grid_of(id.venue);
        let undescribed = grid.as_ref().err().map(ToString::to_string);
        let shard = ShardToCheck {
            tier: Arc::new(SealedTier::new(&path, self.seal_queue.config().enabled)),
            path: path.clone(),
            venue: id.venue,
            series: series.clone(),
            grid: grid.ok(),
        };
        let mut checked = match self.run_check(id, shard).await {
            Ok(checked) => checked,
            Err(error) => CheckedShard {
                file: vec![file_finding(&path, IntegrityIssue::File, error.to_string())],
                is_unreadable: true,
                ..CheckedShard::default()
            },
        };
        if let Some(detail) = undescribed {
            let finding = |series: &Series| Finding::of(IntegrityIssue::Undescribed, series, detail.clone());
            checked.series.extend(checked.held.iter().map(finding));
        } else if checked.is_unreadable {
            self.check_one_by_one(series, grids, &mut checked).await?;
        }
        Ok(checked)
    }

    /// Runs the check of a shard on a blocking thread.
    async fn run_check(&self, id: ShardId, shard: ShardToCheck) -> Result<CheckedShard, StoreError> {
        let path = shard.path.clone();
        let read_only = self.shards.lock().is_none();
        // Opened by itself: a shard with its writer and its pools would be open for as long as it is used.
        let open = move || direct_reader::open_alone(&shard.path, read_only).map(|conn| (conn, shard));
        let is_current = |(conn, shard): (rusqlite::Connection, ShardToCheck)| {
            shard_check::is_current(&conn).map(|is| (is, conn, shard))
        };
        let opened = spawn_blocking(move || open().and_then(is_current)).await;
        let opened = opened.map_err(|error| fault::interrupted(&error))?;
        let (is_current, conn, shard) = opened.map_err(|error| fault::direct(&path, error))?;
        if !is_current {
            // Migrates it, or says what it is.
            self.shards.lease(id).await?;
        }
        let checked = spawn_blocking(move || shard_check::run(conn, &shard)).await;
        checked.map_err(|error| fault::interrupted(&error))?.map_err(|error| fault::direct(&path, error))
    }

    /// Checks the series of a file that cannot be read in order, as far as each can be read.
    async fn check_one_by_one(
        &self,
        series: Vec<Series>,
        grids: &GridLookup,
        checked: &mut CheckedShard,
    ) -> Result<(), StoreError> {
        for series in series {
            let Ok(grid) = grids.grid_of(series.symbol.venue()) else { continue };
            match integrity_check::check_series(self, &series, grid).await {
                Ok(found) => checked.series.extend(found),
                Err(error) => checked.series.push(Finding::unreadable(&series, &error)),
            }
            checked.held.push(series.clone());
            if integrity_check::minutes_of(&series).is_some() {
                checked.underived.push(series);
            }
        }
        Ok(())
    }

    /// Compares series with their minutes where these are in another file.
    async fn check_across_shards(&self, grids: &GridLookup, checked: &mut CheckedShard) {
        for series in std::mem::take(&mut checked.underived) {
            let minutes = integrity_check::minutes_of(&series);
            let Some(minutes) = minutes.filter(|minutes| checked.held.binary_search(minutes).is_ok()) else {
                continue;
            };
            let Ok(grid) = grids.grid_of(series.symbol.venue()) else { continue };
            // What cannot be read has been found already.
            if let Ok(found) = integrity_check::check_derived(self, &series, &minutes, grid).await {
                checked.derived.extend(found);
            }
        }
    }

    /// Rewrites the ledger of a series.
    ///
    /// If it does not match its checksum, none of it is reliable, and nothing is known from then on. In a
    /// ledger without a checksum, which an older version wrote, overlapping spans are merged and unreadable
    /// ones are dropped.
    ///
    /// # Errors
    ///
    /// If it cannot be written; then it is unchanged.
    pub async fn repair_ledger(&self, series: &Series) -> Result<(), StoreError> {
        let state = self.writable_state(series)?;
        let Some(shard) = self.shard_of(&state).await? else { return Ok(()) };
        let Some(cached_view) = shard.cached_view() else { return Err(fault::read_only()) };
        let _guard = shard.write_lock().acquire().await;
        let conn = database_file::maintenance_connection_patient(shard.path()).await;
        let mut conn = conn.map_err(|error| shard.fault(error))?;
        let repaired = async {
            let transaction = ShardTransaction::begin(&mut conn, shard.path(), cached_view).await?;
            let mended = repair_series_ledger(&mut conn, &state.label).await;
            transaction.end(&mut conn, mended).await
        };
        let mended = repaired.await;
        database_file::close(conn).await;
        state.rows_removed(None); // whatever happened: the ledger must be read from disk
        mended.map(drop)
    }
}

pub(super) fn file_finding(file: &Path, flaw: IntegrityIssue, detail: String) -> Finding {
    Finding { issue: flaw, location: IssueLocation::File(file.to_owned()), slots: 0, detail }
}

async fn repair_series_ledger(conn: &mut SqliteConnection, label: &str) -> Result<(), sqlx::Error> {
    if checksum_table::series_checksum(conn, label).await?.is_none() {
        merge_overlapping_spans(conn, label).await?;
    } else if matches!(ownership::read_ledger(conn, label).await?, LedgerRead::Damaged) {
        ledger_table::delete_all(conn, label).await?;
    }
    let known = ledger_table::load(conn, label).await?;
    let blocks = checksum_table::count(conn, label, (i64::MIN, i64::MAX)).await?;
    let ledger = checksum::of_ledger(label, &known)?;
    checksum_table::put_series_checksum(conn, label, SeriesChecksum { ledger, blocks }).await
}

async fn merge_overlapping_spans(conn: &mut SqliteConnection, label: &str) -> Result<(), sqlx::Error> {
    let rows = sqlx::query(
        "SELECT from_ns, to_ns, origin, observed_ns FROM coverage WHERE series = ?1 ORDER BY observed_ns",
    )
    .bind(label)
    .fetch_all(&mut *conn)
    .await?;
    // In the order in which they were observed, so that the newest prevails.
    let readable: Coverage = rows.iter().filter_map(|row| ledger_table::span(row).ok()).collect();
    sqlx::query("DELETE FROM coverage WHERE series = ?1").bind(label).execute(&mut *conn).await?;
    ledger_table::replace(conn, label, &Coverage::empty(), &readable).await?;
    let backwards = "DELETE FROM dispute WHERE series = ?1 AND from_ns >= to_ns";
    sqlx::query(backwards).bind(label).execute(&mut *conn).await.map(drop)
}
