//! A chart feed: the candles so far, then the newest again and again while it grows.

use market_backbone::prelude::*;

/// Hands `draw` the newest `rows` candles, oldest first, whenever they change, until it says that it has seen enough.
///
/// # Errors
///
/// If there is no such market, or the venue cannot answer.
pub async fn run(
    client: &Client,
    (market, timeframe): (&str, Timeframe),
    rows: usize,
    mut draw: impl FnMut(&CandleColumns) -> bool,
) -> Result<(), Error> {
    let mut live = client.subscribe([market], [StreamKind::Candle(timeframe)]).conflated().await?;
    let mut shown = client.candles(market, timeframe).last(rows).await?.candles;
    while draw(&shown) {
        let Some(event) = live.next().await else { break };
        let FeedEvent::Candle { candle, .. } = event else { continue };
        shown.retain(|known| known.open_time < candle.open_time);
        shown.push(candle);
        shown.keep_last(rows);
    }
    Ok(())
}
