//! Files that are broken, newer or of another program: damaged data is unknown and rebuilt, foreign files are
//! reported and left alone, and other files are not affected.

use std::fs;
use std::path::{Path, PathBuf};

use market_backbone_core::{CandleStore, Grid, StoreErrorKind};
use market_backbone_storage::{IntegrityIssue, RepairPlan, SealingConfig, SqliteStore, StoreConfig};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::material::{candles, everything, minute_of, minutes, proof, series};

const KEPT: i64 = 5_000;

/// A folder with KRW-BTC in the first shard and KRW-ETH in the second.
async fn two_shards(dir: &Path) -> (StoreConfig, PathBuf) {
    // What is damaged here is the table: a read that is answered from a sealed file would not meet it.
    let tables_alone = SealingConfig::default().enabled(false);
    let config = StoreConfig::new(dir).tables_per_shard(1).sealing(tables_alone);
    let store = SqliteStore::open(config.clone()).await.unwrap();
    for code in ["KRW-BTC", "KRW-ETH"] {
        store.commit(&series(code), &candles(0, KEPT), &proof(0, KEPT)).await.unwrap();
    }
    store.close().await;
    (config, dir.join("upbit/shard-0000.db"))
}

async fn eth_is_as_it_was(store: &SqliteStore) {
    let eth = series("KRW-ETH");
    assert_eq!(store.read(&eth, everything(), usize::MAX).await.unwrap().candles, candles(0, KEPT));
    store.commit(&eth, &candles(KEPT, KEPT + 1), &proof(KEPT, KEPT + 1)).await.unwrap();
}

/// KRW-BTC fails in this way, and names its file, which is left alone; KRW-ETH is as it was.
async fn check_not_ours(config: StoreConfig, file: &Path, kind: StoreErrorKind, word: &str) {
    let before = fs::read(file).unwrap();
    let store = SqliteStore::open(config).await.unwrap();
    let read = store.read(&series("KRW-BTC"), everything(), usize::MAX).await;
    let written = store.commit(&series("KRW-BTC"), &candles(0, KEPT), &proof(0, KEPT)).await;
    for error in [read.unwrap_err(), written.unwrap_err()] {
        let text = error.to_string();
        assert_eq!(error.kind(), kind, "{text}");
        assert!(text.contains("shard-0000.db") && text.contains(word), "{text}");
    }
    eth_is_as_it_was(&store).await;
    store.close().await;
    assert!(fs::read(file).unwrap() == before, "a file that is not ours is left as it is");
}

/// Nothing false is read of KRW-BTC, by writers or by readers; missing data can be written again, and then
/// all is well. The damaged file is kept beside it.
async fn check_damaged(config: StoreConfig, file: &Path) {
    let btc = series("KRW-BTC");
    let (held, before) = (fs::read(file).unwrap(), SqliteStore::open(config.clone()).await.unwrap());
    let guest = SqliteStore::open_read_only(config.clone()).await.unwrap();
    returns_nothing_untrue(&guest).await;
    guest.close().await;
    assert!(fs::read(file).unwrap() == held, "who may only read changes nothing");
    let told = returns_nothing_untrue(&before).await;
    assert!(told < KEPT, "nothing of it was damaged: {told}");
    before.commit(&btc, &candles(0, KEPT), &proof(0, KEPT)).await.unwrap();
    assert_eq!(returns_nothing_untrue(&before).await, KEPT);
    eth_is_as_it_was(&before).await;
    before.close().await;
    let store = SqliteStore::open(config).await.unwrap();
    assert_eq!(returns_nothing_untrue(&store).await, KEPT);
    assert_eq!(store.check(Grid::Utc).await.unwrap(), []);
    store.close().await;
}

/// Checks that every slot of KRW-BTC is either unknown or correct. Returns how many are known.
async fn returns_nothing_untrue(store: &SqliteStore) -> i64 {
    let btc = series("KRW-BTC");
    let read = store.read(&btc, everything(), usize::MAX).await.unwrap().candles;
    let known = store.coverage(&btc).await.unwrap();
    let told: Vec<_> = read.into_iter().filter(|row| known.is_known(row.open_time)).collect();
    let truth: Vec<_> = candles(0, KEPT).into_iter().filter(|row| known.is_known(row.open_time)).collect();
    assert!(told == truth, "{} told, {} are there", told.len(), truth.len());
    truth.len() as i64
}

async fn change(file: &Path, sql: &'static str) {
    let mut conn =
        SqliteConnectOptions::new().filename(file).create_if_missing(true).connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

#[tokio::test]
async fn a_file_of_rubbish_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (config, file) = two_shards(folder.path()).await;
    fs::write(&file, "rubbish ".repeat(5_000)).unwrap();
    check_damaged(config, &file).await;
    assert!(fs::read(file.with_extension("db.damaged")).unwrap().starts_with(b"rubbish"));
}

#[tokio::test]
async fn a_file_with_broken_pages_is_made_anew_from_what_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let (config, file) = two_shards(folder.path()).await;
    let mut bytes = fs::read(&file).unwrap();
    let end = bytes.len();
    bytes[end / 2..end / 2 + 40_960].fill(0xA5);
    fs::write(&file, bytes).unwrap();
    let store = SqliteStore::open(config.clone()).await.unwrap();
    let told = returns_nothing_untrue(&store).await;
    store.close().await;
    assert!(told > KEPT / 2 && told < KEPT, "{told} of {KEPT} were saved");
}

#[tokio::test]
async fn rows_that_were_changed_or_lost_are_unknown_and_their_neighbours_are_not() {
    for sql in [
        "UPDATE candles_KRW_BTC_1m SET close = close * 2 WHERE timestamp = 120000000",
        "DELETE FROM candles_KRW_BTC_1m WHERE timestamp BETWEEN 120000000 AND 125000000",
        "INSERT OR REPLACE INTO candles_KRW_BTC_1m VALUES (120000001, 1, 1, 1, 1, 1, 1)",
        "UPDATE candles_KRW_BTC_1m SET volume = 'x' WHERE timestamp = 120000000",
        "DELETE FROM block_sum WHERE block = 120000000 / 3840000",
        "UPDATE block_sum SET rows = rows + 1 WHERE block = 120000000 / 3840000",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (config, file) = two_shards(folder.path()).await;
        change(&file, sql).await;
        let store = SqliteStore::open(config.clone()).await.unwrap();
        // However little of it is asked.
        let few = store.read(&series("KRW-BTC"), minutes(2_000, 2_010), 3).await.unwrap().candles;
        let known = store.coverage(&series("KRW-BTC")).await.unwrap();
        assert!(few.is_empty() && !known.is_known(minutes(2_000, 2_001).from()), "{sql}");
        assert!(returns_nothing_untrue(&store).await >= KEPT - 3 * 64, "{sql}");
        let missing = known.missing(minutes(0, KEPT));
        assert!(missing.iter().all(|range| minute_of(range.to()) - minute_of(range.from()) <= 128), "{sql}");
        store.close().await;
        check_damaged(config, &file).await;
    }
}

#[tokio::test]
async fn a_coverage_that_was_changed_knows_nothing() {
    for sql in [
        "UPDATE coverage SET to_ns = to_ns * 2",
        "UPDATE coverage SET origin = 'resu'",
        "UPDATE coverage SET to_ns = from_ns - 1",
        "INSERT INTO claim VALUES ('KRW-BTC 1m', 400000000000000, 500000000000000, 2, 1, 2)",
        "DELETE FROM coverage",
        "UPDATE seal SET ledger = ledger + 1",
        "DELETE FROM seal",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (config, file) = two_shards(folder.path()).await;
        change(&file, sql).await;
        let store = SqliteStore::open(config.clone()).await.unwrap();
        assert!(store.coverage(&series("KRW-BTC")).await.unwrap().is_empty(), "{sql}");
        store.close().await;
        check_damaged(config, &file).await;
    }
}

#[tokio::test]
async fn damage_is_named_by_a_check_and_mended_by_what_it_plans() {
    let folder = tempfile::tempdir().unwrap();
    let (config, file) = two_shards(folder.path()).await;
    change(&file, "UPDATE candles_KRW_BTC_1m SET close = close * 2 WHERE timestamp = 120000000").await;
    change(&folder.path().join("upbit/shard-0001.db"), "UPDATE coverage SET to_ns = to_ns + 1").await;
    let store = SqliteStore::open(config.clone()).await.unwrap();
    for _ in 0..2 {
        let found = store.check(Grid::Utc).await.unwrap();
        let flaws: Vec<_> = found.iter().map(|one| one.issue).collect();
        assert_eq!(
            flaws,
            [IntegrityIssue::Damaged, IntegrityIssue::Ledger, IntegrityIssue::Unproven],
            "a check changes nothing: {found:?}"
        );
        assert_eq!(found[0].slots, 64, "{}", found[0]);
    }
    let plan = RepairPlan::of(&store.check(Grid::Utc).await.unwrap(), |_| Some((Grid::Utc, 200)));
    for one in &plan.ledgers {
        store.repair_ledger(one).await.unwrap();
    }
    for (one, range) in &plan.ranges {
        store.forget(one, *range).await.unwrap();
    }
    assert_eq!(store.check(Grid::Utc).await.unwrap(), []);
    assert_eq!(returns_nothing_untrue(&store).await, KEPT - 64);
    store.close().await;
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (config, file) = two_shards(folder.path()).await;
    // A newer program says so in both places.
    change(&file, "PRAGMA user_version = 9; UPDATE layout SET version = 9").await;
    check_not_ours(config, &file, StoreErrorKind::TooNew, "newer version").await;
}

#[tokio::test]
async fn a_head_that_says_something_else_than_the_file_is_damage() {
    for sql in ["PRAGMA user_version = 7", "PRAGMA user_version = 4", "PRAGMA application_id = 3"] {
        let folder = tempfile::tempdir().unwrap();
        let (config, file) = two_shards(folder.path()).await;
        change(&file, sql).await;
        let store = SqliteStore::open(config).await.unwrap();
        assert_eq!(returns_nothing_untrue(&store).await, KEPT, "all of it is saved: {sql}");
        assert_eq!(store.check(Grid::Utc).await.unwrap(), []);
        store.close().await;
    }
}

#[tokio::test]
async fn another_programs_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (config, file) = two_shards(folder.path()).await;
    fs::remove_file(&file).unwrap();
    change(&file, "CREATE TABLE recipes (name TEXT)").await;
    check_not_ours(config, &file, StoreErrorKind::Inaccessible, "another program").await;
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
async fn a_damaged_index_is_made_anew_from_the_shards() {
    let folder = tempfile::tempdir().unwrap();
    let (config, _) = two_shards(folder.path()).await;
    fs::write(folder.path().join("index.db"), "rubbish ".repeat(5_000)).unwrap();
    let store = SqliteStore::open(config).await.unwrap();
    assert_eq!(returns_nothing_untrue(&store).await, KEPT);
    eth_is_as_it_was(&store).await;
    store.close().await;
    assert!(folder.path().join("index.db.damaged").exists());
}
