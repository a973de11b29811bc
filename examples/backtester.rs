//! A backtester: LOW. Five thousand candles out of spare capacity, then a crossing of two averages over them.
//!
//! `cargo run --release -p market-backbone-examples --example backtester [-- --live]`
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use market_backbone::{CandleColumns, Priority, Timeframe};
use market_backbone_examples::House;

const MARKET: &str = "KRW-BTC";
const FEE: f64 = 0.0005;
const PAIRS: [(usize, usize); 4] = [(5, 20), (10, 50), (20, 100), (50, 200)];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let house = House::open().await?;
    let tester = house.backbone.client(Priority::Low);

    let fetch = tester.candles(MARKET, Timeframe::M1).last(5_000).closed();
    let set = fetch
        .on_progress(|progress| println!("{} rows, {} requests", progress.rows, progress.requests))
        .await?;
    let (Some(first), Some(last)) = (set.candles.first(), set.candles.last()) else {
        anyhow::bail!("no candles of {MARKET}");
    };

    // A backtest over a hole is a backtest of the hole: refuse it.
    let end = house.backbone.grid().close(Timeframe::M1, last.open_time);
    let whole = market_backbone::TimeRange::new(first.open_time, end)?;
    let unknown = set.coverage.missing(whole);
    let unsettled = |from| house.backbone.grid().close(Timeframe::M1, from) >= end;
    anyhow::ensure!(unknown.iter().all(|range| unsettled(range.from())), "unknown stretches: {unknown:?}");

    println!("{} candles, {} to {}", set.candles.len(), first.open_time, last.open_time);
    println!("hold: {:+.2} %", (last.close / first.open - 1.0) * 100.0);
    for (fast, slow) in PAIRS {
        let outcome = backtest(&set.candles, fast, slow);
        println!("{fast:>3}/{slow:<3} {:+.2} % in {} trades", outcome.gain * 100.0, outcome.trades);
    }
    house.close().await;
    Ok(())
}

struct Outcome {
    gain: f64,
    trades: u32,
}

/// Holds while the fast average is above the slow one; decides on a close, deals at the next open.
fn backtest(candles: &CandleColumns, fast: usize, slow: usize) -> Outcome {
    let mut money = 1.0;
    let mut bought_at = None;
    let mut trades = 0;
    for day in slow..candles.len() {
        let closed = &candles.closes()[..day];
        let up = mean(&closed[day - fast..]) > mean(&closed[day - slow..]);
        let price = candles.opens()[day];
        match (up, bought_at) {
            (true, None) => {
                bought_at = Some(price * (1.0 + FEE));
                trades += 1;
            }
            (false, Some(paid)) => {
                money *= price * (1.0 - FEE) / paid;
                bought_at = None;
                trades += 1;
            }
            _ => {}
        }
    }
    if let (Some(paid), Some(last)) = (bought_at, candles.last()) {
        money *= last.close * (1.0 - FEE) / paid;
    }
    Outcome { gain: money - 1.0, trades }
}

fn mean(closes: &[f64]) -> f64 {
    closes.iter().sum::<f64>() / closes.len() as f64
}
