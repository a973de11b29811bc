//! A million one-minute candles from disk into columns, and 400 of them: `cargo bench -p market-backbone-storage
//! --bench columns [-- ROWS]`.
//!
//! From sealed files and from the table alone, beside polars, which reads the same rows from Parquet in the same
//! run; `MARKET_BACKBONE_PYTHON` names a Python that has it. Each read is made in a process of its own as well,
//! which says what the first one costs and how much memory is resident then. The page cache is warm throughout.

#![expect(clippy::print_stdout, reason = "a bench is there to print its figures")]
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures with the machine's own clock, and reads its environment"
)]

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use market_backbone_core::{
    Candle, CandleSet, CandleStore, Coverage, Origin, Provenance, Series, Span, Symbol, TimeRange, Timeframe,
    Timestamp, VenueId,
};
use market_backbone_storage::{SealingConfig, SqliteStore, StoreConfig};

const ROUNDS: usize = 9;
const SHORT: usize = 400;
const SHORT_READS: usize = 3_000;
/// A process that is told to read this folder, and to say what that took.
const READ: &str = "--read";

fn series() -> Series {
    let symbol = Symbol::new(VenueId::new("upbit"), "KRW-BTC").expect("a market's code");
    Series::new(symbol, Timeframe::M1)
}

fn all() -> TimeRange {
    TimeRange::new(Timestamp::EPOCH, Timestamp::MAX).expect("ends after it begins")
}

fn candle(minute: i64) -> Candle {
    let noise = (minute.wrapping_mul(0x9E37_79B9) & 0xffff) as f64 / 7.0;
    let price = 90_000_000.0 + noise;
    Candle {
        open_time: Timestamp::from_secs(minute * 60),
        open: price,
        high: price + 3_000.0,
        low: price - 5_000.0,
        close: price + 1_000.0,
        volume: noise / 1_000.0 + 0.001,
        turnover: price * (noise / 1_000.0 + 0.001),
        is_final: true,
    }
}

async fn open(dir: &Path, sealed: bool) -> SqliteStore {
    let sealing = SealingConfig::default().enabled(sealed);
    SqliteStore::open(StoreConfig::new(dir).cache_bytes(0).sealing(sealing)).await.expect("a data folder")
}

async fn fill(dir: &Path, rows: i64) {
    let store = open(dir, true).await;
    let begun = Instant::now();
    for from in (0..rows).step_by(50_000) {
        let to = rows.min(from + 50_000);
        let range = TimeRange::new(candle(from).open_time, candle(to).open_time).expect("some rows");
        let provenance = Provenance { origin: Origin::Import, observed_at: Timestamp::EPOCH };
        let proof: Coverage = [Span { range, provenance }].into_iter().collect();
        let rows: Vec<_> = (from..to).map(candle).collect();
        store.commit(&series(), &rows, &proof).await.expect("room on the disk");
    }
    println!("{rows} candles committed in {:.2} s", begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let report = store.seal().await.expect("room on the disk");
    println!("{} more sealed at the end, in {:.2} s", report.rows, begun.elapsed().as_secs_f64());
    let stats = store.stats().await.expect("statistics");
    println!("{} bytes of tables, {} of sealed files", stats.shards[0].bytes, stats.sealed_bytes());
    store.close().await;
}

async fn read_all(store: &SqliteStore) -> CandleSet {
    let known = store.coverage(&series()).await.expect("a ledger");
    let read = store.read(&series(), all(), usize::MAX).await.expect("rows");
    CandleSet { candles: read.candles, coverage: known, ..CandleSet::empty(series()) }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

/// In MiB: what is resident now, or was at the most.
fn memory(line: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|text| text.strip_prefix(line)).unwrap_or("0 kB");
    found.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or_default() / 1_024.0
}

/// Reads once, and prints the seconds from before the store is opened to the last row, and the memory.
async fn read_in_this_process(dir: &Path, sealed: bool) {
    let begun = Instant::now();
    let store = open(dir, sealed).await;
    let set = read_all(&store).await;
    let took = begun.elapsed().as_secs_f64();
    println!("{took} {}", memory("VmHWM:"));
    assert!(black_box(&set).candles.len() > 1_000);
    store.close().await;
}

fn in_a_process_of_its_own(dir: &Path, sealed: bool) -> (f64, f64) {
    let this = std::env::current_exe().expect("a path");
    let mode = if sealed { "sealed" } else { "table" };
    let said = Command::new(this).arg(READ).arg(dir).arg(mode).output().expect("a process");
    let said = String::from_utf8_lossy(&said.stdout);
    let mut numbers = said.split_whitespace().filter_map(|number| number.parse::<f64>().ok());
    (numbers.next().expect("seconds"), numbers.next().expect("MiB"))
}

/// Seconds that polars takes, and its version; nothing without a Python that has it.
fn polars(dir: &Path, set: &CandleSet) -> Option<(f64, String)> {
    let python = std::env::var("MARKET_BACKBONE_PYTHON").ok()?;
    let file = dir.join("peer.parquet");
    market_backbone_storage::write_parquet(
        &file,
        set,
        market_backbone_core::Fill::None,
        market_backbone_core::Grid::Utc,
    )
    .expect("room on the disk");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/columns_peer.py");
    let said = Command::new(python).arg(script).arg(&file).arg(ROUNDS.to_string()).output().ok()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let times: Vec<f64> = said.lines().filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
    let version = said.split_whitespace().nth(1).unwrap_or("?").to_owned();
    (!times.is_empty()).then(|| (median(times), version))
}

/// Seconds for a plain copy of all sealed files, into the same memory each time.
fn copy_of_files(dir: &Path) -> f64 {
    let folder = dir.join("upbit/shard-0000.sealed");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let files: Vec<_> = files.collect();
    let mut bytes = Vec::new();
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for file in &files {
            bytes.clear();
            let mut file = std::fs::File::open(file).expect("a sealed file");
            std::io::Read::read_to_end(&mut file, &mut bytes).expect("a sealed file");
            black_box(&bytes);
        }
        times.push(begun.elapsed().as_secs_f64());
    }
    median(times)
}

async fn long_reads(store: &SqliteStore) -> f64 {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        black_box(read_all(store).await);
        times.push(begun.elapsed().as_secs_f64());
    }
    median(times)
}

async fn short_reads(store: &SqliteStore, rows: i64) -> (Duration, Duration) {
    let mut chance = fastrand::Rng::with_seed(7);
    let mut times = Vec::new();
    for _ in 0..SHORT_READS {
        // The newest ones half of the time, and any others.
        let end = if chance.bool() { rows } else { chance.i64(1_000..rows) };
        let range = TimeRange::new(Timestamp::EPOCH, candle(end).open_time).expect("some rows");
        let begun = Instant::now();
        let read = store.read(&series(), range, SHORT).await.expect("rows");
        times.push(begun.elapsed());
        assert_eq!(black_box(read).candles.len(), SHORT);
    }
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

async fn measure(dir: &Path, rows: i64) {
    let mut long = Vec::new();
    let mut short = Vec::new();
    let mut set = CandleSet::empty(series());
    for sealed in [true, false] {
        let store = open(dir, sealed).await;
        set = read_all(&store).await;
        assert_eq!(set.candles.len() as i64, rows);
        long.push(long_reads(&store).await);
        short.push(short_reads(&store, rows).await);
        store.close().await;
    }
    let peer = polars(dir, &set);
    drop(set);
    for (name, sealed, at) in [("sealed files", true, 0), ("the table alone", false, 1)] {
        let alone: Vec<_> = (0..ROUNDS).map(|_| in_a_process_of_its_own(dir, sealed)).collect();
        let first = median(alone.iter().map(|(took, _)| *took).collect());
        let resident = median(alone.iter().map(|(_, resident)| *resident).collect());
        let (p50, p99) = short[at];
        println!(
            "{name:<16} {rows} candles {:.4} s; a new process {first:.4} s, {resident:.0} MiB; {SHORT} candles p50 {:.3} ms, p99 {:.3} ms",
            long[at],
            p50.as_secs_f64() * 1e3,
            p99.as_secs_f64() * 1e3,
        );
    }
    match peer {
        Some((theirs, version)) => {
            let ratio = long[0] / theirs;
            println!(
                "polars {version} reads the same rows from Parquet in {theirs:.4} s: sealed files take {ratio:.2} × its time"
            );
            if ratio > 1.0 {
                println!(
                    "at most 1.0 × wanted: NOT reached. What stands in the way: to copy the bytes of the files from the \
                     page cache into memory that is in use already takes {:.4} s of one thread here; the rest are page \
                     faults of new memory, the checksums, and the processor that others use",
                    copy_of_files(dir)
                );
            }
        }
        None => println!("no polars: MARKET_BACKBONE_PYTHON names a Python that has it"),
    }
    println!("the table takes {:.1} × the time of sealed files", long[1] / long[0]);
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let [flag, dir, mode] = arguments.as_slice()
        && flag == READ
    {
        return runtime.block_on(read_in_this_process(Path::new(dir), mode == "sealed"));
    }
    if arguments.iter().any(|argument| argument == "--test") {
        return; // `cargo test --benches` asks whether it starts
    }
    let rows = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir().expect("a folder");
    runtime.block_on(async {
        fill(folder.path(), rows).await;
        measure(folder.path(), rows).await;
    });
}
