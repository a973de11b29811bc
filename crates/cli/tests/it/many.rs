//! `candles` of many markets in one program: within the limit, each file complete, and a failure of one
//! market does not stop the others.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use market_backbone::{Clock, SystemClock, Timestamp};
use market_backbone_emulator::{Faults, MarketActivity, MarketSet, Scenario};
use tempfile::tempdir;

use crate::crash::until;
use crate::run::{Said, Venue, bare};

const MARKETS: usize = 12;
/// Of each market: three pages of minutes.
const MINUTES: i64 = 600;
const PAGES: u64 = 12 * 3;

fn venue(latency_ms: u64) -> Venue {
    let faults = Faults { latency_ms, ..Faults::default() };
    Venue::start(Scenario {
        markets: MarketSet::many(MARKETS, MarketActivity::Busy),
        faults,
        ..Scenario::default()
    })
}

fn market(number: usize) -> String {
    format!("KRW-M{number:03}")
}

/// A list of all markets of the venue, and `more`.
fn list(data: &Path, more: &[&str]) {
    let all: Vec<String> = (0..MARKETS).map(market).collect();
    let mut command = bare(&["universe", "add", "all"]);
    let said = Said::of(command.args(all).args(more).arg("--data-dir").arg(data).output().unwrap());
    assert_eq!(said.code, Some(0), "{said:?}");
}

/// The arguments for ten hours that are over, of all of the list.
fn asked(folder: &Path) -> Vec<String> {
    let now = SystemClock.now().as_secs();
    let to = now - now.rem_euclid(60) - 3_600;
    let time = |secs: i64| Timestamp::from_secs(secs).to_string();
    let words =
        ["candles", "--universe", "all", "1m", "--stats", "--output-dir", folder.to_str().unwrap(), "--from"];
    [&words.map(str::to_owned)[..], &[time(to - MINUTES * 60), "--to".to_owned(), time(to)]].concat()
}

fn run(venue: &Venue, data: &Path, args: &[String]) -> Said {
    venue.run(data, &args.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The names of the files in `folder`, in order, after a check that each is whole.
#[track_caller]
fn whole_files(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let text = fs::read_to_string(folder.join(&name)).unwrap();
        assert_eq!(text.lines().count() as i64, 1 + MINUTES, "{name}");
        let label = format!(",{},1m", name.strip_suffix("_1m.csv").expect("market and timeframe"));
        assert!(text.lines().skip(1).all(|line| line.ends_with(&label)), "{name} says whose its rows are");
        names.push(name);
    }
    names.sort();
    names
}

fn all_names() -> Vec<String> {
    (0..MARKETS).map(|number| format!("{}_1m.csv", market(number))).collect()
}

#[test]
fn a_universe_is_fetched_side_by_side_within_the_limit_into_a_file_each() {
    let (venue, data, folder) = (venue(20), tempdir().unwrap(), tempdir().unwrap());
    list(data.path(), &[]);
    let args = asked(&folder.path().join("out"));
    let first = run(&venue, data.path(), &args);
    assert_eq!((first.code, first.stdout.as_str()), (Some(0), ""), "{first:?}");
    assert_eq!(whole_files(&folder.path().join("out")), all_names());
    let stats = first.stats();
    assert_eq!((stats["series"].as_u64(), stats["rows"].as_u64()), (Some(12), Some(12 * MINUTES as u64)));
    let candles = venue.emulator.report().group("candles");
    assert_eq!((candles.rejected, first.requests()), (0, candles.asked));
    assert!(candles.asked <= PAGES + MARKETS as u64, "{} requests", candles.asked);
    assert!(candles.worst <= 10, "{} in some second", candles.worst);
    let again = run(&venue, data.path(), &args);
    assert_eq!((again.code, again.requests()), (Some(0), 0), "what is stored is not asked again");
    venue.stop();
}

#[test]
fn a_run_that_is_killed_goes_on_and_every_file_is_whole_or_not_there() {
    let (venue, data, folder) = (venue(40), tempdir().unwrap(), tempdir().unwrap());
    list(data.path(), &[]);
    let out = folder.path().join("out");
    let args = asked(&out);
    for asked in [15, 28] {
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut command = venue.command(data.path(), &words);
        let mut fetch = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until(|| venue.candle_requests() >= asked || fetch.try_wait().unwrap().is_some());
        fetch.kill().unwrap();
        fetch.wait().unwrap();
        for entry in fs::read_dir(&out).into_iter().flatten() {
            let path = entry.unwrap().path();
            let is_draft = path.extension().is_some_and(|ending| ending == "part");
            let lines = || fs::read_to_string(&path).unwrap().lines().count() as i64;
            assert!(is_draft || lines() == 1 + MINUTES, "{} is cut off", path.display());
        }
    }
    let last = run(&venue, data.path(), &args);
    assert_eq!(last.code, Some(0), "{last:?}");
    assert_eq!(whole_files(&out), all_names(), "no draft is left either");
    // Pages of eight concurrent series may be lost by a kill, ten of them in flight and as many not yet
    // written.
    let spent = venue.candle_requests();
    assert!(
        last.requests() < PAGES && spent <= PAGES + MARKETS as u64 + 2 * 20,
        "{spent}, {}",
        last.requests()
    );
    venue.stop();
}

#[test]
fn a_market_that_is_gone_is_reported_once_and_the_others_are_written() {
    let (venue, data, folder) = (venue(0), tempdir().unwrap(), tempdir().unwrap());
    list(data.path(), &["KRW-GONE"]);
    let mut args = asked(folder.path());
    args[3] = "1m,1h".to_owned();
    let said = run(&venue, data.path(), &args);
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), ""), "{said:?}");
    assert_eq!(said.stderr.matches("unknown market KRW-GONE").count(), 1, "{}", said.stderr);
    assert!(said.stderr.contains("24 series") && said.stderr.contains("1 left out"), "{}", said.stderr);
    assert_eq!(said.stats()["left_out"], serde_json::json!(["KRW-GONE"]));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 24);

    let named = ["candles", "KRW-M000", "KRW-GONE", "KRW-M001", "1m", "--count", "1", "--format", "csv"];
    let said = venue.run(data.path(), &named);
    assert_eq!((said.code, said.stdout.lines().count()), (Some(1), 3), "the others are written: {said:?}");
    assert_eq!(said.stderr.matches("unknown market KRW-GONE").count(), 1, "{}", said.stderr);

    let none = folder.path().join("none.csv");
    let said = venue
        .run(data.path(), &["candles", "KRW-GONE", "KRW-AWAY", "1m", "--output", none.to_str().unwrap()]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(!none.exists() && !folder.path().join("none.csv.part").exists());
    venue.stop();
}

#[test]
fn several_series_fit_into_one_parquet_file() {
    let (venue, data, folder) = (venue(0), tempdir().unwrap(), tempdir().unwrap());
    list(data.path(), &[]);
    let file = folder.path().join("all.parquet");
    let args = ["candles", "--universe", "all", "1h", "--count", "3", "--output", file.to_str().unwrap()];
    let said = venue.run(data.path(), &args);
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), ""), "{said:?}");
    assert!(said.stderr.contains("12 series, 36 candles"), "{}", said.stderr);
    assert!(fs::read(&file).unwrap().starts_with(b"PAR1"));
    venue.stop();
}
