//! A real Postgres that is stopped, started, stalled, locked or without a free connection, in the middle of
//! work.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use market_backbone_core::{
    CandleQuery, CandleSource, CandleStore, Grid, ManualClock, StoreError, StoreErrorKind,
};
use market_backbone_storage::{MemoryStore, PostgresConfig, PostgresStore, RemoteStore, StoredSource};
use market_backbone_testkit::eventually;
use sqlx::{Connection, PgConnection};

use crate::material::{candles, everything, minute, minutes, proof, series};
use crate::model::{DENSE, Model};
use crate::postgres_server::PostgresServer;

const NOW: i64 = 28_000_000;
/// The deadline for what takes a moment, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(120);

async fn open(server: &PostgresServer) -> Result<Arc<RemoteStore>, StoreError> {
    let config = PostgresConfig::parse(&server.url()).unwrap();
    let name = format!("the database {config}");
    let opener = move || {
        let config = config.clone();
        async move { Ok(Arc::new(PostgresStore::connect(config).await?) as Arc<dyn CandleStore>) }.boxed()
    };
    RemoteStore::open(name, opener).await.map(Arc::new)
}

/// A worker with memory of its own before the database, and a model venue behind.
fn worker(far: &Arc<RemoteStore>) -> StoredSource {
    let clock = Arc::new(ManualClock::new(minute(NOW).plus(Duration::from_secs(20))));
    let venue = Model::new(DENSE, Arc::clone(&clock), Arc::new(MemoryStore::new()));
    let behind =
        StoredSource::new(Arc::clone(far) as _, Arc::new(venue), Arc::clone(&clock) as _, Grid::Utc).shared();
    StoredSource::new(Arc::new(MemoryStore::new()), Arc::new(behind), clock, Grid::Utc)
}

async fn ask(source: &StoredSource, count: usize) {
    let query = CandleQuery::last(series("KRW-BTC"), count).unwrap().closed();
    let answer = tokio::time::timeout(PATIENCE, source.candles(query)).await.unwrap().unwrap();
    let from = NOW - count as i64;
    assert_eq!(
        (answer.candles, answer.coverage.ranges()),
        (candles(from, NOW).into(), vec![minutes(from, NOW)])
    );
}

async fn until(store: &RemoteStore, is_so: impl Fn(&RemoteStore) -> bool) {
    eventually(|| is_so(store)).await;
}

/// What the database holds of the series, seen by somebody else.
async fn held(server: &PostgresServer) -> usize {
    let store = PostgresStore::connect(PostgresConfig::parse(&server.url()).unwrap()).await.unwrap();
    let rows = store.read(&series("KRW-BTC"), everything(), usize::MAX).await.unwrap().candles.len();
    store.close().await;
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_stopped_and_started_again_is_done_without_and_then_written() {
    let Some(server) = PostgresServer::own(20) else { return };
    let store = open(&server).await.unwrap();
    let source = worker(&store);
    ask(&source, 200).await;
    server.stop();
    ask(&source, 200).await;
    ask(&source, 600).await;
    assert!(store.state().is_unavailable);
    assert_eq!(store.state().backlog_rows, 400);
    server.start_again();
    until(&store, |store| !store.state().is_unavailable && store.state().backlog_rows == 0).await;
    assert_eq!(held(&server).await, 600);
    ask(&source, 900).await;
    store.close().await;
    assert_eq!(held(&server).await, 900, "it is in use again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_restarted_between_two_questions_is_used_by_the_second() {
    let Some(server) = PostgresServer::own(20) else { return };
    let store = open(&server).await.unwrap();
    let source = worker(&store);
    ask(&source, 200).await;
    server.stop();
    server.start_again();
    ask(&source, 600).await;
    until(&store, |store| !store.state().is_unavailable && store.state().backlog_rows == 0).await;
    store.close().await;
    assert_eq!(held(&server).await, 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_stalled_is_done_without_until_it_runs_again() {
    let Some(server) = PostgresServer::own(20) else { return };
    let store = open(&server).await.unwrap();
    let source = worker(&store);
    ask(&source, 200).await;
    server.stall();
    ask(&source, 600).await;
    assert!(store.state().is_unavailable);
    server.resume();
    until(&store, |store| !store.state().is_unavailable && store.state().backlog_rows == 0).await;
    store.close().await;
    assert_eq!(held(&server).await, 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_somebody_holds_locked_delays_only_what_is_written_to_it() {
    let Some(server) = PostgresServer::own(20) else { return };
    let store = open(&server).await.unwrap();
    let source = worker(&store);
    ask(&source, 200).await;
    let mut holder = PgConnection::connect(&server.url()).await.unwrap();
    let lock = "BEGIN; SELECT * FROM market_backbone.series FOR UPDATE";
    sqlx::raw_sql(lock).execute(&mut holder).await.unwrap();
    ask(&source, 600).await;
    // Others read meanwhile, and waiting writers do not block them.
    assert_eq!((held(&server).await, store.state().backlog_rows), (200, 400));
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.unwrap();
    until(&store, |store| store.state().backlog_rows == 0).await;
    assert_eq!(held(&server).await, 600);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_a_free_connection_is_done_without() {
    let Some(server) = PostgresServer::own(8) else { return };
    let mut taken = Vec::new();
    while let Ok(conn) = PgConnection::connect(&server.url()).await {
        taken.push(conn);
    }
    let refused = PostgresStore::connect(PostgresConfig::parse(&server.url()).unwrap()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.is_transient()), (StoreErrorKind::Inaccessible, true));
    assert!(refused.to_string().contains("no free connection"), "{refused}");

    let store = open(&server).await.unwrap();
    let source = worker(&store);
    ask(&source, 300).await;
    assert_eq!((store.state().is_unavailable, store.state().backlog_rows), (true, 300));
    drop(taken);
    until(&store, |store| !store.state().is_unavailable && store.state().backlog_rows == 0).await;
    store.close().await;
    assert_eq!(held(&server).await, 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_deleted_by_hand_while_it_is_in_use_are_fetched_again_into_both_tiers() {
    let Some(server) = PostgresServer::own(20) else { return };
    let store = open(&server).await.unwrap();
    store.commit(&series("KRW-BTC"), &candles(NOW - 600, NOW), &proof(NOW - 600, NOW)).await.unwrap();
    server.sql("DELETE FROM market_backbone.candles WHERE open_ms % 420000 = 0");
    assert!(held(&server).await < 600);
    ask(&worker(&store), 600).await;
    store.close().await;
    assert_eq!(held(&server).await, 600);
}
