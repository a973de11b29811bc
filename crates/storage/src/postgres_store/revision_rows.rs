//! Earlier versions of rows in the shared database, written in the transaction of their replacements.

use market_backbone_core::{Candle, Series, TimeRange, Timestamp};
use sqlx::postgres::PgConnection;

use super::rows;
use crate::revision::Revision;

/// Stores versions.
///
/// A version that ceased to hold no later than the one before it never held and is left out. Must be called
/// under the lock of the series.
pub(super) async fn keep(
    conn: &mut PgConnection,
    series: i32,
    revisions: &[Revision],
) -> Result<(), sqlx::Error> {
    for Revision { open_time, candle, superseded_at } in revisions {
        let mut insert = sqlx::query(
            "INSERT INTO revisions
             SELECT $1::integer, $2::bigint, $3::bigint, $4::float8, $5::float8, $6::float8, $7::float8, $8::float8, $9::float8
             WHERE NOT EXISTS (
                 SELECT 1 FROM revisions WHERE series = $1 AND open_ms = $2 AND superseded_ns >= $3)",
        )
        .bind(series)
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

/// Removes the versions of slots that open in `range`.
pub(super) async fn delete(
    conn: &mut PgConnection,
    series: i32,
    range: TimeRange,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM revisions WHERE series = $1 AND open_ms >= $2 AND open_ms < $3")
        .bind(series)
        .bind(rows::first_ms(range.from()))
        .bind(rows::first_ms(range.to()))
        .execute(conn)
        .await
        .map(|_| ())
}

/// Returns the newest `limit` candles that open in `range` as they stood at `moment`, oldest first.
pub(super) async fn newest_as_of(
    conn: &mut PgConnection,
    series: &Series,
    range: TimeRange,
    limit: usize,
    moment: Timestamp,
) -> Result<Vec<Candle>, sqlx::Error> {
    let found = sqlx::query(
        "SELECT held.open_ms, COALESCE(was.open, held.open), COALESCE(was.high, held.high),
                COALESCE(was.low, held.low), COALESCE(was.close, held.close),
                COALESCE(was.volume, held.volume), COALESCE(was.turnover, held.turnover)
         FROM candles AS held LEFT JOIN LATERAL (
             SELECT * FROM revisions
             WHERE series = held.series AND open_ms = held.open_ms AND superseded_ns > $7
             ORDER BY superseded_ns LIMIT 1
         ) AS was ON true
         WHERE held.series = (SELECT id FROM series WHERE venue = $1 AND symbol = $2 AND timeframe = $3)
           AND held.open_ms >= $4 AND held.open_ms < $5 AND (was.series IS NULL OR was.open IS NOT NULL)
         ORDER BY held.open_ms DESC LIMIT $6",
    )
    .bind(series.symbol.venue().as_str())
    .bind(series.symbol.code())
    .bind(series.timeframe.as_str())
    .bind(rows::first_ms(range.from()))
    .bind(rows::first_ms(range.to()))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind(moment.as_nanos())
    .fetch_all(conn)
    .await?;
    found.iter().rev().map(rows::candle).collect()
}
