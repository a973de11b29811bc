//! Markets by the names that people use, and names of markets that do not exist.

use std::path::Path;

use market_backbone_emulator::{ExchangeHours, Scenario, StocksScenario, TickerSet};
use tempfile::tempdir;

use crate::run::{Said, Venue, bare};

const RANGE: [&str; 4] = ["--from", "2026-08-03", "--to", "2026-08-08"];

fn shares() -> Venue {
    let massive = StocksScenario {
        hours: ExchangeHours::NewYork,
        tickers: TickerSet::Standard(100),
        ..StocksScenario::default()
    };
    Venue::start(Scenario { massive, ..Scenario::default() })
}

fn of_shares(venue: &Venue, data: &Path, args: &[&str]) -> Said {
    let mut command = bare(args);
    command.args(["--venue", "massive", "--rest-url", &venue.emulator.rest_url(), "--data-dir"]);
    command.arg(data).env("MASSIVE_API_KEY", "test-key");
    Said::of(command.output().unwrap())
}

/// The series that are stored, or anything known of.
fn stored(data: &Path) -> Vec<String> {
    let mut command = bare(&["store", "stats", "--series", "--format", "json", "--data-dir"]);
    let said = Said::of(command.arg(data).output().unwrap());
    let series = said.stdout.lines().filter(|line| line.contains("\"kind\":\"series\""));
    let name = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        format!("{} {}", row["symbol"].as_str().unwrap(), row["timeframe"].as_str().unwrap())
    };
    series.map(name).collect()
}

#[test]
fn a_share_that_is_not_listed_is_refused_with_the_nearest_name_and_leaves_nothing() {
    let (venue, data) = (shares(), tempdir().unwrap());
    for args in [
        &["candles", "APPL", "1d"][..],
        &["candles", "APPL", "5m"],
        &["candles", "APPL", "1m"],
        &["candles", "Aapl", "1d"],
    ] {
        let said = of_shares(&venue, data.path(), &[args, &RANGE].concat());
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{args:?}: {said:?}");
        assert!(said.stderr.contains(&format!("unknown market {} on massive", args[1])), "{said:?}");
        assert!(said.stderr.contains("did you mean AAPL"), "{said:?}");
    }
    for args in [&["watch", "APPL", "--for", "1s"][..], &["ticker", "APPL"], &["candles", "APPL", "1m"]] {
        let said = of_shares(&venue, data.path(), args);
        assert!(said.code == Some(1) && said.stderr.contains("did you mean AAPL"), "{args:?}: {said:?}");
    }
    assert_eq!(stored(data.path()), [""; 0]);
    venue.stop();
}

#[test]
fn a_share_in_small_letters_is_the_share_and_costs_no_request_more() {
    let (venue, data) = (shares(), tempdir().unwrap());
    let ask =
        |name| of_shares(&venue, data.path(), &[&["candles", name, "1d", "--stats"], &RANGE[..]].concat());
    let first = ask("aapl");
    assert_eq!((first.code, first.requests(), first.stdout.lines().count()), (Some(0), 1, 6), "{first:?}");
    assert_eq!(ask("AAPL").requests(), 0);
    assert_eq!(stored(data.path()), ["AAPL 1d"]);
    // A weekend is empty, of a share that exists: one lookup of its name, then none.
    let weekend = [
        "candles",
        "msft",
        "1m",
        "--from",
        "2026-08-01T12:00:00Z",
        "--to",
        "2026-08-02T12:00:00Z",
        "--stats",
    ];
    let said = of_shares(&venue, data.path(), &weekend);
    assert_eq!((said.code, said.stdout.lines().count()), (Some(0), 1), "{said:?}");
    venue.stop();
}

#[test]
fn a_coin_that_is_not_listed_is_refused_with_the_nearest_name_and_leaves_nothing() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    for args in [
        &["candles", "KRW-BTX", "1d"][..],
        &["candles", "KRW-BTX", "5m"],
        &["candles", "KRW-BTX", "1m"],
        &["candles", "krw-btx", "1d"],
    ] {
        let said = venue.run(data.path(), &[args, &RANGE].concat());
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{args:?}: {said:?}");
        assert!(said.stderr.contains("did you mean KRW-BTC"), "{args:?}: {said:?}");
    }
    for args in
        [&["watch", "KRW-BTX", "--for", "1s"][..], &["ticker", "KRW-BTX"], &["candles", "KRW-BTX", "1m"]]
    {
        let said = venue.run(data.path(), args);
        assert!(said.code == Some(1) && said.stderr.contains("did you mean KRW-BTC"), "{args:?}: {said:?}");
    }
    assert_eq!(stored(data.path()), [""; 0]);
    venue.stop();
}

#[test]
fn a_coin_is_known_by_what_people_call_it() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let ask = |name| {
        venue.run(data.path(), &[&["candles", name, "1d", "--format", "csv", "--stats"], &RANGE[..]].concat())
    };
    let rows = ask("KRW-BTC").rows();
    for name in ["krw-btc", "BTC/KRW", "btckrw", "KRWBTC", "btc-krw"] {
        let said = ask(name);
        assert_eq!((said.rows(), said.requests()), (rows.clone(), 0), "{name}");
    }
    let ticker = venue.run(data.path(), &["ticker", "btc/krw", "--format", "csv"]);
    assert!(ticker.stdout.contains("KRW-BTC,"), "{ticker:?}");
    for name in ["KRW-BTX", "ETHBTC", "FOO/BAR"] {
        let said = ask(name);
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{said:?}");
        assert!(said.stderr.contains("unknown market"), "{said:?}");
    }
    assert_eq!(stored(data.path()), ["KRW-BTC 1d"]);
    venue.stop();
}
