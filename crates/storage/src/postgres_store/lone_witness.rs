//! The ranges that were accepted when one reply was enough, and have not been checked since.

use market_backbone_core::{Series, TimeRange};
use sqlx::postgres::PgConnection;

use super::ledger_rows;

/// Returns those of a series, oldest first.
pub(super) async fn of(conn: &mut PgConnection, series: &Series) -> Result<Vec<TimeRange>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT from_ns, to_ns FROM lone_witnesses
          WHERE series = (SELECT id FROM series WHERE venue = $1 AND symbol = $2 AND timeframe = $3)
          ORDER BY from_ns",
    )
    .bind(series.symbol.venue().as_str())
    .bind(series.symbol.code())
    .bind(series.timeframe.as_str())
    .fetch_all(conn)
    .await?;
    rows.iter().map(ledger_rows::range).collect()
}

/// Removes `gone`, which has been forgotten, from the list. Must be called under the lock of the series.
pub(super) async fn clear_lone_witnesses(
    conn: &mut PgConnection,
    (id, series): (i32, &Series),
    gone: TimeRange,
) -> Result<(), sqlx::Error> {
    for old in of(conn, series).await? {
        if old.intersect(gone).is_none() {
            continue;
        }
        sqlx::query("DELETE FROM lone_witnesses WHERE series = $1 AND from_ns = $2")
            .bind(id)
            .bind(old.from().as_nanos())
            .execute(&mut *conn)
            .await?;
        let older = TimeRange::new(old.from(), old.to().min(gone.from()));
        let newer = TimeRange::new(old.from().max(gone.to()), old.to());
        for left in [older, newer].into_iter().flatten() {
            sqlx::query("INSERT INTO lone_witnesses (series, from_ns, to_ns) VALUES ($1, $2, $3)")
                .bind(id)
                .bind(left.from().as_nanos())
                .bind(left.to().as_nanos())
                .execute(&mut *conn)
                .await?;
        }
    }
    Ok(())
}
