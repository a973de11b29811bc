//! A live bot: CRITICAL. Four hundred candles, then every trade; decides on a crossing of two averages.
//!
//! `cargo run --release -p market-backbone-examples --example live_bot [-- --live]`
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::collections::VecDeque;

use futures::StreamExt;
use market_backbone::{Feed, FeedEvent, GapState, Priority, StreamKind, Timeframe};
use market_backbone_examples::House;

const MARKET: &str = "KRW-BTC";
const FAST: usize = 20;
const SLOW: usize = 60;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let house = House::open().await?;
    let bot = house.backbone.client(Priority::Critical);

    // 400 candles are two pages of the venue; the bot need not know.
    let history = bot.candles(MARKET, Timeframe::M1).last(400).closed().await?;
    let mut averages = Averages::new(history.candles.iter().map(|candle| candle.close));
    println!("{} candles, averages {:?}", history.candles.len(), averages.now());

    let kinds = [StreamKind::Trade, StreamKind::Candle(Timeframe::M1)];
    let events = bot.subscribe([MARKET], kinds).await?;
    tokio::select! {
        () = trade(events, &mut averages) => anyhow::bail!("the feed ended by itself"),
        () = house.evening() => {}
    }
    if let Some(trade) = bot.latest_trade(MARKET) {
        println!("last price heard, from memory: {}", trade.price);
    }
    house.close().await;
    Ok(())
}

async fn trade(mut events: Feed, averages: &mut Averages) {
    let mut bar = None;
    let mut halted = false;
    while let Some(event) = events.next().await {
        match event {
            // A bot that does not know what it missed should not trade on.
            FeedEvent::Gap(gap) => {
                halted = matches!(gap.state, GapState::Opened | GapState::Healing);
                println!("feed {}: {}", gap.state.as_str(), if halted { "halted" } else { "going on" });
            }
            FeedEvent::Lagged { missed } => println!("too slow by {missed} events"),
            FeedEvent::Trade(trade) if !halted => {
                let side = trade.side.map_or("?", |side| side.as_str());
                println!("{} {side:4} {} x {}", trade.time, trade.price, trade.size);
            }
            FeedEvent::Candle { candle, .. } => {
                // The same bar comes again while it grows: it has closed when a later one begins.
                let closed = bar.replace(candle).filter(|old| old.open_time < candle.open_time);
                if let Some(closed) = closed {
                    averages.push(closed.close);
                }
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
