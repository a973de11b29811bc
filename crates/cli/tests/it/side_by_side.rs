//! Several programs on one data folder: each works as if it were alone, whichever of them is killed.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use market_backbone::{
    CandleStore, Series, SqliteStore, StoreConfig, Symbol, TimeRange, Timeframe, Timestamp, VenueId,
};
use market_backbone_emulator::{Faults, Scenario};
use tempfile::tempdir;

use crate::crash::{clean, kills};
use crate::run::{Print, Said, Venue, assert_rising, assert_same, bare, fold};

/// A program that runs until it is killed, and has said something already.
struct Running(Child);

impl Running {
    fn start(venue: &Venue, data: &Path, args: &[&str]) -> Self {
        let mut command = venue.command(data, args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
        assert!(!first.is_empty(), "it is running: {first}");
        Self(child)
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[track_caller]
fn went_well(said: &Said) {
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn a_second_program_wants_something_and_gets_it() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let watch = Running::start(
        &venue,
        data.path(),
        &["watch", "KRW-BTC", "--kinds", "trade,candle.1m", "--format", "json"],
    );
    let run = |args: &[&str]| venue.run(data.path(), args);
    went_well(&run(&["ticker", "KRW-BTC", "KRW-ETH"]));
    went_well(&run(&["markets", "--quote", "KRW"]));
    let candles = ["candles", "KRW-ETH", "1m", "--count", "600", "--closed", "--format", "csv", "--stats"];
    assert_eq!(run(&candles).rows().len(), 600);
    let again = run(&candles);
    assert_eq!(again.rows().len(), 600);
    assert!(again.requests() <= 1, "a minute may have ended: {}", again.stats());
    let plan = run(&["plan", "KRW-ETH", "1m", "--count", "500", "--format", "json"]);
    went_well(&plan);
    // Also of what is being watched.
    assert_eq!(run(&["candles", "KRW-BTC", "1m", "--count", "300", "--format", "csv"]).rows().len(), 300);
    let store = |args: &[&str]| Said::of(bare(args).arg("--data-dir").arg(data.path()).output().unwrap());
    for args in [&["store", "check"] as &[_], &["store", "stats"], &["store", "vacuum"]] {
        went_well(&store(args));
    }
    watch.kill();
    assert!(clean(data.path()) >= 900);
    venue.stop();
}

#[test]
fn what_needs_no_store_opens_none() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    went_well(&venue.run(data.path(), &["ticker", "KRW-BTC"]));
    went_well(&venue.run(data.path(), &["markets"]));
    let left: Vec<_> =
        std::fs::read_dir(data.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["limits"], "what was sent is noted, for those who share it");
    venue.stop();
}

#[test]
fn programs_that_begin_at_once_in_a_new_folder_all_do_their_work() {
    let folder = tempdir().unwrap();
    let data = folder.path().join("data");
    let faults = Faults { latency_ms: 40, jitter_ms: 30, ..Faults::default() };
    let venue = Venue::start(Scenario { faults, ..Scenario::default() });
    // Two of them want the same.
    let fetches = ["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-BTC"].map(|market| {
        let args = ["candles", market, "1m", "--count", "1000", "--closed", "--format", "csv"];
        venue.command(&data, &args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    for fetch in fetches {
        let rows = Said::of(fetch.wait_with_output().unwrap()).rows();
        assert_eq!(rows.len(), 1_000);
        assert_rising(&rows);
    }
    let report = venue.emulator.report().group("candles");
    assert_eq!(report.rejected, 0);
    assert!(report.worst <= 10, "{}", report.worst);
    assert!(clean(&data) >= 3_000);
    venue.stop();
}

/// A number below `below`, which depends on `seed` alone.
fn dice(seed: u64, below: u64) -> u64 {
    let mixed = (seed ^ u64::from(std::process::id()).rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33) % below
}

/// Kills `child` some time after now, unless it has ended by then; says whether it was killed.
fn kill_at_random(child: &mut Child, seed: u64, most_ms: u64) -> bool {
    // The moment is the point: any will do.
    std::thread::sleep(Duration::from_millis(dice(seed, most_ms)));
    let is_killed = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(is_killed || status.success() || status.code().is_none(), "{status}");
    is_killed
}

/// What a program complained of before it was killed.
fn complaints(stderr: Option<ChildStderr>) -> String {
    let mut text = Vec::new();
    stderr.unwrap().read_to_end(&mut text).unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

/// Starts a program again and again and kills it each time; returns how often it was working when it was
/// killed.
fn killer(
    venue: &Venue,
    data: &Path,
    times: usize,
    most_ms: u64,
    args: impl Fn(usize) -> Vec<String> + Send + 'static,
) -> JoinHandle<usize> {
    let (rest, ws, data) = (venue.emulator.rest_url(), venue.emulator.ws_url(), data.to_owned());
    std::thread::spawn(move || {
        let mut hits = 0;
        for time in 0..times {
            let words = args(time);
            let mut command = bare(&words.iter().map(String::as_str).collect::<Vec<_>>());
            command.args(["--rest-url", &rest, "--ws-url", &ws]).arg("--data-dir").arg(&data);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            let stderr = child.stderr.take();
            hits += usize::from(kill_at_random(&mut child, time as u64 ^ most_ms, most_ms));
            let said = complaints(stderr);
            assert!(said.is_empty(), "{}: {said}", words.join(" "));
        }
        hits
    })
}

/// Reads the newest 400 candles of `series` until told to stop; returns how long each read took, and how many
/// had data.
fn reader(data: &Path, series: &Series, stop: &Arc<AtomicBool>) -> JoinHandle<(Vec<Duration>, usize)> {
    let (config, series, stop) = (StoreConfig::new(data), series.clone(), Arc::clone(stop));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = SqliteStore::open(config).await.unwrap();
            let all = TimeRange::new(Timestamp::MIN, Timestamp::MAX).unwrap();
            let (mut took, mut seen) = (Vec::new(), 0);
            while !stop.load(Ordering::SeqCst) {
                #[expect(clippy::disallowed_methods, reason = "it is the time of the wall that is promised")]
                let begun = Instant::now();
                let known = store.coverage(&series).await.unwrap();
                let rows = store.read(&series, all, 400).await.unwrap().candles;
                took.push(begun.elapsed());
                assert!(rows.is_rising());
                // A minute at the end of what was read may have come after the ledger was.
                let newest = known.ranges().last().map_or(Timestamp::MIN, |range| range.to());
                assert!(rows.len() == 400 || rows.is_empty() || newest > Timestamp::MIN);
                seen = seen.max(rows.len());
                // Not as fast as possible: it would only measure its own cache.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            store.close().await;
            (took, seen)
        })
    })
}

/// `KILLS=20` kills each that often, and checks the promised speed; otherwise the machine may be busy.
#[test]
fn a_recorder_a_fetch_and_a_reader_are_killed_and_the_folder_is_whole() {
    let (folder, kills) = (tempdir().unwrap(), kills());
    let data = folder.path().join("data");
    let faults = Faults { latency_ms: 20, jitter_ms: 20, ..Faults::default() };
    let venue = Venue::start(Scenario { faults, ..Scenario::default() });
    let owned = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let count = |args: &str| {
        venue.run(&data, &owned(args).iter().map(String::as_str).collect::<Vec<_>>()).rows().len()
    };
    assert_eq!(count("candles KRW-BTC 1m --count 1000 --closed --format csv"), 1_000);

    let stop = Arc::new(AtomicBool::new(false));
    let source = format!("upbit@{}", venue.emulator.rest_url().trim_start_matches("http://"));
    let symbol = Symbol::new(source.parse::<VenueId>().unwrap(), "KRW-BTC").unwrap();
    let measured = reader(&data, &Series::new(symbol, Timeframe::M1), &stop);
    let killed = [
        killer(&venue, &data, kills, 3_000, move |_| {
            owned("watch KRW-BTC KRW-ETH --kinds trade,candle.1m,candle.1s --format json")
        }),
        killer(&venue, &data, kills, 2_500, move |time| {
            owned(&format!("candles KRW-ETH 1m --count {} --closed --format csv", 4_000 + 4_000 * time))
        }),
        killer(&venue, &data, kills, 250, move |_| {
            owned("candles KRW-BTC 1m --count 400 --closed --format csv")
        }),
    ];
    let hits: Vec<_> = killed.into_iter().map(|killer| killer.join().unwrap()).collect();
    // All three at once, to their ends.
    let wanted = 2_000;
    let fetch = format!("candles KRW-ETH 1m --count {wanted} --closed --format csv");
    let last = venue.run(&data, &owned(&fetch).iter().map(String::as_str).collect::<Vec<_>>());
    stop.store(true, Ordering::SeqCst);
    let (mut took, seen) = measured.join().unwrap();
    assert_eq!(seen, 400);
    took.sort_unstable();
    let p99 = took[took.len() * 99 / 100];
    eprintln!(
        "killed at work {hits:?} of {kills}; {} reads, p99 {p99:?}, longest {:?}",
        took.len(),
        took[took.len() - 1]
    );
    let promised = if kills >= 20 { Duration::from_millis(5) } else { Duration::from_secs(2) };
    assert!(p99 < promised, "{p99:?}");
    assert!(hits.iter().sum::<usize>() * 2 >= 3 * kills, "{hits:?} of {kills} found something under way");

    let rows = last.rows();
    assert_eq!(rows.len(), wanted);
    assert_rising(&rows);
    let (from, to) = (rows[0].timestamp, rows[wanted - 1].timestamp + 60_000);
    let prints = venue.emulator.tape().trades("KRW-ETH", from, to);
    let prints =
        prints.iter().map(|trade| Print { ms: trade.time_ms, price: trade.price(), size: trade.size() });
    assert_same(&rows, &fold(prints));
    assert!(clean(&data) >= wanted + 1_000);
    let report = venue.emulator.report();
    for group in ["candles", "trades", "ticker", "market"] {
        assert_eq!(report.group(group).rejected, 0, "{group}");
    }
    assert!(report.group("candles").worst <= 10, "{}", report.group("candles").worst);
    venue.stop();
}
