//! Two stores in a row: what one process has fetched, the others find in the shared store.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    CandleQuery, CandleSource, CandleStore, Coverage, FetchStats, Grid, ManualClock, SourceErrorKind,
};
use market_backbone_storage::{MemoryStore, StoredSource};
use market_backbone_testkit::{HookedStore, StoreCall};

use crate::material::{candle, candles, everything, minute, minutes, proof, series};
use crate::model::{DENSE, Habits, Model};

const NOW: i64 = 28_000_000;

/// A worker: a store of its own before the shared one, and the venue behind.
struct Worker {
    own: Arc<dyn CandleStore>,
    venue: Model,
    source: StoredSource,
}

fn worker(shared: &Arc<dyn CandleStore>, habits: Habits) -> Worker {
    let clock = Arc::new(ManualClock::new(minute(NOW).plus(Duration::from_secs(20))));
    let own: Arc<dyn CandleStore> = Arc::new(MemoryStore::new());
    let venue = Model::new(habits, Arc::clone(&clock), Arc::clone(shared));
    let upstream = Arc::new(venue.clone());
    let behind = StoredSource::new(Arc::clone(shared), upstream, Arc::clone(&clock) as _, Grid::Utc).shared();
    let source = StoredSource::new(Arc::clone(&own), Arc::new(behind), clock, Grid::Utc);
    Worker { own, venue, source }
}

fn last(count: usize) -> CandleQuery {
    CandleQuery::last(series("KRW-BTC"), count).unwrap().closed()
}

/// The rules below, with a store that all workers share.
async fn check(shared: Arc<dyn CandleStore>) {
    what_one_has_asked_the_other_finds(&shared).await;
    only_what_nobody_has_is_asked(&shared).await;
    what_is_empty_is_shared_too(&shared).await;
}

async fn what_one_has_asked_the_other_finds(shared: &Arc<dyn CandleStore>) {
    let (first, second) = (worker(shared, DENSE), worker(shared, DENSE));
    let served = first.source.candles(last(1_000)).await.unwrap().stats;
    assert_eq!((served.venue_rows, served.shared_rows), (1_000, 0));

    let set = second.source.candles(last(1_000)).await.unwrap();
    assert_eq!(set.candles, candles(NOW - 1_000, NOW));
    assert_eq!(set.stats, FetchStats { shared_rows: 1_000, ..FetchStats::default() });
    assert_eq!(second.venue.asked(), []);
    let (known, of_all) = (known(&second.own).await, known(shared).await);
    assert_eq!(known, of_all, "who proved it and when is kept");
    assert_eq!(set.coverage, of_all);

    let served = second.source.candles(last(1_000)).await.unwrap().stats;
    assert_eq!(served, FetchStats { memory_rows: 1_000, ..FetchStats::default() }, "it is near now");
}

async fn only_what_nobody_has_is_asked(shared: &Arc<dyn CandleStore>) {
    let third = worker(shared, DENSE);
    let btc = series("KRW-BTC");
    third.own.commit(&btc, &candles(NOW - 100, NOW), &proof(NOW - 100, NOW)).await.unwrap();
    let set = third.source.candles(last(1_200)).await.unwrap();
    let served = set.stats;
    assert_eq!((served.memory_rows, served.shared_rows, served.venue_rows), (100, 900, 200));
    assert_eq!(set.candles, candles(NOW - 1_200, NOW));
    assert_eq!(third.venue.asked_again(), []);
    assert_eq!(known(shared).await.ranges(), [minutes(NOW - 1_200, NOW)]);
}

async fn what_is_empty_is_shared_too(shared: &Arc<dyn CandleStore>) {
    let thin = Habits { density: 3, ..DENSE };
    let eth = series("KRW-ETH");
    let query = CandleQuery::within(eth.clone(), minutes(NOW - 500, NOW));
    let (first, second) = (worker(shared, thin), worker(shared, thin));
    let rows = first.source.candles(query.clone()).await.unwrap().candles;
    let set = second.source.candles(query).await.unwrap();
    assert_eq!(set.candles, rows);
    assert_eq!(set.coverage.ranges(), [minutes(NOW - 500, NOW)]);
    assert_eq!(second.venue.asked(), []);
}

async fn known(store: &Arc<dyn CandleStore>) -> Coverage {
    store.coverage(&series("KRW-BTC")).await.unwrap()
}

#[tokio::test]
async fn a_fleet_asks_once_over_a_store_in_memory() {
    check(Arc::new(MemoryStore::new())).await;
}

#[tokio::test]
async fn a_fleet_asks_once_over_postgres() {
    let Some(store) = crate::postgres::store().await else { return };
    check(Arc::new(store)).await;
}

#[tokio::test]
async fn while_the_shared_store_is_away_what_is_near_is_served_and_nothing_else_is_asked() {
    let Some(store) = crate::postgres::store().await else { return };
    let shared: Arc<dyn CandleStore> = Arc::new(store);
    let worker = worker(&shared, DENSE);
    worker.source.candles(last(100)).await.unwrap();
    worker.venue.asked();
    shared.close().await;
    assert_eq!(worker.source.candles(last(100)).await.unwrap().candles.last(), Some(candle(NOW - 1)));
    let error = worker.source.candles(last(200)).await.unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Store);
    assert_eq!(worker.venue.asked(), []);
}

/// A store of which somebody else removes everything while it is read.
fn emptied() -> Arc<dyn CandleStore> {
    let store = Arc::new(MemoryStore::new());
    let behind = Arc::clone(&store);
    Arc::new(HookedStore::new(store, move |call| {
        let behind = Arc::clone(&behind);
        async move {
            match call {
                StoreCall::Read => behind.forget(&series("KRW-BTC"), everything()).await,
                _ => Ok(()),
            }
        }
    }))
}

#[tokio::test]
async fn what_is_forgotten_while_it_is_read_is_not_called_empty() {
    let shared = emptied();
    let btc = series("KRW-BTC");
    shared.commit(&btc, &candles(NOW - 100, NOW), &proof(NOW - 100, NOW)).await.unwrap();
    let worker = worker(&shared, DENSE);
    let set = worker.source.candles(CandleQuery::within(btc, minutes(NOW - 100, NOW))).await.unwrap();
    // It was left a hole before; now it is asked for again.
    let asked = vec![minutes(NOW - 100, NOW)];
    assert_eq!((set.candles.len(), set.coverage.ranges()), (100, asked.clone()));
    assert_eq!((set.stats.shared_rows, worker.venue.asked().len()), (0, 1), "the venue, once");
    assert_eq!(known(&worker.own).await.ranges(), asked, "as the venue has it");
}
