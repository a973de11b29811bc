//! The newest 200 of ten thousand series of a thousand candles each, all of it in memory: candles a second.
//!
//! `cargo bench -p market-backbone-storage --bench newest [-- SERIES]`

#![expect(clippy::print_stdout, reason = "a bench is there to print its figures")]

use std::hint::black_box;

use futures::StreamExt;
use market_backbone_core::{
    Candle, CandleStore, Coverage, Origin, Provenance, Series, Span, Symbol, TimeRange, Timeframe, Timestamp,
    VenueId,
};
use market_backbone_storage::{MaintenanceConfig, SqliteStore, StoreConfig};
use tokio::time::Instant;

const ROWS: i64 = 1_000;
const ASKED: usize = 200;
const ROUNDS: usize = 5;
/// Enough for all of it.
const CACHE_BYTES: u64 = 2 << 30;
/// What is to be reached, in candles a second.
const WANTED: f64 = 20e6;

fn series(number: usize) -> Series {
    let symbol = Symbol::new(VenueId::new("upbit"), &format!("KRW-M{number}")).expect("a market's code");
    Series::new(symbol, Timeframe::M1)
}

fn minute(number: i64) -> Timestamp {
    Timestamp::from_secs(number * 60)
}

fn rows() -> (Vec<Candle>, Coverage) {
    let candle = |number: i64| {
        let price = 1.0 + number as f64 / 3.0;
        let (high, low, volume) = (price + 1.0, price / 2.0, 0.5);
        let open_time = minute(number);
        Candle { open_time, open: price, high, low, close: price, volume, turnover: price, is_final: true }
    };
    let range = TimeRange::new(minute(0), minute(ROWS)).expect("ends after it begins");
    let provenance = Provenance { origin: Origin::Rest, observed_at: Timestamp::EPOCH };
    ((0..ROWS).map(candle).collect(), [Span { range, provenance }].into_iter().collect())
}

/// Reads the newest `asked` of every series, and returns the number of candles.
async fn read_all(store: &SqliteStore, all: &[Series], asked: usize) -> usize {
    let always = TimeRange::new(Timestamp::MIN, Timestamp::MAX).expect("time has two ends");
    let mut candles = 0;
    for series in all {
        let read = store.read(series, always, asked).await.expect("rows");
        candles += black_box(read.candles.closes()).len();
    }
    candles
}

#[tokio::main]
async fn main() {
    let asked = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let is_test = std::env::args().any(|arg| arg == "--test");
    let count = asked.unwrap_or(if is_test { 10 } else { 10_000 });
    let folder = tempfile::tempdir().expect("a folder");
    let care = MaintenanceConfig::default().every(None);
    let config = StoreConfig::new(folder.path()).cache_bytes(CACHE_BYTES).maintenance(care);
    let store = SqliteStore::open(config).await.expect("a data folder");
    let all: Vec<Series> = (0..count).map(series).collect();
    let (rows, proof) = rows();
    let commit = |series| {
        let (store, rows, proof) = (&store, &rows, &proof);
        async move { store.commit(series, rows, proof).await.expect("room on the disk") }
    };
    futures::stream::iter(&all).for_each_concurrent(64, commit).await;
    read_all(&store, &all, ASKED).await;
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let candles = read_all(&store, &all, ASKED).await;
        rates.push(candles as f64 / begun.elapsed().as_secs_f64());
        assert_eq!(candles, count * ASKED);
    }
    rates.sort_unstable_by(f64::total_cmp);
    let median = rates[ROUNDS / 2];
    println!(
        "newest {ASKED} of {count} series, warm: {:.1} M candles/s (median of {ROUNDS}), {:.2} x the {:.0} M wanted",
        median / 1e6,
        median / WANTED,
        WANTED / 1e6
    );
    if median < WANTED {
        let begun = Instant::now();
        read_all(&store, &all, 1).await;
        let (one, whole) = (begun.elapsed().as_secs_f64() / count as f64, ASKED as f64 / median);
        println!(
            "NOT reached. What stands in the way: a read takes {:.2} µs, of which {:.2} µs are those of a read of one candle \
             (has another process committed, the state of the series, one look-up of a block); the rest are the look-ups \
             of further blocks, and the processor that others use",
            whole * 1e6,
            one * 1e6
        );
    }
    store.close().await;
}
