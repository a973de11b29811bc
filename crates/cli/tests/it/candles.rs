//! `candles`: complete, in order, at the expected cost.

use market_backbone::{Clock, SystemClock};
use market_backbone_emulator::{Faults, Scenario};
use tempfile::tempdir;

use crate::run::{Print, Row, Venue, assert_rising, assert_same, fold};

const THOUSAND: [&str; 8] = ["candles", "KRW-BTC", "1m", "--count", "1000", "--format", "csv", "--stats"];

#[test]
fn a_thousand_candles_cost_five_requests_and_then_none() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    after_the_minute_has_settled();
    let first = venue.run(data.path(), &THOUSAND);
    let rows = first.rows();
    assert_eq!(rows.len(), 1_000);
    assert_rising(&rows);
    assert_eq!((first.requests(), first.stats()["rate_limited"].as_u64()), (5, Some(0)));
    assert_eq!(venue.candle_requests(), 5, "the statistics say what the venue saw");
    assert_eq!(first.stats()["decisions"]["history"], 5, "{}", first.stats());

    let closed = venue.run(data.path(), &[&THOUSAND[..], &["--closed"]].concat());
    let minute_ended = closed.rows().last().unwrap().timestamp >= rows.last().unwrap().timestamp;
    assert_eq!(closed.rows().len(), 1_000);
    assert!(closed.requests() <= u64::from(minute_ended), "{}", closed.stats());

    let again = venue.run(data.path(), &THOUSAND);
    assert_eq!(again.rows().len(), 1_000);
    assert!(again.requests() <= 1 + u64::from(minute_ended), "{}", again.stats());
    venue.stop();
}

#[test]
fn a_venue_that_fails_and_hangs_up_gives_the_same_rows() {
    let data = tempdir().unwrap();
    let faults = Faults { html: 0.07, cut: 0.07, reset: 0.06, drop_after_ms: 300, ..Faults::default() };
    let venue = Venue::start(Scenario { faults, ..Scenario::default() });
    let said = venue.run(data.path(), &THOUSAND);
    let rows = said.rows();
    assert!(venue.emulator.report().faulted > 0, "some calls did fail");
    assert_eq!(rows.len(), 1_000);
    assert_rising(&rows);
    let tape = venue.emulator.tape();
    let (from, to) = (rows[0].timestamp, rows[999].timestamp);
    let want = folded(&tape.trades("KRW-BTC", from, to));
    assert_same(&rows[..999], &want);
    venue.stop();
}

#[test]
fn a_thin_market_has_holes_and_they_are_proven() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let tape = venue.emulator.tape();
    let now = now_ms();
    let day = 24 * 60 * 60_000;
    let thin = tape
        .markets()
        .into_iter()
        .find(|market| {
            market.starts_with("KRW-")
                && (20..200).contains(&folded(&tape.trades(market, now - 2 * day, now - day)).len())
        })
        .expect("the emulator has thin markets");
    let (from, to) = ((now - 2 * day).div_euclid(60_000) * 60_000, (now - day).div_euclid(60_000) * 60_000);
    let time = |ms: i64| market_backbone::Timestamp::from_millis(ms).to_string();
    let (from_text, to_text) = (time(from), time(to));
    let args = ["candles", &thin, "1m", "--from", &from_text, "--to", &to_text, "--format", "csv", "--stats"];
    let said = venue.run(data.path(), &args);
    let want = folded(&tape.trades(&thin, from, to));
    assert_same(&said.rows(), &want);
    let coverage = &said.stats()["coverage"];
    assert_eq!(coverage.as_array().map(Vec::len), Some(1), "{coverage}");
    assert_eq!(coverage[0]["truth"], "known");
    assert_eq!(coverage[0]["empty"].as_u64(), Some(1_440 - want.len() as u64));
    assert!(said.requests() <= 3, "a rarely traded day is not asked minute by minute: {}", said.stats());
    assert_eq!(venue.run(data.path(), &args).requests(), 0, "proven holes are not asked again");
    venue.stop();
}

/// The venue's newest rows come late: missing rows at the end of a count are reported as unknown.
#[test]
fn the_newest_candles_that_are_not_there_yet_are_reported_unknown() {
    let faults = Faults { late_rows: 3, ..Faults::default() };
    let venue = Venue::start(Scenario { faults, ..Scenario::default() });
    let (data, since) = (tempdir().unwrap(), now_ms().div_euclid(60_000) * 60_000 - 3_600_000);
    let from = market_backbone::Timestamp::from_millis(since).to_string();
    let asked: [&[&str]; 3] =
        [&["--count", "10", "--closed"], &["--count", "10"], &["--from", &from, "--closed"]];
    for part in asked {
        let said = venue.run(data.path(), &[&["candles", "KRW-BTC", "1m", "--stats"], part].concat());
        let coverage = said.stats()["coverage"].as_array().unwrap().clone();
        let last = coverage.last().unwrap();
        assert_eq!(last["truth"], "unknown", "{part:?}: {coverage:?}");
        let time = |name: &str| last[name].as_str().unwrap().parse::<market_backbone::Timestamp>().unwrap();
        let missing = time("to").since(time("from")).as_secs();
        assert!(missing >= 120, "{part:?}: {coverage:?}");
    }
    venue.stop();
}

#[test]
fn every_timeframe_and_format_is_answered() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let of_the_venue = ["1s", "3m", "5m", "10m", "15m", "30m", "1h", "4h", "1d", "1w", "1M", "1y"];
    // The venue has none of these: they are computed from hours and days.
    let derived = ["2h", "6h", "8h", "12h", "3d"];
    for timeframe in of_the_venue.into_iter().chain(derived) {
        let said =
            venue.run(data.path(), &["candles", "KRW-BTC", timeframe, "--count", "3", "--format", "csv"]);
        let rows = said.rows();
        assert!(!rows.is_empty() && rows.len() <= 3, "{timeframe}: {rows:?}");
        assert_rising(&rows);
    }
    let json = venue.run(data.path(), &["candles", "KRW-BTC", "1m", "--count", "2", "--format", "json"]);
    for line in json.stdout.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(row["close"].is_number() && row["final"].is_boolean(), "{line}");
    }
    let table = venue.run(data.path(), &["candles", "KRW-BTC", "1m", "--count", "2"]);
    assert!(table.stdout.contains("forming"), "{}", table.stdout);
    venue.stop();
}

#[test]
fn a_file_is_written_whole() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let file = data.path().join("out.csv");
    let path = file.to_str().unwrap();
    let said = venue.run(data.path(), &["candles", "KRW-BTC", "1m", "--format", "csv", "--output", path]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), ""));
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 201);
    assert!(!data.path().join("out.csv.part").exists());
    venue.stop();
}

fn folded(trades: &[market_backbone_emulator::TapeTrade]) -> Vec<Row> {
    fold(trades.iter().map(|trade| Print { ms: trade.time_ms, price: trade.price(), size: trade.size() }))
}

fn now_ms() -> i64 {
    SystemClock.now().as_millis()
}

/// In the first seconds of a minute the one before may still change, and is rightly not stored: counts of
/// requests are for the time after that.
fn after_the_minute_has_settled() {
    while !(3_000..57_000).contains(&now_ms().rem_euclid(60_000)) {
        std::thread::yield_now();
    }
}

#[test]
fn what_came_from_disk_is_told_apart_from_what_memory_had() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let day = ["--from", "2026-10-01", "--to", "2026-10-02"];
    let newest = ["--count", "1440", "--to", "2026-10-02"];
    let ask = |which: &[&str]| {
        let args = [&["candles", "KRW-BTC", "1m", "--format", "csv", "--stats"][..], which].concat();
        venue.run(data.path(), &args).stats()
    };
    let from = |stats: &serde_json::Value| {
        ["venue_rows", "disk_rows", "memory_rows", "requests"].map(|key| stats[key].as_u64().unwrap())
    };
    let first = from(&ask(&day));
    // Pages may reach beyond the request.
    assert!(first[0] >= 1_440 && first[1..3] == [0, 0], "{first:?}");
    // A new process has an empty cache, although it reads the store before it asks the venue.
    for which in [&day[..], &newest] {
        assert_eq!(from(&ask(which)), [0, 1_440, 0, 0], "{which:?}");
    }
    venue.stop();
}
