//! Maintenance of the files: free space is given back, readers go on, old ranges are deleted, another process
//! may look.

use std::path::{Path, PathBuf};
use std::time::Duration;

use market_backbone_core::{CandleStore, StoreErrorKind, Timeframe};
use market_backbone_storage::{MaintenanceConfig, Retention, SqliteStore, StoreConfig};

use crate::material::{candles, everything, minutes, open, proof, series};

const HALF: i64 = 40_000;

fn shard(dir: &Path) -> PathBuf {
    dir.join("upbit/shard-0000.db")
}

fn config(dir: &Path, quiet: Duration) -> StoreConfig {
    let care = MaintenanceConfig::default().every(None).quiet(quiet);
    StoreConfig::new(dir).maintenance(care)
}

/// A store with the older half of two series deleted.
async fn half_empty(config: StoreConfig) -> SqliteStore {
    let store = SqliteStore::open(config).await.unwrap();
    for code in ["KRW-BTC", "KRW-ETH"] {
        store.commit(&series(code), &candles(0, 2 * HALF), &proof(0, 2 * HALF)).await.unwrap();
    }
    for code in ["KRW-BTC", "KRW-ETH"] {
        store.forget(&series(code), minutes(0, HALF)).await.unwrap();
    }
    store
}

async fn is_whole(store: &SqliteStore) {
    for code in ["KRW-BTC", "KRW-ETH"] {
        assert_eq!(store.coverage(&series(code)).await.unwrap(), proof(HALF, 2 * HALF));
        let rows = store.read(&series(code), everything(), usize::MAX).await.unwrap().candles;
        assert!(rows == candles(HALF, 2 * HALF), "{} rows", rows.len());
    }
}

#[tokio::test]
async fn a_quiet_file_with_much_air_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = half_empty(config(folder.path(), Duration::ZERO)).await;
    let report = store.maintain_once().await.unwrap();
    let [shard] = report.shards.as_slice() else { panic!("{report:?}") };
    assert!(shard.rewritten && shard.free_pages_before > 1_000 && shard.free_pages_after == 0, "{shard:?}");
    assert!(report.freed_bytes() > 2_500_000 && shard.bytes_after < shard.bytes_before * 6 / 10, "{shard:?}");
    is_whole(&store).await;
    assert!(store.maintain_once().await.unwrap().is_idle(), "and then there is nothing to do");
    store.close().await;
    is_whole(&open(folder.path()).await).await;
}

#[tokio::test]
async fn a_file_in_use_shrinks_in_steps_and_commits_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = half_empty(config(folder.path(), Duration::from_secs(3_600))).await;
    let size = std::fs::metadata(shard(folder.path())).unwrap().len();
    let third = series("KRW-XRP");
    let (report, written) = tokio::join!(store.maintain_once(), async {
        for page in 0..20 {
            let (from, to) = (page * 100, page * 100 + 100);
            store.commit(&third, &candles(from, to), &proof(from, to)).await.unwrap();
        }
    });
    let () = written;
    let report = report.unwrap();
    let [cared] = report.shards.as_slice() else { panic!("{report:?}") };
    assert!(!cared.rewritten && cared.steps > 3, "{cared:?}");
    assert!(cared.free_pages_after < cared.free_pages_before / 10, "{cared:?}");
    assert!(std::fs::metadata(shard(folder.path())).unwrap().len() < size * 7 / 10);
    is_whole(&store).await;
    let rows = store.read(&third, everything(), usize::MAX).await.unwrap().candles;
    assert_eq!(rows, candles(0, 2_000));
}

#[tokio::test]
async fn vacuum_gives_back_whatever_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(config(folder.path(), Duration::from_secs(3_600))).await.unwrap();
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, 2_000), &proof(0, 2_000)).await.unwrap();
    store.forget(&btc, minutes(0, 1_900)).await.unwrap();
    assert!(store.maintain_once().await.unwrap().is_idle(), "too little to bother");
    let report = store.vacuum().await.unwrap();
    assert!(report.shards[0].free_pages_before > 0 && report.shards[0].free_pages_after == 0, "{report:?}");
    assert!(report.freed_bytes() > 0);
    assert_eq!(store.read(&btc, everything(), 999).await.unwrap().candles, candles(1_900, 2_000));
}

#[tokio::test]
async fn what_is_older_than_is_kept_is_forgotten_with_its_proof() {
    let folder = tempfile::tempdir().unwrap();
    let rule = Retention::new(Timeframe::M1, Duration::from_secs(60 * 1_000));
    let config = config(folder.path(), Duration::ZERO);
    let maintenance = config.get_maintenance().clone().retain(vec![rule]);
    let config = config.maintenance(maintenance);
    let store = SqliteStore::open(config).await.unwrap();
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, 25_000), &proof(-5, 25_000)).await.unwrap();
    let report = store.maintain_once().await.unwrap();
    assert_eq!(report.forgotten, 3, "in steps");
    assert_eq!(store.coverage(&btc).await.unwrap(), proof(24_000, 25_000));
    let rows = store.read(&btc, everything(), usize::MAX).await.unwrap().candles;
    assert_eq!(rows, candles(24_000, 25_000));
    assert_eq!(store.maintain_once().await.unwrap().forgotten, 0);
}

#[tokio::test]
async fn a_store_looks_after_itself_when_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), Duration::ZERO);
    let maintenance = config.get_maintenance().clone().every(Some(Duration::from_millis(20)));
    let config = config.maintenance(maintenance);
    let store = half_empty(config).await;
    let gone = async {
        while std::fs::metadata(shard(folder.path())).unwrap().len() > 5_500_000 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap();
    is_whole(&store).await;
    drop(store);
    // Without `close`, too, the folder is released.
    let lock = std::fs::File::options().read(true).write(true).open(folder.path().join("LOCK")).unwrap();
    let freed = async {
        while lock.try_lock().is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), freed).await.unwrap();
}

#[tokio::test]
async fn a_held_folder_can_be_read_and_what_lands_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (holder, btc) = (open(folder.path()).await, series("KRW-BTC"));
    holder.commit(&btc, &candles(0, 500), &proof(0, 500)).await.unwrap();
    let guest = SqliteStore::open_read_only(StoreConfig::new(folder.path())).await.unwrap();
    for end in [500, 700] {
        holder.commit(&btc, &candles(0, end), &proof(0, end)).await.unwrap();
        assert_eq!(guest.coverage(&btc).await.unwrap().ranges(), [minutes(0, end)]);
        assert_eq!(guest.read(&btc, everything(), 9_999).await.unwrap().candles, candles(0, end));
        assert_eq!(guest.series().await.unwrap(), std::slice::from_ref(&btc));
    }
    let refused = guest.commit(&btc, &candles(0, 9), &proof(0, 9)).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::ReadOnly);
    assert_eq!(guest.forget(&btc, everything()).await.unwrap_err().kind(), StoreErrorKind::ReadOnly);
    assert_eq!(guest.vacuum().await.unwrap_err().kind(), StoreErrorKind::ReadOnly);
    guest.close().await;
    holder.commit(&btc, &candles(0, 800), &proof(0, 800)).await.unwrap();
    holder.close().await;
}

#[tokio::test]
async fn a_folder_that_nobody_holds_can_be_read_without_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.commit(&series("KRW-BTC"), &candles(0, 500), &proof(0, 500)).await.unwrap();
    store.close().await;
    let before = std::fs::read(shard(folder.path())).unwrap();
    let guest = SqliteStore::open_read_only(StoreConfig::new(folder.path())).await.unwrap();
    let rows = guest.read(&series("KRW-BTC"), everything(), 9_999).await.unwrap().candles;
    assert_eq!(rows, candles(0, 500));
    guest.close().await;
    assert!(std::fs::read(shard(folder.path())).unwrap() == before);
    open(folder.path()).await;
}

#[tokio::test]
async fn a_folder_without_a_store_is_not_made_one_by_looking() {
    let folder = tempfile::tempdir().unwrap();
    let error = SqliteStore::open_read_only(StoreConfig::new(folder.path())).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Inaccessible);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn the_figures_are_those_of_what_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let store = half_empty(config(folder.path(), Duration::ZERO)).await;
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.series.len(), stats.rows(), stats.spans()), (2, 2 * HALF as u64, 2));
    let [shard] = stats.shards.as_slice() else { panic!("{stats:?}") };
    assert!(shard.free_pages > 1_000 && shard.pages > 2 * shard.free_pages / 3, "{shard:?}");
    let btc = &stats.series[0];
    assert_eq!((btc.series.clone(), btc.rows, btc.spans), (series("KRW-BTC"), HALF as u64, 1));
    assert!(btc.bytes > 40 * HALF as u64 && btc.bytes < 80 * HALF as u64, "{btc:?}");
    assert!((0.0..=1.0).contains(&btc.scattered), "{btc:?}");
}

#[tokio::test]
async fn air_that_was_there_before_is_found_in_the_first_round() {
    let folder = tempfile::tempdir().unwrap();
    half_empty(config(folder.path(), Duration::from_secs(3_600))).await.close().await;
    let store = SqliteStore::open(config(folder.path(), Duration::ZERO)).await.unwrap();
    let report = store.maintain_once().await.unwrap();
    assert!(report.shards[0].rewritten, "{report:?}");
    store.close().await;
    let store = SqliteStore::open(config(folder.path(), Duration::ZERO)).await.unwrap();
    let report = store.maintain_once().await.unwrap();
    assert!(report.shards.is_empty(), "and one without any is not even opened: {report:?}");
}
