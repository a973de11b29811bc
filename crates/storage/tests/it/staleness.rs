//! The caches: a second read spares the disk, and no read ever returns less than was acknowledged before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use market_backbone_core::{Candle, CandleStore};
use market_backbone_storage::{SqliteStore, StoreConfig};
use tokio::task::JoinSet;

use crate::material::{candle, candles, everything, minute_of, minutes, open, proof, series};

#[tokio::test]
async fn a_second_read_makes_no_disk_access() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, 1_000), &proof(0, 1_000)).await.unwrap();
    let cold = store.read(&btc, minutes(0, 1_000), 400).await.unwrap();
    assert_eq!((cold.candles.len(), cold.from_memory), (400, 0));
    let warm = store.read(&btc, minutes(0, 1_000), 400).await.unwrap();
    assert_eq!((warm.candles, warm.from_memory), (cold.candles, 400));
}

#[tokio::test]
async fn what_another_run_has_left_is_remembered_after_the_first_read() {
    let folder = tempfile::tempdir().unwrap();
    let (btc, eth) = (series("KRW-BTC"), series("KRW-ETH"));
    let store = open(folder.path()).await;
    for each in [&btc, &eth] {
        store.commit(each, &candles(0, 1_000), &proof(0, 1_000)).await.unwrap();
    }
    store.close().await;
    let store = open(folder.path()).await;
    for each in [&btc, &eth] {
        assert_eq!(store.coverage(each).await.unwrap(), proof(0, 1_000));
        for from_memory in [0, 400] {
            let read = store.read(each, minutes(0, 1_000), 400).await.unwrap();
            assert_eq!((read.candles, read.from_memory), (candles(600, 1_000).into(), from_memory));
        }
    }
}

#[tokio::test]
async fn a_commit_gives_up_only_the_blocks_it_touches() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, 2_560), &proof(0, 2_560)).await.unwrap();
    store.read(&btc, everything(), usize::MAX).await.unwrap();
    store.commit(&btc, &candles(2_560, 2_561), &proof(2_560, 2_561)).await.unwrap();
    let read = store.read(&btc, minutes(0, 2_561), usize::MAX).await.unwrap();
    assert_eq!((read.candles, read.from_memory), (candles(0, 2_561).into(), 2_560));
    let read = store.read(&btc, minutes(2_300, 2_561), usize::MAX).await.unwrap();
    assert_eq!((read.candles, read.from_memory), (candles(2_300, 2_561).into(), 261));
}

/// Rows of generation `g` close at `g`; the writer publishes `g` once they are acknowledged.
fn generation(from: i64, to: i64, number: i64) -> Vec<Candle> {
    (from..to).map(|minute| Candle { close: number as f64, ..candle(minute) }).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_shows_less_than_was_acknowledged_before_it() {
    const SPAN: i64 = 700;
    const GENERATIONS: i64 = 150;
    let folder = tempfile::tempdir().unwrap();
    // Room for a few blocks only, so that some are given up all the time.
    let config = StoreConfig::new(folder.path()).cache_bytes(40_000);
    let store = Arc::new(SqliteStore::open(config).await.unwrap());
    let btc = series("KRW-BTC");
    let published = Arc::new(AtomicI64::new(0));
    store.commit(&btc, &generation(0, SPAN, 0), &proof(0, SPAN)).await.unwrap();

    let mut readers = JoinSet::new();
    for reader in 0..4 {
        let (store, btc, published) = (Arc::clone(&store), btc.clone(), Arc::clone(&published));
        readers.spawn(async move {
            let mut reads = 0_u64;
            while published.load(Ordering::SeqCst) < GENERATIONS {
                let oldest = published.load(Ordering::SeqCst);
                let known = store.coverage(&btc).await.unwrap();
                let (from, to) = if reader % 2 == 0 { (0, SPAN) } else { (200, 300) };
                let rows = store.read(&btc, minutes(from, to), usize::MAX).await.unwrap().candles;
                assert_eq!(rows.len() as i64, to - from);
                let stale = rows.iter().find(|row| row.close < oldest as f64);
                assert!(stale.is_none(), "{stale:?} after generation {oldest}");
                // What the ledger says must be there: it grows by one row beyond `SPAN` with each generation.
                let newest = minute_of(known.ranges()[0].to());
                let tail = store.read(&btc, minutes(SPAN, newest + 1), usize::MAX).await;
                assert!(tail.unwrap().candles.len() as i64 >= newest - SPAN);
                reads += 1;
            }
            reads
        });
    }
    for number in 1..=GENERATIONS {
        let mut rows = generation(0, SPAN, number);
        rows.push(candle(SPAN + number - 1));
        store.commit(&btc, &rows, &proof(0, SPAN + number)).await.unwrap();
        published.store(number, Ordering::SeqCst);
    }
    while let Some(reads) = readers.join_next().await {
        assert!(reads.unwrap() > 10);
    }
    store.close().await;
}
