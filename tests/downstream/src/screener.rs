//! A screener: every market of a quote, ranked by how far it moved in the last half an hour.

use market_backbone::prelude::*;

/// A market and how far it moved, as a fraction: 0.01 is one percent.
pub type Move = (String, f64);

/// Returns the markets priced in `quote` that moved, those that moved farthest first, and those that failed.
///
/// # Errors
///
/// If the venue cannot list its markets.
pub async fn run(client: &Client, quote: &str) -> Result<(Vec<Move>, Vec<(String, Error)>), Error> {
    let markets = client.markets().await?.into_iter().filter(|market| market.quote == quote);
    let markets = markets.map(|market| market.symbol.code().to_owned());
    let mut answers = client.candles_of(markets, Timeframe::M1).last(30).closed().stream();
    let (mut moves, mut failed) = (Vec::new(), Vec::new());
    while let Some((market, answer)) = answers.next().await {
        match answer {
            Err(error) => failed.push((market, error)),
            Ok(candles) => {
                let ends = candles.first().zip(candles.last());
                moves.extend(ends.map(|(first, last)| (market, last.close / first.open - 1.0)));
            }
        }
    }
    moves.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    Ok((moves, failed))
}
