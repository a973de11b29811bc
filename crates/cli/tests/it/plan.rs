//! `plan`: what a fetch would cost, and what it cost then.

use market_backbone::{Clock, SystemClock, Timestamp};
use market_backbone_emulator::{Faults, Scenario};
use serde_json::Value;
use tempfile::tempdir;

use crate::run::{Said, Venue};

/// A minute that is over and settled, as the command line takes it.
fn end() -> String {
    let now = SystemClock.now().as_secs();
    Timestamp::from_secs(now - now.rem_euclid(60) - 60).to_string()
}

#[track_caller]
fn json(said: &Said) -> Value {
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{said:?}");
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn the_fetch_costs_what_the_plan_said_and_then_nothing() {
    let data = tempdir().unwrap();
    let faults = Faults { latency_ms: 20, ..Faults::default() };
    let venue = Venue::start(Scenario { faults, ..Scenario::default() });
    let end = end();
    let wanted = ["KRW-BTC", "1m", "--count", "2000", "--to", &end];
    let plan = || json(&venue.run(data.path(), &[&["plan"], &wanted[..], &["--format", "json"]].concat()));
    let first = plan();
    assert_eq!(venue.emulator.report().asked(), 0, "a plan asks nothing");
    assert_eq!((first["known"].as_u64(), first["unknown"].as_u64()), (Some(0), Some(2_000)));
    assert_eq!((first["pages"].as_u64(), first["requests"]["candles"].as_u64()), (Some(10), Some(10)));
    assert_eq!(first["exact"], false, "nothing is known of the series yet");

    let part = ["candles", "KRW-BTC", "1m", "--count", "1200", "--to", &end, "--format", "csv", "--stats"];
    assert_eq!(venue.run(data.path(), &part).rows().len(), 1_200);
    let second = plan();
    assert_eq!((second["known"].as_u64(), second["pages"].as_u64()), (Some(1_200), Some(4)));
    assert_eq!((second["exact"].as_bool(), second["at_most"].as_u64()), (Some(true), Some(4)));
    let said = venue.run(data.path(), &[&["plan"], &wanted[..]].concat());
    assert!(
        said.stdout.contains("1200 of 2000 (60 %)") && said.stdout.contains("4 candles"),
        "{}",
        said.stdout
    );

    let rest = venue.run(data.path(), &[&["candles"], &wanted[..], &["--format", "csv", "--stats"]].concat());
    assert_eq!((rest.rows().len(), rest.requests()), (2_000, 4));
    let done = plan();
    assert_eq!((done["known_share"].as_f64(), done["eta_ms"].as_u64()), (Some(1.0), Some(0)));
    venue.stop();
}

#[test]
fn longer_candles_of_known_minutes_are_known() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let now = SystemClock.now().as_secs();
    let day = now - now.rem_euclid(86_400) - 86_400;
    let [from, to] = [day, day + 43_200].map(|secs| Timestamp::from_secs(secs).to_string());
    let run = |command: &str, timeframe: &str, rest: &[&str]| {
        let args = [&[command, "KRW-BTC", timeframe, "--from", &from, "--to", &to], rest].concat();
        venue.run(data.path(), &args)
    };
    assert_eq!(run("candles", "1m", &["--format", "csv"]).rows().len(), 720);
    let plan = json(&run("plan", "15m", &["--format", "json"]));
    assert_eq!((plan["known"].as_u64(), plan["unknown"].as_u64()), (Some(48), Some(0)));
    let set = run("candles", "15m", &["--format", "csv", "--stats"]);
    assert_eq!((set.rows().len(), set.requests()), (48, 0));
    venue.stop();
}

#[test]
fn a_question_that_makes_no_sense_is_wrong_usage() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let said = venue.run(data.path(), &["plan", "KRW-BTC", "1m", "--count", "0"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{said:?}");
    assert_eq!(said.stderr.lines().count(), 1);
    venue.stop();
}
