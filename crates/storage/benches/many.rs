//! Ten thousand markets in ten timeframes in one data folder: how long the first question about any takes,
//! beside the same store with all its tables in one file.
//!
//! `cargo bench -p market-backbone-storage --bench many [-- MARKETS [MARKETS_IN_ONE_FILE]]`

#![expect(clippy::print_stdout, reason = "a bench is there to print its figures")]

use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use market_backbone_core::{
    Candle, CandleStore, Coverage, Origin, Provenance, Series, Span, Symbol, TimeRange, Timeframe, Timestamp,
    VenueId,
};
use market_backbone_storage::{MaintenanceConfig, SqliteStore, StoreConfig};
use tokio::time::Instant;

const TIMEFRAMES: [Timeframe; 10] = [
    Timeframe::M1,
    Timeframe::M3,
    Timeframe::M5,
    Timeframe::M10,
    Timeframe::M15,
    Timeframe::M30,
    Timeframe::H1,
    Timeframe::H4,
    Timeframe::D1,
    Timeframe::W1,
];
/// Rows of most series, and of one in a hundred.
const FEW: i64 = 50;
const MANY: i64 = 2_000;
const ASKED: usize = 400;
const SAMPLES: usize = 2_000;

fn series(number: usize) -> Series {
    let code = format!("KRW-M{}", number / TIMEFRAMES.len());
    let symbol = Symbol::new(VenueId::new("upbit"), &code).expect("a market's code");
    Series::new(symbol, TIMEFRAMES[number % TIMEFRAMES.len()])
}

/// One in a hundred, in all timeframes.
fn is_long(number: usize) -> bool {
    (number / TIMEFRAMES.len()).is_multiple_of(100)
}

fn rows(number: usize) -> (Vec<Candle>, Coverage) {
    let step = series(number).timeframe.typical();
    let count = if is_long(number) { MANY } else { FEW };
    let open = |slot: i64| Timestamp::EPOCH.plus(step * u32::try_from(slot).expect("a small number"));
    let candle = |slot| {
        let price = 1.0 + (number as f64 + slot as f64) / 3.0;
        let (high, low) = (price + 1.0, price / 2.0);
        let (volume, turnover, is_final) = (0.5, price / 2.0, true);
        Candle { open_time: open(slot), open: price, high, low, close: price, volume, turnover, is_final }
    };
    let range = TimeRange::new(open(0), open(count)).expect("ends after it begins");
    let provenance = Provenance { origin: Origin::Rest, observed_at: Timestamp::EPOCH };
    ((0..count).map(candle).collect(), [Span { range, provenance }].into_iter().collect())
}

async fn open(dir: &Path, tables_per_shard: u32, cache_bytes: u64) -> SqliteStore {
    let care = MaintenanceConfig::default().every(None);
    let config =
        StoreConfig::new(dir).tables_per_shard(tables_per_shard).cache_bytes(cache_bytes).maintenance(care);
    SqliteStore::open(config).await.expect("a data folder")
}

async fn fill(store: &SqliteStore, count: usize) {
    let commit = |number: usize| async move {
        let (rows, proof) = rows(number);
        store.commit(&series(number), &rows, &proof).await.expect("room on the disk");
    };
    futures::stream::iter(0..count).for_each_concurrent(64, commit).await;
}

async fn ask(store: &SqliteStore, number: usize) -> Duration {
    let all = TimeRange::new(Timestamp::MIN, Timestamp::MAX).expect("time has two ends");
    let series = series(number);
    let begun = Instant::now();
    let known = store.coverage(&series).await.expect("a ledger");
    let read = store.read(&series, all, ASKED).await.expect("rows");
    let took = begun.elapsed();
    let want = if is_long(number) { ASKED } else { FEW as usize };
    assert_eq!((known.spans().len(), read.candles.len()), (1, want));
    took
}

fn say(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    let (half, most, longest) = (at(0.5), at(0.99), at(1.0));
    println!(
        "{what:<44} p50 {half:>8.3} ms  p99 {most:>8.3} ms  longest {longest:>8.3} ms  ({})",
        times.len()
    );
}

/// In MiB.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or_default() / 1_024.0
}

async fn measure(name: &str, tables_per_shard: u32, count: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    println!("{name}: {count} series");
    let begun = Instant::now();
    let store = open(folder.path(), tables_per_shard, 64 << 20).await;
    fill(&store, count).await;
    store.close().await;
    println!("  made in {:.1} s, memory {:.0} MiB", begun.elapsed().as_secs_f64(), memory());

    let mut chance = fastrand::Rng::with_seed(7);
    let samples: Vec<usize> = (0..SAMPLES.min(count)).map(|_| chance.usize(..count)).collect();
    let begun = Instant::now();
    let store = open(folder.path(), tables_per_shard, 64 << 20).await;
    println!("  opened in {:.1} ms", begun.elapsed().as_secs_f64() * 1_000.0);
    let mut first = Vec::new();
    for number in &samples {
        first.push(ask(&store, *number).await);
    }
    say("  first question about a random series", first);
    println!("  memory {:.0} MiB", memory());
    let long: Vec<usize> = (0..count).filter(|number| is_long(*number)).take(100).collect();
    for number in &long {
        ask(&store, *number).await;
    }
    let mut warm = Vec::new();
    for _ in 0..50 {
        for number in &long {
            warm.push(ask(&store, *number).await);
        }
    }
    say("  400 candles, warm", warm);
    store.close().await;

    let store = open(folder.path(), tables_per_shard, 0).await;
    for number in &long {
        ask(&store, *number).await;
    }
    let mut cold = Vec::new();
    for _ in 0..10 {
        for number in &long {
            cold.push(ask(&store, *number).await);
        }
    }
    say("  400 candles, from disk", cold);
    println!("  memory {:.0} MiB", memory());
    store.close().await;
}

fn main() {
    let mut sizes = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let markets = sizes.next().unwrap_or(10_000);
    // Adding a table to one file takes the longer the more it has: all of them would take an hour.
    let in_one_file = sizes.next().unwrap_or(1_000).min(markets);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        measure("shards", StoreConfig::new("").get_tables_per_shard(), markets * TIMEFRAMES.len()).await;
        measure("one file", u32::MAX, in_one_file * TIMEFRAMES.len()).await;
    });
}
