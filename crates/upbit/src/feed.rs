//! The socket protocol: subscriptions and frames.
//!
//! Every request replaces the one before it, so the whole set is always sent. The format is SIMPLE, because the
//! long names are a third of the bytes. Frames hold UTF-8 whether they come as binary (all of them do) or text.

mod compact;
mod frame;
mod scan;
mod tokens;

pub(crate) use frame::UpbitFrames;

use std::collections::BTreeMap;

use market_backbone_core::{Channel, StreamKind};
use serde::Serialize;

use crate::naming::candle_stream;

/// An element of a subscription request.
#[derive(Serialize)]
#[serde(untagged)]
enum SubscribePart<'a> {
    Ticket { ticket: &'a str },
    Stream { r#type: &'a str, codes: Vec<&'a str> },
    Format { format: &'a str },
}

/// Returns at most one message. There is none for an empty set: Upbit cannot unsubscribe, so the connection is
/// closed instead.
pub(crate) fn subscribe(has: &[Channel], wanted: &[Channel]) -> Vec<String> {
    let streams = streams(wanted);
    if has == wanted || streams.is_empty() {
        return Vec::new();
    }
    let mut parts = vec![SubscribePart::Ticket { ticket: "market-backbone" }];
    parts.extend(streams.into_iter().map(|(kind, codes)| SubscribePart::Stream { r#type: kind, codes }));
    parts.push(SubscribePart::Format { format: "SIMPLE" });
    serde_json::to_string(&parts).into_iter().collect()
}

/// Returns the codes of each type, both sorted. Candles of a day and longer have no stream and are left out.
fn streams(wanted: &[Channel]) -> BTreeMap<&'static str, Vec<&str>> {
    let mut streams: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for channel in wanted {
        if let Some(name) = stream_name(channel.kind) {
            streams.entry(name).or_default().push(channel.symbol.code());
        }
    }
    for codes in streams.values_mut() {
        codes.sort_unstable();
        codes.dedup();
    }
    streams
}

fn stream_name(kind: StreamKind) -> Option<&'static str> {
    match kind {
        StreamKind::Trade => Some("trade"),
        StreamKind::Ticker => Some("ticker"),
        StreamKind::Book => Some("orderbook"),
        StreamKind::Candle(timeframe) => candle_stream(timeframe),
        _ => None,
    }
}
