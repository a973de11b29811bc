//! Archives: the same hash wherever rows and coverage are the same, and nothing is imported that has changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use market_backbone_core::{
    Candle, CandleSet, CandleStore, Coverage, Dispute, Fill, Grid, Origin, Provenance, Series, Span,
    StoreError, StoreErrorKind, TimeRange, Timeframe, Timestamp,
};
use market_backbone_storage::{
    ArchiveFormat, ContentHash, ExportOptions, Manifest, MemoryStore, export_archive, import_archive,
    write_parquet,
};
use market_backbone_testkit::{HookedStore, StoreCall};
use proptest::prelude::*;
use tempfile::tempdir;

use crate::material::{NOW, candle, candles, everything, minute, minutes, open, proof, proof_of, series};

pub(crate) const MANIFEST: &str = "_manifest.json";
const FORMATS: [ArchiveFormat; 2] = [ArchiveFormat::Csv, ArchiveFormat::Parquet];

pub(crate) async fn export(
    store: &dyn CandleStore,
    dir: &Path,
    format: ArchiveFormat,
    range: TimeRange,
) -> Manifest {
    let series = store.series().await.unwrap();
    let order = ExportOptions::new(dir, format, series, Grid::Utc).range(range);
    export_archive(store, &order).await.unwrap()
}

/// The files below `folder`, in order, by their paths from `root` on.
fn files(root: &Path, folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(root, &path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn span(from: i64, to: i64, origin: Origin, observed: i64) -> Span {
    let observed_at = Timestamp::from_nanos(observed);
    Span { range: minutes(from, to), provenance: Provenance { origin, observed_at } }
}

/// A store with everything that an archive has to keep: many pages, holes, several origins, an open end,
/// coverage without rows and a row without coverage.
async fn furnish(store: &dyn CandleStore) {
    let spans = [
        span(-10_000, 8_000, Origin::Rest, 1_700_000_000_123_456_789),
        span(8_000, 14_000, Origin::Socket, 1_700_000_001_000_000_000),
        span(14_003, 14_007, Origin::Early, 1_700_000_002_000_000_000),
        span(14_010, 20_000, Origin::Import, 1_700_100_000_000_000_000),
    ];
    let rows: Vec<Candle> = (0..20_000).filter(|minute| minute % 7 != 3).map(candle).collect();
    let coverage = spans.into_iter().collect();
    store.commit(&series("KRW-BTC"), &rows, &coverage).await.unwrap();
    store.commit(&series("KRW-BTC"), &[candle(25_000)], &Coverage::empty()).await.unwrap();
    let since_ever = TimeRange::new(Timestamp::MIN, minute(9)).unwrap();
    store.commit(&series("KRW-DEAD"), &[], &proof_of(since_ever)).await.unwrap();
    let daily = Series::new(series("BRK.b").symbol, Timeframe::D1);
    let day = Candle { open_time: minute(1_440), ..candle(1_440) };
    store.commit(&daily, &[day], &proof(1_440, 2_880)).await.unwrap();
}

async fn same(a: &dyn CandleStore, b: &dyn CandleStore) {
    let listed = a.series().await.unwrap();
    assert_eq!(listed, b.series().await.unwrap());
    for series in listed {
        assert_eq!(a.coverage(&series).await.unwrap(), b.coverage(&series).await.unwrap(), "{series}");
        let rows = a.read(&series, everything(), usize::MAX).await.unwrap().candles;
        assert_eq!(rows, b.read(&series, everything(), usize::MAX).await.unwrap().candles, "{series}");
    }
}

#[tokio::test]
async fn what_went_out_comes_in_and_goes_out_the_same_in_every_format() {
    let (folder, store) = (tempdir().unwrap(), MemoryStore::new());
    furnish(&store).await;
    let mut hashes = Vec::new();
    for format in FORMATS {
        let (first, again) =
            (folder.path().join(format.as_str()), folder.path().join(format!("{}2", format.as_str())));
        let written = export(&store, &first, format, everything()).await;
        assert_eq!(written.series.len(), 3);
        let elsewhere = open(&folder.path().join(format!("data-{}", format.as_str()))).await;
        assert_eq!(import_archive(&elsewhere, &first, NOW).await.unwrap(), written);
        same(&store, &elsewhere).await;
        assert_eq!(import_archive(&elsewhere, &first, NOW).await.unwrap(), written, "twice is once");
        same(&store, &elsewhere).await;
        assert_eq!(export(&elsewhere, &again, format, everything()).await, written);
        let names = files(&first, Path::new(""));
        assert_eq!((names.len(), &names), (4, &files(&again, Path::new(""))));
        for name in names {
            let bytes = |dir: &Path| fs::read(dir.join(&name)).unwrap();
            assert_eq!(bytes(&first), bytes(&again), "{name:?}: to the last byte");
        }
        elsewhere.close().await;
        hashes.push(written.content_hash);
    }
    assert_eq!(hashes[0], hashes[1], "the format is no part of the content");
}

#[tokio::test]
async fn a_fleets_database_holds_the_same_as_a_folder() {
    let (folder, store) = (tempdir().unwrap(), MemoryStore::new());
    furnish(&store).await;
    let Some(database) = crate::postgres::store().await else { return };
    let written = export(&store, &folder.path().join("first"), ArchiveFormat::Csv, everything()).await;
    import_archive(&database, &folder.path().join("first"), NOW).await.unwrap();
    same(&store, &database).await;
    assert_eq!(
        export(&database, &folder.path().join("again"), ArchiveFormat::Csv, everything()).await,
        written
    );
    database.close().await;
}

#[tokio::test]
async fn a_disputed_slot_is_disputed_elsewhere_too() {
    let (folder, store) = (tempdir().unwrap(), MemoryStore::new());
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, 10), &proof(0, 10)).await.unwrap();
    let quiet = export(&store, &folder.path().join("quiet"), ArchiveFormat::Csv, everything()).await;
    let mut doubted = proof(0, 10);
    let said = doubted.spans()[0].provenance;
    doubted.add_dispute(Dispute { range: minutes(4, 6), earlier: Some(said), later: None });
    store.commit(&btc, &[], &doubted).await.unwrap();
    let archive = folder.path().join("archive");
    let written = export(&store, &archive, ArchiveFormat::Csv, everything()).await;
    assert_ne!(written.content_hash, quiet.content_hash, "doubt is part of what is known");
    let elsewhere = MemoryStore::new();
    import_archive(&elsewhere, &archive, NOW).await.unwrap();
    same(&store, &elsewhere).await;
}

#[tokio::test]
async fn a_part_is_rows_and_knowledge_of_that_part() {
    let (folder, store) = (tempdir().unwrap(), MemoryStore::new());
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, 100), &proof(0, 100)).await.unwrap();
    let written = export(&store, folder.path(), ArchiveFormat::Csv, minutes(10, 20)).await;
    assert_eq!((written.rows(), written.series[0].coverage.ranges()), (10, vec![minutes(10, 20)]));
    let part = MemoryStore::new();
    part.commit(&btc, &candles(10, 20), &proof(10, 20)).await.unwrap();
    let there = ContentHash::of(&btc, &candles(10, 20), &part.coverage(&btc).await.unwrap(), Grid::Utc);
    assert_eq!(written.series[0].content_hash, there, "whoever has just the part has the same");
    let other = tempdir().unwrap();
    assert_eq!(export(&store, other.path(), ArchiveFormat::Csv, minutes(200, 300)).await.series.len(), 0);
}

#[tokio::test]
async fn an_archive_is_not_written_over_another() {
    let (folder, store) = (tempdir().unwrap(), MemoryStore::new());
    furnish(&store).await;
    export(&store, folder.path(), ArchiveFormat::Csv, minutes(0, 10)).await;
    let before = fs::read(folder.path().join(MANIFEST)).unwrap();
    let series = store.series().await.unwrap();
    let order = ExportOptions::new(folder.path(), ArchiveFormat::Csv, series, Grid::Utc);
    let error = export_archive(&store, &order).await.unwrap_err();
    assert!(error.to_string().contains("another folder"), "{error}");
    assert_eq!(fs::read(folder.path().join(MANIFEST)).unwrap(), before);
}

#[tokio::test]
async fn a_folder_without_a_manifest_is_no_archive() {
    let folder = tempdir().unwrap();
    let error = import_archive(&MemoryStore::new(), folder.path(), NOW).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Inaccessible);
    assert!(error.to_string().contains(MANIFEST), "{error}");
}

#[test]
fn an_answer_is_written_as_parquet_whole_or_not_at_all() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("answer.parquet");
    let mut set = CandleSet::empty(series("KRW-BTC"));
    set.candles = candles(0, 9).into();
    set.candles.push(Candle { is_final: false, ..candle(9) });
    set.coverage = proof(0, 9);
    write_parquet(&path, &set, Fill::None, Grid::Utc).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!((&bytes[..4], &bytes[bytes.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    let nowhere = folder.path().join("no-such-folder").join("answer.parquet");
    assert!(
        write_parquet(&nowhere, &set, Fill::None, Grid::Utc)
            .unwrap_err()
            .to_string()
            .contains("no-such-folder")
    );
}

#[tokio::test]
async fn an_archive_that_contradicts_the_store_is_one_more_observation() {
    let (folder, store) = (tempdir().unwrap(), MemoryStore::new());
    let btc = series("KRW-BTC");
    let other = Candle { close: candle(4).high, ..candle(4) };
    store.commit(&btc, &[other], &[span(0, 10, Origin::Import, 5)].into_iter().collect()).await.unwrap();
    export(&store, folder.path(), ArchiveFormat::Csv, everything()).await;
    let elsewhere = MemoryStore::new();
    elsewhere.commit(&btc, &[candle(4)], &proof(0, 10)).await.unwrap();
    import_archive(&elsewhere, folder.path(), NOW).await.unwrap();
    let disputed: Vec<_> =
        elsewhere.coverage(&btc).await.unwrap().disputes().iter().map(|it| it.range).collect();
    assert_eq!(disputed, [minutes(4, 5)]);
}

/// Any rows and any proofs, in any order, of one market and another.
fn commits() -> impl Strategy<Value = Vec<(bool, Vec<i64>, i64, i64, i64)>> {
    let rows = prop::collection::vec(0..300_i64, 0..40);
    // Not before what was observed: an archive that knows what was still to come is refused.
    let observed = 1_700_000_000_000_000_000..NOW.as_nanos();
    prop::collection::vec((any::<bool>(), rows, 0..290_i64, 1..60_i64, observed), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn whatever_a_store_holds_another_can_be_shown_to_hold_it_too(commits in commits()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (folder, store) = (tempdir().unwrap(), MemoryStore::new());
            for (first, rows, from, length, observed) in commits {
                let series = series(if first { "KRW-BTC" } else { "KRW-ETH" });
                let known = [span(from, from + length, Origin::Rest, observed)].into_iter().collect();
                let mut rows: Vec<_> = rows.into_iter().map(candle).collect();
                rows.sort_by_key(|candle| candle.open_time);
                rows.dedup();
                store.commit(&series, &rows, &known).await.unwrap();
            }
            let mut hashes = Vec::new();
            for format in FORMATS {
                let dir = folder.path().join(format.as_str());
                hashes.push(export(&store, &dir, format, everything()).await.content_hash);
                let elsewhere = MemoryStore::new();
                import_archive(&elsewhere, &dir, NOW).await.unwrap();
                same(&store, &elsewhere).await;
            }
            assert_eq!(hashes[0], hashes[1]);
        });
    }
}

#[tokio::test]
async fn an_import_that_is_cut_off_has_stored_nothing_untrue_and_can_be_repeated() {
    let (folder, store) = (tempdir().unwrap(), MemoryStore::new());
    furnish(&store).await;
    export(&store, folder.path(), ArchiveFormat::Csv, everything()).await;
    let btc = series("KRW-BTC");
    let truth = store.read(&btc, everything(), usize::MAX).await.unwrap().candles;
    for commits in 0..6 {
        let behind = Arc::new(MemoryStore::new());
        let left = AtomicUsize::new(commits);
        let failing = HookedStore::checked(Arc::clone(&behind) as _, move |call| {
            let take = |left: usize| left.checked_sub(1);
            let fails = matches!(call, StoreCall::Commit { .. })
                && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err();
            if fails { Err(StoreError::new(StoreErrorKind::DiskFull, "no room left")) } else { Ok(()) }
        });
        let error = import_archive(&failing, folder.path(), NOW).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::DiskFull);
        let known = behind.coverage(&btc).await.unwrap();
        let rows = behind.read(&btc, everything(), usize::MAX).await.unwrap().candles;
        let said: Vec<_> = truth.iter().filter(|candle| known.is_known(candle.open_time)).collect();
        let held: Vec<_> = rows.iter().filter(|candle| known.is_known(candle.open_time)).collect();
        assert_eq!(said.len(), held.len(), "after {commits} commits a slot is called empty that is not");
        assert!(said == held);
        import_archive(&*behind, folder.path(), NOW).await.unwrap();
        same(&store, &*behind).await;
    }
}
