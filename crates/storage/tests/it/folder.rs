//! The folder: reopened, spread over shards, and rebuilt where only the index is gone.

use std::fs;
use std::path::Path;

use market_backbone_core::{CandleStore, StoreErrorKind};
use market_backbone_storage::{SqliteStore, StoreConfig};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use crate::material::{candles, everything, open, proof, series};

fn shards(dir: &Path) -> usize {
    let names = fs::read_dir(dir.join("upbit")).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_str().unwrap().ends_with(".db")).count()
}

#[tokio::test]
async fn what_was_stored_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let (btc, eth) = (series("KRW-BTC"), series("KRW-ETH"));
    let first = open(folder.path()).await;
    first.commit(&btc, &candles(0, 500), &proof(0, 500)).await.unwrap();
    first.commit(&eth, &candles(7, 9), &proof(5, 9)).await.unwrap();
    first.close().await;
    assert!(!folder.path().join("upbit/shard-0000.db-wal").exists(), "the log is folded into the file");
    let file = SqliteConnectOptions::new().filename(folder.path().join("upbit/shard-0000.db"));
    let vacuum: i64 =
        sqlx::query_scalar("PRAGMA auto_vacuum").fetch_one(&mut file.connect().await.unwrap()).await.unwrap();
    assert_eq!(vacuum, 2, "incremental, which can only be chosen when a file is made");
    let second = open(folder.path()).await;
    assert_eq!(second.read(&btc, everything(), 999).await.unwrap().candles, candles(0, 500));
    assert_eq!(second.coverage(&btc).await.unwrap(), proof(0, 500));
    assert_eq!(second.read(&eth, everything(), 999).await.unwrap().candles, candles(7, 9));
    assert_eq!(second.coverage(&eth).await.unwrap(), proof(5, 9));
}

#[tokio::test]
async fn a_crash_loses_nothing_that_was_acknowledged() {
    let (folder, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let btc = series("KRW-BTC");
    let running = open(folder.path()).await;
    for page in 0..20 {
        let (from, to) = (page * 200, page * 200 + 200);
        running.commit(&btc, &candles(from, to), &proof(from, to)).await.unwrap();
    }
    // What a power-off would leave: the files as they are now, logs not folded in.
    for name in ["index.db", "index.db-wal", "upbit/shard-0000.db", "upbit/shard-0000.db-wal"] {
        let copy = image.path().join(name);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(folder.path().join(name), copy).unwrap();
    }
    let restarted = open(image.path()).await;
    assert_eq!(restarted.coverage(&btc).await.unwrap(), proof(0, 4_000));
    assert_eq!(restarted.read(&btc, everything(), 9_999).await.unwrap().candles, candles(0, 4_000));
}

#[tokio::test]
async fn shards_fill_one_after_the_other_and_few_stay_open() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig::new(folder.path()).tables_per_shard(3).open_shards(2);
    let store = SqliteStore::open(config.clone()).await.unwrap();
    let all: Vec<_> = (0..14).map(|number| series(&format!("KRW-M{number}"))).collect();
    for (number, each) in (0..).zip(&all) {
        store.commit(each, &candles(number, number + 5), &proof(number, number + 5)).await.unwrap();
    }
    assert_eq!(shards(folder.path()), 5);
    store.close().await;
    // Each in turn, so that shards are closed and opened again while others are read.
    let store = SqliteStore::open(config.cache_bytes(0)).await.unwrap();
    for _ in 0..2 {
        for (number, each) in (0..).zip(&all) {
            let read = store.read(each, everything(), 99).await.unwrap();
            assert_eq!((read.candles, read.from_memory), (candles(number, number + 5).into(), 0));
            store.commit(each, &candles(number, number + 5), &proof(number, number + 5)).await.unwrap();
        }
    }
    assert_eq!(shards(folder.path()), 5);
}

#[tokio::test]
async fn an_index_that_was_moved_away_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig::new(folder.path()).tables_per_shard(2);
    let all: Vec<_> = (0..5).map(|number| series(&format!("KRW-M{number}"))).collect();
    let store = SqliteStore::open(config.clone()).await.unwrap();
    for each in &all {
        store.commit(each, &candles(0, 5), &proof(0, 5)).await.unwrap();
    }
    store.close().await;
    fs::rename(folder.path().join("index.db"), folder.path().join("index.away")).unwrap();
    let store = SqliteStore::open(config).await.unwrap();
    for each in &all {
        assert_eq!(store.coverage(each).await.unwrap(), proof(0, 5));
    }
    store.commit(&series("KRW-NEW"), &candles(0, 5), &proof(0, 5)).await.unwrap();
    assert_eq!(shards(folder.path()), 3);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_inaccessible() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "no folder").unwrap();
    let error = SqliteStore::open(StoreConfig::new(file.join("data"))).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Inaccessible);
    assert!(error.to_string().contains("file/data"), "{error}");
}

#[tokio::test]
async fn a_coverage_stays_short_however_many_pages_it_took() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let btc = series("KRW-BTC");
    for page in (0..50).rev() {
        let spans = proof(page * 200, page * 200 + 200);
        let later = spans.spans().iter().map(|span| {
            let mut span = *span;
            span.provenance.observed_at =
                span.provenance.observed_at.plus(std::time::Duration::from_secs(page as u64));
            span
        });
        store.commit(&btc, &candles(page * 200, page * 200 + 200), &later.collect()).await.unwrap();
    }
    assert_eq!(store.coverage(&btc).await.unwrap(), proof(0, 10_000));
}
