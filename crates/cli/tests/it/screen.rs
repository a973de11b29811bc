//! `screen`: markets that meet a condition, against an emulator.

use market_backbone_emulator::{MarketActivity, MarketSet, Scenario};
use serde_json::Value;
use tempfile::tempdir;

use crate::run::{Said, Venue};

fn venue() -> Venue {
    Venue::start(Scenario { markets: MarketSet::many(6, MarketActivity::Busy), ..Scenario::default() })
}

#[track_caller]
fn objects(said: &Said) -> Vec<Value> {
    assert_eq!(said.code, Some(0), "{said:?}");
    said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_market_of_a_quote_is_judged_and_ranked() {
    let (venue, data) = (venue(), tempdir().unwrap());
    let all = ["--quote", "KRW", "--format", "json", "--sort", "close(1m)"];
    let matches = objects(&venue.run(
        data.path(),
        &[&["screen", "close(1m) > sma(5, 1m) && rsi(14, 1m) > 0", "--all"], &all[..]].concat(),
    ));
    assert_eq!(matches.len(), 6, "{matches:?}");
    for row in &matches {
        let value = |name: &str| row["values"][name].as_f64().unwrap_or_else(|| panic!("{name} of {row}"));
        let holds = value("close(1m)") > value("sma(5, 1m)");
        assert_eq!(row["verdict"], if holds { "match" } else { "no match" }, "{row}");
        assert!(0.0 < value("rsi(14, 1m)") && value("rsi(14, 1m)") < 100.0, "{row}");
        assert_eq!(row["rank"].as_f64(), Some(value("close(1m)")), "{row}");
    }
    let is_match = |row: &Value| row["verdict"] == "match";
    let ranks = |rows: &[Value]| rows.iter().map(|row| row["rank"].as_f64().unwrap()).collect::<Vec<_>>();
    let (some, others): (Vec<Value>, Vec<Value>) = matches.iter().cloned().partition(is_match);
    assert!(
        [&some, &others].into_iter().all(|rows| ranks(rows).is_sorted_by(|one, next| one >= next)),
        "{matches:?}"
    );
    assert_eq!([some, others].concat(), matches, "matches come first");
    venue.stop();
}

#[test]
fn what_is_unknown_is_no_match_and_told() {
    let (venue, data) = (venue(), tempdir().unwrap());
    let said = venue.run(data.path(), &["screen", "sma(300, 1M) > 0", "KRW-M001", "--format", "csv"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.stdout, "symbol,verdict,rank,\"sma(300, 1M)\",notes\n", "{said:?}");
    assert!(said.stderr.contains("unknown: KRW-M001; sma(300, 1M): "), "{said:?}");
    assert!(said.stderr.contains(" of 300 bars"), "{said:?}");
    venue.stop();
}

#[test]
fn a_second_look_costs_no_more_than_what_is_new() {
    let (venue, data) = (venue(), tempdir().unwrap());
    let ask = || venue.run(data.path(), &["screen", "sma(20, 1d) > 0", "KRW-M001", "KRW-M002", "--stats"]);
    let first = ask();
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(first.stdout.contains("KRW-M001") && first.stdout.contains("sma(20, 1d)"), "{first:?}");
    let before = venue.candle_requests();
    assert_eq!(ask().stdout, first.stdout);
    assert!(venue.candle_requests() - before <= 2, "asked {} more", venue.candle_requests() - before);
    venue.stop();
}

#[test]
fn a_condition_that_cannot_be_read_is_shown_with_its_fault() {
    let (venue, data) = (venue(), tempdir().unwrap());
    for (args, code, expected) in [
        (&["screen", "rsu(14) < 30", "KRW-M001"][..], 2, "did you mean `rsi`?\n  rsu(14) < 30\n  ^^^"),
        (&["screen", "rsi < 30", "KRW-M001", "--sort", "rsi <"], 2, "expected a number, a name or `(`"),
        (&["screen", "rsi < 30", "--quote", "XXX"], 1, "is priced in XXX"),
        (&["screen", "rsi < 30", "KRW-M099"], 1, "unknown market KRW-M099"),
    ] {
        let said = venue.run(data.path(), args);
        assert_eq!((said.code, said.stdout.as_str()), (Some(code), ""), "{args:?}: {said:?}");
        assert!(said.stderr.contains(expected), "{args:?}: {said:?}");
    }
    let bare = venue.run(data.path(), &["screen", "rsi < 30"]);
    assert_eq!(bare.code, Some(2), "{bare:?}");
    venue.stop();
}
