//! The ledger on disk: which stretches of which series are known, written in the transaction of their rows.

use market_backbone_core::{Coverage, Origin, Provenance, Span, TimeRange, Timestamp};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::ledger;

/// What is known of the series named `label`.
pub(super) async fn load(conn: &mut SqliteConnection, label: &str) -> Result<Coverage, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT from_ns, to_ns, origin, observed_ns FROM coverage WHERE series = ?1 ORDER BY from_ns",
    )
    .bind(label)
    .fetch_all(conn)
    .await?;
    rows.iter().map(span).collect()
}

/// Adds proofs to what is known, inside the caller's write transaction, and says what is known now.
///
/// What was known is read here and not taken from a cache: only the transaction makes sure that
/// nobody has changed it since.
pub(super) async fn add(
    conn: &mut SqliteConnection,
    label: &str,
    proof: &Coverage,
) -> Result<Coverage, sqlx::Error> {
    let known = load(conn, label).await?;
    let grown = ledger::grow(&known, proof);
    for gone in known.spans().iter().filter(|span| !grown.spans().contains(span)) {
        sqlx::query("DELETE FROM coverage WHERE series = ?1 AND from_ns = ?2")
            .bind(label)
            .bind(gone.range.from().as_nanos())
            .execute(&mut *conn)
            .await?;
    }
    for new in grown.spans().iter().filter(|span| !known.spans().contains(span)) {
        sqlx::query(
            "INSERT INTO coverage (series, from_ns, to_ns, origin, observed_ns) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .bind(label)
        .bind(new.range.from().as_nanos())
        .bind(new.range.to().as_nanos())
        .bind(spelling(new.provenance.origin)?)
        .bind(new.provenance.observed_at.as_nanos())
        .execute(&mut *conn)
        .await?;
    }
    Ok(grown)
}

fn span(row: &SqliteRow) -> Result<Span, sqlx::Error> {
    let time = |column: usize| row.try_get_unchecked::<i64, _>(column).map(Timestamp::from_nanos);
    let range = TimeRange::new(time(0)?, time(1)?).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    let provenance = Provenance { origin: origin(row.try_get_unchecked(2)?)?, observed_at: time(3)? };
    Ok(Span { range, provenance })
}

fn spelling(origin: Origin) -> Result<&'static str, sqlx::Error> {
    match origin {
        Origin::Rest => Ok("rest"),
        Origin::Socket => Ok("socket"),
        Origin::Import => Ok("import"),
        unknown => Err(sqlx::Error::Protocol(format!("the ledger has no word for {unknown:?}"))),
    }
}

fn origin(word: &str) -> Result<Origin, sqlx::Error> {
    match word {
        "rest" => Ok(Origin::Rest),
        "socket" => Ok(Origin::Socket),
        "import" => Ok(Origin::Import),
        unknown => Err(sqlx::Error::Protocol(format!("the ledger says `{unknown}`, which means nothing"))),
    }
}
