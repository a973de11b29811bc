//! A backtester: LOW. Five thousand candles out of spare capacity, the bot of `live_bot` over them, and a page with pictures.
//!
//! `cargo run --release -p market-backbone-examples --example backtester [-- --live]`
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use market_backbone::strategy::backtest::{Backtest, BacktestConfig, ThreeWays, three_ways};
use market_backbone::strategy::paper::{FeeRates, PaperBroker, PaperConfig};
use market_backbone::strategy::report::RunPicture;
use market_backbone::strategy::{Decimal, Runner};
use market_backbone::{CandleSet, Grid, Priority, Timeframe};
use market_backbone_examples::{House, MovingAverageBot};

const MARKET: &str = "KRW-BTC";
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
    let mut best: Option<(String, ThreeWays)> = None;
    for (fast, slow) in PAIRS {
        let ways = backtest(&set, house.backbone.grid(), fast, slow)?;
        let gain = ways.assumed.total_return.unwrap_or_default() * 100.0;
        println!("{fast:>3}/{slow:<3} {gain:+.2} % in {} trades", ways.assumed.trades.count);
        if best.as_ref().is_none_or(|(_, best)| best.assumed.final_equity < ways.assumed.final_equity) {
            best = Some((format!("Averages of {fast} and {slow}"), ways));
        }
    }
    if let Some((title, ways)) = best {
        println!("\n{title}\n{}", ways.to_text("days: the market never closes"));
        let (series, candles) = (&set.series, &set.candles);
        let picture = RunPicture { title: &title, ways: &ways, series, candles, year_origin: "days" };
        let file = std::env::temp_dir().join("backtest.html");
        std::fs::write(&file, picture.to_html())?;
        println!("\nthe picture is in {}", file.display());
    }
    house.close().await;
    Ok(())
}

/// Runs the bot as assumed, and where the order of prices inside a bar decides also against and for the account.
fn backtest(set: &CandleSet, grid: Grid, fast: usize, slow: usize) -> anyhow::Result<ThreeWays> {
    three_ways(|path| {
        let cash = Decimal::from(100_000_000);
        let config = PaperConfig { path, ..PaperConfig::new(cash, FeeRates::quote(Decimal::new(5, 4))) };
        let bot = MovingAverageBot::new(fast, slow, Decimal::new(5, 1));
        let mut run =
            Backtest::new(Runner::new(bot, PaperBroker::new(config)?, grid), BacktestConfig::default());
        run.bars(&set.series, &set.candles);
        let is_ambiguous = run.runner().broker().ambiguous_bars() > 0;
        Ok((run.finish(), is_ambiguous))
    })
}
