//! Folders that an older version has written: migrated when opened, with all their data.

use std::path::Path;

use market_backbone_core::{Candle, CandleStore, Origin, Timestamp};
use market_backbone_storage::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use crate::material::{candle, candles, everything, minutes, open, proof, series};
use crate::revisions::proof_by;

/// Written down a second time on purpose: the layout of version 1 as its files have it.
const INDEX: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE series (
        venue TEXT NOT NULL, table_name TEXT NOT NULL, shard INTEGER NOT NULL,
        PRIMARY KEY (venue, table_name)
    ) WITHOUT ROWID;
    CREATE INDEX series_by_shard ON series (venue, shard);
    INSERT INTO series VALUES ('upbit', 'candles_KRW_BTC_1m', 0);
    PRAGMA application_id = 0x4d426978;
    PRAGMA user_version = 1;";

const SHARD: &str = "
    PRAGMA auto_vacuum = INCREMENTAL;
    PRAGMA journal_mode = WAL;
    CREATE TABLE coverage (
        series TEXT NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,
        origin TEXT NOT NULL, observed_ns INTEGER NOT NULL,
        PRIMARY KEY (series, from_ns)
    ) WITHOUT ROWID;
    CREATE TABLE \"candles_KRW_BTC_1m\" (
        timestamp INTEGER PRIMARY KEY,
        open REAL NOT NULL, high REAL NOT NULL, low REAL NOT NULL, close REAL NOT NULL,
        volume REAL NOT NULL, turnover REAL NOT NULL
    );
    INSERT INTO coverage VALUES ('KRW-BTC 1m', 0, 600000000000, 'rest', 1700000000000000000);
    PRAGMA application_id = 0x4d426373;
    PRAGMA user_version = 1;";

async fn database(path: &Path, sql: &'static str) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut conn = options.connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    conn
}

/// What version 2 brought.
const DISPUTES: &str = "
    CREATE TABLE dispute (
        series TEXT NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,
        earlier_origin TEXT, earlier_ns INTEGER, later_origin TEXT, later_ns INTEGER,
        PRIMARY KEY (series, from_ns)
    ) WITHOUT ROWID;
    INSERT INTO dispute VALUES ('KRW-BTC 1m', 360000000000, 420000000000, NULL, NULL, NULL, NULL);
    PRAGMA user_version = 2;";

pub(crate) async fn folder_of_version_2(dir: &Path) {
    folder_of_version_1(dir).await;
    database(&dir.join("index.db"), "PRAGMA user_version = 2").await.close().await.unwrap();
    database(&dir.join("upbit/shard-0000.db"), DISPUTES).await.close().await.unwrap();
}

async fn folder_of_version_1(dir: &Path) {
    std::fs::create_dir_all(dir.join("upbit")).unwrap();
    database(&dir.join("index.db"), INDEX).await.close().await.unwrap();
    let mut shard = database(&dir.join("upbit/shard-0000.db"), SHARD).await;
    for row in candles(0, 10) {
        let Candle { open_time, open, high, low, close, volume, turnover, .. } = row;
        let mut insert =
            sqlx::query("INSERT INTO \"candles_KRW_BTC_1m\" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
                .bind(open_time.as_millis());
        for figure in [open, high, low, close, volume, turnover] {
            insert = insert.bind(figure);
        }
        insert.execute(&mut shard).await.unwrap();
    }
    shard.close().await.unwrap();
}

/// Whose the candles are has to be said once.
async fn opened(dir: &Path) -> SqliteStore {
    let store = open(dir).await;
    for source in store.unclaimed() {
        store.claim(source, source).await.unwrap();
    }
    store
}

async fn version(path: &Path) -> i64 {
    let mut conn = database(path, "").await;
    sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut conn).await.unwrap()
}

#[tokio::test]
async fn a_folder_of_version_1_keeps_what_it_held_and_learns_of_disputes() {
    let folder = tempfile::tempdir().unwrap();
    folder_of_version_1(folder.path()).await;
    let btc = series("KRW-BTC");
    let correction = Candle { close: 1.5, ..candle(4) };
    for round in 0..2 {
        let store = opened(folder.path()).await;
        assert_eq!(store.series().await.unwrap(), std::slice::from_ref(&btc));
        assert!(store.coverage(&btc).await.unwrap().covers(minutes(0, 10)));
        let rows = store.read(&btc, everything(), 99).await.unwrap().candles;
        let expected = if round == 0 { candle(4) } else { correction };
        assert_eq!((rows.len(), rows.get(3).unwrap(), rows.get(4).unwrap()), (10, candle(3), expected));
        store.commit(&btc, &[correction], &proof(4, 5)).await.unwrap();
        let disputes = store.coverage(&btc).await.unwrap().disputes().to_vec();
        assert_eq!(disputes.iter().map(|dispute| dispute.range).collect::<Vec<_>>(), [minutes(4, 5)]);
        store.close().await;
    }
    for file in ["index.db", "upbit/shard-0000.db"] {
        assert_eq!(version(&folder.path().join(file)).await, 6, "{file}");
    }
}

#[tokio::test]
async fn a_folder_of_version_2_keeps_what_it_held_and_learns_of_earlier_versions() {
    let folder = tempfile::tempdir().unwrap();
    folder_of_version_2(folder.path()).await;
    let (btc, was) = (series("KRW-BTC"), Timestamp::from_secs(1_700_000_000));
    let correction = Candle { close: 1.5, ..candle(4) };
    let at = |secs| proof_by(Origin::Rest, 4, 5, secs);
    for round in 0..2 {
        let store = opened(folder.path()).await;
        let known = store.coverage(&btc).await.unwrap();
        assert!(known.covers(minutes(0, 10)) && known.dispute_at(candle(6).open_time).is_some());
        store.commit(&btc, &[correction], &at(1_700_000_001)).await.unwrap();
        assert_eq!(store.read_as_of(&btc, everything(), 99, was).await.unwrap().candles, candles(0, 10));
        assert_eq!(store.read(&btc, minutes(4, 5), 9).await.unwrap().candles, [correction], "round {round}");
        store.close().await;
    }
    for file in ["index.db", "upbit/shard-0000.db"] {
        assert_eq!(version(&folder.path().join(file)).await, 6, "{file}");
    }
}

/// What version 6 brought is taken away.
const WITHOUT_SEALS: &str =
    "DROP TABLE sealed_segment; UPDATE layout SET version = 5; PRAGMA user_version = 5;";
const INDEX_OF_5: &str = "UPDATE layout SET version = 5; PRAGMA user_version = 5;";

#[tokio::test]
async fn a_folder_of_version_5_keeps_what_it_held_and_gets_sealed_files() {
    let folder = tempfile::tempdir().unwrap();
    let btc = series("KRW-BTC");
    let store = open(folder.path()).await;
    store.commit(&btc, &candles(0, 3_000), &proof(0, 3_000)).await.unwrap();
    store.close().await;
    std::fs::remove_dir_all(folder.path().join("upbit/shard-0000.sealed")).unwrap();
    for (file, sql) in [("index.db", INDEX_OF_5), ("upbit/shard-0000.db", WITHOUT_SEALS)] {
        database(&folder.path().join(file), sql).await.close().await.unwrap();
    }
    let store = open(folder.path()).await;
    assert_eq!(store.read(&btc, everything(), 9_999).await.unwrap().candles, candles(0, 3_000));
    assert_eq!(store.seal().await.unwrap().rows, 3_000);
    assert_eq!(store.read(&btc, everything(), 9_999).await.unwrap().candles, candles(0, 3_000));
    store.close().await;
    for file in ["index.db", "upbit/shard-0000.db"] {
        assert_eq!(version(&folder.path().join(file)).await, 6, "{file}");
    }
}
