//! What the shared store costs against a server on the same machine: bulk writes and reads of one series.

#[expect(dead_code, clippy::unwrap_used, reason = "written for the tests, which use more of it")]
#[path = "../tests/it/postgres_server.rs"]
mod postgres_server;

use std::hint::black_box;
use std::sync::atomic::{AtomicI64, Ordering};

use criterion::{Criterion, criterion_group, criterion_main};
use market_backbone_core::{
    Candle, CandleStore, Coverage, Origin, Provenance, Series, Span, Symbol, TimeRange, Timeframe, Timestamp,
    VenueId,
};
use market_backbone_storage::{PostgresConfig, PostgresStore};
use tokio::runtime::Runtime;

use self::postgres_server::{PASSWORD, PostgresServer};

const ROWS: i64 = 10_000;

fn series(code: &str) -> Series {
    let symbol = Symbol::new(VenueId::new("upbit"), code).expect("a market's code");
    Series::new(symbol, Timeframe::M1)
}

fn minutes(from: i64, to: i64) -> TimeRange {
    let minute = |number: i64| Timestamp::from_secs(number * 60);
    TimeRange::new(minute(from), minute(to)).expect("ends after it begins")
}

fn candle(minute: i64, close: f64) -> Candle {
    Candle {
        open_time: Timestamp::from_secs(minute * 60),
        open: 1.0,
        high: 1e9,
        low: 1.0,
        close,
        volume: 0.123,
        turnover: 12.5,
        is_final: true,
    }
}

async fn write(store: &PostgresStore, series: &Series, from: i64, close: f64) {
    let provenance = Provenance { origin: Origin::Rest, observed_at: Timestamp::EPOCH };
    let proof: Coverage = [Span { range: minutes(from, from + ROWS), provenance }].into_iter().collect();
    let rows: Vec<_> = (from..from + ROWS).map(|minute| candle(minute, close)).collect();
    store.commit(series, &rows, &proof).await.expect("a server that has room");
}

async fn read(store: &PostgresStore, series: &Series, count: usize) {
    let known = store.coverage(series).await.expect("a ledger");
    let read = store.read(series, minutes(0, ROWS), count).await.expect("rows");
    assert_eq!(read.candles.len(), count);
    black_box((known, read));
}

fn postgres(criterion: &mut Criterion) {
    let Some(server) = PostgresServer::shared() else { return };
    let runtime = Runtime::new().expect("a runtime");
    // Over TCP, as a fleet would.
    let config = PostgresConfig::parse(&server.tcp_url(PASSWORD)).expect("an address");
    let store = runtime.block_on(PostgresStore::connect(config)).expect("a server");
    let next = AtomicI64::new(1);
    criterion.bench_function("10,000 rows in where none are", |bench| {
        bench.to_async(&runtime).iter(|| async {
            let from = next.fetch_add(1, Ordering::Relaxed) * (ROWS + 1);
            write(&store, &series("KRW-ETH"), from, 2.0).await;
        });
    });
    criterion.bench_function("10,000 rows in, all corrections of others", |bench| {
        bench.to_async(&runtime).iter(|| async {
            write(&store, &series("KRW-XRP"), 0, next.fetch_add(1, Ordering::Relaxed) as f64).await;
        });
    });
    let btc = series("KRW-BTC");
    runtime.block_on(write(&store, &btc, 0, 2.0));
    criterion.bench_function("400 rows out, with what is known", |bench| {
        bench.to_async(&runtime).iter(|| read(&store, &btc, 400));
    });
    criterion.bench_function("10,000 rows out", |bench| {
        bench.to_async(&runtime).iter(|| read(&store, &btc, 10_000));
    });
    runtime.block_on(store.close());
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = postgres
}
criterion_main!(benches);
