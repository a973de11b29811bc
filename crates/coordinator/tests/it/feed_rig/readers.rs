//! What a feed delivers, in short words.

use std::time::Duration;

use futures::FutureExt;
use market_backbone_coordinator::{Cursor, Feed};
use market_backbone_core::FeedEvent;
use tokio::time::timeout;

use super::NOON;

/// Reads on until nothing has arrived for a minute of the paused clock.
pub(crate) async fn rest(feed: &mut Feed) -> Vec<String> {
    let mut seen = Vec::new();
    while let Ok(Some(event)) = timeout(Duration::from_secs(60), feed.next()).await {
        seen.push(brief(&event));
    }
    seen
}

/// Returns the events that are available without waiting.
pub(crate) fn at_hand(feed: &mut Feed) -> Vec<String> {
    std::iter::from_fn(|| feed.next().now_or_never().flatten()).map(|event| brief(&event)).collect()
}

pub(crate) async fn next(feed: &mut Feed) -> String {
    let event = timeout(Duration::from_secs(3_600), feed.next()).await.unwrap();
    event.map_or_else(|| "end".to_owned(), |event| brief(&event))
}

/// Returns a feed's cursor as the next program reads it from text.
pub(crate) fn token(feed: &Feed) -> Cursor {
    feed.cursor().to_string().parse().unwrap()
}

pub(crate) fn brief(event: &FeedEvent) -> String {
    match event {
        FeedEvent::Trade(trade) => {
            let ms = trade.time.as_millis() - NOON * 1_000;
            format!("{} {ms}", trade.symbol)
        }
        FeedEvent::Ticker(ticker) => format!("ticker {}", ticker.day_volume),
        FeedEvent::Candle { candle, .. } => {
            let minute = (candle.open_time.as_secs() - NOON) / 60;
            format!("candle {minute} {}{}", candle.close, if candle.is_final { " final" } else { "" })
        }
        FeedEvent::Bar { candle, revision, is_quiet, .. } => {
            let minute = (candle.open_time.as_secs() - NOON) / 60;
            let revised = if *revision > 0 { format!(" revision {revision}") } else { String::new() };
            format!("bar {minute} {}{revised}{}", candle.close, if *is_quiet { " quiet" } else { "" })
        }
        FeedEvent::Ended { reason } => format!("ended: {reason}"),
        FeedEvent::Gap(gap) => {
            let why = gap.loss.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            format!("{} {}{why}", gap.state.as_str(), gap.cause.as_str())
        }
        FeedEvent::CaughtUp(histories) => format!("caught up {}", histories.len()),
        other => format!("{other:?}"),
    }
}
