//! Earlier versions of rows: one small table in each shard for all of its series, because they are few.

use market_backbone_core::{Candle, TimeRange, Timestamp};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use super::candle_table;
use super::series_state::SeriesState;
use crate::revision::Revision;

/// Stores versions of the series named `label`, inside the caller's write transaction.
///
/// A version that ceased to hold no later than the one before it never held and is left out.
pub(super) async fn insert(
    conn: &mut SqliteConnection,
    label: &str,
    revisions: &[Revision],
) -> Result<(), sqlx::Error> {
    for Revision { open_time, candle, superseded_at } in revisions {
        let mut insert = sqlx::query(
            "INSERT INTO revision SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE NOT EXISTS (
                 SELECT 1 FROM revision WHERE series = ?1 AND timestamp = ?2 AND superseded_ns >= ?3)",
        )
        .bind(label)
        .bind(open_time.as_millis())
        .bind(superseded_at.as_nanos());
        let figures = |candle: Candle| {
            [candle.open, candle.high, candle.low, candle.close, candle.volume, candle.turnover].map(Some)
        };
        for figure in candle.map_or([None; 6], figures) {
            insert = insert.bind(figure);
        }
        insert.execute(&mut *conn).await?;
    }
    Ok(())
}

/// Deletes the versions of slots that open in `range`.
pub(super) async fn delete(
    conn: &mut SqliteConnection,
    label: &str,
    range: TimeRange,
) -> Result<(), sqlx::Error> {
    let (from, to) = candle_table::millis(range);
    sqlx::query("DELETE FROM revision WHERE series = ?1 AND timestamp >= ?2 AND timestamp < ?3")
        .bind(label)
        .bind(from)
        .bind(to)
        .execute(conn)
        .await
        .map(|_| ())
}

/// Returns the newest `limit` candles that open in `range` as they stood at `moment`, newest first.
///
/// One statement, so that rows and versions are of one moment without a transaction.
pub(super) async fn newest_as_of(
    conn: &mut SqliteConnection,
    series: &SeriesState,
    range: TimeRange,
    limit: usize,
    moment: Timestamp,
) -> Result<Vec<Candle>, sqlx::Error> {
    let sql = format!(
        "SELECT held.timestamp, COALESCE(was.open, held.open), COALESCE(was.high, held.high),
                COALESCE(was.low, held.low), COALESCE(was.close, held.close),
                COALESCE(was.volume, held.volume), COALESCE(was.turnover, held.turnover)
         FROM {table} AS held
         LEFT JOIN revision AS was ON was.series = ?4 AND was.timestamp = held.timestamp
              AND was.superseded_ns = (
                  SELECT MIN(superseded_ns) FROM revision
                  WHERE series = ?4 AND timestamp = held.timestamp AND superseded_ns > ?5)
         WHERE held.timestamp >= ?1 AND held.timestamp < ?2 AND (was.series IS NULL OR was.open IS NOT NULL)
         ORDER BY held.timestamp DESC LIMIT ?3",
        table = series.table,
    );
    let (from, to) = candle_table::millis(range);
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(from)
        .bind(to)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(series.label.as_str())
        .bind(moment.as_nanos())
        .fetch_all(conn)
        .await?;
    found.iter().map(candle_table::candle).collect()
}
