//! How long `store check` takes, and how much memory: `cargo bench -p market-backbone-storage --bench check [-- SERIES
//! [FOLDER]]`.
//!
//! With a folder, that one is checked, and made first if it is not there: so two builds can check the same data in
//! turn. Ten timeframes of each market, 50 candles of most series and 2,000 of one in a hundred.

#![expect(clippy::print_stdout, reason = "a bench is there to print its figures")]
#![expect(clippy::disallowed_methods, reason = "a bench measures with the machine's own clock")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use futures::StreamExt;
use market_backbone_core::{
    Candle, CandleStore, Coverage, Grid, Origin, Provenance, Series, Span, Symbol, TimeRange, Timeframe,
    Timestamp, VenueId,
};
use market_backbone_storage::{MaintenanceConfig, SqliteStore, StoreConfig};

const ROUNDS: usize = 5;
const FEW: i64 = 50;
const MANY: i64 = 2_000;

fn series(number: usize) -> Series {
    let timeframes = &Timeframe::ALL[1..11];
    let code = format!("KRW-M{}", number / timeframes.len());
    let symbol = Symbol::new(VenueId::new("upbit"), &code).expect("a market's code");
    Series::new(symbol, timeframes[number % timeframes.len()])
}

fn rows(number: usize) -> (Vec<Candle>, Coverage) {
    let series = series(number);
    let first = Grid::Utc.ceil(series.timeframe, Timestamp::from_secs(1_700_000_000));
    let count = if (number / 10).is_multiple_of(100) { MANY } else { FEW };
    let mut opens = Vec::new();
    let mut open = first;
    for _ in 0..=count {
        opens.push(open);
        open = Grid::Utc.close(series.timeframe, open);
    }
    let candle = |open_time| Candle {
        open_time,
        open: 10.0,
        high: 10.0,
        low: 10.0,
        close: 10.0,
        volume: 0.0,
        turnover: 0.0,
        is_final: true,
    };
    let range = TimeRange::new(first, opens[opens.len() - 1]).expect("ends after it begins");
    let provenance = Provenance { origin: Origin::Rest, observed_at: Timestamp::EPOCH };
    opens.pop();
    (opens.into_iter().map(candle).collect(), [Span { range, provenance }].into_iter().collect())
}

async fn open(dir: &Path) -> SqliteStore {
    let quiet = MaintenanceConfig::default().every(None);
    SqliteStore::open(StoreConfig::new(dir).maintenance(quiet)).await.expect("a data folder")
}

async fn fill(dir: &Path, count: usize) {
    let store = open(dir).await;
    let commit = |number: usize| {
        let store = &store;
        async move {
            let (rows, proof) = rows(number);
            store.commit(&series(number), &rows, &proof).await.expect("room on the disk");
        }
    };
    futures::stream::iter(0..count).for_each_concurrent(64, commit).await;
    store.close().await;
}

/// The most memory that was resident, in MiB.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or_default() / 1_024.0
}

async fn measure(dir: &Path) {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let store = open(dir).await;
        let begun = Instant::now();
        let findings = store.check(Grid::Utc).await.expect("an index");
        times.push(begun.elapsed().as_secs_f64());
        println!(
            "checked in {:.2} s, {} findings, at most {:.0} MiB",
            times[times.len() - 1],
            findings.len(),
            memory()
        );
        store.close().await;
    }
    times.sort_unstable_by(f64::total_cmp);
    println!("median {:.2} s", times[times.len() / 2]);
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.iter().any(|argument| argument == "--test") {
        return; // `cargo test --benches` asks whether it starts
    }
    let count = arguments.first().and_then(|count| count.parse().ok()).unwrap_or(10_000);
    let made = tempfile::tempdir().expect("a folder");
    let folder = arguments.get(1).map_or_else(|| made.path().to_owned(), PathBuf::from);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        if !folder.join("index.db").is_file() {
            fill(&folder, count).await;
        }
        measure(&folder).await;
    });
}
