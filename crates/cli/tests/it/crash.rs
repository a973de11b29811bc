//! A fetch that is killed goes on where it was, and ends with the whole truth.

use std::process::Stdio;
use std::time::{Duration, Instant};

use market_backbone_emulator::{Faults, Scenario};
use tempfile::tempdir;

use crate::run::{Print, Venue, assert_rising, assert_same, fold};

const WANTED: usize = 20_000;
const PAGES: u64 = 100;
/// Pages that may be on their way, or arrived but not yet written, when the process is killed.
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
    venue.stop();
}

/// Looks again and again until it holds, for a minute at most.
#[track_caller]
fn until(mut holds: impl FnMut() -> bool) {
    #[expect(clippy::disallowed_methods, reason = "another process is waited for: its time is the wall's")]
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(60), "it never came to that");
        std::thread::yield_now();
    }
}
