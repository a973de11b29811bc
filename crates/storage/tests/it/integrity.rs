//! Every kind of damage, made by another program, is found, reported in a line, and repaired where possible.

use std::path::{Path, PathBuf};

use market_backbone_core::{Candle, CandleStore, Grid, Series, Symbol, Timeframe};
use market_backbone_storage::{
    Finding, IntegrityIssue, MemoryStore, RepairPlan, SqliteStore, StoreConfig, check_integrity,
};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::material::{UPBIT, candle, candles, minute, minutes, open, proof, series};

const KEPT: i64 = 600;

fn shard(dir: &Path) -> PathBuf {
    dir.join("upbit/shard-0000.db")
}

fn five(code: &str) -> Series {
    Series::new(Symbol::new(UPBIT, code).unwrap(), Timeframe::M5)
}

/// Minutes and the five-minute candles that follow from them.
async fn fill(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, KEPT), &proof(0, KEPT)).await.unwrap();
    let longer: Vec<Candle> = Grid::Utc.derive(Timeframe::M5, &candles(0, KEPT).into()).to_vec();
    store.commit(&five("KRW-BTC"), &longer, &proof(0, KEPT)).await.unwrap();
    store.commit(&series("KRW-ETH"), &candles(3, 50), &proof(0, 60)).await.unwrap();
}

async fn filled(dir: &Path) {
    let store = open(dir).await;
    fill(&store).await;
    store.close().await;
}

async fn change(dir: &Path, sql: &'static str) {
    let mut conn = SqliteConnectOptions::new().filename(shard(dir)).connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    // As if an older version had written it, without checksums: what can be true would otherwise not even be asked.
    let unseal =
        "INSERT INTO unsealed SELECT DISTINCT series FROM seal; DELETE FROM seal; DELETE FROM block_sum";
    sqlx::raw_sql(unseal).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

async fn findings(dir: &Path) -> Vec<Finding> {
    let store = SqliteStore::open(StoreConfig::new(dir).cache_bytes(0)).await.unwrap();
    let found = store.check(Grid::Utc).await.unwrap();
    store.close().await;
    found
}

/// After this change exactly this is found, in these words, and following the plan leaves nothing to find.
async fn check(sql: &'static str, want: &[(IntegrityIssue, i64, i64)], words: &str) {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).await;
    assert_eq!(findings(folder.path()).await, []);
    change(folder.path(), sql).await;
    let found = findings(folder.path()).await;
    let got: Vec<_> = found.iter().map(|one| (one.issue, one.range())).collect();
    let want: Vec<_> = want.iter().map(|(flaw, from, to)| (*flaw, Some(minutes(*from, *to)))).collect();
    assert_eq!(got, want, "{found:?}");
    let line = found[0].to_string();
    assert!(line.contains(words) && !line.contains('\n') && line.contains("repair"), "{line}");

    let plan = RepairPlan::of(&found, |_| Some((Grid::Utc, 200)));
    assert!(!plan.is_empty() && plan.requests > 0 && plan.manual == 0, "{plan:?}");
    let store = open(folder.path()).await;
    for (series, range) in &plan.ranges {
        store.forget(series, *range).await.unwrap();
        assert!(!store.coverage(series).await.unwrap().covers(*range), "to be asked for again");
    }
    store.close().await;
    assert_eq!(findings(folder.path()).await, []);
}

#[tokio::test]
async fn a_candle_that_opens_where_no_slot_does_is_found() {
    let sql = "UPDATE candles_KRW_ETH_1m SET timestamp = timestamp + 1000 WHERE timestamp = 600000";
    check(sql, &[(IntegrityIssue::OffGrid, 10, 11)], "KRW-ETH 1m, 1970-01-01T00:10:00Z").await;
}

#[tokio::test]
async fn impossible_figures_are_found() {
    let sql = "UPDATE candles_KRW_ETH_1m SET high = low - 1 WHERE timestamp BETWEEN 600000 AND 720000";
    check(sql, &[(IntegrityIssue::Impossible, 10, 13)], "the first of 3 slots").await;
    let sql = "UPDATE candles_KRW_ETH_1m SET open = 'free text' WHERE timestamp = 600000";
    check(sql, &[(IntegrityIssue::Impossible, 10, 11)], "open 0").await;
}

#[tokio::test]
async fn a_candle_that_no_proof_speaks_of_is_found() {
    let sql = "UPDATE coverage SET to_ns = 1800000000000 WHERE series = 'KRW-ETH 1m'";
    check(sql, &[(IntegrityIssue::Unproven, 30, 50)], "the first of 20 slots").await;
    let sql = "DELETE FROM coverage WHERE series = 'KRW-ETH 1m'";
    check(sql, &[(IntegrityIssue::Unproven, 3, 50)], "without coverage").await;
}

#[tokio::test]
async fn a_candle_that_its_minutes_contradict_is_found() {
    let sql = "UPDATE candles_KRW_BTC_5m SET close = open WHERE timestamp = 600000";
    check(sql, &[(IntegrityIssue::AggregateMismatch, 10, 15)], "its minutes add up to").await;
    let sql = "DELETE FROM candles_KRW_BTC_5m WHERE timestamp = 600000";
    check(sql, &[(IntegrityIssue::AggregateMismatch, 10, 15)], "stored as empty").await;
    let sql = "DELETE FROM candles_KRW_BTC_1m WHERE timestamp BETWEEN 600000 AND 840000";
    check(sql, &[(IntegrityIssue::AggregateMismatch, 10, 15)], "none of its minutes").await;
}

#[tokio::test]
async fn a_table_that_does_not_keep_its_rows_apart_is_found() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).await;
    let sql = "CREATE TABLE other (timestamp INTEGER, open REAL, high REAL, low REAL, close REAL, volume REAL, turnover REAL);
               INSERT INTO other SELECT * FROM candles_KRW_ETH_1m;
               INSERT INTO other SELECT * FROM candles_KRW_ETH_1m WHERE timestamp = 600000;
               DROP TABLE candles_KRW_ETH_1m; ALTER TABLE other RENAME TO candles_KRW_ETH_1m";
    change(folder.path(), sql).await;
    let found = findings(folder.path()).await;
    let flaws: Vec<_> = found.iter().map(|one| one.issue).collect();
    // Rows out of order are no longer read at all: the file is the finding.
    assert_eq!(flaws, [IntegrityIssue::Layout], "{found:?}");
    // A file is made anew by the program now, where it was left to its user before.
    let plan = RepairPlan::of(&found, |_| Some((Grid::Utc, 200)));
    assert_eq!((plan.manual, plan.files), (0, vec![shard(folder.path())]));
}

#[tokio::test]
async fn a_coverage_that_contradicts_itself_is_found_and_written_anew() {
    for (sql, words) in [
        ("INSERT INTO coverage VALUES ('KRW-ETH 1m', 600000000000, 7200000000000, 'rest', 5)", "overlap"),
        ("INSERT INTO coverage VALUES ('KRW-ETH 1m', 7200000000000, 600000000000, 'rest', 5)", "backwards"),
        ("INSERT INTO coverage VALUES ('KRW-ETH 1m', 7200000000000, 7300000000000, 'gossip', 5)", "gossip"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path()).await;
        change(folder.path(), sql).await;
        let found = findings(folder.path()).await;
        assert_eq!(found[0].issue, IntegrityIssue::Ledger, "{found:?}");
        assert!(found[0].to_string().contains(words), "{}", found[0]);
        let plan = RepairPlan::of(&found, |_| Some((Grid::Utc, 200)));
        assert_eq!(plan.ledgers, [series("KRW-ETH")]);
        let store = open(folder.path()).await;
        store.repair_ledger(&series("KRW-ETH")).await.unwrap();
        assert!(store.coverage(&series("KRW-ETH")).await.unwrap().covers(minutes(0, 60)));
        store.close().await;
        assert_eq!(findings(folder.path()).await, []);
    }
}

#[tokio::test]
async fn a_damaged_file_is_found_and_the_others_are_examined_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig::new(folder.path()).tables_per_shard(1);
    let store = SqliteStore::open(config).await.unwrap();
    for code in ["KRW-BTC", "KRW-ETH"] {
        store.commit(&series(code), &candles(0, 5_000), &proof(0, 5_000)).await.unwrap();
    }
    store.close().await;
    let mut bytes = std::fs::read(shard(folder.path())).unwrap();
    bytes[40_960..81_920].fill(0xA5);
    std::fs::write(shard(folder.path()), bytes).unwrap();
    let found = findings(folder.path()).await;
    assert!(found.iter().any(|one| one.issue == IntegrityIssue::File), "{found:?}");
    assert!(found[0].to_string().contains("shard-0000.db"), "{}", found[0]);
    let about_eth = found.iter().filter(|one| one.series() == Some(&series("KRW-ETH"))).count();
    assert_eq!(about_eth, 0);
    assert_eq!(RepairPlan::of(&found, |_| Some((Grid::Utc, 200))).files, [shard(folder.path())]);
}

#[tokio::test]
async fn two_answers_that_disagreed_are_found() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).await;
    let store = open(folder.path()).await;
    let restated = Candle { close: candle(20).close + 0.1, ..candle(20) };
    store.commit(&series("KRW-ETH"), &[restated], &proof(20, 21)).await.unwrap();
    store.close().await;
    let found = findings(folder.path()).await;
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.issue, one.range(), one.slots), (IntegrityIssue::Disputed, Some(minutes(20, 21)), 1));
}

#[tokio::test]
async fn rows_are_examined_in_windows_without_losing_any() {
    let store = MemoryStore::new();
    let btc = series("KRW-BTC");
    let mut rows = candles(0, 25_000);
    for wrong in [0, 9_999, 15_000, 24_999] {
        rows[wrong].low = rows[wrong].high + 1.0;
    }
    store.commit(&btc, &rows, &proof(0, 25_000)).await.unwrap();
    let found = check_integrity(&store, Grid::Utc).await.unwrap();
    let mut at: Vec<_> = found.iter().map(|one| one.range().unwrap().from()).collect();
    at.sort();
    assert_eq!(at, [0, 9_999, 15_000, 24_999].map(minute));
}

#[tokio::test]
async fn what_is_valid_is_left_in_peace_in_every_store() {
    let store = MemoryStore::new();
    fill(&store).await;
    assert_eq!(check_integrity(&store, Grid::Utc).await.unwrap(), []);
}
