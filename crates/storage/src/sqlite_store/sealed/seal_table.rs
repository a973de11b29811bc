//! The seals of a shard: added when a file is complete, deleted in the transaction that changes a row in their
//! range.

use market_backbone_core::{Candle, TimeRange};
use rusqlite::Connection;
use sqlx::sqlite::SqliteConnection;

use super::seal::{SegmentGrid, SegmentSeal};
use crate::sqlite_store::candle_table;
use crate::sqlite_store::series_state::SeriesState;

/// Deletes the seals of which the range holds one of `rows`, which the caller's transaction writes.
pub(in crate::sqlite_store) async fn delete_touched(
    conn: &mut SqliteConnection,
    series: &SeriesState,
    rows: &[Candle],
) -> Result<(), sqlx::Error> {
    let grid = SegmentGrid::new(series.grid);
    for group in rows.chunk_by(|a, b| grid.segment_of(a.open_time) == grid.segment_of(b.open_time)) {
        let times = || group.iter().map(|row| row.open_time.as_millis());
        let (Some(first), Some(last)) = (times().min(), times().max()) else { continue };
        let segment = grid.segment_of(group[0].open_time);
        sqlx::query(
            "DELETE FROM sealed_segment WHERE series = ?1 AND segment = ?2 AND from_ms <= ?4 AND to_ms > ?3",
        )
        .bind(series.label.as_str())
        .bind(segment)
        .bind(first)
        .bind(last)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Deletes the seals of which the range overlaps `range`, in which the caller's transaction deletes rows.
pub(in crate::sqlite_store) async fn delete_within(
    conn: &mut SqliteConnection,
    series: &SeriesState,
    range: TimeRange,
) -> Result<(), sqlx::Error> {
    let (from, to) = candle_table::millis(range);
    sqlx::query("DELETE FROM sealed_segment WHERE series = ?1 AND from_ms < ?3 AND to_ms > ?2")
        .bind(series.label.as_str())
        .bind(from)
        .bind(to)
        .execute(conn)
        .await
        .map(drop)
}

/// Returns the seals of a series, oldest first.
pub(super) fn of_series(conn: &Connection, label: &str) -> Result<Vec<SegmentSeal>, rusqlite::Error> {
    let sql = "SELECT segment, seal, from_ms, to_ms, rows, sum FROM sealed_segment WHERE series = ?1 \
               ORDER BY segment";
    let mut select = conn.prepare_cached(sql)?;
    let seals = select.query_map([label], |row| seal(row, 0))?;
    // A number that cannot be one makes no seal.
    Ok(seals.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Returns all seals of a shard with the names of their series.
pub(in crate::sqlite_store) fn all(conn: &Connection) -> Result<Vec<(String, SegmentSeal)>, rusqlite::Error> {
    let sql = "SELECT series, segment, seal, from_ms, to_ms, rows, sum FROM sealed_segment";
    let mut select = conn.prepare_cached(sql)?;
    let seals = select.query_map([], |row| Ok((row.get(0)?, seal(row, 1)?)))?;
    let seals = seals.collect::<Result<Vec<(String, Option<SegmentSeal>)>, _>>()?;
    Ok(seals.into_iter().filter_map(|(label, seal)| Some((label, seal?))).collect())
}

/// Adds a seal, in place of an earlier one of the same segment, which is returned.
pub(super) fn put(
    conn: &Connection,
    label: &str,
    seal: &SegmentSeal,
) -> Result<Option<SegmentSeal>, rusqlite::Error> {
    let earlier = of_series(conn, label)?.into_iter().find(|earlier| earlier.segment == seal.segment);
    conn.prepare_cached(
        "INSERT OR REPLACE INTO sealed_segment (series, segment, seal, from_ms, to_ms, rows, sum) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute((
        label,
        seal.segment,
        seal.id.cast_signed(),
        seal.from_ms,
        seal.to_ms,
        seal.rows,
        seal.sum,
    ))?;
    Ok(earlier)
}

/// Deletes one seal, unless another one has replaced it.
pub(super) fn delete(conn: &Connection, label: &str, seal: &SegmentSeal) -> Result<(), rusqlite::Error> {
    let sql = "DELETE FROM sealed_segment WHERE series = ?1 AND segment = ?2 AND seal = ?3";
    conn.execute(sql, (label, seal.segment, seal.id.cast_signed())).map(drop)
}

/// Reads a seal from the columns from `at` on; `None` if one of them is not what was written.
fn seal(row: &rusqlite::Row<'_>, at: usize) -> Result<Option<SegmentSeal>, rusqlite::Error> {
    let number = |column: usize| row.get_ref(at + column).map(|value| value.as_i64().ok());
    let numbers = [number(0)?, number(1)?, number(2)?, number(3)?, number(4)?, number(5)?];
    let [Some(segment), Some(id), Some(from_ms), Some(to_ms), Some(rows), Some(sum)] = numbers else {
        return Ok(None);
    };
    let Ok(rows) = u32::try_from(rows) else { return Ok(None) };
    Ok(Some(SegmentSeal { segment, id: id.cast_unsigned(), from_ms, to_ms, rows, sum }))
}
