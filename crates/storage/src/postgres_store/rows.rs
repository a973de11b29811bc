//! Reads and writes candles, a range at a time.

use market_backbone_core::{Candle, Series, TimeRange, Timestamp};
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use super::{copy, row_counts};

/// The number of rows of one INSERT.
const ROWS_PER_STATEMENT: usize = 2_000;
/// The number of rows from which COPY is faster.
const BULK: usize = 1_000;

/// Returns the newest `limit` candles that open in `range`, oldest first, and the starts of those of their
/// count ranges whose count is wrong.
///
/// One statement, so that the counted rows are the returned ones.
pub(super) async fn counted(
    conn: &mut PgConnection,
    series: &Series,
    range: TimeRange,
    limit: usize,
) -> Result<(Vec<Candle>, Vec<i64>), sqlx::Error> {
    let rows = sqlx::query(
        "WITH wanted AS (SELECT id FROM series WHERE venue = $1 AND symbol = $2 AND timeframe = $3),
              told AS MATERIALIZED (
                  SELECT open_ms, open, high, low, close, volume, turnover FROM candles
                   WHERE series = (SELECT id FROM wanted) AND open_ms >= $4 AND open_ms < $5
                   ORDER BY open_ms DESC LIMIT $6)
         SELECT open_ms, open, high, low, close, volume, turnover, false AS is_wrong FROM told
         UNION ALL
         SELECT from_ms, 0, 0, 0, 0, 0, 0, true FROM tallies
          WHERE series = (SELECT id FROM wanted) AND from_ms < $5
            AND from_ms > (CASE WHEN (SELECT count(*) FROM told) < $6 THEN $4
                           ELSE (SELECT COALESCE(min(open_ms), $5) FROM told) END) - $7
            AND row_count <> (SELECT count(*) FROM candles WHERE candles.series = tallies.series
                                 AND open_ms >= from_ms AND open_ms < from_ms + $7)
         ORDER BY is_wrong, open_ms",
    )
    .bind(series.symbol.venue().as_str())
    .bind(series.symbol.code())
    .bind(series.timeframe.as_str())
    .bind(first_ms(range.from()))
    .bind(first_ms(range.to()))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind(row_counts::width(series.timeframe))
    .fetch_all(conn)
    .await?;
    let is_wrong = |row: &PgRow| row.try_get_unchecked::<bool, _>(7);
    let (mut candles, mut wrong) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in &rows {
        if is_wrong(row)? {
            wrong.push(row.try_get_unchecked(0)?);
        } else {
            candles.push(candle(row)?);
        }
    }
    Ok((candles, wrong))
}

/// Reads the rows of these ranges, which are in order; oldest first. Must be called under the lock of the
/// series.
///
/// Most often there is one range. A join of all ranges with the table in one statement compared them with all
/// rows of the series: a second for a commit where this takes milliseconds.
pub(super) async fn read_ranges(
    conn: &mut PgConnection,
    series: i32,
    stretches: &[TimeRange],
) -> Result<Vec<Candle>, sqlx::Error> {
    let mut found = Vec::new();
    for stretch in stretches {
        let rows = sqlx::query(
            "SELECT open_ms, open, high, low, close, volume, turnover FROM candles
             WHERE series = $1 AND open_ms >= $2 AND open_ms < $3 ORDER BY open_ms",
        )
        .bind(series)
        .bind(first_ms(stretch.from()))
        .bind(first_ms(stretch.to()))
        .fetch_all(&mut *conn)
        .await?;
        for row in &rows {
            found.push(candle(row)?);
        }
    }
    Ok(found)
}

/// Writes candles where none exist. Must be called under the lock of the series.
pub(super) async fn append(
    conn: &mut PgConnection,
    series: i32,
    candles: &[Candle],
) -> Result<(), sqlx::Error> {
    if candles.len() < BULK {
        upsert(conn, series, candles).await
    } else {
        copy::copy(conn, series, candles).await
    }
}

/// Writes candles; existing ones are replaced. Must be called under the lock of the series.
///
/// A temporary table with COPY was measured to be no faster than arrays.
pub(super) async fn upsert(
    conn: &mut PgConnection,
    series: i32,
    candles: &[Candle],
) -> Result<(), sqlx::Error> {
    for chunk in candles.chunks(ROWS_PER_STATEMENT) {
        insert(conn, series, chunk).await?;
    }
    Ok(())
}

/// Removes the candles that open in `range`.
pub(super) async fn delete(
    conn: &mut PgConnection,
    series: i32,
    range: TimeRange,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM candles WHERE series = $1 AND open_ms >= $2 AND open_ms < $3")
        .bind(series)
        .bind(first_ms(range.from()))
        .bind(first_ms(range.to()))
        .execute(conn)
        .await
        .map(|_| ())
}

async fn insert(conn: &mut PgConnection, series: i32, candles: &[Candle]) -> Result<(), sqlx::Error> {
    let figures = |of: fn(&Candle) -> f64| candles.iter().map(of).collect::<Vec<f64>>();
    sqlx::query(
        "INSERT INTO candles (series, open_ms, open, high, low, close, volume, turnover)
         SELECT $1, * FROM UNNEST(
             $2::bigint[], $3::float8[], $4::float8[], $5::float8[], $6::float8[], $7::float8[], $8::float8[])
         ON CONFLICT (series, open_ms) DO UPDATE
         SET (open, high, low, close, volume, turnover)
           = (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume, excluded.turnover)",
    )
    .bind(series)
    .bind(candles.iter().map(|candle| candle.open_time.as_millis()).collect::<Vec<_>>())
    .bind(figures(|candle| candle.open))
    .bind(figures(|candle| candle.high))
    .bind(figures(|candle| candle.low))
    .bind(figures(|candle| candle.close))
    .bind(figures(|candle| candle.volume))
    .bind(figures(|candle| candle.turnover))
    .execute(conn)
    .await
    .map(|_| ())
}

/// Returns the first whole millisecond that is not before `moment`.
pub(super) fn first_ms(moment: Timestamp) -> i64 {
    let whole = moment.as_millis();
    if Timestamp::from_millis(whole) < moment { whole + 1 } else { whole }
}

/// Reads a candle by position: looking columns up by name takes longer than reading them.
pub(super) fn candle(row: &PgRow) -> Result<Candle, sqlx::Error> {
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
