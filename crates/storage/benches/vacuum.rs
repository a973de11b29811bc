//! The time of a read while half of a file of 100 MB is given back: by a rewrite, and in steps.
//!
//! `cargo bench -p market-backbone-storage --bench vacuum`

#![expect(clippy::print_stdout, reason = "a bench is there to print its figures")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use market_backbone_core::{
    Candle, CandleStore, Coverage, Origin, Provenance, Series, Span, Symbol, TimeRange, Timeframe, Timestamp,
    VenueId,
};
use market_backbone_storage::{MaintenanceConfig, MaintenanceReport, SqliteStore, StoreConfig};
use tokio::task::JoinSet;
use tokio::time::Instant;

const MARKETS: i64 = 10;
const ROWS: i64 = 250_000;
const BATCH: i64 = 10_000;
const ASKED: i64 = 400;

fn series(number: i64) -> Series {
    let symbol = Symbol::new(VenueId::new("upbit"), &format!("KRW-M{number}")).expect("a market's code");
    Series::new(symbol, Timeframe::M1)
}

fn minutes(from: i64, to: i64) -> TimeRange {
    TimeRange::new(Timestamp::from_secs(from * 60), Timestamp::from_secs(to * 60))
        .expect("ends after it begins")
}

fn candle(minute: i64) -> Candle {
    let price = 1.0 + minute as f64 / 3.0;
    Candle {
        open_time: Timestamp::from_secs(minute * 60),
        open: price,
        high: price + 1.0,
        low: price / 2.0,
        close: price,
        volume: 0.1,
        turnover: price * 0.1,
        is_final: true,
    }
}

/// A file whose tables are scattered, as those of a program that follows many markets are; half of it free.
async fn half_empty(dir: &Path, quiet: Duration) -> Arc<SqliteStore> {
    let care = MaintenanceConfig::default().every(None).quiet(quiet);
    let config = StoreConfig::new(dir).maintenance(care).cache_bytes(0);
    let store = SqliteStore::open(config).await.expect("a data folder");
    for from in (0..ROWS).step_by(BATCH as usize) {
        for market in 0..MARKETS {
            let range = minutes(from, from + BATCH);
            let provenance = Provenance { origin: Origin::Rest, observed_at: Timestamp::EPOCH };
            let proof: Coverage = [Span { range, provenance }].into_iter().collect();
            let rows: Vec<_> = (from..from + BATCH).map(candle).collect();
            store.commit(&series(market), &rows, &proof).await.expect("room on the disk");
        }
    }
    for market in 0..MARKETS {
        store.forget(&series(market), minutes(0, ROWS / 2)).await.expect("room on the disk");
    }
    Arc::new(store)
}

/// Reads without end until told to stop; returns the times they took.
async fn read(store: Arc<SqliteStore>, seed: u64, stop: Arc<AtomicBool>) -> Vec<Duration> {
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let (market, to) = (chance.i64(0..MARKETS), chance.i64(ROWS / 2 + ASKED..ROWS));
        let begun = Instant::now();
        let read = store.read(&series(market), minutes(to - ASKED, to), ASKED as usize).await.expect("rows");
        times.push(begun.elapsed());
        assert_eq!(read.candles.len(), ASKED as usize);
    }
    times
}

/// Returns the result of `work`, and the times of reads meanwhile.
async fn under_load<T>(store: &Arc<SqliteStore>, work: impl Future<Output = T>) -> (T, Vec<Duration>) {
    let stop = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for seed in 0..2 {
        readers.spawn(read(Arc::clone(store), seed, Arc::clone(&stop)));
    }
    let done = work.await;
    stop.store(true, Ordering::Relaxed);
    (done, readers.join_all().await.concat())
}

fn say(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    println!(
        "  reads {what:<28} p50 {:.2} ms  p99 {:.2} ms  longest {:.2} ms  ({})",
        at(0.5),
        at(0.99),
        at(1.0),
        times.len()
    );
}

fn print_report(report: &MaintenanceReport, took: Duration) {
    for shard in &report.shards {
        println!(
            "  {:.1} MB before, {:.1} MB after, in {:.2} s; {} steps, made anew: {}; commits waited at most {:.0} ms",
            shard.bytes_before as f64 / 1e6,
            shard.bytes_after as f64 / 1e6,
            took.as_secs_f64(),
            shard.steps,
            shard.rewritten,
            shard.longest_lock_hold.as_secs_f64() * 1_000.0,
        );
    }
}

async fn measure(name: &str, quiet: Duration) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = half_empty(folder.path(), quiet).await;
    println!("{name}");
    let ((), before) = under_load(&store, tokio::time::sleep(Duration::from_secs(2))).await;
    say("with nothing else going on", before);
    let begun = Instant::now();
    let (report, during) = under_load(&store, store.maintain_once()).await;
    let report = report.expect("care succeeds");
    say("meanwhile", during);
    print_report(&report, begun.elapsed());
    let ((), after) = under_load(&store, tokio::time::sleep(Duration::from_secs(2))).await;
    say("afterwards", after);
    store.close().await;
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        measure("made anew as a whole", Duration::ZERO).await;
        measure("in steps", Duration::from_secs(3_600)).await;
    });
}
