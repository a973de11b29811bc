//! Sealed files of a series of which old rows are deleted all the time.

use std::time::Duration;

use market_backbone_core::{CandleStore, Timeframe};
use market_backbone_storage::{MaintenanceConfig, Retention, SqliteStore};

use crate::material::{candles, proof, series};
use crate::sealed::{self, config, files};

/// Where the second segment begins.
const EDGE: i64 = 65_536;
/// What is kept, in minutes, and what is left out of a file because it is deleted next.
const KEPT: i64 = 20_000;
const LEFT_OUT: i64 = 128 * 64;

/// Adds minutes, deletes those that are too old, and checks what is left and how much of it is sealed.
async fn grow(store: &SqliteStore, from: i64, to: i64) {
    store.commit(&series("KRW-BTC"), &candles(from, to), &proof(from, to)).await.unwrap();
    assert!(store.maintain_once().await.unwrap().forgotten > 0);
    let oldest = to - KEPT;
    assert!(sealed::rows(store, 0, to + 9, usize::MAX).await == candles(oldest, to), "{from}..{to}");
    assert!(sealed::rows(store, oldest + 5, to, 15_000).await == candles(to - 15_000, to), "{from}..{to}");
    let sealed = store.stats().await.unwrap().sealed_rows();
    assert!(sealed >= (KEPT - LEFT_OUT - 1_200) as u64, "{sealed} rows are sealed");
}

#[tokio::test]
async fn the_oldest_segment_gets_a_file_that_the_next_deletions_leave_alone() {
    let folder = tempfile::tempdir().unwrap();
    let rule = Retention::new(Timeframe::M1, Duration::from_secs(KEPT as u64 * 60));
    let maintenance = MaintenanceConfig::default().every(None).retain(vec![rule]);
    let store = SqliteStore::open(config(folder.path()).maintenance(maintenance)).await.unwrap();
    grow(&store, 40_000, EDGE + 640).await;
    let before = files(folder.path());
    assert_eq!(before.len(), 2);
    grow(&store, EDGE + 640, EDGE + 1_640).await;
    let after = files(folder.path());
    assert!(before.iter().any(|file| after.contains(file)), "that of the oldest segment is the same");
    // Far enough to delete rows that were in it: it is made again, without those that go next.
    grow(&store, EDGE + 1_640, EDGE + 9_640).await;
    let stats = store.stats().await.unwrap();
    assert_eq!(stats.shards[0].sealed_files, 2);
    let left_of_the_oldest = EDGE - ((EDGE + 9_640 - KEPT) / 64 + 128) * 64;
    assert_eq!(stats.sealed_rows() as i64, left_of_the_oldest + 9_640);
    assert_eq!(store.check(market_backbone_core::Grid::Utc).await.unwrap(), []);
    store.close().await;
}
