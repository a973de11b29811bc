//! The claims that the ledger passes on with a query: what replies have already said about its range.

use market_backbone_core::{CandleQuery, Coverage, PriorClaims, Selection, StoreError, TimeRange, Timestamp};

use super::StoredSource;

/// Returns the claims for `question`: those of this ledger, and those that a nearer one has passed on.
pub(super) async fn of(
    source: &StoredSource,
    known: &Coverage,
    question: &CandleQuery,
    nearer: &PriorClaims,
) -> Result<PriorClaims, StoreError> {
    let (from, to) = match question.selection() {
        Selection::Range(range) => (range.from(), range.to()),
        Selection::Last { before, floor, .. } => (floor, before.unwrap_or(Timestamp::MAX)),
    };
    let mut heard = Coverage::empty();
    let Ok(asked) = TimeRange::new(from, to) else { return Ok(nearer.clone()) };
    for claim in known.claims().iter().chain(&nearer.claims) {
        if claim.range.intersect(asked).is_some() && !claim.is_uncertain() {
            heard.add_claim(*claim);
        }
    }
    let claims = heard.claims().to_vec();
    if claims.is_empty() || nearer.has_rows {
        return Ok(PriorClaims { claims, has_rows: nearer.has_rows });
    }
    let older = TimeRange::new(Timestamp::MIN, to);
    let has_rows = match older {
        Ok(older) => source.has_rows(&question.series, older).await?,
        Err(_) => false,
    };
    Ok(PriorClaims { claims, has_rows })
}
