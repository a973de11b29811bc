//! A fetch that is killed continues where it was, and ends with complete data.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use market_backbone_emulator::{Faults, Scenario};
use serde_json::Value;
use tempfile::tempdir;

use crate::run::{Print, Said, Venue, assert_rising, assert_same, bare, fold};

const WANTED: usize = 20_000;
const PAGES: u64 = 100;
/// The pages that may be in flight, or arrived but not yet written, when the process is killed.
const LOST_BY_A_KILL: u64 = 20;

#[test]
fn killed_three_times_it_asks_only_for_what_is_missing() {
    let data = tempdir().unwrap();
    let faults = Faults { latency_ms: 40, ..Faults::default() };
    let venue = Venue::start(Scenario { faults, ..Scenario::default() });
    let count = WANTED.to_string();
    let args = ["candles", "KRW-BTC", "1m", "--count", &count, "--closed", "--format", "csv", "--stats"];

    for asked in [25, 50, 75] {
        let mut fetch =
            venue.command(data.path(), &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until(|| venue.candle_requests() >= asked);
        fetch.kill().unwrap();
        fetch.wait().unwrap();
    }
    let before = venue.candle_requests();
    let last = venue.run(data.path(), &args);
    let rows = last.rows();
    assert_eq!(rows.len(), WANTED);
    assert_rising(&rows);
    assert!(
        last.requests() <= PAGES - 75 + 3 * LOST_BY_A_KILL,
        "{} of them in the last run",
        last.requests()
    );
    assert!(before + last.requests() <= PAGES + 3 * LOST_BY_A_KILL + 3, "{before} and {}", last.requests());

    // From disk alone, and equal to what the venue traded.
    let stored = venue.run(data.path(), &args);
    assert!(stored.requests() <= 1, "a minute may have ended: {}", stored.stats());
    let rows = stored.rows();
    let (from, to) = (rows[0].timestamp, rows[WANTED - 1].timestamp + 60_000);
    let trades = venue.emulator.tape().trades("KRW-BTC", from, to);
    let want = fold(trades.iter().map(|trade| Print {
        ms: trade.time_ms,
        price: trade.price(),
        size: trade.size(),
    }));
    assert_same(&rows, &want);
    assert_eq!(
        venue.emulator.report().group("candles").rejected,
        0,
        "a restart knows what was sent before it"
    );
    venue.stop();
}

#[test]
fn killed_and_started_again_at_once_it_is_never_refused() {
    let data = tempdir().unwrap();
    let faults = Faults { latency_ms: 40, jitter_ms: 30, ..Faults::default() };
    let venue = Venue::start(Scenario { faults, ..Scenario::default() });
    let args = ["candles", "KRW-BTC", "1m", "--count", "20000", "--closed", "--format", "csv"];
    // Within the first window, at its end, and in the middle of others: always with ten of them just sent.
    for more in [3, 10, 11, 10, 17, 10, 10, 5] {
        let before = venue.candle_requests();
        let mut fetch =
            venue.command(data.path(), &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until(|| venue.candle_requests() >= before + more);
        fetch.kill().unwrap();
        fetch.wait().unwrap();
    }
    let last = ["candles", "KRW-BTC", "1m", "--count", "2000", "--closed", "--format", "csv", "--stats"];
    assert_eq!(venue.run(data.path(), &last).rows().len(), 2_000);
    let report = venue.emulator.report().group("candles");
    assert_eq!(report.rejected, 0);
    assert!(report.worst <= 10, "{}", report.worst);
    venue.stop();
}

#[test]
fn programs_side_by_side_are_never_refused() {
    let folder = tempdir().unwrap();
    let faults = Faults { latency_ms: 40, jitter_ms: 30, ..Faults::default() };
    let venue = Venue::start(Scenario { faults, ..Scenario::default() });
    let fetch = |market: &str| {
        let args = ["candles", market, "1m", "--count", "6000", "--closed", "--format", "csv"];
        let mut command = venue.command(&folder.path().join(market), &args);
        command.arg("--limits-dir").arg(folder.path().join("limits"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let (one, other) = (fetch("KRW-BTC"), fetch("KRW-ETH"));
    // A third comes in the middle, and is killed with its requests under way.
    until(|| venue.candle_requests() >= 15);
    let before = venue.candle_requests();
    let mut third = fetch("KRW-XRP");
    until(|| venue.candle_requests() >= before + 12);
    third.kill().unwrap();
    third.wait().unwrap();
    for fetch in [one, other] {
        let said = Said::of(fetch.wait_with_output().unwrap());
        assert_eq!(said.rows().len(), 6_000);
    }
    let report = venue.emulator.report().group("candles");
    assert_eq!(report.rejected, 0);
    assert!(report.worst <= 10, "{}", report.worst);
    venue.stop();
}

/// `KILLS=50` kills that often. The venue neither counts nor bans: this tests the store.
#[test]
fn killed_at_any_moment_the_store_is_clean() {
    let (data, kills) = (tempdir().unwrap(), kills());
    let faults = Faults { latency_ms: 20, jitter_ms: 20, ..Faults::default() };
    let venue = Venue::start(Scenario { faults, ban: None, ..Scenario::default() });
    // So many that the last kill still finds something under way.
    let wanted = 4_000 + 1_000 * kills;
    let count = wanted.to_string();
    let args = ["candles", "KRW-BTC", "1m", "--count", &count, "--closed", "--format", "csv", "--stats"];
    let mut chance = 0x9E37_79B9_7F4A_7C15_u64 ^ u64::from(std::process::id());
    let mut random = |below: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % below
    };
    let (mut rows, mut hits) = (0, 0);
    for kill in 0..kills {
        let (pages, pause) = (random(8), Duration::from_millis(random(120)));
        let before = venue.candle_requests();
        let mut fetch =
            venue.command(data.path(), &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until(|| venue.candle_requests() >= before + pages || fetch.try_wait().unwrap().is_some());
        std::thread::sleep(pause); // the moment is the point: any will do
        hits += usize::from(fetch.try_wait().unwrap().is_none());
        fetch.kill().unwrap();
        fetch.wait().unwrap();
        let kept = clean(data.path());
        assert!(kept >= rows, "kill {kill}, {pages} pages and {pause:?} in: {rows} rows, then {kept}");
        rows = kept;
    }
    assert!(hits * 10 >= kills * 9, "{hits} of {kills} found something under way");

    let last = venue.run(data.path(), &args);
    let got = last.rows();
    assert_eq!(got.len(), wanted);
    assert_rising(&got);
    let (from, to) = (got[0].timestamp, got[wanted - 1].timestamp + 60_000);
    let prints = venue.emulator.tape().trades("KRW-BTC", from, to);
    let prints =
        prints.iter().map(|trade| Print { ms: trade.time_ms, price: trade.price(), size: trade.size() });
    assert_same(&got, &fold(prints));
    assert!(clean(data.path()) >= wanted);
    let stored = venue.run(data.path(), &args);
    assert!(stored.requests() <= 1, "a minute may have ended: {}", stored.stats());
    venue.stop();
}

/// The number of kills of a process.
pub(crate) fn kills() -> usize {
    #[expect(clippy::disallowed_methods, reason = "how thorough a test is to be is said from outside")]
    let asked = std::env::var("KILLS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(3)
}

/// Checks the store, without findings; returns the number of rows.
#[track_caller]
pub(crate) fn clean(data: &Path) -> usize {
    let store = |args: &[&str]| Said::of(bare(args).arg("--data-dir").arg(data).output().unwrap());
    if !data.join("index.db").exists() {
        return 0; // killed before there was a store
    }
    let checked = store(&["store", "check"]);
    assert_eq!((checked.code, checked.stdout.as_str()), (Some(0), "no issues found\n"), "{checked:?}");
    let stats = store(&["store", "stats", "--format", "json"]);
    let total: Value = serde_json::from_str(stats.stdout.lines().last().unwrap_or_default()).unwrap();
    total["rows"].as_u64().and_then(|rows| usize::try_from(rows).ok()).unwrap()
}

/// Polls until the condition holds, for two minutes at most.
#[track_caller]
pub(crate) fn until(mut holds: impl FnMut() -> bool) {
    const LOOK: Duration = Duration::from_millis(10);
    let came_true = (0..12_000).any(|_| {
        holds() || {
            std::thread::park_timeout(LOOK);
            false
        }
    });
    assert!(came_true, "it never came to that");
}
