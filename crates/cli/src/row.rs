//! Candles, tickers and events as CSV, as JSON, and as text for people.
//!
//! The JSON is what the library's feature `serde` writes. What scripts rely on beyond that is added here.

mod candle;
mod text;
mod units;

use market_backbone::{Channel, ChannelHistory, FeedEvent, Gap, Instrument, Ticker, TimeRange};
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) use self::candle::{CANDLE_CSV, JsonRows, append_csv};
pub(crate) use self::text::{candle_text, clock, event_body, event_text, number, tint_of_change};
use self::units::with_units;

/// Returns a ticker as one JSON object.
pub(crate) fn ticker_json(ticker: &Ticker) -> Value {
    event_json(&FeedEvent::Ticker(ticker.clone()))
}

/// Returns an instrument as one JSON object.
pub(crate) fn market_json(market: &Instrument) -> Value {
    written(market)
}

/// Returns an event as one JSON object.
pub(crate) fn event_json(event: &FeedEvent) -> Value {
    let mut row = written(event);
    match event {
        FeedEvent::Gap(gap) => add_gap_texts(&mut row, gap),
        FeedEvent::CaughtUp(histories) => row["channels"] = histories.iter().map(history_json).collect(),
        _ => {}
    }
    with_units(row)
}

/// Returns a value as the library writes it. One that cannot be written is shown, not dropped.
fn written<T: Serialize + std::fmt::Debug>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_else(|_| json!({ "kind": "other", "text": format!("{value:?}") }))
}

/// Adds the times of a gap as text, and writes its channels in one word each.
fn add_gap_texts(row: &mut Value, gap: &Gap) {
    row["from_time"] = gap.from.to_string().into();
    row["to_time"] = gap.to.map(|to| to.to_string()).into();
    row["channels"] = gap.channels.iter().map(channel_text).collect();
}

fn channel_text(channel: &Channel) -> String {
    format!("{} {}", channel.symbol, channel.kind)
}

/// Returns the complete ranges of a channel as pairs, in nanoseconds and as text, and why the rest is missing.
fn history_json(history: &ChannelHistory) -> Value {
    let nanos = |range: &TimeRange| [range.from().as_nanos(), range.to().as_nanos()];
    let texts = |range: &TimeRange| [range.from().to_string(), range.to().to_string()];
    let ranges = history.coverage.ranges();
    let complete: Vec<_> = ranges.iter().map(nanos).collect();
    json!({
        "channel": channel_text(&history.channel),
        "complete_ns": complete,
        "complete": complete,
        "complete_times": ranges.iter().map(texts).collect::<Vec<_>>(),
        "lost": history.loss.as_ref().map(ToString::to_string),
    })
}

#[cfg(test)]
mod tests {
    use market_backbone::{GapCause, GapState, StreamKind, Symbol, Timestamp, UPBIT};

    use super::*;

    /// The names that scripts read.
    #[test]
    fn a_gap_keeps_the_names_that_scripts_rely_on() {
        let symbol = Symbol::new(UPBIT, "KRW-BTC").unwrap();
        let gap = Gap {
            state: GapState::Opened,
            from: Timestamp::from_secs(60),
            to: None,
            cause: GapCause::Disconnected,
            loss: None,
            channels: [Channel { symbol, kind: StreamKind::Trade }].into(),
        };
        let want = json!({
            "kind": "gap", "state": "opened", "from": 60_000_000_000_i64, "from_ns": 60_000_000_000_i64,
            "from_time": "1970-01-01T00:01:00Z", "to": null, "to_ns": null, "to_time": null,
            "cause": "disconnected", "why": null, "channels": ["KRW-BTC trade"],
        });
        assert_eq!(event_json(&FeedEvent::Gap(gap)), want);
    }
}
