//! Bits that flip on the disk: whatever is read afterwards is as the venue has it, or unknown; and a repair
//! ends without findings.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fastrand::Rng;
use market_backbone_core::{
    Candle, CandleQuery, CandleSet, CandleSource, CandleStore, Grid, ManualClock, Series, TimeRange,
    Timestamp,
};
use market_backbone_storage::{RepairPlan, SqliteStore, StoreConfig, StoredSource};
use market_backbone_testkit::ScriptedCandles;
use tempfile::tempdir;

use crate::material::{candle, everything, minute, minutes, proof_of, series};

const SERIES: usize = 20;
const SLOTS: i64 = 1_500;

/// Candles of every market at `venue`; each trades in its own rhythm, so that every table has other rows.
fn truth(index: usize) -> Vec<Candle> {
    let rests = |slot: &i64| slot % (index as i64 + 3) == 1 || (700..780).contains(slot);
    let priced = |slot: i64| {
        let by = 1.0 + index as f64;
        let Candle { open, high, low, close, .. } = candle(slot);
        Candle { open: open * by, high: high * by, low: low * by, close: close * by, ..candle(slot) }
    };
    (0..SLOTS).filter(|slot| !rests(slot)).map(priced).collect()
}

fn named(index: usize) -> Series {
    series(&format!("KRW-M{index:02}"))
}

/// The venue: it has all the rows there are.
fn venue(truth: &[Vec<Candle>]) -> ScriptedCandles {
    let truth = truth.to_vec();
    let rows = move |query: &CandleQuery, range: TimeRange| {
        let index: usize = query.series.symbol.code()[5..].parse().unwrap();
        truth[index].iter().filter(|row| range.contains(row.open_time)).copied().collect()
    };
    ScriptedCandles::new(rows).reaching(TimeRange::new(Timestamp::MIN, minute(SLOTS)).unwrap())
}

async fn furnish(dir: &Path, truth: &[Vec<Candle>]) {
    let store = SqliteStore::open(config(dir)).await.unwrap();
    for (index, rows) in truth.iter().enumerate() {
        // Page by page, as a fetch would, in two observations.
        for from in (0..SLOTS).step_by(500) {
            let page = minutes(from, from + 500);
            let rows: Vec<_> = rows.iter().filter(|row| page.contains(row.open_time)).copied().collect();
            store.commit(&named(index), &rows, &proof_of(page)).await.unwrap();
        }
    }
    store.close().await;
}

/// Ten tables in each of two shards.
fn config(dir: &Path) -> StoreConfig {
    StoreConfig::new(dir).tables_per_shard(10).cache_bytes(1 << 20)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { files.extend(self::files(&entry)) } else { files.push(entry) }
    }
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let there = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(there.parent().unwrap()).unwrap();
        fs::copy(file, there).unwrap();
    }
}

/// Flips bits, each byte of the folder as likely as any other.
fn flip(dir: &Path, count: usize, rng: &mut Rng) -> String {
    let files: Vec<_> =
        files(dir).into_iter().map(|path| (fs::metadata(&path).unwrap().len(), path)).collect();
    let mut said = String::new();
    for _ in 0..count {
        let mut at = rng.u64(..files.iter().map(|(size, _)| *size).sum::<u64>());
        let (_, path) = files
            .iter()
            .find(|(size, _)| {
                let here = at < *size;
                at -= if here { 0 } else { *size };
                here
            })
            .unwrap();
        let (at, bit) = (usize::try_from(at).unwrap(), rng.u8(..8));
        let mut bytes = fs::read(path).unwrap();
        bytes[at] ^= 1 << bit;
        fs::write(path, bytes).unwrap();
        said.push_str(&format!(" {}@{at}.{bit}", path.file_name().unwrap().to_str().unwrap()));
    }
    said
}

/// All that the store says it knows is as the venue has it.
async fn returns_the_truth(store: &SqliteStore, truth: &[Vec<Candle>], about: &str) {
    for (index, rows) in truth.iter().enumerate() {
        let one = named(index);
        // A few, then all: each way of reading finds it.
        let few = store.read(&one, minutes(SLOTS / 2, SLOTS), 70).await.unwrap().candles.to_vec();
        let read = store.read(&one, everything(), usize::MAX).await.unwrap().candles.to_vec();
        let known = store.coverage(&one).await.unwrap();
        let believed = |row: &&Candle| known.is_known(row.open_time);
        let want: Vec<_> = rows.iter().filter(believed).collect();
        let told: Vec<_> = read.iter().filter(believed).collect();
        assert!(told == want, "{about}: {one} tells {} rows and has {}", told.len(), want.len());
        for row in few.iter().filter(believed) {
            assert!(
                rows.binary_search_by_key(&row.open_time, |row| row.open_time)
                    .is_ok_and(|at| rows[at] == *row)
            );
        }
    }
}

/// One folder with flipped bits: read, answered with the venue's help, repaired.
async fn run(sound: &Path, truth: &[Vec<Candle>], flips: usize, rng: &mut Rng) -> (bool, bool) {
    let dir = tempdir().unwrap();
    copy(sound, dir.path());
    let about = flip(dir.path(), flips, rng);

    // A reader that can change nothing. If it cannot even open the folder, it gets an error.
    if let Ok(guest) = SqliteStore::open_read_only(config(dir.path())).await {
        returns_the_truth(&guest, truth, &about).await;
        guest.close().await;
    }
    // A check names it, if it is anything.
    let repaired = tempdir().unwrap();
    copy(dir.path(), repaired.path());
    let named_by_check = repair(repaired.path(), truth, &about).await;

    // Every request gets complete data, with the venue's help where necessary, and it is stored.
    let store = Arc::new(SqliteStore::open(config(dir.path())).await.unwrap());
    let venue = Arc::new(venue(truth));
    let clock = Arc::new(ManualClock::new(minute(SLOTS + 100)));
    let source = StoredSource::new(Arc::clone(&store) as _, venue, clock, Grid::Utc);
    let mut fetched = 0;
    for (index, rows) in truth.iter().enumerate() {
        let (newest, all) = (400, minutes(0, SLOTS));
        let last =
            source.candles(CandleQuery::last(named(index), newest).unwrap().before(minute(SLOTS))).await;
        let last = last.unwrap_or_else(|error| panic!("{about}: {error}"));
        assert!(last.candles == rows[rows.len() - newest..], "{about}: the newest of {index}");
        let set = source.candles(CandleQuery::within(named(index), all)).await.unwrap();
        let missing = set.coverage.missing(all);
        assert!(missing.is_empty(), "{about}: of {index} is not known {missing:?}");
        let differs = set.candles.iter().zip(rows).position(|(told, is)| told != *is);
        assert!(
            set.candles == *rows,
            "{about}: all {} of {index}, {} told, {differs:?}",
            rows.len(),
            set.candles.len()
        );
        fetched += [last, set].iter().map(rows_of_venue).sum::<u64>();
    }
    returns_the_truth(&store, truth, &about).await;
    store.close().await;
    (fetched > 0, named_by_check)
}

fn rows_of_venue(set: &CandleSet) -> u64 {
    let stored = set.stats.disk_rows + set.stats.memory_rows;
    (set.candles.len() as u64).saturating_sub(stored)
}

/// What `store check --repair` does, the asking again left out; whether anything was found.
async fn repair(dir: &Path, truth: &[Vec<Candle>], about: &str) -> bool {
    let mut found_any = false;
    for _ in 0..3 {
        let store = SqliteStore::open(config(dir)).await.unwrap();
        let mut findings = store.check(Grid::Utc).await.unwrap();
        found_any |= !findings.is_empty();
        let mut plan = RepairPlan::of(&findings, |_| Some((Grid::Utc, 200)));
        assert_eq!(plan.manual, 0, "{about}: {findings:?}");
        for file in &plan.files {
            store.rebuild(file).await.unwrap();
        }
        if !plan.files.iter().any(|file| file.ends_with("index.db")) {
            for one in &plan.ledgers {
                store.repair_ledger(one).await.unwrap();
            }
            findings = store.check(Grid::Utc).await.unwrap();
            plan = RepairPlan::of(&findings, |_| Some((Grid::Utc, 200)));
            for (one, range) in &plan.ranges {
                store.forget(one, *range).await.unwrap();
            }
            let left = store.check(Grid::Utc).await.unwrap();
            assert_eq!(left, [], "{about}: after the repair");
            returns_the_truth(&store, truth, about).await;
            store.close().await;
            return found_any;
        }
        store.close().await;
    }
    panic!("{about}: the index is damaged again and again")
}

fn from_outside(name: &str, usual: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "how thorough a test is to be is said from outside")]
    let asked = std::env::var(name).ok();
    asked.map_or(usual, |asked| asked.parse().unwrap())
}

/// `BIT_FLIPS=1000` runs so many; each in a copy of its own, every tenth with five at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_flips_nothing_untrue_is_reported_and_a_repair_ends_clean() {
    let (runs, first) = (from_outside("BIT_FLIPS", 12), from_outside("FIRST_SEED", 0));
    let truth: Vec<_> = (0..SERIES).map(truth).collect();
    let sound = tempdir().unwrap();
    furnish(sound.path(), &truth).await;
    let (mut fetched, mut named) = (BTreeSet::new(), BTreeSet::new());
    for seed in first..first + runs {
        let mut rng = Rng::with_seed(seed);
        let flips = if seed % 10 == 9 { 5 } else { 1 };
        println!("seed {seed}");
        let (was_fetched, was_named) = run(sound.path(), &truth, flips, &mut rng).await;
        if was_fetched {
            fetched.insert(seed);
        }
        if was_named {
            named.insert(seed);
        }
    }
    println!("of {runs} folders {} had to fetch, a check named {}", fetched.len(), named.len());
    assert!(!named.is_empty(), "no flip did any damage");
}
