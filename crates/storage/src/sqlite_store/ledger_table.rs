//! The ledger on disk: the coverage and the disputes of each series, written in the transaction of their
//! rows.

use market_backbone_core::{AbsenceClaim, Coverage, Dispute, Provenance, Span, TimeRange, Timestamp};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::origin_codec;

/// Reads the coverage of the series named `label`.
pub(super) async fn load(conn: &mut SqliteConnection, label: &str) -> Result<Coverage, sqlx::Error> {
    let spans = sqlx::query(
        "SELECT from_ns, to_ns, origin, observed_ns FROM coverage WHERE series = ?1 ORDER BY from_ns",
    )
    .bind(label)
    .fetch_all(&mut *conn)
    .await?;
    let mut known = spans.iter().map(span).collect::<Result<Coverage, _>>()?;
    let disputes = sqlx::query(
        "SELECT from_ns, to_ns, earlier_origin, earlier_ns, later_origin, later_ns \
         FROM dispute WHERE series = ?1 ORDER BY from_ns",
    )
    .bind(label)
    .fetch_all(&mut *conn)
    .await?;
    for row in &disputes {
        known.add_dispute(dispute(row)?);
    }
    let claims = sqlx::query(
        "SELECT from_ns, to_ns, witnesses, first_ns, last_ns FROM claim WHERE series = ?1 ORDER BY from_ns",
    )
    .bind(label)
    .fetch_all(&mut *conn)
    .await?;
    for row in &claims {
        known.add_claim(claim(row)?);
    }
    Ok(known)
}

/// Deletes the whole ledger of the series named `label`, readable or not.
pub(super) async fn delete_all(conn: &mut SqliteConnection, label: &str) -> Result<(), sqlx::Error> {
    for sql in [
        "DELETE FROM coverage WHERE series = ?1",
        "DELETE FROM dispute WHERE series = ?1",
        "DELETE FROM claim WHERE series = ?1",
    ] {
        sqlx::query(sql).bind(label).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Returns the ranges that were accepted when one reply was enough, oldest first.
pub(super) async fn lone_witnesses(
    conn: &mut SqliteConnection,
    label: &str,
) -> Result<Vec<TimeRange>, sqlx::Error> {
    let all = sqlx::query("SELECT from_ns, to_ns FROM lone_witness WHERE series = ?1 ORDER BY from_ns")
        .bind(label)
        .fetch_all(conn)
        .await?;
    all.iter().map(range).collect()
}

/// Removes `gone`, which has been forgotten or checked again, from that list.
pub(super) async fn clear_lone_witnesses(
    conn: &mut SqliteConnection,
    label: &str,
    gone: TimeRange,
) -> Result<(), sqlx::Error> {
    for old in lone_witnesses(conn, label).await? {
        if old.intersect(gone).is_none() {
            continue;
        }
        delete(conn, "DELETE FROM lone_witness WHERE series = ?1 AND from_ns = ?2", label, old).await?;
        let older = TimeRange::new(old.from(), old.to().min(gone.from()));
        let newer = TimeRange::new(old.from().max(gone.to()), old.to());
        for left in [older, newer].into_iter().flatten() {
            sqlx::query("INSERT INTO lone_witness (series, from_ns, to_ns) VALUES (?1, ?2, ?3)")
                .bind(label)
                .bind(left.from().as_nanos())
                .bind(left.to().as_nanos())
                .execute(&mut *conn)
                .await?;
        }
    }
    Ok(())
}

/// Returns the names of the series with coverage.
pub(super) async fn labels(conn: &mut SqliteConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT series FROM coverage UNION SELECT series FROM claim").fetch_all(conn).await
}

/// Replaces the ledger content `known` by `grown`, inside the caller's write transaction.
pub(super) async fn replace(
    conn: &mut SqliteConnection,
    label: &str,
    known: &Coverage,
    grown: &Coverage,
) -> Result<(), sqlx::Error> {
    let from = |span: &Span| span.range.from();
    for gone in known.spans().iter().filter(|span| !contains_exact(grown.spans(), span, from)) {
        delete(conn, "DELETE FROM coverage WHERE series = ?1 AND from_ns = ?2", label, gone.range).await?;
    }
    for new in grown.spans().iter().filter(|span| !contains_exact(known.spans(), span, from)) {
        add_span(conn, label, new).await?;
    }
    let from = |dispute: &Dispute| dispute.range.from();
    for gone in known.disputes().iter().filter(|dispute| !contains_exact(grown.disputes(), dispute, from)) {
        delete(conn, "DELETE FROM dispute WHERE series = ?1 AND from_ns = ?2", label, gone.range).await?;
    }
    for new in grown.disputes().iter().filter(|dispute| !contains_exact(known.disputes(), dispute, from)) {
        add_dispute(conn, label, new).await?;
    }
    let from = |claim: &AbsenceClaim| claim.range.from();
    for gone in known.claims().iter().filter(|claim| !contains_exact(grown.claims(), claim, from)) {
        delete(conn, "DELETE FROM claim WHERE series = ?1 AND from_ns = ?2", label, gone.range).await?;
    }
    for new in grown.claims().iter().filter(|claim| !contains_exact(known.claims(), claim, from)) {
        add_claim(conn, label, new).await?;
    }
    Ok(())
}

/// Returns whether `sorted` contains exactly this entry.
fn contains_exact<T: PartialEq>(sorted: &[T], one: &T, from: impl Fn(&T) -> Timestamp) -> bool {
    sorted.binary_search_by_key(&from(one), &from).is_ok_and(|index| sorted[index] == *one)
}

async fn delete(
    conn: &mut SqliteConnection,
    sql: &'static str,
    label: &str,
    range: TimeRange,
) -> Result<(), sqlx::Error> {
    sqlx::query(sql).bind(label).bind(range.from().as_nanos()).execute(conn).await.map(|_| ())
}

async fn add_span(conn: &mut SqliteConnection, label: &str, span: &Span) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO coverage (series, from_ns, to_ns, origin, observed_ns) VALUES (?1, ?2, ?3, ?4, ?5)",
    )
    .bind(label)
    .bind(span.range.from().as_nanos())
    .bind(span.range.to().as_nanos())
    .bind(origin_codec::encode(span.provenance.origin)?)
    .bind(span.provenance.observed_at.as_nanos())
    .execute(conn)
    .await
    .map(|_| ())
}

async fn add_dispute(conn: &mut SqliteConnection, label: &str, new: &Dispute) -> Result<(), sqlx::Error> {
    let mut insert = sqlx::query(
        "INSERT INTO dispute (series, from_ns, to_ns, earlier_origin, earlier_ns, later_origin, later_ns) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .bind(label)
    .bind(new.range.from().as_nanos())
    .bind(new.range.to().as_nanos());
    for said in [new.earlier, new.later] {
        insert = insert
            .bind(said.map(|said| origin_codec::encode(said.origin)).transpose()?)
            .bind(said.map(|said| said.observed_at.as_nanos()));
    }
    insert.execute(conn).await.map(|_| ())
}

async fn add_claim(conn: &mut SqliteConnection, label: &str, new: &AbsenceClaim) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO claim (series, from_ns, to_ns, witnesses, first_ns, last_ns) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .bind(label)
    .bind(new.range.from().as_nanos())
    .bind(new.range.to().as_nanos())
    .bind(new.observations)
    .bind(new.first_asked_at.as_nanos())
    .bind(new.last_asked_at.as_nanos())
    .execute(conn)
    .await
    .map(|_| ())
}

fn claim(row: &SqliteRow) -> Result<AbsenceClaim, sqlx::Error> {
    let time = |column: usize| row.try_get_unchecked::<i64, _>(column).map(Timestamp::from_nanos);
    let witnesses: i64 = row.try_get_unchecked(2)?;
    let witnesses = u8::try_from(witnesses).unwrap_or(u8::MAX);
    Ok(AbsenceClaim {
        range: range(row)?,
        observations: witnesses,
        first_asked_at: time(3)?,
        last_asked_at: time(4)?,
    })
}

pub(super) fn span(row: &SqliteRow) -> Result<Span, sqlx::Error> {
    let observed_at = Timestamp::from_nanos(row.try_get_unchecked(3)?);
    let provenance = Provenance { origin: origin_codec::decode(row.try_get_unchecked(2)?)?, observed_at };
    Ok(Span { range: range(row)?, provenance })
}

fn dispute(row: &SqliteRow) -> Result<Dispute, sqlx::Error> {
    let said = |column: usize| {
        let word = row.try_get_unchecked::<Option<&str>, _>(column)?;
        let at = row.try_get_unchecked::<Option<i64>, _>(column + 1)?.map(Timestamp::from_nanos);
        let origin = word.map(origin_codec::decode).transpose()?;
        Ok::<_, sqlx::Error>(origin.zip(at).map(|(origin, observed_at)| Provenance { origin, observed_at }))
    };
    Ok(Dispute { range: range(row)?, earlier: said(2)?, later: said(4)? })
}

/// Reads a range from the first two columns.
fn range(row: &SqliteRow) -> Result<TimeRange, sqlx::Error> {
    let time = |column: usize| row.try_get_unchecked::<i64, _>(column).map(Timestamp::from_nanos);
    TimeRange::new(time(0)?, time(1)?).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
