//! Candle tables: one for each series, keyed by open time, so that a range is one walk along a B-tree.

use std::sync::Arc;

use market_backbone_core::{Candle, TimeRange, Timestamp};
use rusqlite::types::ValueRef;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection, Row};

use super::database_file::execute;
use super::table_name::TableName;

/// The number of rows in one INSERT. Measured: single rows are 30 times slower, and above 500 there is no
/// further gain.
const ROWS_PER_STATEMENT: usize = 500;

/// Creates the table of a series, if it does not exist.
pub(super) async fn create(conn: &mut SqliteConnection, table: &TableName) -> Result<(), sqlx::Error> {
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {table} (
             timestamp INTEGER PRIMARY KEY, -- when the slot opens, Unix ms
             open REAL NOT NULL, high REAL NOT NULL, low REAL NOT NULL, close REAL NOT NULL,
             volume REAL NOT NULL, turnover REAL NOT NULL
         )"
    );
    execute(conn, sql).await
}

/// Returns whether the table of a series exists.
pub(super) async fn exists(conn: &mut SqliteConnection, table: &TableName) -> Result<bool, sqlx::Error> {
    let found = sqlx::query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")
        .bind(table.as_str())
        .fetch_optional(conn)
        .await?;
    Ok(found.is_some())
}

/// Returns whether the table of a series exists and holds any row.
pub(super) async fn has_rows(conn: &mut SqliteConnection, table: &TableName) -> Result<bool, sqlx::Error> {
    if !exists(conn, table).await? {
        return Ok(false);
    }
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {table})");
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(conn).await
}

/// Deletes the candles that open in `range`.
pub(super) async fn delete(
    conn: &mut SqliteConnection,
    table: &TableName,
    range: TimeRange,
) -> Result<(), sqlx::Error> {
    let sql = format!("DELETE FROM {table} WHERE timestamp >= ?1 AND timestamp < ?2");
    let (from, to) = millis(range);
    sqlx::query(AssertSqlSafe(sql)).bind(from).bind(to).execute(conn).await.map(|_| ())
}

/// Returns the whole milliseconds in a range: the first of them, and the first after it.
pub(super) fn millis(range: TimeRange) -> (i64, i64) {
    let up = |moment: Timestamp| -moment.as_nanos().saturating_neg().div_euclid(1_000_000);
    (up(range.from()), up(range.to()))
}

/// Writes candles; existing ones are replaced.
pub(super) async fn upsert(
    conn: &mut SqliteConnection,
    table: &TableName,
    candles: &[Candle],
) -> Result<(), sqlx::Error> {
    let (mut sql, mut rows): (Arc<str>, usize) = ("".into(), 0);
    // Parsing so long a text takes as long as writing its rows, so it is kept prepared while there are many. Not any
    // longer: it differs with the table, and takes some hundred KB.
    let is_kept = candles.len() >= 2 * ROWS_PER_STATEMENT;
    for chunk in candles.chunks(ROWS_PER_STATEMENT) {
        if chunk.len() != rows {
            (sql, rows) = (insert_sql(table, chunk.len()).into(), chunk.len());
        }
        let mut insert = sqlx::query(AssertSqlSafe(Arc::clone(&sql)));
        for candle in chunk {
            let Candle { open_time, open, high, low, close, volume, turnover, .. } = *candle;
            insert = insert.bind(open_time.as_millis());
            for figure in [open, high, low, close, volume, turnover] {
                insert = insert.bind(figure);
            }
        }
        insert.persistent(is_kept && rows == ROWS_PER_STATEMENT).execute(&mut *conn).await?;
    }
    if is_kept {
        conn.clear_cached_statements().await?;
    }
    Ok(())
}

fn insert_sql(table: &TableName, rows: usize) -> String {
    let values = vec!["(?, ?, ?, ?, ?, ?, ?)"; rows].join(", ");
    format!(
        "INSERT INTO {table} (timestamp, open, high, low, close, volume, turnover) VALUES {values} \
         ON CONFLICT (timestamp) DO UPDATE SET open = excluded.open, high = excluded.high, \
         low = excluded.low, close = excluded.close, volume = excluded.volume, turnover = excluded.turnover"
    )
}

/// Returns the open time of the oldest candle.
pub(super) async fn oldest(
    conn: &mut SqliteConnection,
    table: &TableName,
) -> Result<Option<Timestamp>, sqlx::Error> {
    let sql = format!("SELECT MIN(timestamp) FROM {table}");
    let oldest: Option<i64> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(conn).await?;
    Ok(oldest.map(Timestamp::from_millis))
}

/// Reads a row that may be damaged: a value that is no number becomes NaN, which matches no checksum.
pub(super) fn candle_lossy(row: &SqliteRow) -> Result<Candle, sqlx::Error> {
    let figure = |column: usize| row.try_get_unchecked(column).unwrap_or(f64::NAN);
    candle(row).or_else(|_| {
        Ok(Candle {
            open_time: Timestamp::from_millis(row.try_get_unchecked(0)?),
            open: figure(1),
            high: figure(2),
            low: figure(3),
            close: figure(4),
            volume: figure(5),
            turnover: figure(6),
            is_final: true,
        })
    })
}

/// Reads a row that may be damaged, from a direct connection: a value that is no number becomes one, as SQLite
/// itself makes it one, and matches no checksum.
pub(super) fn candle_direct(row: &rusqlite::Row<'_>) -> Result<Candle, rusqlite::Error> {
    let figure = |column: usize| {
        Ok::<_, rusqlite::Error>(match row.get_ref(column)? {
            ValueRef::Real(figure) => figure,
            ValueRef::Integer(figure) => figure as f64,
            ValueRef::Text(text) => {
                std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0)
            }
            ValueRef::Null | ValueRef::Blob(_) => 0.0,
        })
    };
    Ok(Candle {
        open_time: Timestamp::from_millis(row.get(0)?),
        open: figure(1)?,
        high: figure(2)?,
        low: figure(3)?,
        close: figure(4)?,
        volume: figure(5)?,
        turnover: figure(6)?,
        is_final: true,
    })
}

/// Reads a candle by position and without type checks: looking columns up by name takes longer than reading
/// them.
pub(super) fn candle(row: &SqliteRow) -> Result<Candle, sqlx::Error> {
    Ok(Candle {
        open_time: Timestamp::from_millis(row.try_get_unchecked(0)?),
        open: row.try_get_unchecked(1)?,
        high: row.try_get_unchecked(2)?,
        low: row.try_get_unchecked(3)?,
        close: row.try_get_unchecked(4)?,
        volume: row.try_get_unchecked(5)?,
        turnover: row.try_get_unchecked(6)?,
        is_final: true,
    })
}
