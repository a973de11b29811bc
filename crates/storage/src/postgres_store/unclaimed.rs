//! Series that were written when sources were not kept apart, and the claim that assigns them to a source.

use std::collections::BTreeSet;

use market_backbone_core::VenueId;
use sqlx::postgres::PgConnection;

/// The outcome of a claim.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClaimOutcome {
    /// The series now belong to the source.
    Done,
    /// The series needed no claim.
    NotUnclaimed,
    /// The other source has series already.
    Taken,
}

/// Returns the sources with unclaimed series.
pub(super) async fn all(conn: &mut PgConnection) -> Result<BTreeSet<VenueId>, sqlx::Error> {
    let names: Vec<String> = sqlx::query_scalar("SELECT venue FROM unclaimed").fetch_all(conn).await?;
    Ok(names.iter().map(|name| VenueId::intern(name)).collect())
}

/// Assigns the series of `claimed` to `source`, inside the caller's transaction, which is rolled back unless
/// this returns [`Done`](ClaimOutcome::Done).
pub(super) async fn claim(
    conn: &mut PgConnection,
    claimed: VenueId,
    source: VenueId,
) -> Result<ClaimOutcome, sqlx::Error> {
    // Two processes that claim the same wait for each other here.
    let asked = sqlx::query("DELETE FROM unclaimed WHERE venue = $1")
        .bind(claimed.as_str())
        .execute(&mut *conn)
        .await?;
    if asked.rows_affected() == 0 {
        return Ok(ClaimOutcome::NotUnclaimed);
    }
    if claimed == source {
        return Ok(ClaimOutcome::Done);
    }
    let taken: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM series WHERE venue = $1)")
        .bind(source.as_str())
        .fetch_one(&mut *conn)
        .await?;
    if taken {
        return Ok(ClaimOutcome::Taken);
    }
    sqlx::query("UPDATE series SET venue = $1 WHERE venue = $2")
        .bind(source.as_str())
        .bind(claimed.as_str())
        .execute(conn)
        .await?;
    Ok(ClaimOutcome::Done)
}
