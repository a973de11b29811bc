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
    let mut bars = client.bars(market, Timeframe::S1, 400).await?;
    let mut closes: Vec<f64> = bars.history().closes().to_vec();
    let mut made = Vec::new();
    while made.len() < decisions {
        match bars.next().await {
            Some(FeedEvent::Bar { candle: Candle { open_time, close, .. }, revision: 0, .. }) => {
                let mean = closes.iter().sum::<f64>() / closes.len().max(1) as f64;
                made.push(Decision { open_time, is_long: close > mean });
                closes.push(close);
            }
            Some(FeedEvent::Ended { reason }) => return Err(reason.into()),
            Some(_) => {}
            None => break,
        }
    }
    Ok(made)
}
