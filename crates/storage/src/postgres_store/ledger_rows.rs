//! The ledger in the shared database: spans and disputes, written in the transaction of their rows.

use market_backbone_core::{Coverage, Dispute, Provenance, Series, Span, TimeRange, Timestamp};
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use crate::origin_word;

/// What is known of a series.
///
/// One statement, so that spans and disputes are of one moment without a transaction around it.
pub(super) async fn of(conn: &mut PgConnection, series: &Series) -> Result<Coverage, sqlx::Error> {
    let rows = sqlx::query(
        "WITH wanted AS (SELECT id FROM series WHERE venue = $1 AND symbol = $2 AND timeframe = $3)
         SELECT from_ns, to_ns, origin, observed_ns, NULL, NULL, false AS disputed
           FROM coverage WHERE series = (SELECT id FROM wanted)
         UNION ALL
         SELECT from_ns, to_ns, earlier_origin, earlier_ns, later_origin, later_ns, true
           FROM disputes WHERE series = (SELECT id FROM wanted)
         ORDER BY disputed, from_ns",
    )
    .bind(series.symbol.venue().as_str())
    .bind(series.symbol.code())
    .bind(series.timeframe.as_str())
    .fetch_all(conn)
    .await?;
    let mut coverage = Coverage::empty();
    for row in &rows {
        let range = TimeRange::new(time(row, 0)?, time(row, 1)?)
            .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        let earlier = provenance(row, 2)?;
        match (row.try_get(6)?, earlier) {
            (false, Some(provenance)) => coverage.insert(Span { range, provenance }),
            (false, None) => return Err(sqlx::Error::ColumnNotFound("origin".to_owned())),
            (true, earlier) => coverage.dispute(Dispute { range, earlier, later: provenance(row, 4)? }),
        }
    }
    Ok(coverage)
}

/// Writes down that not `known` but `grown` is known now. To be called under the lock of the series.
pub(super) async fn replace(
    conn: &mut PgConnection,
    series: i32,
    known: &Coverage,
    grown: &Coverage,
) -> Result<(), sqlx::Error> {
    let start = |span: &Span| span.range.from();
    let gone = without(known.spans(), grown.spans(), start).map(|span| span.range).collect();
    delete(conn, "DELETE FROM coverage WHERE series = $1 AND from_ns = ANY($2)", series, gone).await?;
    let new: Vec<_> = without(grown.spans(), known.spans(), start).copied().collect();
    insert_spans(conn, series, &new).await?;
    let start = |dispute: &Dispute| dispute.range.from();
    let gone = without(known.disputes(), grown.disputes(), start).map(|dispute| dispute.range).collect();
    delete(conn, "DELETE FROM disputes WHERE series = $1 AND from_ns = ANY($2)", series, gone).await?;
    let new: Vec<_> = without(grown.disputes(), known.disputes(), start).copied().collect();
    insert_disputes(conn, series, &new).await
}

/// Those of `these` that are not, exactly so, among `sorted`.
fn without<'a, T: PartialEq>(
    these: &'a [T],
    sorted: &'a [T],
    start: impl Fn(&T) -> Timestamp + 'a,
) -> impl Iterator<Item = &'a T> {
    these.iter().filter(move |one| {
        let found = sorted.binary_search_by_key(&start(one), &start);
        !found.is_ok_and(|index| sorted[index] == **one)
    })
}

async fn delete(
    conn: &mut PgConnection,
    sql: &'static str,
    series: i32,
    gone: Vec<TimeRange>,
) -> Result<(), sqlx::Error> {
    if gone.is_empty() {
        return Ok(());
    }
    let starts: Vec<_> = gone.iter().map(|range| range.from().as_nanos()).collect();
    sqlx::query(sql).bind(series).bind(starts).execute(conn).await.map(|_| ())
}

async fn insert_spans(conn: &mut PgConnection, series: i32, spans: &[Span]) -> Result<(), sqlx::Error> {
    if spans.is_empty() {
        return Ok(());
    }
    let origins =
        spans.iter().map(|span| origin_word::of(span.provenance.origin)).collect::<Result<Vec<_>, _>>()?;
    sqlx::query(
        "INSERT INTO coverage (series, from_ns, to_ns, origin, observed_ns)
         SELECT $1, * FROM UNNEST($2::bigint[], $3::bigint[], $4::text[], $5::bigint[])",
    )
    .bind(series)
    .bind(spans.iter().map(|span| span.range.from().as_nanos()).collect::<Vec<_>>())
    .bind(spans.iter().map(|span| span.range.to().as_nanos()).collect::<Vec<_>>())
    .bind(origins)
    .bind(spans.iter().map(|span| span.provenance.observed_at.as_nanos()).collect::<Vec<_>>())
    .execute(conn)
    .await
    .map(|_| ())
}

async fn insert_disputes(
    conn: &mut PgConnection,
    series: i32,
    disputes: &[Dispute],
) -> Result<(), sqlx::Error> {
    for new in disputes {
        let mut insert = sqlx::query("INSERT INTO disputes VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .bind(series)
            .bind(new.range.from().as_nanos())
            .bind(new.range.to().as_nanos());
        for said in [new.earlier, new.later] {
            insert = insert
                .bind(said.map(|said| origin_word::of(said.origin)).transpose()?)
                .bind(said.map(|said| said.observed_at.as_nanos()));
        }
        insert.execute(&mut *conn).await?;
    }
    Ok(())
}

fn time(row: &PgRow, column: usize) -> Result<Timestamp, sqlx::Error> {
    row.try_get(column).map(Timestamp::from_nanos)
}

/// Who said it, in two columns, both of which may be empty.
fn provenance(row: &PgRow, column: usize) -> Result<Option<Provenance>, sqlx::Error> {
    let word: Option<&str> = row.try_get(column)?;
    let Some(word) = word else { return Ok(None) };
    Ok(Some(Provenance { origin: origin_word::read(word)?, observed_at: time(row, column + 1)? }))
}
