//! Runs of a strategy over a million candles: `cargo bench -p market-backbone-benches --bench backtest`.
//!
//! The averages of 20 and 60 bars cross over a log-normal walk, with orders, fees, a decision at each bar and the report;
//! then 100 pairs of windows on all cores; then runs of 10,000 to 1,000,000 bars and orders, whose cost per bar and per
//! order must not grow. `WICKRA=…` names the program that `backtest/wickra.sh` builds: then it runs over the same candles
//! in between, and the ratio is printed.
#![expect(clippy::print_stdout, reason = "a bench says what it measured")]

mod walk;
mod wickra;

use std::num::NonZero;
use std::time::Duration;

use market_backbone::strategy::backtest::{Backtest, BacktestConfig, sweep};
use market_backbone::strategy::builtin::{Sizing, SmaCross};
use market_backbone::strategy::order::{OrderKind, OrderRequest};
use market_backbone::strategy::paper::{FeeRates, PaperBroker, PaperConfig, ShortOfCash};
use market_backbone::strategy::report::BacktestReport;
use market_backbone::strategy::{Context, Decimal, Runner, Strategy};
use market_backbone::{Candle, CandleColumns, Grid, Series, Side, Symbol, Timeframe, UPBIT};
use tokio::time::Instant;

const BARS: usize = 1_000_000;
const ROUNDS: usize = 7;

fn main() -> anyhow::Result<()> {
    if std::env::args().any(|arg| arg == "--test") {
        return Ok(()); // `cargo test --benches` asks whether it starts
    }
    let series = Series::new(Symbol::new(UPBIT, "KRW-BTC")?, Timeframe::M1);
    let candles = walk::candles(BARS);
    println!("{BARS} candles, {:.2} to {:.2}", walk::least(&candles), walk::most(&candles));
    one_cross(&series, &candles)?;
    hundred_pairs(&series, &candles);
    growing_bars(&series, &candles)?;
    growing_orders(&series, &candles)
}

fn config() -> PaperConfig {
    let fees = FeeRates::quote(Decimal::new(5, 4));
    PaperConfig { short_of_cash: ShortOfCash::Shrink, ..PaperConfig::new(Decimal::from(1_000_000), fees) }
}

fn run<S: Strategy>(strategy: S, series: &Series, candles: &CandleColumns) -> anyhow::Result<BacktestReport> {
    let runner = Runner::new(strategy, PaperBroker::new(config())?, Grid::Utc).with_history(0);
    let mut backtest = Backtest::new(runner, BacktestConfig::default());
    backtest.bars(series, candles);
    Ok(backtest.finish())
}

fn cross(
    series: &Series,
    candles: &CandleColumns,
    fast: usize,
    slow: usize,
) -> anyhow::Result<BacktestReport> {
    run(SmaCross::new(series.clone(), fast, slow, Sizing::AllIn)?, series, candles)
}

/// The least time of several runs, and what the last one returned.
fn least<T>(mut work: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<(Duration, T)> {
    let mut best: Option<(Duration, T)> = None;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let result = work()?;
        let took = began.elapsed().min(best.as_ref().map_or(Duration::MAX, |(least, _)| *least));
        best = Some((took, result));
    }
    best.ok_or_else(|| anyhow::anyhow!("nothing was run"))
}

fn one_cross(series: &Series, candles: &CandleColumns) -> anyhow::Result<()> {
    let (took, report) = least(|| cross(series, candles, 20, 60))?;
    let seconds = took.as_secs_f64();
    println!(
        "cross of 20 and 60: {:.1} ms, {:.1} M bars/s; {} trades, {} fills, final equity {}, Sharpe {:.2}",
        seconds * 1e3,
        BARS as f64 / seconds / 1e6,
        report.trades.count,
        report.fills.proven + report.fills.assumed + report.fills.ambiguous,
        report.final_equity.round_dp(2),
        report.performance.sharpe.unwrap_or(f64::NAN),
    );
    println!("peak memory of the process, candles included: {}", peak_memory());
    if let Some(other) = wickra::seconds(candles)? {
        println!("wickra-backtest: {:.1} ms; ours takes {:.2} of that", other * 1e3, seconds / other);
    }
    Ok(())
}

fn hundred_pairs(series: &Series, candles: &CandleColumns) {
    let pairs: Vec<(usize, usize)> =
        (1..=10).flat_map(|fast| (1..=10).map(move |slow| (fast * 5, 50 + slow * 15))).collect();
    let threads = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let began = Instant::now();
    let results = sweep(&pairs, threads, |(fast, slow)| cross(series, candles, *fast, *slow).is_ok(), |_| {});
    let done = results.iter().filter(|is_done| **is_done).count();
    println!(
        "{done} pairs on {threads} threads: {:.2} s; peak memory {}",
        began.elapsed().as_secs_f64(),
        peak_memory()
    );
}

fn growing_bars(series: &Series, candles: &CandleColumns) -> anyhow::Result<()> {
    for bars in [10_000, 100_000, 1_000_000] {
        let part = candles.slice(..bars);
        let (took, report) = least(|| cross(series, &part, 20, 60))?;
        let each = took.as_secs_f64() * 1e9 / bars as f64;
        println!("{bars:>9} bars: {each:.1} ns a bar, {} trades", report.trades.count);
    }
    Ok(())
}

/// Sends an order at each of the first so many bars: buys and sells in turn.
struct Restless {
    orders: usize,
    sent: usize,
}

impl Strategy for Restless {
    fn on_bar(&mut self, series: &Series, _candle: &Candle, context: &mut dyn Context) {
        if self.sent < self.orders {
            let side = if self.sent.is_multiple_of(2) { Side::Buy } else { Side::Sell };
            self.sent += 1;
            let order = OrderRequest::new(series.symbol.clone(), side, Decimal::new(1, 2), OrderKind::Market);
            let _ = context.submit(order);
        }
    }
}

fn growing_orders(series: &Series, candles: &CandleColumns) -> anyhow::Result<()> {
    for orders in [10_000, 100_000, 1_000_000] {
        let part = candles.slice(..orders);
        let (took, report) = least(|| run(Restless { orders, sent: 0 }, series, &part))?;
        let each = took.as_secs_f64() * 1e9 / orders as f64;
        println!("{orders:>9} orders: {each:.1} ns an order with its bar, {} trades", report.trades.count);
    }
    Ok(())
}

/// The most memory that the process had, as Linux says it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("unknown".to_owned(), |text| text.trim().to_owned())
}
