//! Frames from any source are handled as a socket's frames are.

use std::sync::Arc;

use market_backbone_core::{
    Delivery, GapCause, LiveStream, ManualClock, StreamKind, Subscription, Timestamp,
};
use market_backbone_routing::FrameFeed;
use market_backbone_testkit::{PlainVenue, channel, symbol};

use crate::rig::{Rig, is_empty, next, quick};

fn feed() -> FrameFeed {
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
    FrameFeed::new(Arc::new(PlainVenue::default()), clock, quick())
}

fn read(feed: &FrameFeed, codes: &[&str], kind: StreamKind) -> LiveStream {
    let mut wish = Subscription::new(codes.iter().map(|code| symbol(code)), [kind]).unwrap();
    wish.delivery = Delivery::default();
    feed.hub().subscribe(&wish)
}

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

#[tokio::test]
async fn readers_get_what_they_asked_for_and_the_cache_has_it() {
    let mut feed = feed();
    let mut trades = read(&feed, &["KRW-BTC"], StreamKind::Trade);
    feed.feed(b"trade KRW-BTC 1 100;ticker KRW-BTC 7;trade KRW-ETH 2 100", at(1_001));
    let mut tickers = read(&feed, &["KRW-ETH"], StreamKind::Ticker);
    feed.feed(b"trade KRW-BTC 3 100;ticker KRW-ETH 8", at(1_002));
    assert_eq!(next(&mut trades).await, "trade 1");
    assert_eq!(next(&mut trades).await, "trade 3");
    assert_eq!(next(&mut tickers).await, "ticker 8");
    assert!(is_empty(&mut trades) && is_empty(&mut tickers));
    let latest = feed.hub().latest_trade(&symbol("KRW-BTC")).unwrap();
    assert_eq!((latest.id.to_string(), latest.received), ("3".to_owned(), at(1_002)));
    assert!(feed.hub().is_live(&channel("KRW-BTC", StreamKind::Trade)));
}

#[tokio::test]
async fn frames_in_a_row_are_read_as_one_after_the_other() {
    let mut feed = feed();
    let mut both = read(&feed, &["KRW-BTC", "KRW-ETH"], StreamKind::Trade);
    let mut btc = read(&feed, &["KRW-BTC"], StreamKind::Trade);
    let frames: [&[u8]; 4] = [
        b"trade KRW-BTC 1 100;trade KRW-ETH 2 100",
        b"nonsense",
        b"trade KRW-XRP 3 100;trade KRW-BTC 1 100;trade KRW-BTC 4 100",
        b"trade KRW-ETH 5 100",
    ];
    assert_eq!(feed.feed_all(frames, at(1_001)), []);
    for expected in ["trade 1", "trade 2", "trade 4", "trade 5"] {
        assert_eq!(next(&mut both).await, expected);
    }
    for expected in ["trade 1", "trade 4"] {
        assert_eq!(next(&mut btc).await, expected);
    }
    assert!(is_empty(&mut both) && is_empty(&mut btc));
    let metrics = feed.hub().metrics();
    assert_eq!((metrics.frames, metrics.events, metrics.repeated), (4, 5, 1));
    assert_eq!((metrics.unreadable, metrics.dropped), (1, 1));
    assert_eq!(feed.hub().latest_trade(&symbol("KRW-ETH")).unwrap().id.to_string(), "5");
}

#[tokio::test]
async fn a_gap_ends_inside_a_batch_before_the_event_that_ends_it() {
    let mut feed = feed();
    let mut trades = read(&feed, &["KRW-BTC", "KRW-ETH"], StreamKind::Trade);
    let first: [&[u8]; 2] = [b"trade KRW-BTC 1 100", b"trade KRW-ETH 2 100"];
    feed.feed_all(first, at(1_001));
    feed.interrupt(GapCause::Disconnected);
    let frames: [&[u8]; 3] = [b"trade KRW-BTC 3 100", b"trade KRW-ETH 4 100", b"trade KRW-BTC 5 100"];
    feed.feed_all(frames, at(1_009));
    for expected in [
        "trade 1",
        "trade 2",
        "gap opened disconnected 1001..",
        "trade 3",
        "gap resumed disconnected 1001..1009",
        "trade 4",
        "trade 5",
    ] {
        assert_eq!(next(&mut trades).await, expected);
    }
    assert!(is_empty(&mut trades));
}

#[tokio::test]
async fn who_joins_or_leaves_between_batches_changes_nothing_for_the_others() {
    let mut feed = feed();
    let mut stays = read(&feed, &["KRW-BTC"], StreamKind::Trade);
    for round in 0..20_i64 {
        let other = read(&feed, &["KRW-BTC", "KRW-ETH"], StreamKind::Trade);
        let frames =
            [format!("trade KRW-BTC {} 100", 2 * round), format!("trade KRW-BTC {} 100", 2 * round + 1)];
        feed.feed_all(frames.iter().map(String::as_bytes), at(1_001 + round));
        drop(other);
    }
    for id in 0..40 {
        assert_eq!(next(&mut stays).await, format!("trade {id}"));
    }
    assert!(is_empty(&mut stays));
    assert_eq!(feed.hub().latest_trade(&symbol("KRW-BTC")).unwrap().id.to_string(), "39");
}

#[tokio::test]
async fn an_interruption_is_a_gap_and_what_was_received_before_it_is_not_received_twice() {
    let mut feed = feed();
    let mut trades = read(&feed, &["KRW-BTC"], StreamKind::Trade);
    feed.feed(b"trade KRW-BTC 5 100", at(1_001));
    feed.interrupt(GapCause::Disconnected);
    feed.feed(b"trade KRW-BTC 5 100;trade KRW-BTC 4 100", at(1_009));
    assert_eq!(next(&mut trades).await, "trade 5");
    assert_eq!(next(&mut trades).await, "gap opened disconnected 1001..");
    assert_eq!(next(&mut trades).await, "gap resumed disconnected 1001..1009");
    assert_eq!(next(&mut trades).await, "trade 4");
    assert!(is_empty(&mut trades));
}

#[tokio::test]
async fn readers_end_with_the_feed() {
    let mut feed = feed();
    let mut trades = read(&feed, &["KRW-BTC"], StreamKind::Trade);
    feed.feed(b"trade KRW-BTC 1 100", at(1_001));
    drop(feed);
    assert_eq!(next(&mut trades).await, "trade 1");
    assert_eq!(next(&mut trades).await, "end");
}

#[tokio::test]
async fn a_band_is_a_state_the_latest_replaces_what_waits_and_ends_a_gap() {
    let mut feed = feed();
    let mut every = read(&feed, &["KRW-BTC", "KRW-ETH"], StreamKind::Band);
    let mut wish = Subscription::new([symbol("KRW-BTC")], [StreamKind::Band]).unwrap();
    wish.delivery = Delivery::Conflated;
    let mut latest = feed.hub().subscribe(&wish);
    feed.feed(b"band KRW-BTC 10 20 1;band KRW-ETH 1 2 1;band KRW-BTC 11 21 2", at(1_001));
    assert_eq!(next(&mut latest).await, "band 11 21");
    for told in ["band 10 20", "band 1 2", "band 11 21"] {
        assert_eq!(next(&mut every).await, told);
    }
    let mut late = read(&feed, &["KRW-BTC"], StreamKind::Band);
    assert_eq!(next(&mut late).await, "band 11 21", "who comes late begins with the state");
    feed.interrupt(GapCause::Disconnected);
    feed.feed(b"band KRW-BTC 11 21 2;band KRW-BTC 12 22 3", at(1_009));
    for told in ["gap opened disconnected 1001..", "gap resumed disconnected 1001..1009", "band 12 22"] {
        assert_eq!(next(&mut latest).await, told, "what was known before is not told again");
    }
    assert_eq!(feed.hub().latest_band(&symbol("KRW-BTC")).unwrap().received, at(1_009));
    assert!(is_empty(&mut latest) && feed.hub().latest_band(&symbol("KRW-XRP")).is_none());
}

#[tokio::test]
async fn a_stamp_from_the_future_is_dropped_and_silences_nothing() {
    let mut feed = feed();
    let mut trades = read(&feed, &["KRW-BTC"], StreamKind::Trade);
    let mut tickers = read(&feed, &["KRW-BTC"], StreamKind::Ticker);
    feed.feed(b"trade KRW-BTC 1 100 1000900;ticker KRW-BTC 7 1000900", at(1_001));
    // An hour ahead, a minute ahead, and in the middle of a frame.
    feed.feed(b"trade KRW-BTC 90 100 4601000;ticker KRW-BTC 99 4601000", at(1_001));
    feed.feed(
        b"trade KRW-BTC 2 100 1001900;trade KRW-BTC 91 100 1062000;trade KRW-BTC 3 100 1001950",
        at(1_002),
    );
    feed.feed(b"ticker KRW-BTC 8 1002900;trade KRW-BTC 4 100 1002900", at(1_003));
    for told in ["trade 1", "trade 2", "trade 3", "trade 4"] {
        assert_eq!(next(&mut trades).await, told);
    }
    for told in ["ticker 7", "ticker 8"] {
        assert_eq!(next(&mut tickers).await, told);
    }
    assert!(is_empty(&mut trades) && is_empty(&mut tickers));
    let hub = feed.hub();
    assert_eq!(hub.latest_trade(&symbol("KRW-BTC")).unwrap().id.to_string(), "4");
    assert_eq!(hub.latest_ticker(&symbol("KRW-BTC")).unwrap().received, at(1_003));
    assert_eq!(hub.metrics().future, 3);
}

#[tokio::test]
async fn what_a_decoder_remembers_ends_with_its_connection() {
    let mut feed = feed();
    let mut tickers = read(&feed, &["KRW-BTC"], StreamKind::Ticker);
    feed.feed(b"count KRW-BTC 1000", at(1_001));
    feed.feed(b"count KRW-BTC 2000", at(1_002));
    feed.interrupt(GapCause::Disconnected);
    feed.feed(b"count KRW-BTC 3000", at(1_003));
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(next(&mut tickers).await);
    }
    seen.retain(|event| event.starts_with("ticker"));
    assert_eq!(seen, ["ticker 1", "ticker 2", "ticker 1"]);
}

#[tokio::test]
async fn every_connection_has_a_decoder_of_its_own() {
    let rig = Rig::start().await;
    let mut reader = rig.read(&["KRW-BTC"], StreamKind::Ticker, Delivery::default());
    let mut peer = rig.server.subscribed().await;
    peer.send("count KRW-BTC 1000").await;
    assert_eq!(next(&mut reader).await, "ticker 1");
    peer.send("count KRW-BTC 2000").await;
    assert_eq!(next(&mut reader).await, "ticker 2");
    drop(peer);
    let mut peer = rig.server.subscribed().await;
    peer.send("count KRW-BTC 3000").await;
    let mut seen = next(&mut reader).await;
    while !seen.starts_with("ticker") {
        seen = next(&mut reader).await;
    }
    assert_eq!(seen, "ticker 1");
}
