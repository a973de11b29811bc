//! Changes of a series: commits and deletions. Each runs inside the caller's transaction, under the lock of
//! the series.

use std::collections::HashSet;

use market_backbone_core::{Candle, Series, TimeRange, Timestamp};
use sqlx::postgres::PgConnection;

use super::{ledger_rows, lone_witness, revision_rows, row_counts, rows, series_row};
use crate::batch::Batch;
use crate::commit_plan;

/// Writes rows and their coverage.
pub(super) async fn commit(
    conn: &mut PgConnection,
    series: &Series,
    batch: &Batch,
) -> Result<(), sqlx::Error> {
    let id = series_row::lock(conn, series).await?;
    let before = ledger_rows::of(conn, series).await?;
    let width = row_counts::width(series.timeframe);
    let moments = batch.candles.iter().map(|candle| candle.open_time.as_millis());
    let counts = row_counts::count(conn, id, width, moments).await?;
    // Rows deleted by another program are unknown: a commit that adds to their range must not cover them.
    let mut known = before.clone();
    row_counts::mark_unknown(&mut known, series, &counts);
    let stored = rows::read_ranges(conn, id, &batch.affected_ranges()).await?;
    let verdict = commit_plan::plan(&known, &stored, batch);
    let new = without(&verdict.rows, &stored);
    if stored.is_empty() {
        rows::append(conn, id, &verdict.rows).await?;
    } else {
        rows::upsert(conn, id, &verdict.rows).await?;
    }
    row_counts::record(conn, id, width, &counts, &new).await?;
    revision_rows::keep(conn, id, &verdict.revisions).await?;
    ledger_rows::replace(conn, id, &before, &verdict.known).await
}

/// Returns the rows whose slots have none yet.
fn without(rows: &[Candle], stored: &[Candle]) -> Vec<Candle> {
    let taken: HashSet<Timestamp> = stored.iter().map(|candle| candle.open_time).collect();
    rows.iter().filter(|row| !taken.contains(&row.open_time)).copied().collect()
}

/// Removes rows and their coverage.
pub(super) async fn forget(
    conn: &mut PgConnection,
    series: &Series,
    range: TimeRange,
) -> Result<(), sqlx::Error> {
    let id = series_row::lock(conn, series).await?;
    let known = ledger_rows::of(conn, series).await?;
    let width = row_counts::width(series.timeframe);
    let (from_ms, to_ms) = (rows::first_ms(range.from()), rows::first_ms(range.to()));
    row_counts::drop_within(conn, id, width, (from_ms, to_ms)).await?;
    // Some rows of the count ranges at both ends are left; their counts are kept, if they were right.
    let ends = || [from_ms, to_ms.saturating_sub(1)].into_iter();
    let mut left = known.clone();
    let counts = row_counts::count(conn, id, width, ends()).await?;
    row_counts::mark_unknown(&mut left, series, &counts);
    left.remove(range);
    rows::delete(conn, id, range).await?;
    let mut counts = row_counts::count(conn, id, width, ends()).await?;
    counts.retain(|count| count.recorded.is_some());
    row_counts::record(conn, id, width, &counts, &[]).await?;
    revision_rows::delete(conn, id, range).await?;
    lone_witness::clear_lone_witnesses(conn, (id, series), range).await?;
    ledger_rows::replace(conn, id, &known, &left).await
}
