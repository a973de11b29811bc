//! A chart: NORMAL. Twelve hundred candles at once, then the newest grows before one's eyes.
//!
//! `cargo run --release -p market-backbone-examples --example chart [-- --live]`
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use market_backbone::{CandleColumns, Feed, FeedEvent, Priority, Slot, StreamKind, Timeframe, Timestamp};
use market_backbone_examples::House;

const MARKET: &str = "KRW-ETH";
const ROWS: usize = 12;
const COLUMNS: usize = 100;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let house = House::open().await?;
    let viewer = house.backbone.client(Priority::Normal);

    // Six pages of the venue, fetched side by side; the answer says what is proven and what is not.
    let mut set = viewer.candles(MARKET, Timeframe::M1).last(1_200).await?;
    let (requests, candles) = (set.stats.requests, set.candles.len());
    println!("{candles} candles of {MARKET} in {requests} requests");
    if let (Some(oldest), Some(newest)) = (set.candles.first(), set.candles.last()) {
        let minutes = (newest.open_time.as_secs() - oldest.open_time.as_secs()) / 60;
        let at = |minute: i64| Timestamp::from_secs(oldest.open_time.as_secs() + minute * 60);
        let empty = (0..minutes).filter(|minute| set.slot(at(*minute)) == Slot::Empty).count();
        let unknown = (0..minutes).filter(|minute| set.slot(at(*minute)) == Slot::Unknown).count();
        println!("{empty} minutes proven empty, {unknown} unknown");
    }
    draw(set.closes());

    let events = viewer.subscribe([MARKET], [StreamKind::Candle(Timeframe::M1)]).conflated().await?;
    tokio::select! {
        () = follow(events, &mut set.candles) => anyhow::bail!("the feed ended by itself"),
        () = house.evening() => draw(set.closes()),
    }
    house.close().await;
    Ok(())
}

async fn follow(mut events: Feed, candles: &mut CandleColumns) {
    while let Some(event) = events.next().await {
        if let FeedEvent::Candle { candle, .. } = event {
            candles.retain(|known| known.open_time != candle.open_time);
            if candles.last().is_none_or(|last| last.open_time < candle.open_time) {
                candles.push(candle);
            }
            println!("{} close {} volume {:.4}", candle.open_time, candle.close, candle.volume);
        }
    }
}

/// The closes as columns of blocks, each the mean of its share of the candles.
fn draw(closes: &[f64]) {
    let share = closes.len().div_ceil(COLUMNS).max(1);
    let mean = |chunk: &[f64]| chunk.iter().sum::<f64>() / chunk.len() as f64;
    let closes: Vec<f64> = closes.chunks(share).map(mean).collect();
    let low = closes.iter().copied().fold(f64::INFINITY, f64::min);
    let high = closes.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for row in (0..ROWS).rev() {
        let level = low + (high - low) * (row as f64 + 0.5) / ROWS as f64;
        let line: String = closes.iter().map(|close| if *close >= level { '█' } else { ' ' }).collect();
        println!("{level:>14.0} {line}");
    }
}
