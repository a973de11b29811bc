//! A bot: the closes so far, then a decision at each close.

use market_backbone::prelude::*;

/// A decision at the close of a candle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// The moment at which the candle began.
    pub open_time: Timestamp,
    /// Whether the close is above the mean of the closes before it.
    pub is_long: bool,
}

/// Follows `market` until so many candles have closed, and returns what it decided at each.
///
/// # Errors
///
/// If there is no such market, or the venue cannot answer.
pub async fn run(client: &Client, market: &str, decisions: usize) -> Result<Vec<Decision>, Error> {
    let mut live = client.subscribe([market], [StreamKind::Candle(Timeframe::S1)]).await?;
    let mut closes: Vec<f64> =
        client.candles(market, Timeframe::S1).last(400).closed().await?.closes().collect();
    let (mut made, mut forming) = (Vec::new(), None::<Candle>);
    while let Some(event) = live.next().await {
        let FeedEvent::Candle { candle, .. } = event else { continue };
        let closed = forming.replace(candle).filter(|before| before.open_time < candle.open_time);
        if let Some(Candle { open_time, close, .. }) = closed {
            let mean = closes.iter().sum::<f64>() / closes.len().max(1) as f64;
            made.push(Decision { open_time, is_long: close > mean });
            closes.push(close);
        }
        if made.len() == decisions {
            break;
        }
    }
    Ok(made)
}
