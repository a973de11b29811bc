//! What a newcomer types: help, times as people say them, and options that contradict what is asked.

use serde_json::Value;
use tempfile::tempdir;

use crate::run::{Said, Venue, bare};

#[track_caller]
fn refused(said: &Said, code: i32, words: &[&str]) {
    assert_eq!((said.code, said.stdout.as_str()), (Some(code), ""), "{said:?}");
    for word in words {
        assert!(said.stderr.contains(word), "`{word}` in {}", said.stderr);
    }
}

fn rows_of(said: &Said) -> Vec<Value> {
    assert_eq!(said.code, Some(0), "{said:?}");
    said.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn what_makes_no_sense_is_refused_with_what_would() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let loud = venue.run(data.path(), &["candles", "KRW-BTC", "1m", "--log", "loud"]);
    refused(&loud, 2, &["`loud` is no level", "debug"]);
    let adjusted = venue.run(data.path(), &["candles", "KRW-BTC", "1d", "--adjusted"]);
    refused(&adjusted, 2, &["--adjusted", "shares", "upbit"]);
    let time = venue.run(data.path(), &["candles", "KRW-BTC", "1m", "--from", "last week"]);
    refused(&time, 2, &["`last week`", "7d"]);
    assert_eq!(venue.candle_requests(), 0);
    let emulate = Said::of(bare(&["emulate", "upbit", "--rest-url", "http://127.0.0.1:1"]).output().unwrap());
    refused(&emulate, 2, &["takes no --rest-url"]);
    venue.stop();
}

#[test]
fn a_mistake_is_told_with_what_place_and_remedy() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let run = |args: &[&str]| venue.run(data.path(), args);
    refused(&run(&["candles", "KRW-BTC", "1m", "--count", "x"]), 2, &["`x`", "write it like 1000"]);
    for option in ["--from", "--as-of"] {
        let ahead = run(&["candles", "KRW-BTC", "1m", option, "2090-01-01"]);
        refused(&ahead, 2, &[option, "2090-01-01T00:00:00Z", "lies in the future"]);
    }
    refused(&run(&["watch", "KRW-BTC", "--from", "2090-01-01"]), 2, &["--from", "lies in the future"]);
    refused(&run(&["markets", "--quote", "EUR"]), 1, &["EUR", "KRW"]);
    let (folder, file) = (data.path().join("none"), data.path().join("none/x.csv"));
    let (folder, file) = (folder.to_str().unwrap(), file.to_str().unwrap());
    refused(&run(&["candles", "KRW-BTC", "1m", "--output", file]), 1, &[file, "no folder", "create it"]);
    refused(&run(&["store", "import", folder]), 1, &[folder, "no archive", "store export"]);
    let emulate = Said::of(bare(&["emulate", "upbit", "--faults", "html=2"]).output().unwrap());
    refused(&emulate, 2, &["html=2", "from 0 to 1"]);
    venue.stop();
}

#[test]
fn times_are_read_as_they_are_said_and_as_they_were_written() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let ask = |args: &[&str]| {
        let said =
            venue.run(data.path(), &[&["candles", "KRW-BTC", "1h", "--format", "json"], args].concat());
        rows_of(&said)
    };
    let week = ask(&["--from", "7d", "--closed"]);
    assert!((167..=168).contains(&week.len()), "{}", week.len());
    let opens: Vec<_> = week.iter().map(|row| row["timestamp"].to_string()).collect();
    let [from, to] = [&opens[10], &opens[20]];
    let pasted = ask(&["--from", from, "--to", to]);
    assert_eq!(pasted, week[10..20]);
    // As the table shows it.
    let table = venue.run(data.path(), &["candles", "KRW-BTC", "1h", "--from", from, "--to", to]);
    let lines: Vec<_> = table.stdout.lines().map(str::trim).collect();
    let shown: Vec<_> = lines[1..].iter().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(ask(&["--from", shown[0], "--to", shown[9]]), week[10..19]);
    venue.stop();
}

#[test]
fn a_count_after_a_beginning_is_the_first_so_many() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let ask = |args: &[&str]| {
        let common =
            ["candles", "KRW-BTC", "1m", "--from", "2026-08-03 10:00", "--format", "json", "--stats"];
        venue.run(data.path(), &[&common[..], args].concat())
    };
    let first = ask(&["--count", "300"]);
    let rows = rows_of(&first);
    assert_eq!((rows.len(), rows[0]["timestamp"].as_i64()), (300, Some(1_785_751_200_000)));
    let coverage = &first.stats()["coverage"];
    assert_eq!(coverage[0]["from"], "2026-08-03T10:00:00Z", "{coverage}");
    let all = rows_of(&ask(&["--to", "2026-08-03 20:00"]));
    assert_eq!(rows[..], all[..300]);
    let few = rows_of(&ask(&["--count", "300", "--to", "2026-08-03 10:05"]));
    assert_eq!(few[..], all[..few.len()]);
    assert!(few.len() <= 5, "{}", few.len());
    venue.stop();
}

#[test]
fn rows_name_their_series_and_their_units() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let candles =
        rows_of(&venue.run(data.path(), &["candles", "KRW-BTC", "1m", "--count", "3", "--format", "json"]));
    for row in &candles {
        assert_eq!((row["symbol"].as_str(), row["timeframe"].as_str()), (Some("KRW-BTC"), Some("1m")));
    }
    let kinds = ["--kinds", "trade,ticker,book,candle.1m", "--format", "json", "--for", "4s"];
    let events = rows_of(&venue.run(data.path(), &[&["watch", "KRW-BTC"], &kinds[..]].concat()));
    let timed = events.iter().filter(|event| event["received"].is_i64());
    assert!(timed.clone().count() > 4, "{events:?}");
    for event in timed {
        assert_eq!(event["received_ns"], event["received"], "{event}");
        assert!(event["timestamp"].as_i64().is_some_and(|ms| ms < 10_000_000_000_000), "{event}");
        if event["kind"] != "candle" {
            let (ms, ns) = (event["timestamp"].as_i64().unwrap(), event["time_ns"].as_i64().unwrap());
            assert_eq!(ms, ns / 1_000_000, "{event}");
        }
    }
    let tickers = venue.run(data.path(), &["ticker", "KRW-BTC", "--format", "csv"]);
    assert!(tickers.stdout.starts_with("symbol,price,change_rate,day_volume,timestamp\n"), "{tickers:?}");
    venue.stop();
}

#[test]
fn a_shell_and_man_can_read_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let said = Said::of(bare(&["completions", shell]).output().unwrap());
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.stdout.contains("candles") && said.stdout.contains("rest-url"), "{shell}");
    }
    let page = Said::of(bare(&["man"]).output().unwrap());
    assert!(page.code == Some(0) && page.stdout.contains(".SH SYNOPSIS"), "{page:?}");
    let folder = tempdir().unwrap();
    let said = Said::of(bare(&["man"]).arg(folder.path().join("man1")).output().unwrap());
    assert_eq!(said.code, Some(0), "{said:?}");
    let page = std::fs::read_to_string(folder.path().join("man1/market-backbone-candles.1")).unwrap();
    assert!(page.contains("Examples:") && page.contains("output\\-dir"), "{page}");
}

#[test]
fn help_wraps_and_shows_what_a_command_obeys() {
    let said = Said::of(bare(&["candles", "--help"]).env("COLUMNS", "80").output().unwrap());
    assert_eq!(said.code, Some(0), "{said:?}");
    let (options, _) = said.stdout.split_once("\nExamples:").unwrap();
    assert!(options.lines().all(|line| line.chars().count() <= 80), "{options}");
    let demo = Said::of(bare(&["demo", "--help"]).output().unwrap());
    assert!(demo.stdout.contains("--seed") && !demo.stdout.contains("--rest-url"), "{demo:?}");
}
