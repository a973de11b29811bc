//! A backtest: the candles of a long range in pieces, each candle once and in order, and no trade over a hole.

use market_backbone::{TimeRange, prelude::*};

/// What came of a backtest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The number of candles that were looked at.
    pub candles: usize,
    /// The number of slots of which nothing was known.
    pub unknown: usize,
    /// The number of times that the position changed.
    pub trades: usize,
    /// The gain as a fraction, without fees.
    pub gain: f64,
}

/// Holds `market` after a rise and does not after a fall, over all of `range`.
///
/// # Errors
///
/// If there is no such market, or the venue cannot answer.
pub async fn run(client: &Client, market: &str, range: TimeRange) -> Result<Outcome, Error> {
    let mut chunks = client.candles(market, Timeframe::M1).range(range).closed().stream(500);
    let (mut outcome, mut last, mut holds) = (Outcome::default(), None::<f64>, false);
    while let Some(chunk) = chunks.next().await.transpose()? {
        outcome.candles += chunk.len();
        outcome.unknown +=
            chunk.view(Fill::Null, Default::default()).filter(|row| row.slot == Slot::Unknown).count();
        for candle in &chunk {
            outcome.gain += last.filter(|_| holds).map_or(0.0, |before| candle.close / before - 1.0);
            let rises = last.is_some_and(|before| candle.close > before);
            outcome.trades += usize::from(rises != holds);
            (last, holds) = (Some(candle.close), rises);
        }
    }
    Ok(outcome)
}
