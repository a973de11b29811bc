//! Two sources share nothing, whatever their names; and data from when they did needs a claim.

use std::fs;
use std::path::Path;

use market_backbone_core::{
    Candle, CandleStore, Coverage, Series, StoreErrorKind, Symbol, Timeframe, VenueId,
};
use market_backbone_storage::{
    ArchiveFormat, ExportOptions, MemoryStore, PostgresStore, SqliteStore, StoreConfig, export_archive,
    import_archive, import_archive_as, import_archive_of,
};

use crate::material::{NOW, UPBIT, candle, candles, everything, open, proof, series};
use crate::older_layout::folder_of_version_2;
use crate::postgres;

/// Names that a careless spelling would mix up.
const NAMES: [&str; 9] = [
    "upbit",
    "upbit-sg",
    "upbit@sg",
    "upbit@127.0.0.1:9001",
    "upbit@127.0.0.1-9001",
    "upbit@127.0.0.1:900",
    "upbit@[::1]:9001",
    "upbit@[::1:9001]",
    "massive",
];

fn of(source: VenueId) -> Series {
    Series::new(Symbol::new(source, "KRW-BTC").unwrap(), Timeframe::M1)
}

fn named(name: &str) -> VenueId {
    name.parse().unwrap()
}

/// A row that tells whose it is.
fn own(number: usize) -> Candle {
    Candle { volume: 1_000.0 + number as f64, ..candle(5) }
}

async fn keeps_sources_apart(store: &dyn CandleStore) {
    for (number, name) in NAMES.iter().enumerate() {
        let series = of(named(name));
        assert_eq!(store.coverage(&series).await.unwrap(), Coverage::empty(), "{name}");
        store.commit(&series, &[own(number)], &proof(5, 6)).await.unwrap();
    }
    store.forget(&of(named(NAMES[4])), everything()).await.unwrap();
    for (number, name) in NAMES.iter().enumerate() {
        let read = store.read(&of(named(name)), everything(), 9).await.unwrap().candles;
        let expected = if number == 4 { Vec::new() } else { vec![own(number)] };
        assert_eq!(read, expected, "{name}");
    }
    let mut expected: Vec<_> = NAMES.iter().map(|name| of(named(name))).collect();
    expected.remove(4);
    expected.sort();
    assert_eq!(store.series().await.unwrap(), expected);
}

#[tokio::test]
async fn no_two_sources_share_a_series_in_memory() {
    keeps_sources_apart(&MemoryStore::new()).await;
}

#[tokio::test]
async fn no_two_sources_share_a_series_in_a_folder_even_when_its_index_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    keeps_sources_apart(&store).await;
    store.close().await;
    assert!(folder.path().join("upbit@127.0.0.1+9001/shard-0000.db").exists());
    assert_eq!(
        fs::read_to_string(folder.path().join("upbit@[++1]+9001/SOURCE")).unwrap(),
        "upbit@[::1]:9001\n"
    );
    fs::remove_file(folder.path().join("index.db")).unwrap();
    let store = open(folder.path()).await;
    assert_eq!(store.unclaimed(), []);
    for (number, name) in NAMES.iter().enumerate().filter(|(number, _)| *number != 4) {
        let read = store.read(&of(named(name)), everything(), 9).await.unwrap().candles;
        assert_eq!(read, [own(number)], "{name}");
    }
}

#[tokio::test]
async fn no_two_sources_share_a_series_in_a_database() {
    let Some(store) = postgres::store().await else { return };
    keeps_sources_apart(&store).await;
}

async fn refuses(store: &dyn CandleStore, series: &Series) {
    let kinds = [
        store.coverage(series).await.unwrap_err(),
        store.read(series, everything(), 9).await.unwrap_err(),
        store.commit(series, &candles(20, 21), &proof(20, 21)).await.unwrap_err(),
        store.forget(series, everything()).await.unwrap_err(),
    ];
    for error in kinds {
        assert_eq!(error.kind(), StoreErrorKind::Unclaimed);
        assert!(error.to_string().contains("store claim upbit --as upbit@127.0.0.1:9001"), "{error}");
    }
    assert_eq!(store.series().await.unwrap(), []);
}

#[tokio::test]
async fn candles_of_an_old_folder_are_nobodys_until_they_are_claimed() {
    let folder = tempfile::tempdir().unwrap();
    folder_of_version_2(folder.path()).await;
    for _ in 0..2 {
        let store = open(folder.path()).await;
        assert_eq!(store.unclaimed(), [UPBIT]);
        refuses(&store, &of(UPBIT)).await;
        assert!(store.stats().await.unwrap().series.is_empty());
        store.close().await;
        let reader = SqliteStore::open_read_only(StoreConfig::new(folder.path())).await.unwrap();
        assert_eq!(reader.coverage(&of(UPBIT)).await.unwrap_err().kind(), StoreErrorKind::Unclaimed);
    }
    let store = open(folder.path()).await;
    store.claim(UPBIT, UPBIT).await.unwrap();
    assert_eq!(store.read(&of(UPBIT), everything(), 99).await.unwrap().candles, candles(0, 10));
    store.close().await;
    assert_eq!(open(folder.path()).await.unclaimed(), []);
}

#[tokio::test]
async fn what_was_another_servers_gets_its_name() {
    let folder = tempfile::tempdir().unwrap();
    folder_of_version_2(folder.path()).await;
    let (emulator, store) = (named("upbit@127.0.0.1:9001"), open(folder.path()).await);
    store.claim(UPBIT, emulator).await.unwrap();
    assert_eq!(store.series().await.unwrap(), [of(emulator)]);
    assert_eq!(store.coverage(&of(UPBIT)).await.unwrap(), Coverage::empty());
    store.commit(&of(UPBIT), &candles(3, 4), &proof(3, 4)).await.unwrap();
    store.close().await;
    let store = open(folder.path()).await;
    assert_eq!(store.unclaimed(), []);
    assert_eq!(store.read(&of(UPBIT), everything(), 99).await.unwrap().candles, candles(3, 4));
    assert_eq!(store.read(&of(emulator), everything(), 99).await.unwrap().candles, candles(0, 10));
}

#[tokio::test]
async fn a_claim_that_makes_no_sense_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    folder_of_version_2(folder.path()).await;
    let store = open(folder.path()).await;
    let emulator = named("upbit@127.0.0.1:9001");
    store.commit(&of(emulator), &candles(0, 1), &proof(0, 1)).await.unwrap();
    for (claimed, source) in
        [(UPBIT, named("massive")), (UPBIT, emulator), (emulator, UPBIT), (named("massive"), UPBIT)]
    {
        assert_eq!(store.claim(claimed, source).await.unwrap_err().kind(), StoreErrorKind::Unclaimed);
    }
    assert_eq!(store.unclaimed(), [UPBIT]);
    assert_eq!(store.read(&of(emulator), everything(), 9).await.unwrap().candles, candles(0, 1));
}

/// A kill leaves the note, or the note and the index, but not yet the name of the folder.
#[tokio::test]
async fn a_claim_that_was_killed_is_finished() {
    let emulator = named("upbit@127.0.0.1:9001");
    for indexed in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        folder_of_version_2(folder.path()).await;
        if indexed {
            let store = open(folder.path()).await;
            store.claim(UPBIT, emulator).await.unwrap();
            store.close().await;
            fs::rename(folder.path().join("upbit@127.0.0.1+9001"), folder.path().join("upbit")).unwrap();
        } else {
            fs::write(folder.path().join("upbit/SOURCE"), "upbit@127.0.0.1:9001\n").unwrap();
        }
        let store = open(folder.path()).await;
        assert_eq!(store.unclaimed(), []);
        assert_eq!(store.series().await.unwrap(), [of(emulator)]);
        assert_eq!(store.read(&of(emulator), everything(), 99).await.unwrap().candles, candles(0, 10));
        assert!(!folder.path().join("upbit").exists());
    }
}

#[tokio::test]
async fn series_of_an_old_database_are_nobodys_until_they_are_claimed() {
    let Some(config) = postgres::fresh() else { return };
    let connect = || PostgresStore::connect(config.clone());
    let store = connect().await.unwrap();
    store.commit(&of(UPBIT), &candles(0, 10), &proof(0, 10)).await.unwrap();
    store.close().await;
    postgres::execute(&config, "DROP TABLE unclaimed; DELETE FROM schema_version WHERE version = 3").await;
    let store = connect().await.unwrap();
    assert_eq!(store.unclaimed(), [UPBIT]);
    refuses(&store, &of(UPBIT)).await;
    let emulator = named("upbit@127.0.0.1:9001");
    store.commit(&of(emulator), &candles(0, 1), &proof(0, 1)).await.unwrap();
    for (claimed, source) in [(UPBIT, named("massive")), (UPBIT, emulator), (emulator, UPBIT)] {
        assert_eq!(store.claim(claimed, source).await.unwrap_err().kind(), StoreErrorKind::Unclaimed);
    }
    let seed = named("upbit@seed-7");
    store.claim(UPBIT, seed).await.unwrap();
    for store in [store, connect().await.unwrap()] {
        assert_eq!(store.unclaimed(), []);
        assert_eq!(store.read(&of(seed), everything(), 99).await.unwrap().candles, candles(0, 10));
        assert_eq!(store.coverage(&of(UPBIT)).await.unwrap(), Coverage::empty());
        assert_eq!(store.read(&of(emulator), everything(), 99).await.unwrap().candles, candles(0, 1));
    }
}

async fn archive(store: &dyn CandleStore, dir: &Path) {
    let series = store.series().await.unwrap();
    let order = ExportOptions::new(dir, ArchiveFormat::Csv, series, market_backbone_core::Grid::Utc);
    export_archive(store, &order).await.unwrap();
}

#[tokio::test]
async fn an_archive_is_taken_in_under_its_own_source_unless_told() {
    let (folder, singapore) = (tempfile::tempdir().unwrap(), named("upbit-sg"));
    let (there, here) = (MemoryStore::new(), MemoryStore::new());
    there.commit(&of(singapore), &candles(0, 9), &proof(0, 9)).await.unwrap();
    archive(&there, folder.path()).await;
    let error = import_archive_of(&here, folder.path(), NOW, UPBIT).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unclaimed);
    assert!(
        error.to_string().contains("upbit-sg, not of upbit;") && error.to_string().contains("--as upbit"),
        "{error}"
    );
    let error = import_archive_as(&here, folder.path(), NOW, named("massive")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unclaimed);
    assert_eq!(here.series().await.unwrap(), []);
    import_archive(&here, folder.path(), NOW).await.unwrap();
    import_archive_of(&here, folder.path(), NOW, singapore).await.unwrap();
    assert_eq!(here.series().await.unwrap(), [of(singapore)]);
    import_archive_as(&here, folder.path(), NOW, UPBIT).await.unwrap();
    assert_eq!(here.read(&of(UPBIT), everything(), 99).await.unwrap().candles, candles(0, 9));
}

#[tokio::test]
async fn an_archive_of_several_sources_is_not_laid_over_itself() {
    let (folder, store) = (tempfile::tempdir().unwrap(), MemoryStore::new());
    for source in ["upbit", "upbit@127.0.0.1:9001"] {
        store.commit(&of(named(source)), &candles(0, 9), &proof(0, 9)).await.unwrap();
    }
    archive(&store, folder.path()).await;
    let here = MemoryStore::new();
    let error = import_archive_as(&here, folder.path(), NOW, UPBIT).await.unwrap_err();
    assert!(error.to_string().contains("upbit, upbit@127.0.0.1:9001"), "{error}");
    import_archive(&here, folder.path(), NOW).await.unwrap();
    assert_eq!(here.series().await.unwrap(), store.series().await.unwrap());
}

#[tokio::test]
async fn an_archive_that_does_not_tell_whose_it_is_is_asked_about() {
    let (folder, store) = (tempfile::tempdir().unwrap(), MemoryStore::new());
    store.commit(&series("KRW-BTC"), &candles(0, 9), &proof(0, 9)).await.unwrap();
    archive(&store, folder.path()).await;
    let manifest = folder.path().join("_manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    assert!(text.contains("\"venues\": \"sources\""), "{text}");
    fs::write(&manifest, text.replace("\"venues\": \"sources\",", "")).unwrap();
    let here = MemoryStore::new();
    for refused in [
        import_archive(&here, folder.path(), NOW).await,
        import_archive_of(&here, folder.path(), NOW, UPBIT).await,
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unclaimed);
        assert!(error.to_string().contains("--as upbit@127.0.0.1:9001"), "{error}");
    }
    import_archive_as(&here, folder.path(), NOW, named("upbit@seed-7")).await.unwrap();
    assert_eq!(here.series().await.unwrap(), [of(named("upbit@seed-7"))]);
}
