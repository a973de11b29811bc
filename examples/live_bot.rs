//! A live bot: CRITICAL. Four hundred bars, then each as it closes; decides on a crossing of two averages.
//!
//! `cargo run --release -p market-backbone-examples --example live_bot [-- --live]`
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::collections::VecDeque;

use market_backbone::{Bars, FeedEvent, GapState, Priority, Timeframe};
use market_backbone_examples::House;

const MARKET: &str = "KRW-BTC";
const FAST: usize = 20;
const SLOW: usize = 60;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let house = House::open().await?;
    let bot = house.backbone.client(Priority::Critical);

    // 400 bars are two pages of the venue; the bot need not know, nor where history ends and the socket begins.
    let bars = bot.bars(MARKET, Timeframe::M1, 400).await?;
    let mut averages = Averages::new(bars.history().candles.iter().map(|bar| bar.close));
    println!("{} bars, averages {:?}", bars.history().candles.len(), averages.now());

    tokio::select! {
        () = trade(bars, &mut averages) => anyhow::bail!("the feed ended by itself"),
        () = house.evening() => {}
    }
    if let Some(bar) = bot.latest_candle(MARKET, Timeframe::M1) {
        println!("last price received, from memory: {}", bar.close);
    }
    house.close().await;
    Ok(())
}

async fn trade(mut bars: Bars, averages: &mut Averages) {
    let mut halted = false;
    while let Some(event) = bars.next().await {
        match event {
            // A bot that does not know what it missed should not trade on.
            FeedEvent::Gap(gap) => {
                halted = matches!(gap.state, GapState::Opened | GapState::Healing);
                println!("feed {}: {}", gap.state.as_str(), if halted { "halted" } else { "going on" });
            }
            FeedEvent::Lagged { missed } => println!("too slow by {missed} events"),
            FeedEvent::Ended { reason } => println!("the venue refuses: {reason}"),
            // Each bar comes once; what a late trade changes of it comes as a revision.
            FeedEvent::Bar { candle, revision: 0, .. } => {
                averages.push(candle.close);
                println!("{} closed at {}", candle.open_time, candle.close);
            }
            FeedEvent::Bar { candle, revision, .. } => {
                println!("{} closed at {} after all (revision {revision})", candle.open_time, candle.close);
            }
            FeedEvent::Candle { candle, .. } => {
                if let Some(signal) = averages.signal(candle.close).filter(|_| !halted) {
                    println!("signal: {signal} at {}", candle.close);
                }
            }
            _ => {}
        }
    }
}

/// The averages of the last closes, and which of them was above.
struct Averages {
    closes: VecDeque<f64>,
    above: Option<bool>,
}

impl Averages {
    fn new(closes: impl Iterator<Item = f64>) -> Self {
        let mut averages = Self { closes: VecDeque::new(), above: None };
        closes.for_each(|close| averages.push(close));
        averages.above = averages.now().map(|(fast, slow)| fast > slow);
        averages
    }

    fn push(&mut self, close: f64) {
        self.closes.push_back(close);
        if self.closes.len() > SLOW {
            self.closes.pop_front();
        }
    }

    fn now(&self) -> Option<(f64, f64)> {
        let mean = |count: usize| self.closes.iter().rev().take(count).sum::<f64>() / count as f64;
        (self.closes.len() == SLOW).then(|| (mean(FAST), mean(SLOW)))
    }

    /// Says when the averages cross, counting the bar in progress.
    fn signal(&mut self, close: f64) -> Option<&'static str> {
        let mut with_live = Self { closes: self.closes.clone(), above: None };
        with_live.push(close);
        let (fast, slow) = with_live.now()?;
        let crossed = self.above.replace(fast > slow) != Some(fast > slow);
        crossed.then_some(if fast > slow { "buy" } else { "sell" })
    }
}
