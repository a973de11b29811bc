//! What `candles` writes for other programs: columns, values, and the format of a file.

use std::fs;
use std::path::Path;

use market_backbone_emulator::{MarketActivity, MarketSet, Scenario};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::run::{Said, Venue};

const MINUTE: i64 = 60_000;
const FIRST: i64 = 1_778_570_160_000;
const WHOLE: i64 = 450;

/// A venue at which a market costs 100 for hours, and at last 99.9.
fn whole_at_first(folder: &TempDir) -> Venue {
    let file = folder.path().join("tape.csv");
    let mut text = "trade_timestamp_ms,market,trade_price,trade_volume\n".to_owned();
    for minute in 0..=WHOLE {
        let price = if minute == WHOLE { "99.9" } else { "100" };
        text.push_str(&format!("{},KRW-MBL,{price},3\n", FIRST + minute * MINUTE + 5));
    }
    fs::write(&file, text).unwrap();
    Venue::start(Scenario { tape: Some(file), ..Scenario::default() })
}

fn time(ms: i64) -> String {
    market_backbone::Timestamp::from_millis(ms).to_string()
}

#[test]
fn prices_and_volumes_always_have_a_decimal_point_so_that_whole_ones_are_no_integers() {
    let (folder, data) = (tempdir().unwrap(), tempdir().unwrap());
    let venue = whole_at_first(&folder);
    let (from, to) = (time(FIRST), time(FIRST + (WHOLE + 2) * MINUTE));
    let range = ["--from", &from, "--to", &to, "--same-as", "upbit"];
    let run =
        |args: &[&str]| venue.run(data.path(), &[&["candles", "KRW-MBL", "1m"], &range[..], args].concat());
    let csv = run(&["--format", "csv"]);
    let rows: Vec<&str> = csv.stdout.lines().collect();
    assert_eq!(rows.len() as i64, WHOLE + 2, "{csv:?}");
    assert_eq!(rows[0], "timestamp,open,high,low,close,volume,final,filled");
    assert_eq!(rows[1], format!("{FIRST},100.0,100.0,100.0,100.0,3.0,true,false"));
    assert!(
        rows[rows.len() - 1].ends_with(",99.9,99.9,99.9,99.9,3.0,true,false"),
        "{}",
        rows[rows.len() - 1]
    );
    let json = run(&["--format", "json"]);
    assert!(json.stdout.lines().next().unwrap().contains("\"close\":100.0,"), "{}", json.stdout);
    let table = run(&[]);
    assert!(table.stdout.contains(" 100.0 "), "{}", table.stdout);
    let archive = folder.path().join("archive");
    let exported = venue.run(data.path(), &["store", "export", "--output", archive.to_str().unwrap()]);
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let rows = archive.join("data/source=upbit/symbol=KRW-MBL/timeframe=1m/candles.csv");
    let text = fs::read_to_string(rows).unwrap();
    let figures = text.lines().skip(1).flat_map(|line| line.split(',').skip(1).take(6));
    assert!(figures.clone().all(|figure| figure.contains('.')), "{text}");
    assert_eq!(figures.count() as i64, 6 * (WHOLE + 1));
    venue.stop();
}

#[test]
fn the_forming_candle_says_that_it_is_not_final_in_every_format() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let run = |format: &str| {
        let said = venue.run(data.path(), &["candles", "KRW-BTC", "1y", "--count", "1", "--format", format]);
        assert_eq!(said.code, Some(0), "{said:?}");
        said.stdout
    };
    assert!(run("csv").lines().nth(1).unwrap().ends_with(",false,false"));
    let json: Value = serde_json::from_str(run("json").lines().last().unwrap()).unwrap();
    assert_eq!(
        (&json["final"], &json["filled"], &json["truth"]),
        (&Value::Bool(false), &Value::Bool(false), &Value::from("present"))
    );
    assert!(run("table").contains("forming"));
    venue.stop();
}

#[test]
fn the_ending_of_a_file_chooses_its_format() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let path = |name: &str| data.path().join(name).to_str().unwrap().to_owned();
    let run = |args: &[&str]| {
        venue.run(data.path(), &[&["candles", "KRW-BTC", "1m", "--count", "5", "--closed"], args].concat())
    };
    let begins: [(&str, &[u8]); 5] = [
        ("a.parquet", b"PAR1"),
        ("a.csv", b"timestamp,"),
        ("a.json", b"{\""),
        ("a.ndjson", b"{\""),
        ("a.txt", b" open time (UTC)"),
    ];
    for (name, begin) in begins {
        let said = run(&["--output", &path(name)]);
        assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (Some(0), "", ""), "{name}");
        let bytes = fs::read(path(name)).unwrap();
        assert!(bytes.starts_with(begin), "{name}: {}", String::from_utf8_lossy(&bytes));
    }
    let refused = |args: &[&str], want: &str| {
        let said = run(args);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{said:?}");
        assert!(said.stderr.contains(want) && said.stderr.lines().count() == 1, "{}", said.stderr);
    };
    refused(&["--output", &path("b.parquet"), "--format", "csv"], "says parquet");
    refused(&["--output", &path("b.dat")], "names no format");
    refused(&["--format", "parquet"], "--output");
    assert!(!data.path().join("b.parquet").exists() && !data.path().join("b.dat").exists());
    assert_eq!(run(&["--output", &path("b.dat"), "--format", "csv"]).code, Some(0));
    venue.stop();
}

#[test]
fn rows_of_more_than_one_series_say_whose_they_are() {
    let markets = MarketSet::many(2, MarketActivity::Busy);
    let (venue, data) = (Venue::start(Scenario { markets, ..Scenario::default() }), tempdir().unwrap());
    let ask = |format: &str| {
        let args =
            ["candles", "KRW-M001", "krw-m000", "KRW-M001", "1m,1h", "--count", "2", "--format", format];
        venue.run(data.path(), &args)
    };
    let csv = ask("csv");
    assert_eq!((csv.code, csv.stderr.as_str()), (Some(0), ""), "{csv:?}");
    let lines: Vec<&str> = csv.stdout.lines().collect();
    assert_eq!(lines[0], "timestamp,open,high,low,close,volume,final,filled,symbol,timeframe");
    let whose: Vec<String> =
        lines[1..].iter().map(|line| line.splitn(9, ',').nth(8).unwrap().to_owned()).collect();
    let twice = |series: &str| vec![series.to_owned(); 2];
    let want = ["KRW-M001,1m", "KRW-M001,1h", "KRW-M000,1m", "KRW-M000,1h"].map(twice).concat();
    assert_eq!(whose, want, "in the order in which they were named, each once");
    for line in ask("json").stdout.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        assert!(
            row["symbol"].is_string() && row["timeframe"].is_string() && row["final"].is_boolean(),
            "{line}"
        );
    }
    assert!(ask("table").stdout.contains("KRW-M000 1h\n"));
    venue.stop();
}

#[test]
fn what_is_wrong_with_the_names_is_said() {
    let data = tempdir().unwrap();
    let run =
        |args: &[&str]| Said::of(crate::run::bare(args).arg("--data-dir").arg(data.path()).output().unwrap());
    let refused = |args: &[&str], want: &str| {
        let said = run(args);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{said:?}");
        assert!(said.stderr.contains(want), "`{want}` in {}", said.stderr);
    };
    refused(&["candles", "KRW-BTC"], "behind the markets");
    refused(&["candles", "1m"], "no market is named");
    refused(&["candles", "KRW-BTC", "1m,7m"], "7m");
    refused(&["candles", "KRW-BTC", "1m", "1h"], "joined by commas: 1m,1h");
    refused(&["candles", "KRW-BTC", "1m", "--output-dir", "d", "--format", "table"], "--output-dir");
    refused(&["candles", "KRW-BTC", "1m", "--output-dir", "d", "--output", "f.csv"], "--output");
    assert!(!Path::new("d").exists());
}
