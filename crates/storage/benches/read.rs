//! The time to read 400 candles: from memory, from disk, and on the first access to a shard.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use market_backbone_core::{
    Candle, CandleStore, Coverage, Origin, Provenance, Series, Span, Symbol, TimeRange, Timeframe, Timestamp,
    VenueId,
};
use market_backbone_storage::{SqliteStore, StoreConfig};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tokio::runtime::Runtime;

const STORED: i64 = 100_000;
const ASKED: usize = 400;

fn series() -> Series {
    let symbol = Symbol::new(VenueId::new("upbit"), "KRW-BTC").expect("a market's code");
    Series::new(symbol, Timeframe::M1)
}

fn all() -> TimeRange {
    TimeRange::new(Timestamp::MIN, Timestamp::from_secs(STORED * 60)).expect("ends after it begins")
}

fn candle(minute: i64) -> Candle {
    let price = 1.0 + minute as f64;
    Candle {
        open_time: Timestamp::from_secs(minute * 60),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: 0.123,
        turnover: price * 0.123,
        is_final: true,
    }
}

async fn store(dir: &Path, cache_bytes: u64) -> SqliteStore {
    let config = StoreConfig::new(dir).cache_bytes(cache_bytes);
    SqliteStore::open(config).await.expect("a data folder")
}

async fn fill(store: &SqliteStore) {
    let provenance = Provenance { origin: Origin::Import, observed_at: Timestamp::EPOCH };
    let proof: Coverage = [Span { range: all(), provenance }].into_iter().collect();
    let rows: Vec<_> = (0..STORED).map(candle).collect();
    store.commit(&series(), &rows, &proof).await.expect("room on the disk");
}

async fn ask(store: &SqliteStore) -> usize {
    let known = store.coverage(&series()).await.expect("a ledger");
    let read = store.read(&series(), all(), ASKED).await.expect("rows");
    assert_eq!(read.candles.len(), ASKED);
    black_box(known.spans().len() + read.candles.len())
}

fn read(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let warm = runtime.block_on(store(folder.path(), 64 * 1024 * 1024));
    runtime.block_on(fill(&warm));
    criterion.bench_function("400 candles, warm", |bench| bench.to_async(&runtime).iter(|| ask(&warm)));
    runtime.block_on(warm.close());

    // What a warm read would cost on top, were SQLite asked each time whether another process has committed.
    let shard = folder.path().join("upbit/shard-0000.db");
    let mut asked = runtime.block_on(SqliteConnectOptions::new().filename(shard).connect()).expect("a shard");
    criterion.bench_function("PRAGMA data_version, over sqlx", |bench| {
        bench.iter(|| {
            let version = sqlx::query_scalar::<_, i64>("PRAGMA data_version").fetch_one(&mut asked);
            runtime.block_on(version).expect("a version")
        });
    });
    runtime.block_on(asked.close()).expect("closed");

    let cold = runtime.block_on(store(folder.path(), 0));
    criterion.bench_function("400 candles, from disk", |bench| bench.to_async(&runtime).iter(|| ask(&cold)));
    runtime.block_on(cold.close());

    criterion.bench_function("400 candles, folder opened first", |bench| {
        bench.to_async(&runtime).iter(|| async {
            let fresh = store(folder.path(), 0).await;
            ask(&fresh).await;
            fresh.close().await;
        });
    });
}

criterion_group!(benches, read);
criterion_main!(benches);
