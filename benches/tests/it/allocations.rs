//! In steady state a message costs no allocation, from its bytes to a reader's hands.

use std::sync::Arc;

use futures::{FutureExt, StreamExt};
use market_backbone_benches::{Frames, Kind, LiveRig};
use market_backbone_core::{
    Delivery, FeedEvent, LiveStream, ManualClock, Secret, StreamKind, Subscription, Symbol, Timestamp,
};
use market_backbone_massive::{MASSIVE, Massive, MassivePlan};
use market_backbone_routing::{FrameFeed, SessionConfig};

const FRAMES: usize = 1_000;

/// Allocations while the reader reads a round of frames of `kind`, once everything has found its size.
fn allocations(kind: Kind, delivery: Delivery) -> u64 {
    let mut frames = Frames::made(kind, FRAMES);
    let mut rig = LiveRig::new(&frames, kind);
    let mut reader = rig.reader(delivery);
    for _ in 0..3 {
        frames.move_on();
        rig.round(&frames, &mut reader);
    }
    frames.move_on();
    let mut read = 0;
    let count = allocation_counter::measure(|| read = rig.round(&frames, &mut reader));
    match delivery.capacity() {
        Some(_) => assert_eq!(read, FRAMES, "{kind:?}"),
        None => assert!(read > 0, "{kind:?}"),
    }
    count.count_total
}

#[test]
fn an_allocation_would_be_counted() {
    assert_eq!(allocation_counter::measure(|| drop(Box::new([0_u8; 64]))).count_total, 1);
}

#[test]
fn a_message_costs_no_allocation() {
    for delivery in [Delivery::default(), Delivery::Conflated] {
        for kind in [Kind::Trade, Kind::Ticker, Kind::Book] {
            assert_eq!(allocations(kind, delivery), 0, "{kind:?} {delivery:?}");
        }
    }
}

/// Frames of one trade of Massive each, `at` being the number of the first.
fn massive_trades(at: usize) -> Vec<String> {
    let trade = |n: usize| {
        let code = ["AAPL", "MSFT", "BRK.B"][n % 3];
        let (id, t, q) = (52_983_525_029_461 + n, 1_536_036_818_784 + n, 3_681_328 + n);
        format!(
            r#"[{{"ev":"T","sym":"{code}","x":12,"i":"{id}","z":3,"p":171.55,"s":7,"t":{t},"q":{q},"trfi":202}}]"#
        )
    };
    (at..at + FRAMES).map(trade).collect()
}

fn feed_and_read(feed: &mut FrameFeed, frames: &[String], reader: &mut LiveStream) -> usize {
    let mut read = 0;
    for frame in frames {
        feed.feed(frame.as_bytes(), Timestamp::from_secs(4_000_000_000));
        while let Some(Some(event)) = reader.next().now_or_never() {
            read += usize::from(matches!(event, FeedEvent::Trade(_)));
        }
    }
    read
}

/// The name of such a trade is a text of 48 characters.
#[test]
fn a_trade_of_massive_costs_no_allocation() {
    for delivery in [Delivery::default(), Delivery::Conflated] {
        let venue = Massive::new(Secret::new("key"), MassivePlan::Advanced);
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(4_000_000_000)));
        let mut feed = FrameFeed::new(Arc::new(venue), clock, SessionConfig::default());
        let symbols = ["AAPL", "MSFT", "BRK.B"].map(|code| Symbol::new(MASSIVE, code).unwrap());
        let mut subscription = Subscription::new(symbols.clone(), [StreamKind::Trade]).unwrap();
        subscription.delivery = delivery;
        let mut reader = feed.hub().subscribe(&subscription);
        let rounds: Vec<_> = (0..4).map(|round| massive_trades(round * FRAMES)).collect();
        let (measured, warm_up) = rounds.split_last().unwrap();
        for frames in warm_up {
            feed_and_read(&mut feed, frames, &mut reader);
        }
        let mut read = 0;
        let count = allocation_counter::measure(|| read = feed_and_read(&mut feed, measured, &mut reader));
        assert_eq!((read, count.count_total), (FRAMES, 0), "{delivery:?}");
        let latest = feed.hub().latest_trade(&symbols[0]).unwrap();
        assert_eq!(latest.id.to_string().len(), 48);
    }
}
