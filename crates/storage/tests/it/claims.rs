//! The claims that go with a query: what replies have left out before, in this ledger and in nearer ones.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    AbsenceClaim, CandleQuery, CandleSource, CandleStore, Coverage, Grid, ManualClock, PriorClaims,
};
use market_backbone_storage::{MemoryStore, StoredSource};

use crate::material::{candles, minute, minutes, proof, series};
use crate::model::{DENSE, Model};

const NOW: i64 = 28_000_000;

fn claims(claims: &[AbsenceClaim]) -> Coverage {
    let mut coverage = Coverage::empty();
    claims.iter().for_each(|claim| coverage.add_claim(*claim));
    coverage
}

/// A near store that holds `near` and a shared one that holds `shared`, and what the venue is told with a question.
async fn claims_passed_on(near: &Coverage, shared: &Coverage) -> PriorClaims {
    let clock = Arc::new(ManualClock::new(minute(NOW).plus(Duration::from_secs(20))));
    let stores: [Arc<dyn CandleStore>; 2] = [Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new())];
    for (store, held) in stores.iter().zip([near, shared]) {
        store.commit(&series("KRW-BTC"), &[], held).await.unwrap();
    }
    let venue = Model::new(DENSE, Arc::clone(&clock), Arc::new(MemoryStore::new()));
    let [own, behind] = stores;
    let behind = StoredSource::new(behind, Arc::new(venue.clone()), Arc::clone(&clock) as _, Grid::Utc);
    let source = StoredSource::new(own, Arc::new(behind.shared()), clock, Grid::Utc);
    let query = CandleQuery::within(series("KRW-BTC"), minutes(NOW - 60, NOW)).closed();
    source.candles(query).await.unwrap();
    let mut asked = venue.asked();
    assert_eq!(asked.len(), 1);
    asked.remove(0).prior_claims
}

#[tokio::test]
async fn claims_of_the_stretch_reach_the_venue_through_every_tier_and_others_do_not() {
    let nearer = AbsenceClaim::of(minutes(NOW - 20, NOW - 10), minute(NOW - 9));
    let elsewhere = AbsenceClaim::of(minutes(NOW - 200, NOW - 190), minute(NOW - 9));
    let farther = AbsenceClaim::of(minutes(NOW - 15, NOW - 5), minute(NOW - 4));
    let told = claims_passed_on(&claims(&[elsewhere, nearer]), &claims(&[farther])).await;
    let heard: Vec<_> = told.claims.iter().map(|claim| (claim.range, claim.observations)).collect();
    let expected =
        [(minutes(NOW - 20, NOW - 15), 1), (minutes(NOW - 15, NOW - 10), 2), (minutes(NOW - 10, NOW - 5), 1)];
    assert_eq!((heard.as_slice(), told.has_rows), (expected.as_slice(), false));
}

#[tokio::test]
async fn the_same_answer_in_two_coverages_is_one_witness() {
    let claim = claims(&[AbsenceClaim::of(minutes(NOW - 20, NOW - 10), minute(NOW - 9))]);
    assert_eq!(claims_passed_on(&claim, &claim).await.claims, claim.claims());
}

#[tokio::test]
async fn it_is_reported_whether_any_row_is_known() {
    let clock = Arc::new(ManualClock::new(minute(NOW).plus(Duration::from_secs(20))));
    let store: Arc<dyn CandleStore> = Arc::new(MemoryStore::new());
    let btc = series("KRW-BTC");
    let known = proof(NOW - 100, NOW - 60);
    store.commit(&btc, &candles(NOW - 100, NOW - 60), &known).await.unwrap();
    let claim = AbsenceClaim::of(minutes(NOW - 60, NOW - 50), minute(NOW - 49));
    store.commit(&btc, &[], &claims(&[claim])).await.unwrap();
    let venue = Model::new(DENSE, Arc::clone(&clock), Arc::clone(&store));
    let source = StoredSource::new(store, Arc::new(venue.clone()), clock, Grid::Utc);
    source.candles(CandleQuery::within(btc, minutes(NOW - 100, NOW)).closed()).await.unwrap();
    let told = PriorClaims { claims: vec![claim], has_rows: true };
    assert_eq!(venue.asked().remove(0).prior_claims, told);
}
