//! Trades of a market in a row are handled as one after the other.

use std::sync::Arc;

use futures::{FutureExt, StreamExt};
use market_backbone_core::{Delivery, FeedEvent, ManualClock, StreamKind, Subscription, Timestamp, Trade};
use market_backbone_routing::FrameFeed;
use market_backbone_testkit::{PlainVenue, symbol};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::rig::quick;

const CODES: [&str; 3] = ["KRW-BTC", "KRW-ETH", "KRW-XRP"];
const NOW: Timestamp = Timestamp::from_secs(1_000);

/// The events that two readers read of frames that arrive in bursts of these sizes, the latest trades, and how many were
/// repeated. One reader asks for two of the markets and reads after each burst, and one for all of them at the end.
fn handled(frames: &[String], bursts: &[usize]) -> ([Vec<FeedEvent>; 2], Vec<Option<Trade>>, u64) {
    let mut feed = FrameFeed::new(Arc::new(PlainVenue::default()), Arc::new(ManualClock::new(NOW)), quick());
    let mut streams = [&CODES[..2], &CODES[..]].map(|codes| {
        let mut wish = Subscription::new(codes.iter().map(|code| symbol(code)), [StreamKind::Trade]).unwrap();
        wish.delivery = Delivery::Buffered { capacity: 256 };
        feed.hub().subscribe(&wish)
    });
    let mut read = [Vec::new(), Vec::new()];
    let mut left = frames;
    for burst in bursts.iter().cycle() {
        let (now, later) = left.split_at((*burst).min(left.len()));
        feed.feed_all(now.iter().map(String::as_bytes), NOW);
        while let Some(Some(event)) = streams[0].next().now_or_never() {
            read[0].push(event);
        }
        left = later;
        if left.is_empty() {
            break;
        }
    }
    while let Some(Some(event)) = streams[1].next().now_or_never() {
        read[1].push(event);
    }
    let latest = CODES.iter().map(|code| feed.hub().latest_trade(&symbol(code))).collect();
    (read, latest, feed.hub().metrics().repeated)
}

proptest! {
    /// Few ids, so that some are repeated and many come late, and few markets, so that there are runs.
    #[test]
    fn bursts_change_nothing(
        trades in vec((0_usize..3, 0_i64..40, 900_i64..905), 1..200),
        bursts in vec(1_usize..90, 1..6),
    ) {
        let frame = |(code, id, secs): &(usize, i64, i64)| format!("trade {} {id} {secs}", CODES[*code]);
        let frames: Vec<_> = trades.iter().map(frame).collect();
        let singly = handled(&frames, &[1]);
        let lagged = |event: &FeedEvent| matches!(event, FeedEvent::Lagged { .. });
        prop_assert!(!singly.0.iter().flatten().any(lagged));
        prop_assert_eq!(handled(&frames, &bursts), singly);
    }
}
