//! A screener: HIGH. Every KRW market at once over one socket; each second the ones that move most.
//!
//! `cargo run --release -p market-backbone-examples --example screener [-- --live]`
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::collections::HashMap;
use std::time::Duration;

use market_backbone::{Feed, FeedEvent, Priority, StreamKind, Ticker};
use market_backbone_examples::House;
use tokio::time::{MissedTickBehavior, interval};

const QUOTE: &str = "KRW";
const SHOWN: usize = 5;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let house = House::open().await?;
    let screener = house.backbone.client(Priority::High);

    // One request for all of them, so that nothing is missing while the socket warms up.
    let tickers = screener.tickers_in(QUOTE).await?;
    let mut board: HashMap<String, Ticker> =
        tickers.into_iter().map(|ticker| (ticker.symbol.to_string(), ticker)).collect();
    println!("{} markets priced in {QUOTE}", board.len());

    // A screener wants to know how things stand, not how they came about: the latest of each will do.
    let markets: Vec<String> = board.keys().cloned().collect();
    let subscription = screener.subscribe(markets.iter().map(String::as_str), [StreamKind::Ticker]);
    let events = subscription.conflated().await?;
    tokio::select! {
        () = screen(events, &mut board) => anyhow::bail!("the feed ended by itself"),
        () = house.evening() => {}
    }
    println!("{} requests in all", house.backbone.metrics().router.requests);
    house.close().await;
    Ok(())
}

async fn screen(mut events: Feed, board: &mut HashMap<String, Ticker>) {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut updates = 0_u64;
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(FeedEvent::Ticker(ticker)) => {
                    updates += 1;
                    board.insert(ticker.symbol.to_string(), ticker);
                }
                Some(FeedEvent::Gap(gap)) => println!("feed {}", gap.state.as_str()),
                Some(_) => {}
                None => return,
            },
            _ = seconds.tick() => {
                println!("{updates:>5} updates; {}", movers(board));
                updates = 0;
            }
        }
    }
}

/// The markets that are farthest from yesterday's close.
fn movers(board: &HashMap<String, Ticker>) -> String {
    let mut tickers: Vec<&Ticker> = board.values().collect();
    tickers.sort_by(|a, b| b.change_rate().abs().total_cmp(&a.change_rate().abs()));
    let shown = |ticker: &&Ticker| format!("{} {:+.2} %", ticker.symbol, ticker.change_rate() * 100.0);
    tickers.iter().take(SHOWN).map(shown).collect::<Vec<_>>().join(", ")
}
