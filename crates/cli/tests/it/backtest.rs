//! `backtest`: a worked example to the last figure, ranges that must be known, reports, checks and refusals.

use std::fs;
use std::path::{Path, PathBuf};

use market_backbone_emulator::Scenario;
use serde_json::Value;
use tempfile::tempdir;

use crate::run::{Said, Venue, bare};

/// Two averages of 2 and 3 bars cross up at the fourth bar, down at the sixth, up at the tenth and never again.
const WORKED: &str = "\
timestamp,open,high,low,close,volume
0,10,10,10,10,1
60000,10,10,10,10,1
120000,10,10,10,10,1
180000,12,16,12,16,1
240000,18,18,16,16,1
300000,14,14,4,4,1
360000,5,5,4,4,1
420000,4,4,4,4,1
480000,4,4,4,4,1
540000,5,8,5,8,1
600000,10,12,10,12,1
660000,12,15,12,15,1
";

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, text).unwrap();
    file
}

fn run(args: &[&str]) -> Said {
    Said::of(bare(args).output().unwrap())
}

#[track_caller]
fn json(said: &Said) -> Value {
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.stdout.lines().count(), 1, "one object: {}", said.stdout);
    serde_json::from_str(&said.stdout).unwrap()
}

#[track_caller]
fn near(value: &Value, want: f64) {
    let got = value.as_f64().unwrap_or(f64::NAN);
    assert!((got - want).abs() <= 1e-9 * want.abs().max(1.0), "{got} is not {want}");
}

const WINDOWS: [&str; 4] = ["--fast", "2", "--slow", "3"];

#[test]
fn the_figures_are_those_of_an_example_worked_by_hand() {
    let folder = tempdir().unwrap();
    let bars = write(folder.path(), "bars.csv", WORKED);
    let bars = bars.to_str().unwrap();
    let money = ["--fee", "0.01", "--cash", "1000", "--quantity", "10", "--format", "json"];
    let said =
        run(&[&["backtest", "sma-cross", "KRW-BTC", "1m", "--bars", bars][..], &WINDOWS, &money].concat());
    let report = json(&said);
    // Bought 10 at 18 (fee 1.80), sold at 5 (fee 0.50): -132.30. Bought 10 at 10 (fee 1.00), worth 15 each at the end.
    // 1000 - 180 - 1.80 + 50 - 0.50 - 100 - 1.00 + 150 = 916.70.
    near(&report["final_equity"], 916.7);
    near(&report["return"], -0.0833);
    near(&report["fees"], 3.3);
    near(&report["initial_equity"], 1_000.0);
    for (name, want) in
        [("bars", 12), ("trades", 1), ("open_positions", 1), ("fills", 3), ("annualised_by", 365)]
    {
        assert_eq!(report[name].as_u64(), Some(want), "{name}");
    }
    let fills = ["proven", "assumed", "ambiguous"].map(|name| report[name].as_u64().unwrap());
    assert_eq!(fills, [3, 0, 0], "the open of a bar is a price that was traded");
    // The peak is 1000, the lowest close after the second purchase's fee: 866.70 + 10 × (12 - 10) is above 858.20 at bar 5.
    near(&report["max_drawdown"], 1.0 - 858.2 / 1_000.0);
    assert_eq!(
        (&report["pessimistic"], &report["optimistic"]),
        (&report["final_equity"], &report["final_equity"])
    );
    assert!(report["sharpe"].is_null(), "one day has no deviation");
    assert!(report["seconds"].as_f64().is_some_and(|seconds| seconds >= 0.0));
    assert_eq!(
        (report["symbol"].as_str(), report["strategy"].as_str()),
        (Some("KRW-BTC"), Some("sma-cross"))
    );
}

#[test]
fn all_in_spends_what_the_cash_pays_for_with_the_fee() {
    let folder = tempdir().unwrap();
    let bars = write(folder.path(), "bars.csv", WORKED);
    let args = ["backtest", "sma-cross", "--bars", bars.to_str().unwrap(), "--fee", "0.01", "--cash", "1000"];
    let report = json(&run(&[&args[..], &WINDOWS, &["--format", "json"]].concat()));
    // 1000 / (18 × 1.01) = 55.00550055 of it, all sold at 5; then the same again at 10.
    let bought = 55.005_500_55_f64;
    let cash = bought * 5.0 * 0.99 + (1_000.0 - bought * 18.0 * 1.01);
    let again = (cash / (10.0 * 1.01) * 1e8_f64).floor() / 1e8;
    near(&report["final_equity"], again * 15.0 + (cash - again * 10.0 * 1.01));
    assert_eq!(report["timeframe"], "1m", "taken from the distance of the bars");
}

#[test]
fn a_parquet_file_gives_what_the_csv_gives() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let range = ["--from", "2026-10-01", "--to", "2026-10-01T06:00:00Z"];
    let run = |args: &[&str]| venue.run(data.path(), args);
    let files = ["day.csv", "day.parquet"].map(|name| data.path().join(name).to_str().unwrap().to_owned());
    for file in &files {
        let said = run(&[&["candles", "KRW-BTC", "1m", "--output", file][..], &range].concat());
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    let of = |source: &[&str]| {
        let args = ["backtest", "sma-cross", "KRW-BTC", "1m", "--fee", "0.0005", "--format", "json"];
        let mut report = json(&run(&[&args[..], source].concat()));
        report["seconds"] = Value::Null;
        report["empty_slots"] = Value::Null;
        report
    };
    let stored = of(&range);
    assert!(stored["trades"].as_u64().unwrap() > 1 && stored["bars"].as_u64().unwrap() > 300, "{stored}");
    for file in &files {
        assert_eq!(of(&["--bars", file]), stored, "{file}");
    }
    venue.stop();
}

#[test]
fn an_unknown_range_is_refused_with_its_cost_and_fetched_when_asked() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let args = ["backtest", "sma-cross", "KRW-BTC", "1m", "--fee", "0.0005", "--format", "json"];
    let range = ["--from", "2026-10-01", "--to", "2026-10-01T12:00:00Z"];
    let refused = venue.run(data.path(), &[&args[..], &range].concat());
    assert_eq!((refused.code, venue.candle_requests()), (Some(1), 0), "{refused:?}");
    for word in ["720 of 720 slots", "2026-10-01T00:00:00Z", "--fetch", "4 pages"] {
        assert!(refused.stderr.contains(word), "{word} in {}", refused.stderr);
    }
    let fetched = json(&venue.run(data.path(), &[&args[..], &range, &["--fetch"]].concat()));
    let spent = venue.candle_requests();
    assert!(spent >= 4);
    let mut again = json(&venue.run(data.path(), &[&args[..], &range].concat()));
    assert_eq!(venue.candle_requests(), spent, "what is known is not asked again");
    again["seconds"] = fetched["seconds"].clone();
    assert_eq!(again, fetched);
    let part = venue.run(
        data.path(),
        &[&args[..], &["--from", "2026-10-01T06:00:00Z", "--to", "2026-10-01T13:00:00Z"]].concat(),
    );
    assert!(part.stderr.contains("60 of 420 slots"), "{}", part.stderr);
    venue.stop();
}

/// The newest minutes are unknown until the venue has moved on: a run up to now ends before them.
#[test]
fn a_run_up_to_now_ends_with_what_can_be_known() {
    let venue = Venue::start(Scenario::default());
    let data = tempdir().unwrap();
    let args = [
        "backtest",
        "sma-cross",
        "KRW-BTC",
        "1m",
        "--from",
        "3h",
        "--fee",
        "0.0005",
        "--fetch",
        "--format",
        "json",
    ];
    let report = json(&venue.run(data.path(), &args));
    assert!((160..=180).contains(&report["bars"].as_u64().unwrap()), "{report}");
    venue.stop();
}

#[test]
fn the_report_is_one_page_that_asks_nobody() {
    let folder = tempdir().unwrap();
    let bars = write(folder.path(), "bars.csv", WORKED);
    let page = folder.path().join("report.html");
    let args = ["backtest", "sma-cross", "--bars", bars.to_str().unwrap(), "--fee", "0.01", "--report"];
    let said = run(&[&args[..], &[page.to_str().unwrap()], &WINDOWS].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("pessimistic") && said.stdout.contains("365"), "{}", said.stdout);
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.starts_with("<!doctype html>") && html.contains("prefers-color-scheme:dark"));
    for word in
        ["class=\"entry\"", "class=\"exit\"", "class=\"equity\"", "class=\"fall\"", "Drawdown", "pessimistic"]
    {
        assert!(html.contains(word), "{word}");
    }
    for word in ["http://", "https://", "<script", "<link", "@import", "url("] {
        assert!(!html.contains(word), "{word}");
    }
    let picture = folder.path().join("report.svg");
    let said = run(&[&args[..], &[picture.to_str().unwrap()], &WINDOWS].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(fs::read_to_string(&picture).unwrap().starts_with("<svg "));
    let unknown = run(&[&args[..], &["report.docx"], &WINDOWS].concat());
    assert_eq!(unknown.code, Some(2));
}

#[test]
fn two_decision_logs_are_compared_and_the_checks_pass() {
    let folder = tempdir().unwrap();
    let bars = write(folder.path(), "bars.csv", WORKED);
    let changed =
        write(folder.path(), "changed.csv", &WORKED.replace("300000,14,14,4,4,1", "300000,14,16,14,16,1"));
    let logs = ["one.jsonl", "two.jsonl", "other.jsonl"]
        .map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    for (bars, log) in [(&bars, &logs[0]), (&bars, &logs[1]), (&changed, &logs[2])] {
        let args = [
            "backtest",
            "sma-cross",
            "--bars",
            bars.to_str().unwrap(),
            "--fee",
            "0.01",
            "--check",
            "--decisions",
            log,
        ];
        let report = json(&run(&[&args[..], &WINDOWS, &["--format", "json"]].concat()));
        assert_eq!(
            (&report["check"]["look_ahead"]["ok"], &report["check"]["warm_up"]["ok"]),
            (&true.into(), &true.into())
        );
    }
    let equal = run(&["diff", &logs[0], &logs[1]]);
    assert_eq!((equal.code, equal.stdout.trim()), (Some(0), "the logs are equal"));
    let differ = run(&["diff", &logs[0], &logs[2], "--format", "json"]);
    assert_eq!(differ.code, Some(1), "{differ:?}");
    let found: Value = serde_json::from_str(&differ.stdout).unwrap();
    // Both bought; then only the first log sells at the bar that was changed.
    assert_eq!(found["left"]["on"]["open_time_ns"].as_i64(), Some(300_000 * 1_000_000));
    assert_eq!(
        found["last_common"]["on"]["open_time_ns"].as_i64(),
        Some(240_000 * 1_000_000),
        "the bar of the purchase"
    );
}

#[test]
fn what_cannot_be_run_is_refused_before_anything_is_done() {
    let folder = tempdir().unwrap();
    let bars = write(folder.path(), "bars.csv", WORKED);
    let bars = bars.to_str().unwrap();
    let broken =
        write(folder.path(), "broken.csv", &WORKED.replace("120000,10,10,10,10,1", "120000,10,9,10,10,1"));
    let seconds = write(
        folder.path(),
        "seconds.csv",
        "timestamp,open,high,low,close,volume\n1700000000,1,1,1,1,1\n1700000060,1,1,1,1,1\n",
    );
    let file = ["--bars", bars, "--fee", "0.01"];
    let cases: [(&[&str], i32, &str); 9] = [
        (&["sma-cross", "--fast", "3", "--slow", "3"], 2, "--fast 3 must be at least 1 and below --slow 3"),
        (&["macd", "--fast", "2", "--slow", "3"], 2, "there is no strategy `macd`; there is sma-cross"),
        (&["sma-cross"], 1, "12 bars are too few: an average of 60 needs 61"),
        (
            &["sma-cross", "--fast", "2", "--slow", "3", "--quantity", "1000000"],
            2,
            "--quantity 1000000 costs 10100000",
        ),
        (&["sma-cross", "--fast", "2", "--slow", "3", "--fee", "5%"], 2, "0.05 % is written 0.0005"),
        (&["sma-cross", "--fast", "2", "--slow", "3", "--bars", broken.to_str().unwrap()], 1, "line 4"),
        (&["sma-cross", "--fast", "2", "--slow", "3", "--bars", "none.csv"], 1, "none.csv"),
        (
            &[
                "sma-cross",
                "KRW-BTC",
                "1m",
                "--fast",
                "1",
                "--slow",
                "2",
                "--bars",
                seconds.to_str().unwrap(),
            ],
            1,
            "Unix ms",
        ),
        (&["sma-cross", "--fast", "2", "--slow", "3", "--bars", "bars.xlsx"], 2, ".csv and .parquet"),
    ];
    for (args, code, want) in cases {
        let given = |name: &str| args.contains(&name);
        let rest: Vec<&str> = match (given("--bars"), given("--fee")) {
            (true, _) => vec!["--fee", "0.01"],
            (_, true) => vec!["--bars", bars],
            _ => file.to_vec(),
        };
        let said = run(&[&["backtest"], args, &rest].concat());
        assert_eq!(said.code, Some(code), "{args:?}: {said:?}");
        assert!(said.stderr.contains(want), "{want} in {}", said.stderr);
        assert_eq!(said.stdout, "");
    }
    let no_fee = run(&["backtest", "sma-cross", "--bars", bars]);
    assert!(no_fee.code == Some(2) && no_fee.stderr.contains("--fee"), "there is no usual fee: {no_fee:?}");
}
