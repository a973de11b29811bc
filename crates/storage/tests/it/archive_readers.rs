//! Archives as other programs read them: their layout, and archives of an older version.

use std::fs;
use std::path::{Path, PathBuf};

use market_backbone_core::{CandleStore, Grid, Series, StoreErrorKind, Timeframe};
use market_backbone_storage::{ArchiveFormat, ExportOptions, MemoryStore, export_archive, import_archive};
use tempfile::tempdir;

use crate::material::{candle, candles, everything, proof, series};

async fn order(store: &dyn CandleStore, dir: &Path, format: ArchiveFormat) -> ExportOptions {
    ExportOptions::new(dir, format, store.series().await.unwrap(), Grid::Utc)
}

fn version_1(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/version_1").join(format)
}

#[tokio::test]
async fn an_archive_of_version_1_is_taken_in_and_has_the_same_hash_today() {
    for (name, format) in [("csv", ArchiveFormat::Csv), ("parquet", ArchiveFormat::Parquet)] {
        let (folder, store) = (tempdir().unwrap(), MemoryStore::new());
        let old = import_archive(&store, &version_1(name), crate::material::NOW).await.unwrap();
        let months = Series::new(series("KRW-BTC").symbol, Timeframe::Month);
        let rows = store.read(&months, everything(), usize::MAX).await.unwrap().candles;
        let first = (
            rows.first().unwrap().open_time.to_string(),
            rows.first().unwrap().open,
            rows.first().unwrap().turnover,
        );
        assert_eq!(first, ("2026-07-01T00:00:00Z".to_owned(), 85_679_000.0, 20_617_188_182.457_1), "{name}");
        assert_eq!((rows.len(), rows.iter().all(|row| row.is_final)), (4, true));
        let order = order(&store, &folder.path().join("new"), format).await;
        let new = export_archive(&store, &order).await.unwrap();
        assert_eq!(new.content_hash, old.content_hash, "{name}");
    }
}

#[tokio::test]
async fn rows_have_a_point_in_every_figure_and_say_that_they_are_final() {
    let (folder, store) = (tempdir().unwrap(), MemoryStore::new());
    let whole = market_backbone_core::Candle { volume: 3.0, turnover: 300.0, ..candle(0) };
    store.commit(&series("KRW-BTC"), &[whole], &proof(0, 1)).await.unwrap();
    export_archive(&store, &order(&store, folder.path(), ArchiveFormat::Csv).await).await.unwrap();
    let path = "data/source=upbit/symbol=KRW-BTC/timeframe=1m/candles.csv";
    let text = fs::read_to_string(folder.path().join(path)).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("timestamp,open,high,low,close,volume,turnover,final"));
    let fields: Vec<_> = lines.next().unwrap().split(',').collect();
    assert!(fields[1..7].iter().all(|figure| figure.contains('.')), "{fields:?}");
    assert_eq!((&fields[5..], lines.next()), (&["3.0", "300.0", "true"][..], None));
}

#[tokio::test]
async fn the_folder_of_rows_holds_rows_alone_and_what_a_killed_export_left_is_cleared() {
    let (folder, store) = (tempdir().unwrap(), MemoryStore::new());
    store.commit(&series("KRW-BTC"), &candles(0, 9), &proof(0, 9)).await.unwrap();
    let left = folder.path().join(".data.part/source=upbit");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("candles.csv"), "half a l").unwrap();
    export_archive(&store, &order(&store, folder.path(), ArchiveFormat::Csv).await).await.unwrap();
    let names = |dir: &Path| {
        let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(folder.path()), ["_manifest.json", "data"]);
    assert_eq!(names(&folder.path().join("data")), ["source=upbit"]);
    assert_eq!(names(&folder.path().join("data/source=upbit")), ["symbol=KRW-BTC"]);
}

#[tokio::test]
async fn rows_that_no_manifest_lists_are_not_mixed_with_others() {
    let (folder, store) = (tempdir().unwrap(), MemoryStore::new());
    store.commit(&series("KRW-BTC"), &candles(0, 9), &proof(0, 9)).await.unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/mine.csv"), "mine").unwrap();
    let error =
        export_archive(&store, &order(&store, folder.path(), ArchiveFormat::Csv).await).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Inaccessible);
    assert!(error.to_string().contains("another folder"), "{error}");
    assert_eq!(fs::read_to_string(folder.path().join("data/mine.csv")).unwrap(), "mine");
}

/// What keeps the runtime busy for so many turns; threads that write go on meanwhile.
async fn turns(count: usize) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

#[test]
fn an_export_that_is_abandoned_anywhere_leaves_nothing_behind() {
    let folder = tempdir().unwrap();
    let mut finished = 0;
    for round in 0..60 {
        let dir = folder.path().join(round.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let is_done = runtime.block_on(async {
            let store = MemoryStore::new();
            for code in ["KRW-BTC", "KRW-ETH", "KRW-XRP"] {
                store.commit(&series(code), &candles(0, 9), &proof(0, 9)).await.unwrap();
            }
            let order = order(&store, &dir, ArchiveFormat::Csv).await;
            tokio::select! {
                biased;
                done = export_archive(&store, &order) => done.is_ok(),
                () = turns(round * round) => false,
            }
        });
        drop(runtime); // it waits for the threads that still write
        finished += usize::from(is_done);
        let names = || fs::read_dir(&dir).into_iter().flatten().map(|entry| entry.unwrap().file_name());
        assert!(
            names().all(|name| name != ".data.part"),
            "in round {round}: {:?}",
            names().collect::<Vec<_>>()
        );
    }
    assert!(finished < 60, "none was abandoned");
}
