//! Long answers, which are written piece by piece while they are read.

use std::fs;
use std::path::Path;

use market_backbone::{
    Candle, CandleStore, Coverage, Origin, Provenance, Series, Span, SqliteStore, StoreConfig, Symbol,
    TimeRange, Timeframe, Timestamp, VenueId,
};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tempfile::{TempDir, tempdir};

use crate::run::{Said, Venue};

/// Two pieces and a half, and more than what is still read whole.
const ROWS: i64 = 125_000;

fn first() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn minute(number: i64) -> Timestamp {
    Timestamp::from_secs(first().as_secs() + number * 60)
}

/// Fills a folder with minutes of `market`, of which each hundredth has no trade.
fn filled(market: &str) -> TempDir {
    let data = tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let series = Series::new(Symbol::new(VenueId::new("upbit"), market).unwrap(), Timeframe::M1);
    let candle = |number: i64| {
        let price = 1_000.0 + (number % 977) as f64 / 8.0;
        Candle {
            open_time: minute(number),
            open: price,
            high: price + 1.5,
            low: price - 0.25,
            close: price + 1.0,
            volume: 0.1 + number as f64,
            turnover: price * number as f64,
            is_final: true,
        }
    };
    runtime.block_on(async {
        let store = SqliteStore::open(StoreConfig::new(data.path())).await.unwrap();
        for from in (0..ROWS).step_by(25_000) {
            let rows: Vec<_> = (from..from + 25_000).filter(|number| number % 100 != 7).map(candle).collect();
            let range = TimeRange::new(minute(from), minute(from + 25_000)).unwrap();
            let provenance = Provenance { origin: Origin::Rest, observed_at: minute(ROWS) };
            let coverage: Coverage = [Span { range, provenance }].into_iter().collect();
            store.commit(&series, &rows, &coverage).await.unwrap();
        }
        store.close().await;
    });
    data
}

fn ask(venue: &Venue, data: &Path, market: &str, which: &[&str]) -> Said {
    let common = ["candles", market, "1m", "--closed", "--stats", "--same-as", "upbit"];
    venue.run(data, &[&common[..], which].concat())
}

fn text(number: i64) -> String {
    minute(number).to_string()
}

#[test]
fn a_long_answer_is_the_same_to_the_byte_and_costs_no_request() {
    let (venue, data) = (Venue::healthy(), filled("KRW-BTC"));
    for format in ["csv", "json"] {
        let stretch = |from: i64, to: i64| {
            let (from, to) = (text(from), text(to));
            ask(&venue, data.path(), "KRW-BTC", &["--format", format, "--from", &from, "--to", &to])
        };
        // Each half is read whole.
        let (older, newer) = (stretch(0, 60_000), stretch(60_000, ROWS));
        let header = newer.stdout.find('\n').filter(|_| format == "csv").map_or(0, |end| end + 1);
        let want = older.stdout + &newer.stdout[header..];
        let whole = stretch(0, ROWS);
        assert_eq!((whole.code, whole.requests()), (Some(0), 0), "{}", whole.stderr);
        assert!(whole.stdout == want, "{format}: {} and {} bytes", whole.stdout.len(), want.len());
        let stats = whole.stats();
        assert_eq!(stats["rows"], ROWS * 99 / 100);
        let coverage = &stats["coverage"];
        assert_eq!(coverage.as_array().map(Vec::len), Some(1), "{coverage}");
        assert_eq!(
            (&coverage[0]["present"], &coverage[0]["empty"]),
            (&(ROWS * 99 / 100).into(), &(ROWS / 100).into())
        );

        let count = (ROWS * 99 / 100).to_string();
        let newest = ["--format", format, "--count", &count, "--to", &text(ROWS)];
        let counted = ask(&venue, data.path(), "KRW-BTC", &newest);
        assert_eq!((counted.code, counted.requests()), (Some(0), 0), "{}", counted.stderr);
        assert!(counted.stdout == want, "{format}: a count");
        assert_eq!(counted.stats()["rows"], stats["rows"]);
    }
    // What is not stored yet is fetched once, behind what is.
    let to = text(ROWS + 150);
    let further = ask(&venue, data.path(), "KRW-BTC", &["--format", "csv", "--from", &text(0), "--to", &to]);
    let rows = further.rows();
    assert!(rows.is_sorted_by(|a, b| a.timestamp < b.timestamp));
    assert!(rows.last().unwrap().timestamp >= minute(ROWS).as_millis(), "{}", further.stderr);
    assert!((1..=2).contains(&further.requests()), "{}", further.stats());
    venue.stop();
}

/// Rows in the second piece are gone, and the venue does not list the market.
#[test]
fn what_fails_half_way_says_so_and_leaves_no_file() {
    let (venue, data) = (Venue::healthy(), filled("KRW-GONE"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let shard = data.path().join("upbit/shard-0000.db");
        let mut conn = SqliteConnectOptions::new().filename(shard).connect().await.unwrap();
        let lost = minute(70_001).as_millis();
        let spoil = format!(
            "UPDATE candles_KRW_GONE_1m SET close = close * 2 WHERE timestamp = {lost}; DELETE FROM sealed_segment"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(spoil)).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    });
    let copy = tempdir().unwrap();
    copy_folder(data.path(), copy.path());
    let (from, to) = (text(0), text(ROWS));
    let which = ["--format", "csv", "--from", &from, "--to", &to];

    let said = ask(&venue, data.path(), "KRW-GONE", &which);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    let lines: Vec<_> = said.stdout.lines().collect();
    assert_eq!(lines.len(), 1 + 49_500, "the first piece, whole");
    assert!(said.stdout.ends_with('\n'));
    let error = said.stderr.lines().find(|line| line.starts_with("error: ")).unwrap();
    assert!(error.contains("only 49500 candles were written, up to the one of "), "{error}");
    assert!(error.contains("KRW-GONE"), "{error}");

    let file = copy.path().join("out.csv");
    let path = file.to_str().unwrap();
    let said = ask(&venue, copy.path(), "KRW-GONE", &[&which[..], &["--output", path]].concat());
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{}", said.stderr);
    assert!(said.stderr.contains("out.csv was not written"), "{}", said.stderr);
    let left = fs::read_dir(copy.path()).unwrap().flatten().map(|entry| entry.file_name());
    assert!(left.filter(|name| name.to_string_lossy().contains("out.csv")).count() == 0);
    venue.stop();
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
