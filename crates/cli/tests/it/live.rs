//! `watch` and `ticker`: live data, and every interruption of it.

use std::collections::HashSet;

use market_backbone_emulator::{Faults, Scenario};
use serde_json::Value;
use tempfile::tempdir;

use crate::run::{Said, Venue};

fn events(said: &Said) -> Vec<Value> {
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    said.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn every_kind_arrives() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let kinds = "trade,ticker,book,candle.1m,candle.1s";
    let args = ["watch", "KRW-BTC", "KRW-ETH", "--kinds", kinds, "--format", "json", "--for", "4s"];
    let events = events(&venue.run(data.path(), &args));
    let seen: HashSet<_> =
        events.iter().map(|event| (event["symbol"].as_str(), event["kind"].as_str())).collect();
    for symbol in ["KRW-BTC", "KRW-ETH"] {
        for kind in ["trade", "ticker", "book", "candle"] {
            assert!(seen.contains(&(Some(symbol), Some(kind))), "{kind} of {symbol}");
        }
    }
    let trade = events.iter().find(|event| event["kind"] == "trade").unwrap();
    assert!(trade["id"].is_string() && trade["time"].as_i64() > Some(1_700_000_000_000_000_000), "{trade}");
    assert!(matches!(trade["side"].as_str(), Some("buy" | "sell")), "{trade}");
    venue.stop();
}

#[test]
fn each_bar_that_closes_is_a_line() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let watch = |format: &str| {
        let args = ["watch", "KRW-BTC", "--kinds", "bar.1s", "--format", format, "--for", "6s"];
        venue.run(data.path(), &args)
    };
    let bars = events(&watch("json"));
    assert!(!bars.is_empty());
    assert!(bars.iter().all(|bar| bar["kind"] == "bar" && bar["timeframe"] == "1s"), "{bars:?}");
    let first = bars.iter().filter(|bar| bar["revision"] == 0);
    let times: Vec<_> = first.map(|bar| bar["timestamp"].as_i64().unwrap()).collect();
    assert!(times.is_sorted_by(|one, next| one < next), "each once, and in order: {times:?}");
    let table = watch("table").stdout;
    assert!(table.lines().all(|line| line.contains(" bar    1s ")), "{table}");
    assert!(table.lines().count() > 0);
    venue.stop();
}

#[test]
fn every_drop_is_a_line_and_every_subscription_returns() {
    let data = tempdir().unwrap();
    let faults = Faults { drop_after_ms: 2_500, ..Faults::default() };
    let venue = Venue::start(Scenario { faults, ..Scenario::default() });
    let args = ["watch", "KRW-BTC", "KRW-ETH", "--kinds", "trade,book", "--format", "json", "--for", "12s"];
    let events = events(&venue.run(data.path(), &args));
    let dropped = venue.emulator.report().sockets.dropped;
    let gaps: Vec<_> = events.iter().enumerate().filter(|(_, event)| event["kind"] == "gap").collect();
    let opened: Vec<_> = gaps.iter().filter(|(_, gap)| gap["state"] == "opened").map(|(at, _)| *at).collect();
    assert!(dropped >= 3, "{dropped}");
    assert!(
        opened.len() as u64 >= dropped - 1 && opened.len() as u64 <= dropped,
        "{} of {dropped}",
        opened.len()
    );
    for pair in gaps.windows(2) {
        let states = pair.iter().map(|(_, gap)| gap["state"].as_str().unwrap()).collect::<Vec<_>>();
        // Broken again while it was being healed, a gap begins anew.
        let follow =
            [["opened", "healing"], ["healing", "healed"], ["healing", "opened"], ["healed", "opened"]];
        assert!(follow.iter().any(|two| states == two), "{states:?}");
    }
    assert!(gaps.iter().any(|(_, gap)| gap["state"] == "healed"), "{gaps:?}");
    // Between two drops both markets deliver again, in both kinds.
    for pair in opened.windows(2) {
        let between: HashSet<_> = events[pair[0]..pair[1]]
            .iter()
            .map(|event| (event["symbol"].as_str(), event["kind"].as_str()))
            .collect();
        for symbol in ["KRW-BTC", "KRW-ETH"] {
            assert!(between.contains(&(Some(symbol), Some("book"))), "{symbol} returned: {between:?}");
        }
    }
    venue.stop();
}

#[test]
fn tickers_come_in_the_order_asked() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let said = venue.run(data.path(), &["ticker", "KRW-ETH", "KRW-BTC", "--format", "json"]);
    let symbols: Vec<_> =
        events(&said).iter().map(|event| event["symbol"].as_str().unwrap().to_owned()).collect();
    assert_eq!(symbols, ["KRW-ETH", "KRW-BTC"]);
    assert_eq!(venue.emulator.report().group("ticker").asked, 1);
    venue.stop();
}

#[test]
fn markets_are_listed_by_quote() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let said = venue.run(data.path(), &["markets", "--quote", "KRW", "--format", "csv"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let mut lines = said.stdout.lines().skip(1);
    assert!(lines.clone().count() > 100);
    assert!(lines.all(|line| line.starts_with("KRW-")));
    venue.stop();
}

#[test]
fn a_glance_says_what_it_cost_and_by_which_channel_it_came() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let said = venue.run(data.path(), &["ticker", "KRW-BTC", "KRW-ETH", "--format", "json", "--stats"]);
    assert_eq!(events(&said).len(), 2);
    let want = serde_json::json!({
        "requests": 1, "rate_limited": 0, "rows": 2, "decisions": { "rare": 1 }, "connections": [],
    });
    let mut stats = said.stats();
    let clock = stats.as_object_mut().and_then(|all| all.remove("clock_offset_ms"));
    assert_eq!(clock, Some(0.into()), "both clocks are this machine's");
    let uncertain = stats.as_object_mut().and_then(|all| all.remove("clock_uncertainty_ms"));
    assert!(uncertain.is_some_and(|off| off.is_u64()));
    assert_eq!(stats, want);
    venue.stop();
}
