//! A live bot: CRITICAL. A moving-average bot on bars of a second, on paper: signals, fills, stops, and a picture at the end.
//!
//! `cargo run --release -p market-backbone-examples --example live_bot [-- --live]`
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use market_backbone::strategy::backtest::{Backtest, BacktestConfig, three_ways};
use market_backbone::strategy::broker::BrokerEvent;
use market_backbone::strategy::paper::{FeeRates, PaperBroker, PaperConfig};
use market_backbone::strategy::report::RunPicture;
use market_backbone::strategy::{Decimal, Runner};
use market_backbone::{Bars, CandleColumns, FeedEvent, GapState, Priority, Timeframe};
use market_backbone_examples::{House, MovingAverageBot};

const MARKET: &str = "KRW-BTC";
const BARS: usize = 200;

type Run = Backtest<MovingAverageBot, PaperBroker>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let house = House::open().await?;
    let bot = house.backbone.client(Priority::Critical);

    // What the bot remembers when it begins; it need not know where history ends and the socket begins.
    let bars = bot.bars(MARKET, Timeframe::S1, BARS).await?;
    let (series, mut candles) = (bars.series().clone(), bars.history().candles.clone());
    let config = PaperConfig::new(Decimal::from(100_000_000), FeeRates::quote(Decimal::new(5, 4)));
    let strategy = MovingAverageBot::new(2, 5, Decimal::new(1, 1));
    let mut runner = Runner::new(strategy, PaperBroker::new(config)?, house.backbone.grid());
    runner.warm_up(&series, candles.iter());
    println!("{} bars of a second; waiting for averages of 2 and 5 to cross", candles.len());

    let mut run = Backtest::new(runner, BacktestConfig::default());
    tokio::select! {
        () = trade(bars, &mut run, &mut candles) => anyhow::bail!("the feed ended by itself"),
        () = house.evening() => {}
    }
    let ways = three_ways(|_| Ok::<_, anyhow::Error>((run.report(), false)))?;
    println!("\n{}", ways.to_text("days: the market never closes"));
    let title = "A live bot, on paper";
    let picture = RunPicture { title, ways: &ways, series: &series, candles: &candles, year_origin: "days" };
    let file = std::env::temp_dir().join("live_bot.html");
    std::fs::write(&file, picture.to_html())?;
    println!("\nthe picture is in {}", file.display());
    house.close().await;
    Ok(())
}

async fn trade(mut bars: Bars, run: &mut Run, candles: &mut CandleColumns) {
    while let Some(event) = bars.next().await {
        match &event {
            // No order leaves while events are missing: the runner refuses it.
            FeedEvent::Gap(gap) if gap.state == GapState::Opened => println!("feed interrupted"),
            FeedEvent::Bar { candle, revision: 0, .. } => candles.push(*candle),
            FeedEvent::Ended { reason } => println!("the venue refuses: {reason}"),
            _ => {}
        }
        for news in run.event(&event) {
            match news {
                BrokerEvent::Fill(fill) => println!(
                    "{} {} {} at {} ({}, {:?})",
                    fill.time,
                    fill.side.as_str(),
                    fill.quantity,
                    fill.price,
                    fill.tag.as_deref().unwrap_or("-"),
                    fill.certainty
                ),
                BrokerEvent::Status { order, status, .. } => println!("order {order}: {status:?}"),
                _ => {}
            }
        }
    }
}
