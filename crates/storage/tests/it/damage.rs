//! Files that are broken, newer or somebody else's: named, left alone, and no harm to the others.

use std::fs;
use std::path::{Path, PathBuf};

use market_backbone_core::{CandleStore, StoreErrorKind};
use market_backbone_storage::{SqliteStore, StoreConfig};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::material::{candles, everything, proof, series};

const KEPT: i64 = 5_000;

/// A folder with KRW-BTC in the first shard and KRW-ETH in the second.
async fn two_shards(dir: &Path) -> (StoreConfig, PathBuf) {
    let config = StoreConfig { tables_per_shard: 1, ..StoreConfig::new(dir) };
    let store = SqliteStore::open(config.clone()).await.unwrap();
    for code in ["KRW-BTC", "KRW-ETH"] {
        store.commit(&series(code), &candles(0, KEPT), &proof(0, KEPT)).await.unwrap();
    }
    store.close().await;
    (config, dir.join("upbit/shard-0000.db"))
}

/// KRW-BTC fails in this way, and names its file; KRW-ETH is as it was.
async fn check(config: StoreConfig, file: &Path, kind: StoreErrorKind, word: &str) {
    let before = fs::read(file).unwrap();
    let store = SqliteStore::open(config).await.unwrap();
    let read = store.read(&series("KRW-BTC"), everything(), usize::MAX).await;
    let written = store.commit(&series("KRW-BTC"), &candles(0, KEPT), &proof(0, KEPT)).await;
    for error in [read.unwrap_err(), written.unwrap_err()] {
        let text = error.to_string();
        assert_eq!(error.kind(), kind, "{text}");
        assert!(text.contains("shard-0000.db") && text.contains(word), "{text}");
    }
    let eth = series("KRW-ETH");
    assert_eq!(store.read(&eth, everything(), usize::MAX).await.unwrap().candles, candles(0, KEPT));
    store.commit(&eth, &candles(KEPT, KEPT + 1), &proof(KEPT, KEPT + 1)).await.unwrap();
    store.close().await;
    assert!(fs::read(file).unwrap() == before, "a file that is not sound, or not ours, is left as it is");
}

async fn change(file: &Path, sql: &'static str) {
    let mut conn =
        SqliteConnectOptions::new().filename(file).create_if_missing(true).connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

#[tokio::test]
async fn a_file_of_rubbish_is_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    let (config, file) = two_shards(folder.path()).await;
    fs::write(&file, "rubbish ".repeat(5_000)).unwrap();
    check(config, &file, StoreErrorKind::Corrupt, "move the file away").await;
}

#[tokio::test]
async fn a_file_with_broken_pages_is_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    let (config, file) = two_shards(folder.path()).await;
    let mut bytes = fs::read(&file).unwrap();
    bytes[8_192..].fill(0xA5); // the header and the schema are whole, the tables are not
    fs::write(&file, bytes).unwrap();
    check(config, &file, StoreErrorKind::Corrupt, "move the file away").await;
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (config, file) = two_shards(folder.path()).await;
    change(&file, "PRAGMA user_version = 9").await;
    check(config, &file, StoreErrorKind::TooNew, "newer version").await;
}

#[tokio::test]
async fn another_programs_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (config, file) = two_shards(folder.path()).await;
    fs::remove_file(&file).unwrap();
    change(&file, "CREATE TABLE recipes (name TEXT)").await;
    check(config, &file, StoreErrorKind::Inaccessible, "another program").await;
}

#[tokio::test]
async fn a_shard_that_was_moved_away_is_simply_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let (config, file) = two_shards(folder.path()).await;
    fs::rename(&file, folder.path().join("away")).unwrap();
    let store = SqliteStore::open(config).await.unwrap();
    let btc = series("KRW-BTC");
    assert!(store.coverage(&btc).await.unwrap().spans().is_empty());
    store.commit(&btc, &candles(0, 5), &proof(0, 5)).await.unwrap();
    assert_eq!(store.read(&btc, everything(), 9).await.unwrap().candles, candles(0, 5));
}

#[tokio::test]
async fn a_damaged_index_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (config, _) = two_shards(folder.path()).await;
    fs::write(folder.path().join("index.db"), "rubbish ".repeat(5_000)).unwrap();
    let error = SqliteStore::open(config).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    assert!(error.to_string().contains("index.db"), "{error}");
}
