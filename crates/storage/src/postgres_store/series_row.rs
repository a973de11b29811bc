//! The row of a series: its number, and the lock that every change of the series must hold.

use market_backbone_core::{Series, Symbol, VenueId};
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

/// Returns the number of a series, which is locked until the transaction ends; creates the row if there is
/// none.
///
/// Every change of a series begins here, so several processes change it one after the other and each sees the
/// ledger that the one before has left. A transaction holds only one such lock, so there are no deadlocks.
pub(super) async fn lock(conn: &mut PgConnection, series: &Series) -> Result<i32, sqlx::Error> {
    if let Some(id) = find_and_lock(conn, series).await? {
        return Ok(id);
    }
    // Waits for another transaction that is about to insert the same row.
    sqlx::query("INSERT INTO series (venue, symbol, timeframe) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
        .bind(series.symbol.venue().as_str())
        .bind(series.symbol.code())
        .bind(series.timeframe.as_str())
        .execute(&mut *conn)
        .await?;
    find_and_lock(conn, series).await?.ok_or(sqlx::Error::RowNotFound)
}

async fn find_and_lock(conn: &mut PgConnection, series: &Series) -> Result<Option<i32>, sqlx::Error> {
    let sql = "SELECT id FROM series WHERE venue = $1 AND symbol = $2 AND timeframe = $3 FOR UPDATE";
    sqlx::query_scalar(sql)
        .bind(series.symbol.venue().as_str())
        .bind(series.symbol.code())
        .bind(series.timeframe.as_str())
        .fetch_optional(conn)
        .await
}

/// Returns the series with rows or coverage, in order.
pub(super) async fn all(conn: &mut PgConnection) -> Result<Vec<Series>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT venue, symbol, timeframe FROM series
         WHERE EXISTS (SELECT 1 FROM coverage WHERE coverage.series = series.id)
            OR EXISTS (SELECT 1 FROM candles WHERE candles.series = series.id)
            OR EXISTS (SELECT 1 FROM claims WHERE claims.series = series.id)",
    )
    .fetch_all(conn)
    .await?;
    let mut found = rows.iter().map(series).collect::<Result<Vec<_>, _>>()?;
    found.sort();
    Ok(found)
}

fn series(row: &PgRow) -> Result<Series, sqlx::Error> {
    let (venue, code, timeframe): (&str, &str, &str) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let symbol =
        Symbol::new(VenueId::intern(venue), code).map_err(|error| sqlx::Error::Decode(error.into()))?;
    let timeframe = timeframe.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(Series::new(symbol, timeframe))
}
