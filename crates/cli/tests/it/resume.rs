//! A watch that is killed continues where its output ends: nothing missing, nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use market_backbone_emulator::{Faults, Scenario};
use serde_json::Value;
use tempfile::tempdir;

use crate::crash::{kills, until};
use crate::run::Venue;

const MARKETS: [&str; 2] = ["KRW-BTC", "KRW-ETH"];
/// The time before the end for which late trades may still be in flight.
const LATE_MS: i64 = 1_500;

/// The trades of a market, as the output has them.
#[derive(Debug, Default)]
struct Printed {
    ids: Vec<i64>,
    until_ms: i64,
}

fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn trades(lines: &[Value]) -> BTreeMap<String, Printed> {
    let mut printed: BTreeMap<String, Printed> = BTreeMap::new();
    for line in lines.iter().filter(|line| line["kind"] == "trade") {
        let market = printed.entry(line["symbol"].as_str().unwrap().to_owned()).or_default();
        market.ids.push(line["id"].as_str().unwrap().parse().unwrap());
        market.until_ms = market.until_ms.max(line["time"].as_i64().unwrap() / 1_000_000);
    }
    printed
}

/// Each trade once, and from `since` on all of those that the venue traded.
#[track_caller]
fn assert_whole(venue: &Venue, printed: &BTreeMap<String, Printed>, since: impl Fn(&Printed) -> i64) {
    for market in MARKETS {
        let printed = &printed[market];
        let ids: BTreeSet<_> = printed.ids.iter().copied().collect();
        assert_eq!(ids.len(), printed.ids.len(), "{market}: some came twice");
        let (first, until_ms) = (since(printed), printed.until_ms - LATE_MS);
        let traded = venue.emulator.tape().trades(market, first / 10_000, until_ms);
        let traded: BTreeSet<_> = traded.iter().map(|trade| trade.id).filter(|id| *id >= first).collect();
        assert!(traded.len() > 5, "{market}: {} trades prove nothing", traded.len());
        let missing: Vec<_> = traded.difference(&ids).collect();
        assert!(missing.is_empty(), "{market}: {missing:?} of {} are missing", traded.len());
    }
}

/// `KILLS=50` kills that often.
#[test]
fn killed_again_and_again_it_writes_each_trade_once() {
    let (data, folder) = (tempdir().unwrap(), tempdir().unwrap());
    let faults = Faults {
        latency_ms: 20,
        reset: 0.1,
        drop_after_ms: 2_300,
        duplicate: 0.05,
        reorder: 0.05,
        ..Faults::default()
    };
    let venue = Venue::start(Scenario { faults, ban: None, ..Scenario::default() });
    let (token, output) = (folder.path().join("token"), folder.path().join("trades.ndjson"));
    let (token, output) = (token.to_str().unwrap(), output.to_str().unwrap());
    let watch = ["watch", MARKETS[0], MARKETS[1], "--format", "json", "--resume", token, "--output", output];
    let written = || std::fs::metadata(output).map_or(0, |file| file.len());
    for kill in 1..=kills() as u64 {
        let before = written();
        let mut watching =
            venue.command(data.path(), &watch).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until(|| written() > before + 700 && Path::new(token).exists());
        std::thread::sleep(Duration::from_millis(kill * 331 % 1_100)); // any moment will do
        watching.kill().unwrap();
        watching.wait().unwrap();
    }
    // A market trades about once a second, as the draw of its minute has it: it is watched until there is something to prove.
    let mut rounds = 1..=20;
    let lines = loop {
        assert!(rounds.next().is_some(), "the venue trades no more");
        let last = venue.run(data.path(), &[&watch[..], &["--for", "4s"]].concat());
        assert_eq!(last.code, Some(0), "{last:?}");
        let lines = lines(Path::new(output));
        let printed = trades(&lines);
        if printed.len() == MARKETS.len() && printed.values().all(|market| market.ids.len() > 20) {
            break lines;
        }
    };
    assert_whole(&venue, &trades(&lines), |printed| printed.ids[0]);
    let caught_up = lines.iter().filter(|line| line["kind"] == "caught_up").count();
    assert!(caught_up >= 1, "it went on from a bookmark");
    venue.stop();
}

#[test]
fn from_a_moment_on_history_comes_first() {
    let (venue, data, folder) = (Venue::healthy(), tempdir().unwrap(), tempdir().unwrap());
    let output = folder.path().join("events.ndjson");
    let now = market_backbone::Clock::now(&market_backbone::SystemClock);
    let from = now.minus(Duration::from_secs(150));
    let args = ["watch", MARKETS[0], MARKETS[1], "--kinds", "trade,candle.1m", "--format", "json"];
    let (text, file) = (from.to_string(), output.to_str().unwrap());
    let said =
        venue.run(data.path(), &[&args[..], &["--from", &text, "--output", file, "--for", "5s"]].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    let lines = lines(&output);
    assert_whole(&venue, &trades(&lines), |_| from.as_millis() * 10_000);
    let at = lines.iter().position(|line| line["kind"] == "caught_up").expect("it has caught up");
    let (past, live) = lines.split_at(at);
    for market in MARKETS {
        let ids = &trades(past)[market].ids;
        assert!(ids.is_sorted() && ids.len() > 20, "{market}: {} in the past", ids.len());
        let of = |line: &&Value| line["symbol"] == market && line["kind"] == "candle";
        let opens = past.iter().filter(of).map(|line| line["timestamp"].as_i64().unwrap());
        let first = from.as_millis().div_euclid(60_000) + 1;
        let opens: Vec<_> = opens.map(|open| open / 60_000).collect();
        assert!(
            !opens.is_empty() && opens.iter().copied().eq((first..).take(opens.len())),
            "{market}: {opens:?}"
        );
    }
    let channels = live[0]["channels"].as_array().unwrap();
    assert_eq!(channels.len(), 4);
    assert!(channels.iter().all(|channel| channel["lost"].is_null()), "{channels:?}");
    assert!(live.iter().any(|line| line["kind"] == "trade"));
    venue.stop();
}

#[test]
fn what_is_no_bookmark_is_refused() {
    let (venue, data, folder) = (Venue::healthy(), tempdir().unwrap(), tempdir().unwrap());
    let token = folder.path().join("token");
    std::fs::write(&token, "mbc1,upbit,KRW-BTC/trade/1/2\n").unwrap();
    let said =
        venue.run(data.path(), &["watch", "KRW-BTC", "--resume", token.to_str().unwrap(), "--for", "1s"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.ends_with("token: this cursor is damaged\n"), "{}", said.stderr);
    venue.stop();
}

#[test]
fn an_output_that_was_cut_is_not_gone_on_with() {
    let (venue, data, folder) = (Venue::healthy(), tempdir().unwrap(), tempdir().unwrap());
    let (token, output) = (folder.path().join("token"), folder.path().join("trades.ndjson"));
    let (token, file) = (token.to_str().unwrap(), output.to_str().unwrap());
    let args =
        ["watch", "KRW-BTC", "--format", "json", "--resume", token, "--output", file, "--for", "1500ms"];
    assert_eq!(venue.run(data.path(), &args).code, Some(0));
    assert!(!lines(&output).is_empty());
    std::fs::write(&output, "").unwrap();
    let said = venue.run(data.path(), &args);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("has 0 bytes, but had"), "{}", said.stderr);
    venue.stop();
}
