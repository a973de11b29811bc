//! What only a shared database can get wrong: concurrent writers, unavailable servers, secrets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;
use market_backbone_core::{Candle, CandleStore, Coverage, Origin, StoreErrorKind, Timestamp};
use market_backbone_storage::{PostgresConfig, PostgresStore};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::material::{candle, candles, everything, minutes, proof, series};
use crate::postgres_server::{PASSWORD, PostgresServer};
use crate::revisions::proof_by;

/// A schema that nobody uses yet; `None` where there is no server.
pub(crate) fn fresh() -> Option<PostgresConfig> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let config = PostgresConfig::parse(&PostgresServer::shared()?.url()).unwrap();
    Some(config.schema(format!("fresh_{}", COUNT.fetch_add(1, Ordering::Relaxed))))
}

/// An empty store; `None` where there is no server.
pub(crate) async fn store() -> Option<PostgresStore> {
    Some(PostgresStore::connect(fresh()?).await.unwrap())
}

#[tokio::test]
async fn workers_that_begin_together_make_the_tables_once() {
    let Some(config) = fresh() else { return };
    let connected = join_all((0..6).map(|_| PostgresStore::connect(config.clone()))).await;
    for store in connected {
        let store = store.unwrap();
        assert_eq!(store.series().await.unwrap(), []);
        store.close().await;
    }
}

#[tokio::test]
async fn workers_that_write_at_once_lose_nothing_of_each_others() {
    let Some(config) = fresh() else { return };
    let (workers, pieces, rows) = (4, 10, 20);
    let mut tasks = JoinSet::new();
    for worker in 0..workers {
        let store = PostgresStore::connect(config.clone()).await.unwrap();
        tasks.spawn(async move {
            for piece in 0..pieces {
                // Each takes every fourth piece, and all of them the first.
                for from in [(piece * workers + worker) * rows, 0] {
                    let (rows, proof) = (candles(from, from + rows), proof(from, from + rows));
                    store.commit(&series("KRW-BTC"), &rows, &proof).await.unwrap();
                }
            }
            store.close().await;
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let store = PostgresStore::connect(config).await.unwrap();
    let end = workers * pieces * rows;
    assert_eq!(store.coverage(&series("KRW-BTC")).await.unwrap(), proof(0, end));
    let read = store.read(&series("KRW-BTC"), everything(), usize::MAX).await.unwrap();
    assert_eq!(read.candles, candles(0, end));
}

#[tokio::test]
async fn what_is_copied_in_bulk_is_read_to_the_last_bit() {
    let Some(store) = store().await else { return };
    let btc = series("KRW-BTC");
    let end = 60_000; // more than one COPY
    store.commit(&btc, &candles(0, end), &proof(0, end)).await.unwrap();
    // Bulk again, now over rows that are there.
    store.commit(&btc, &candles(end - 2_000, end + 2_000), &proof(end - 2_000, end + 2_000)).await.unwrap();
    let read = store.read(&btc, everything(), usize::MAX).await.unwrap();
    assert_eq!(read.candles, candles(0, end + 2_000));
    assert_eq!(store.coverage(&btc).await.unwrap().ranges(), [minutes(0, end + 2_000)]);
}

#[tokio::test]
async fn a_commit_that_fails_at_its_end_leaves_nothing() {
    let Some(config) = fresh() else { return };
    let store = PostgresStore::connect(config.clone()).await.unwrap();
    execute(&config, "ALTER TABLE coverage ADD CHECK (to_ns < 6000000000000)").await; // minute 100
    let btc = series("KRW-BTC");
    for end in [150, 2_000] {
        let error = store.commit(&btc, &candles(0, end), &proof(0, end)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Database);
    }
    assert_eq!(store.coverage(&btc).await.unwrap(), Coverage::empty());
    assert_eq!(store.read(&btc, everything(), 9).await.unwrap().candles, []);
    store.commit(&btc, &candles(0, 50), &proof(0, 50)).await.unwrap();
    assert_eq!(store.coverage(&btc).await.unwrap(), proof(0, 50));
}

#[tokio::test]
async fn a_commit_that_is_given_up_holds_nobody_up() {
    let Some(config) = fresh() else { return };
    let (hasty, patient) = (connect(&config).await, connect(&config).await);
    let btc = series("KRW-BTC");
    let (rows, claim) = (candles(0, 3_000), proof(0, 3_000));
    for patience in 0..40 {
        let _ = timeout(Duration::from_micros(patience * 300), hasty.commit(&btc, &rows, &claim)).await;
    }
    patient.commit(&btc, &[candle(5_000)], &proof(5_000, 5_001)).await.unwrap();
    let known = patient.coverage(&btc).await.unwrap();
    let rows = patient.read(&btc, minutes(0, 3_000), usize::MAX).await.unwrap().candles.len();
    assert!([0, 3_000].contains(&rows), "half of a commit: {rows} rows");
    assert_eq!(rows > 0, known.covers(minutes(0, 3_000)));
    hasty.commit(&btc, &[candle(6_000)], &proof(6_000, 6_001)).await.unwrap();
}

#[tokio::test]
async fn tables_of_the_first_version_learn_of_earlier_versions_of_rows() {
    let Some(config) = fresh() else { return };
    let (store, btc) = (connect(&config).await, series("KRW-BTC"));
    store.commit(&btc, &candles(0, 5), &proof(0, 5)).await.unwrap();
    store.close().await;
    execute(&config, "DROP TABLE revisions; DELETE FROM schema_version WHERE version = 2").await;
    let (store, later) = (connect(&config).await, proof_by(Origin::Rest, 3, 4, 1_700_000_060));
    let correction = Candle { close: candle(3).low, ..candle(3) };
    store.commit(&btc, &[correction], &later).await.unwrap();
    let before = store.read_as_of(&btc, everything(), 9, Timestamp::from_secs(1_700_000_059)).await.unwrap();
    assert_eq!(before.candles, candles(0, 5));
    assert_eq!(store.read(&btc, minutes(3, 4), 9).await.unwrap().candles, [correction]);
}

#[tokio::test]
async fn tables_of_a_newer_version_are_left_alone() {
    let Some(config) = fresh() else { return };
    connect(&config).await.close().await;
    execute(&config, "INSERT INTO schema_version (version) VALUES (99)").await;
    let error = PostgresStore::connect(config).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::TooNew);
    assert!(error.to_string().contains("99"), "{error}");
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let Some(store) = store().await else { return };
    store.close().await;
    let btc = series("KRW-BTC");
    assert_eq!(store.coverage(&btc).await.unwrap_err().kind(), StoreErrorKind::Closed);
    assert_eq!(store.commit(&btc, &[], &proof(0, 1)).await.unwrap_err().kind(), StoreErrorKind::Closed);
}

#[tokio::test]
async fn the_password_lets_in_and_is_in_no_error() {
    let Some(server) = PostgresServer::shared() else { return };
    let connect = async |password: &str| {
        let config = PostgresConfig::parse(&server.tcp_url(password))?;
        PostgresStore::connect(config.schema("secret".to_owned())).await
    };
    let store = connect(PASSWORD).await.unwrap();
    assert!(!format!("{store:?}").contains(PASSWORD));
    store.close().await;
    let error = connect("not-the-horse").await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Inaccessible);
    assert!(error.to_string().contains("check user, password"), "{error}");
    assert!(!format!("{error} {error:?}").contains("not-the-horse"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_at_once() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let config = PostgresConfig::parse(&format!("postgres://bob:s3cret@{free}/market")).unwrap();
    let error = PostgresStore::connect(config).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Inaccessible);
    let text = format!("{error} {error:?}");
    assert!(text.contains(&format!("postgres://bob@{free}/market")) && !text.contains("s3cret"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_waited_for_no_longer_than_the_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let config = PostgresConfig::parse(&format!("postgres://bob@{address}/market")).unwrap();
    let error = PostgresStore::connect(config).await.unwrap_err();
    assert!(error.to_string().contains("did not answer in time"), "{error}");
}

async fn connect(config: &PostgresConfig) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::connect(config.clone()).await.unwrap())
}

/// Does something to the tables behind the store's back.
pub(crate) async fn execute(config: &PostgresConfig, sql: &'static str) {
    use sqlx::Connection;
    let server = PostgresServer::shared().unwrap();
    let mut conn = sqlx::PgConnection::connect(&server.url()).await.unwrap();
    let here = format!("SET search_path TO {}", config.get_schema());
    sqlx::raw_sql(sqlx::AssertSqlSafe(here)).execute(&mut conn).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
}
