//! The number of trades a second that one core builds into candles.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use market_backbone_core::{
    BarEvent, BuilderRules, CandleBuilder, CandleBuilders, Grid, Series, Symbol, Timeframe, Timestamp, Trade,
    TradeId, VenueId,
};

const TRADES: i64 = 100_000;

/// Returns about a hundred trades for each second, one in a hundred of them three places late.
fn tape(symbol: &Symbol) -> Vec<Trade> {
    let trade = |n: i64| {
        let time = Timestamp::from_millis(1_778_000_000_000 + n * 10);
        let (price, size) = (91_000_000.0 + (n % 97) as f64 * 1_000.0, (1 + n % 1_000) as f64 / 1e5);
        let id = TradeId::Number(17_780_000_000_000_000 + n);
        Trade { symbol: symbol.clone(), id, price, size, side: None, time, received: time }
    };
    let mut tape: Vec<_> = (0..TRADES).map(trade).collect();
    for late in (0..tape.len() - 3).step_by(100) {
        tape[late..late + 4].rotate_left(1);
    }
    tape
}

fn building(bench: &mut Criterion) {
    let symbol = Symbol::new(VenueId::new("upbit"), "KRW-BTC").expect("a sound code");
    let tape = tape(&symbol);
    let series = |frame| Series::new(symbol.clone(), frame);
    let mut group = bench.benchmark_group("trades into candles");
    group.throughput(Throughput::Elements(TRADES.unsigned_abs()));
    group.bench_function("1m", |bench| {
        bench.iter(|| {
            let mut builder = CandleBuilder::new(series(Timeframe::M1), Grid::Utc, BuilderRules::default());
            for trade in &tape {
                builder.on_trade(trade, |event| {
                    black_box(&event);
                });
            }
            builder.counts()
        });
    });
    group.bench_function("1s, 1m, 5m, 1h and 1d", |bench| {
        bench.iter(|| {
            let mut builders = CandleBuilders::new(Grid::Utc, BuilderRules::default());
            for frame in [Timeframe::S1, Timeframe::M1, Timeframe::M5, Timeframe::H1, Timeframe::D1] {
                builders.add(series(frame));
            }
            let mut closed = 0_u64;
            for trade in &tape {
                builders
                    .on_trade(trade, |_, event| closed += u64::from(matches!(event, BarEvent::Closed(_))));
            }
            closed
        });
    });
    group.finish();
}

criterion_group!(benches, building);
criterion_main!(benches);
