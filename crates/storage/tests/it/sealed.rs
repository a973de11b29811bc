//! Sealed files: they answer what the table would, and stop doing so when a row of theirs changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use market_backbone_core::{Candle, CandleStore, Timestamp};
use market_backbone_storage::{SealingConfig, SqliteStore, StoreConfig};
use proptest::prelude::*;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::material::{candle, candles, everything, minutes, proof, series};
use crate::two_stores::histories;

/// Where the second segment begins.
const EDGE: i64 = 65_536;

/// Any series gets a file, but only when that is asked for or the store is closed; and nothing is cached, so
/// that each read goes to the disk.
pub(crate) fn config(dir: &Path) -> StoreConfig {
    let sealing = SealingConfig::default().min_rows(1).rest(Duration::from_secs(86_400));
    StoreConfig::new(dir).cache_bytes(0).sealing(sealing)
}

pub(crate) async fn open(dir: &Path) -> SqliteStore {
    SqliteStore::open(config(dir)).await.unwrap()
}

/// Opens the folder as a program that has no sealed files.
pub(crate) async fn open_without(dir: &Path) -> SqliteStore {
    SqliteStore::open(config(dir).sealing(SealingConfig::default().enabled(false))).await.unwrap()
}

/// The sealed files of the only shard, by name.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join("upbit/shard-0000.sealed")).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// Changes the only shard behind the store's back.
pub(crate) async fn change(dir: &Path, sql: &str) {
    let options = SqliteConnectOptions::new().filename(dir.join("upbit/shard-0000.db"));
    let mut conn = options.connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

/// Makes every candle of the table cost a million, so that it shows where a read comes from.
pub(crate) const SPOILED: &str = "UPDATE \"candles_KRW_BTC_1m\" SET volume = 1e6";

pub(crate) async fn rows(store: &SqliteStore, from: i64, to: i64, limit: usize) -> Vec<Candle> {
    store.read(&series("KRW-BTC"), minutes(from, to), limit).await.unwrap().candles.into_iter().collect()
}

#[tokio::test]
async fn what_is_sealed_is_read_from_files_and_the_rest_from_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let btc = series("KRW-BTC");
    // Whole blocks: the writer checks the rows of a block that it adds to.
    let (from, to) = (EDGE - 320, EDGE + 320);
    store.commit(&btc, &candles(from, to), &proof(from, to)).await.unwrap();
    let report = store.seal().await.unwrap();
    assert_eq!((report.files, report.rows), (2, 640), "one on each side of the edge");
    assert_eq!(store.seal().await.unwrap().files, 0, "nothing is left to do");
    // All but the last block, which may have rows that are newer than what is sealed.
    change(folder.path(), &format!("{SPOILED} WHERE timestamp < {}", (to - 64) * 60_000)).await;
    store.commit(&btc, &candles(to, to + 80), &proof(to, to + 80)).await.unwrap();
    assert_eq!(rows(&store, from - 9, to + 99, 9_999).await, candles(from, to + 80));
    assert_eq!(rows(&store, from, to + 99, 90).await, candles(to - 10, to + 80), "of both, the newest");
    assert_eq!(rows(&store, EDGE - 5, EDGE + 5, 7).await, candles(EDGE - 2, EDGE + 5));
    assert_eq!(rows(&store, EDGE - 100, EDGE - 50, 9_999).await, candles(EDGE - 100, EDGE - 50));
    assert_eq!(rows(&store, from - 900, from, 9_999).await, []);
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.shards[0].sealed_files, stats.sealed_rows()), (2, 640));
    assert!(stats.sealed_bytes() > 640 * 56 && stats.bytes() > stats.sealed_bytes());
    store.close().await;
}

#[tokio::test]
async fn a_row_that_changes_takes_its_file_with_it_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (store, other) = (open(folder.path()).await, open(folder.path()).await);
    let btc = series("KRW-BTC");
    let (from, to) = (EDGE - 100, EDGE + 100);
    store.commit(&btc, &candles(from, to), &proof(from, to)).await.unwrap();
    store.seal().await.unwrap();
    let correction = Candle { close: 1.5 + candle(EDGE + 4).low, high: 1e9, ..candle(EDGE + 4) };
    for by in [&other, &store] {
        assert_eq!(rows(by, from, to, 9_999).await, candles(from, to));
    }
    other.commit(&btc, &[correction], &proof(EDGE + 4, EDGE + 5)).await.unwrap();
    for by in [&store, &other] {
        assert_eq!(rows(by, EDGE + 4, EDGE + 5, 9).await, [correction]);
        assert_eq!(by.stats().await.unwrap().shards[0].sealed_files, 1);
    }
    assert_eq!(store.seal().await.unwrap().files, 1, "sealed again");
    change(folder.path(), SPOILED).await;
    let mut want = candles(from, to);
    want[104] = correction;
    assert_eq!(rows(&other, from, to, 9_999).await, want);
    // A gap in a sealed range that is filled later.
    store.forget(&btc, minutes(EDGE - 50, EDGE - 40)).await.unwrap();
    assert_eq!(other.read(&btc, minutes(EDGE - 50, EDGE - 40), 99).await.unwrap().candles.len(), 0);
    store.close().await;
    other.close().await;
}

#[tokio::test]
async fn closing_seals_what_was_written_and_the_off_switch_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let btc = series("KRW-BTC");
    let store = open_without(folder.path()).await;
    store.commit(&btc, &candles(0, 700), &proof(0, 700)).await.unwrap();
    assert_eq!(store.seal().await.unwrap().files, 0);
    store.close().await;
    assert!(files(folder.path()).is_empty());
    let store = open(folder.path()).await;
    store.commit(&btc, &candles(700, 800), &proof(700, 800)).await.unwrap();
    store.close().await;
    assert_eq!(files(folder.path()).len(), 1, "with what another program has written before");
    change(folder.path(), SPOILED).await;
    let store = open(folder.path()).await;
    assert_eq!(rows(&store, 0, 900, 9_999).await, candles(0, 800));
    store.close().await;
    let without = open_without(folder.path()).await;
    assert_eq!(rows(&without, 0, 900, 9_999).await, [], "the table is damaged, and found to be");
    without.close().await;
}

#[tokio::test]
async fn a_long_read_of_the_table_makes_the_file_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let btc = series("KRW-BTC");
    let store = open_without(folder.path()).await;
    store.commit(&btc, &candles(0, 700), &proof(0, 700)).await.unwrap();
    store.close().await;
    let reader = open(folder.path()).await;
    assert_eq!(rows(&reader, 0, 700, 9_999).await, candles(0, 700));
    reader.close().await;
    assert_eq!(files(folder.path()).len(), 1);
}

#[tokio::test]
async fn small_series_get_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(StoreConfig::new(folder.path())).await.unwrap();
    for (code, count) in [("KRW-BTC", 2_047), ("KRW-ETH", 2_048)] {
        store.commit(&series(code), &candles(0, count), &proof(0, count)).await.unwrap();
    }
    assert_eq!(store.seal().await.unwrap().rows, 2_048);
    store.close().await;
}

#[tokio::test]
async fn as_of_an_earlier_moment_the_table_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, 100), &proof(0, 100)).await.unwrap();
    let later = crate::revisions::proof_by(market_backbone_core::Origin::Rest, 4, 5, 1_700_000_100);
    let correction = Candle { close: candle(4).low, ..candle(4) };
    store.commit(&btc, &[correction], &later).await.unwrap();
    store.seal().await.unwrap();
    let was = Timestamp::from_secs(1_700_000_050);
    assert_eq!(store.read_as_of(&btc, everything(), 999, was).await.unwrap().candles, candles(0, 100));
    assert_eq!(rows(&store, 4, 5, 9).await, [correction]);
    assert_eq!(store.coverage(&btc).await.unwrap().disputes().len(), 1);
    store.close().await;
}

proptest! {
    #![proptest_config(histories(6))]

    /// Chunks, segments, gaps between rows and what is not sealed, cut anywhere.
    #[test]
    fn any_range_and_limit_reads_as_without_files(
        step in 1..5_i64,
        tail in 0..90_i64,
        asked in prop::collection::vec((-100..4_000_i64, 1..4_000_i64, 1..3_000_usize), 1..40),
    ) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let (store, btc) = (open(folder.path()).await, series("KRW-BTC"));
            let start = EDGE - 1_500;
            let traded: Vec<_> = (start..start + 3_000).filter(|number| number % step == 0).map(candle).collect();
            store.commit(&btc, &traded, &proof(start, start + 3_000)).await.unwrap();
            store.seal().await.unwrap();
            let newer = candles(start + 3_000, start + 3_000 + tail);
            store.commit(&btc, &newer, &proof(start + 3_000, start + 3_001 + tail)).await.unwrap();
            let all: Vec<_> = traded.into_iter().chain(newer).collect();
            for (from, width, limit) in asked {
                let range = minutes(start + from, start + from + width);
                let within: Vec<_> = all.iter().filter(|row| range.contains(row.open_time)).copied().collect();
                let want = &within[within.len().saturating_sub(limit)..];
                let read = store.read(&btc, range, limit).await.unwrap().candles;
                assert_eq!(read, want, "{range} {limit}");
            }
            store.close().await;
        });
    }
}
