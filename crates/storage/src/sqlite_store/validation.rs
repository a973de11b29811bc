//! Checks what can be wrong only in files: broken pages, foreign table layouts, a ledger that contradicts
//! itself.

use std::collections::BTreeSet;
use std::path::Path;

use market_backbone_core::{Coverage, Grid, Series, StoreError, Symbol, TimeRange, Timestamp, VenueId};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row};

use super::checksum_table::{self, SeriesChecksum};
use super::ownership::{self, LedgerRead};
use super::shard_pool::ShardId;
use super::shard_transaction::ShardTransaction;
use super::table_name::TableName;
use super::{SqliteStore, checksum, database_file, fault, integrity, ledger_table};
use crate::GridLookup;
use crate::integrity_check::{self, Finding, IntegrityIssue, IssueLocation};
use crate::origin_codec;

/// The largest number of SQLite's errors that are listed of one file.
const MAX_ERRORS_LISTED: u32 = 5;

impl SqliteStore {
    /// Checks everything that is stored: the files, then each series. Reads all of it.
    ///
    /// If another process writes meanwhile, its commits may or may not be seen, and a series may be seen
    /// between two commits, but never in the middle of one. Findings are not repaired. A series that an older
    /// version wrote, and that has no finding, gets its missing checksums.
    ///
    /// # Errors
    ///
    /// If the index cannot be read. A shard that cannot be read is a finding.
    pub async fn check(&self, grid: GridLookup) -> Result<Vec<Finding>, StoreError> {
        let view = self.read_only_view();
        let mut findings = view.check_index().await?;
        if !findings.is_empty() {
            return Ok(findings); // it says which shard each series is in
        }
        for id in self.shards.all() {
            let file = self.shards.path(id)?;
            match view.check_shard(id, &file, grid).await {
                Ok(found) => findings.extend(found),
                Err(error) => findings.push(file_finding(&file, IntegrityIssue::File, error.to_string())),
            }
        }
        findings.extend(integrity_check::check_integrity(&view, grid).await?);
        if !self.read_only {
            self.add_checksums_where_valid(&findings).await?;
        }
        Ok(findings)
    }

    async fn check_shard(
        &self,
        id: ShardId,
        file: &Path,
        grid: GridLookup,
    ) -> Result<Vec<Finding>, StoreError> {
        let series = self.series_in(id).await?;
        let shard = self.shards.lease(id).await?;
        let mut conn = shard.reader().await?;
        let fault = |error| fault::database(file, error);
        let complaints = quick_check(&mut conn).await.map_err(fault)?;
        let mut found: Vec<_> = complaints
            .into_iter()
            .map(|complaint| file_finding(file, IntegrityIssue::File, complaint))
            .collect();
        if found.is_empty() {
            found.extend(integrity::unindexed_tables(&mut conn, &series, file).await.map_err(fault)?);
            found.extend(check_layouts(&mut conn, &series, file).await.map_err(fault)?);
        }
        if found.is_empty() {
            found.extend(check_ledger(&mut conn, id.venue, file).await.map_err(fault)?);
            for one in &series {
                let has_ledger_finding = found.iter().any(|finding| finding.series() == Some(one));
                let damage =
                    integrity::check_series(&mut conn, one, grid(id.venue), file).await.map_err(fault)?;
                found.extend(
                    damage
                        .into_iter()
                        .filter(|damage| damage.issue != IntegrityIssue::Ledger || !has_ledger_finding),
                );
                let old = ledger_table::lone_witnesses(&mut conn, &one.to_string()).await.map_err(fault)?;
                found.extend(self.check_lone_witnesses(one, grid(id.venue), &old).await?);
            }
        }
        Ok(found)
    }

    /// Finds those `old` ranges that rest on one answer alone and should be fetched again.
    async fn check_lone_witnesses(
        &self,
        series: &Series,
        grid: Grid,
        old: &[TimeRange],
    ) -> Result<Vec<Finding>, StoreError> {
        integrity_check::lone_witness::findings(self, series, grid, old).await
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

async fn quick_check(conn: &mut SqliteConnection) -> Result<Vec<String>, sqlx::Error> {
    let sql = format!("PRAGMA quick_check({MAX_ERRORS_LISTED})");
    let mut complaints: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(conn).await?;
    complaints.retain(|complaint| complaint != "ok");
    Ok(complaints.into_iter().map(|complaint| complaint.replace('\n', " ")).collect())
}

/// Finds tables without the open time as their key: only that key keeps rows unique and in order in SQLite.
async fn check_layouts(
    conn: &mut SqliteConnection,
    all: &[Series],
    file: &Path,
) -> Result<Vec<Finding>, sqlx::Error> {
    let columns = "SELECT group_concat(name || ' ' || type || ' ' || pk, ', ') FROM pragma_table_info(?1)";
    let ours = "timestamp INTEGER 1, open REAL 0, high REAL 0, low REAL 0, close REAL 0, volume REAL 0, \
                turnover REAL 0";
    let mut found = Vec::new();
    for series in all {
        let table = TableName::of(series);
        let layout: Option<String> =
            sqlx::query_scalar(columns).bind(table.as_str()).fetch_one(&mut *conn).await?;
        if let Some(layout) = layout.filter(|layout| layout != ours) {
            let detail = format!("the table {} has the columns {layout}", table.as_str());
            found.push(file_finding(file, IntegrityIssue::Layout, detail));
        }
    }
    Ok(found)
}

async fn check_ledger(
    conn: &mut SqliteConnection,
    venue: VenueId,
    file: &Path,
) -> Result<Vec<Finding>, sqlx::Error> {
    let rows = sqlx::query("SELECT series, from_ns, to_ns, origin FROM coverage ORDER BY series, from_ns")
        .fetch_all(conn)
        .await?;
    let mut found = Vec::new();
    let mut reported = BTreeSet::new();
    let mut last: Option<(String, i64)> = None;
    for row in &rows {
        let (label, from): (String, i64) = (row.try_get_unchecked(0)?, row.try_get_unchecked(1)?);
        let (to, origin): (i64, &str) = (row.try_get_unchecked(2)?, row.try_get_unchecked(3)?);
        let at = Timestamp::from_nanos;
        let reach = last.take().filter(|(series, _)| *series == label).map_or(i64::MIN, |(_, to)| to);
        let detail = if from >= to {
            Some(format!("a span of the ledger from {} runs backwards to {}", at(from), at(to)))
        } else if from < reach {
            Some(format!("two spans of the ledger overlap from {} to {}", at(from), at(reach.min(to))))
        } else if origin_codec::decode(origin).is_err() {
            Some(format!("the span of the ledger from {} has the origin `{origin}`", at(from)))
        } else {
            None
        };
        if let Some(detail) = detail
            && reported.insert(label.clone())
        {
            found.push(match series_of(venue, &label) {
                Some(series) => Finding::of(IntegrityIssue::Ledger, &series, detail),
                None => file_finding(
                    file,
                    IntegrityIssue::File,
                    format!("the ledger contains `{label}`: {detail}"),
                ),
            });
        }
        last = Some((label, reach.max(to)));
    }
    Ok(found)
}

/// Returns the series with this name in the ledger.
fn series_of(venue: VenueId, label: &str) -> Option<Series> {
    let (code, timeframe) = label.rsplit_once(' ')?;
    Some(Series::new(Symbol::new(venue, code).ok()?, timeframe.parse().ok()?))
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
