//! The ledger in the shared database: spans, disputes and claims, written in the transaction of their rows.

use market_backbone_core::{AbsenceClaim, Coverage, Dispute, Provenance, Series, Span, TimeRange, Timestamp};
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use crate::origin_codec;

/// The kind of a ledger row.
const SPAN: i32 = 0;
const DISPUTE: i32 = 1;

/// Reads the coverage of a series.
///
/// One statement reads spans, disputes and claims of one moment, without a transaction.
pub(super) async fn of(conn: &mut PgConnection, series: &Series) -> Result<Coverage, sqlx::Error> {
    let rows = sqlx::query(
        "WITH wanted AS (SELECT id FROM series WHERE venue = $1 AND symbol = $2 AND timeframe = $3)
         SELECT from_ns, to_ns, origin, observed_ns, NULL, NULL, 0 AS kind, 0
           FROM coverage WHERE series = (SELECT id FROM wanted)
         UNION ALL
         SELECT from_ns, to_ns, earlier_origin, earlier_ns, later_origin, later_ns, 1, 0
           FROM disputes WHERE series = (SELECT id FROM wanted)
         UNION ALL
         SELECT from_ns, to_ns, NULL, first_ns, NULL, last_ns, 2, witnesses
           FROM claims WHERE series = (SELECT id FROM wanted)
         ORDER BY kind, from_ns",
    )
    .bind(series.symbol.venue().as_str())
    .bind(series.symbol.code())
    .bind(series.timeframe.as_str())
    .fetch_all(conn)
    .await?;
    let mut known = Coverage::empty();
    for row in &rows {
        add(&mut known, row)?;
    }
    Ok(known)
}

/// Adds the content of one row.
fn add(known: &mut Coverage, row: &PgRow) -> Result<(), sqlx::Error> {
    let range = range(row)?;
    match row.try_get::<i32, _>(6)? {
        SPAN => known.insert(span(row)?),
        DISPUTE => {
            known.add_dispute(Dispute { range, earlier: provenance(row, 2)?, later: provenance(row, 4)? });
        }
        _ => {
            let witnesses = u8::try_from(row.try_get::<i32, _>(7)?).unwrap_or(u8::MAX);
            known.add_claim(AbsenceClaim {
                range,
                observations: witnesses,
                first_asked_at: time(row, 3)?,
                last_asked_at: time(row, 5)?,
            });
        }
    }
    Ok(())
}

/// Replaces the ledger content `known` by `grown`. Must be called under the lock of the series.
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
    insert_disputes(conn, series, &new).await?;
    let start = |claim: &AbsenceClaim| claim.range.from();
    let gone = without(known.claims(), grown.claims(), start).map(|claim| claim.range).collect();
    delete(conn, "DELETE FROM claims WHERE series = $1 AND from_ns = ANY($2)", series, gone).await?;
    let new: Vec<_> = without(grown.claims(), known.claims(), start).copied().collect();
    insert_claims(conn, series, &new).await
}

/// Returns those of `these` that are not, exactly so, in `sorted`.
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
    let origins = spans
        .iter()
        .map(|span| origin_codec::encode(span.provenance.origin))
        .collect::<Result<Vec<_>, _>>()?;
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
                .bind(said.map(|said| origin_codec::encode(said.origin)).transpose()?)
                .bind(said.map(|said| said.observed_at.as_nanos()));
        }
        insert.execute(&mut *conn).await?;
    }
    Ok(())
}

async fn insert_claims(
    conn: &mut PgConnection,
    series: i32,
    claims: &[AbsenceClaim],
) -> Result<(), sqlx::Error> {
    for AbsenceClaim { range, observations: witnesses, first_asked_at: first, last_asked_at: last } in claims
    {
        sqlx::query("INSERT INTO claims VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(series)
            .bind(range.from().as_nanos())
            .bind(range.to().as_nanos())
            .bind(i32::from(*witnesses))
            .bind(first.as_nanos())
            .bind(last.as_nanos())
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

/// Reads a span from the first four columns.
pub(super) fn span(row: &PgRow) -> Result<Span, sqlx::Error> {
    let missing = || sqlx::Error::ColumnNotFound("origin".to_owned());
    Ok(Span { range: range(row)?, provenance: provenance(row, 2)?.ok_or_else(missing)? })
}

/// Reads a range from the first two columns.
pub(super) fn range(row: &PgRow) -> Result<TimeRange, sqlx::Error> {
    TimeRange::new(time(row, 0)?, time(row, 1)?).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn time(row: &PgRow, column: usize) -> Result<Timestamp, sqlx::Error> {
    row.try_get(column).map(Timestamp::from_nanos)
}

/// Reads the provenance from two columns, both of which may be empty.
fn provenance(row: &PgRow, column: usize) -> Result<Option<Provenance>, sqlx::Error> {
    let word: Option<&str> = row.try_get(column)?;
    let Some(word) = word else { return Ok(None) };
    Ok(Some(Provenance { origin: origin_codec::decode(word)?, observed_at: time(row, column + 1)? }))
}
