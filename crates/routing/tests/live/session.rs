//! The connection: what is sent when, and when it is given up.

use std::time::Duration;

use market_backbone_core::{RateLimitGroup, RateLimitRule, StreamKind};
use market_backbone_testkit::{PlainVenue, channel, symbol};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use crate::rig::{Rig, is_empty, next, quick};
use crate::server::{Peer, eventually, soon};

const TRADE: StreamKind = StreamKind::Trade;
const TICKER: StreamKind = StreamKind::Ticker;

#[tokio::test]
async fn nothing_wanted_means_no_connection() {
    let rig = Rig::start().await;
    assert!(rig.server.stays_alone_for(Duration::from_millis(50)).await);
}

#[tokio::test]
async fn the_whole_set_is_asked_for_again_after_a_drop() {
    let rig = Rig::start().await;
    let _follow = rig.hub.follow(&[channel("KRW-BTC", TICKER), channel("KRW-ETH", TRADE)]);
    for _ in 0..4 {
        let mut peer = rig.server.accept().await;
        assert_eq!(peer.subscription().await, ["KRW-BTC/ticker", "KRW-ETH/trade"]);
    }
    let mut peer = rig.server.accept().await;
    assert_eq!(peer.subscription().await, ["KRW-BTC/ticker", "KRW-ETH/trade"]);
    peer.close().await;
    let mut peer = rig.server.accept().await;
    assert_eq!(peer.subscription().await, ["KRW-BTC/ticker", "KRW-ETH/trade"]);
    assert_eq!(rig.hub.metrics().drops, 5);
}

#[tokio::test]
async fn a_subscription_that_comes_while_disconnected_is_sent() {
    let rig = Rig::start().await;
    let _btc = rig.hub.follow(&[channel("KRW-BTC", TRADE)]);
    let mut peer = rig.server.accept().await;
    assert_eq!(peer.subscription().await, ["KRW-BTC/trade"]);
    drop(peer);
    let stream = rig.server.accept_quietly().await;
    let _eth = rig.hub.follow(&[channel("KRW-ETH", TRADE)]);
    let mut peer = Peer::open(stream).await;
    assert_eq!(peer.subscription().await, ["KRW-BTC/trade", "KRW-ETH/trade"]);
}

#[tokio::test]
async fn each_message_names_the_whole_set() {
    let rig = Rig::start().await;
    let btc = rig.hub.follow(&[channel("KRW-BTC", TRADE)]);
    let mut peer = rig.server.accept().await;
    assert_eq!(peer.subscription().await, ["KRW-BTC/trade"]);
    let _again = rig.hub.follow(&[channel("KRW-BTC", TRADE)]);
    let _eth = rig.hub.follow(&[channel("KRW-ETH", TRADE)]);
    assert_eq!(peer.subscription().await, ["KRW-BTC/trade", "KRW-ETH/trade"]);
    drop(btc);
    let _xrp = rig.hub.follow(&[channel("KRW-XRP", TRADE)]);
    assert_eq!(peer.subscription().await, ["KRW-BTC/trade", "KRW-ETH/trade", "KRW-XRP/trade"]);
    drop(_again);
    assert_eq!(peer.subscription().await, ["KRW-ETH/trade", "KRW-XRP/trade"]);
}

#[tokio::test]
async fn a_burst_of_subscriptions_costs_one_message() {
    let config = quick().debounce(Duration::from_millis(100));
    let rig = Rig::with(PlainVenue::default(), config).await;
    let _first = rig.hub.follow(&[channel("KRW-BTC", TRADE)]);
    let mut peer = rig.server.subscribed().await;
    let _burst: Vec<_> = (0..50).map(|n| rig.hub.follow(&[channel(&format!("KRW-{n:02}"), TRADE)])).collect();
    assert_eq!(peer.subscription().await.len(), 51);
    assert_eq!(rig.hub.metrics().desired, 51);
}

#[tokio::test]
async fn messages_stay_within_the_venues_limit() {
    const WINDOW: Duration = Duration::from_millis(400);
    const GROUP: RateLimitGroup = RateLimitGroup("message");
    const SHORT: RateLimitRule = RateLimitRule::new(GROUP, 2, WINDOW);
    const LONG: RateLimitRule = RateLimitRule::new(GROUP, 5, Duration::from_secs(60));
    let mut venue = PlainVenue::default();
    venue.capabilities.socket.messages = &[SHORT, LONG];
    let rig = Rig::with(venue, quick()).await;
    let mut wishes = vec![rig.hub.follow(&[channel("KRW-00", TRADE)])];
    let mut peer = rig.server.accept().await;
    let mut arrivals = Vec::new();
    for n in 1.. {
        let count = peer.subscription().await.len();
        arrivals.push(Instant::now());
        if arrivals.len() == 5 {
            assert_eq!(count, wishes.len());
            break;
        }
        wishes.push(rig.hub.follow(&[channel(&format!("KRW-{n:02}"), TRADE)]));
    }
    // Two windows at least, of which the first message may have spent one on its way here.
    let took = arrivals[4] - arrivals[0];
    assert!(took > WINDOW, "{took:?}");
}

#[tokio::test]
async fn a_subscription_that_comes_between_two_messages_of_a_change_is_not_lost() {
    const LIMIT: RateLimitRule = RateLimitRule::new(RateLimitGroup("message"), 1, Duration::from_millis(100));
    let mut venue = PlainVenue { says_hello: true, ..PlainVenue::default() };
    venue.capabilities.socket.messages = &[LIMIT];
    let rig = Rig::with(venue, quick()).await;
    let _btc = rig.hub.follow(&[channel("KRW-BTC", TRADE)]);
    let mut peer = rig.server.accept().await;
    assert_eq!(peer.next().await, Some(Message::text("hello")));
    let _eth = rig.hub.follow(&[channel("KRW-ETH", TRADE)]);
    assert_eq!(peer.subscription().await, ["KRW-BTC/trade"]);
    assert_eq!(peer.next().await, Some(Message::text("hello")));
    assert_eq!(peer.subscription().await, ["KRW-BTC/trade", "KRW-ETH/trade"]);
}

#[tokio::test]
async fn a_quiet_connection_is_kept_alive() {
    let mut venue = PlainVenue::default();
    venue.capabilities.socket.keep_alive_every = Duration::from_millis(30);
    venue.capabilities.socket.idle_timeout = Duration::from_secs(5);
    let rig = Rig::with(venue, quick()).await;
    let _follow = rig.hub.follow(&[channel("KRW-BTC", TRADE)]);
    let mut peer = rig.server.subscribed().await;
    for _ in 0..3 {
        assert!(matches!(peer.next().await, Some(Message::Ping(_))));
    }
    assert!(rig.hub.metrics().keep_alives >= 3);
    assert_eq!(rig.hub.metrics().drops, 0);
}

#[tokio::test]
async fn a_connection_that_answers_nothing_is_given_up() {
    let mut venue = PlainVenue::default();
    venue.capabilities.socket.keep_alive_every = Duration::from_millis(40);
    venue.capabilities.socket.idle_timeout = Duration::from_millis(150);
    let rig = Rig::with(venue, quick()).await;
    let mut reader = rig.trades(&["KRW-BTC"]);
    let _mute = rig.server.subscribed().await;
    // The mute connection is held, so it stays open; but nobody reads from it, so no ping is answered.
    let mut peer = rig.server.accept().await;
    assert_eq!(peer.subscription().await, ["KRW-BTC/trade"]);
    assert_eq!(next(&mut reader).await, "gap opened silent 1000..");
}

#[tokio::test]
async fn text_and_binary_frames_are_read_alike_and_rubbish_is_skipped() {
    let (rig, mut reader, mut peer) = Rig::following(&["KRW-BTC"]).await;
    peer.send("trade KRW-BTC 1 100").await;
    peer.send_message(Message::text("trade KRW-BTC 2 100")).await;
    peer.send("rubbish").await;
    peer.send_message(Message::binary(vec![0xFF, 0xFE])).await;
    peer.send("trade KRW-NOPE 9 1;trade KRW-BTC 3 100;trade KRW-BTC x 1").await;
    for id in 1..=3 {
        assert_eq!(next(&mut reader).await, format!("trade {id}"));
    }
    eventually(|| rig.hub.metrics().dropped == 2).await;
    let metrics = rig.hub.metrics();
    assert_eq!((metrics.frames, metrics.events, metrics.unreadable, metrics.drops), (5, 3, 2, 0));
}

#[tokio::test]
async fn a_connection_that_nobody_needs_is_closed_after_a_while_and_comes_back() {
    let config = quick().idle_timeout(Duration::from_millis(50));
    let rig = Rig::with(PlainVenue::default(), config).await;
    let reader = rig.trades(&["KRW-BTC"]);
    let mut peer = rig.server.subscribed().await;
    drop(reader);
    assert!(matches!(peer.next().await, Some(Message::Close(_))));
    drop(peer);
    eventually(|| !rig.hub.metrics().connected).await;
    assert_eq!((rig.hub.metrics().drops, rig.hub.metrics().readers, rig.hub.metrics().desired), (0, 0, 0));
    let _reader = rig.trades(&["KRW-ETH"]);
    assert_eq!(rig.server.accept().await.subscription().await, ["KRW-ETH/trade"]);
}

#[tokio::test]
async fn a_market_that_never_answers_is_reported_until_it_does() {
    let config = quick().unanswered_after(Duration::from_millis(60));
    let rig = Rig::with(PlainVenue::default(), config).await;
    let _follow =
        rig.hub.follow(&[channel("KRW-BTC", TICKER), channel("KRW-BTC", TRADE), channel("KRW-NOPE", TICKER)]);
    let mut peer = rig.server.subscribed().await;
    peer.send("ticker KRW-BTC 1").await;
    eventually(|| rig.hub.metrics().unanswered == [symbol("KRW-NOPE")]).await;
    peer.send("ticker KRW-NOPE 1").await;
    eventually(|| rig.hub.metrics().unanswered.is_empty()).await;
}

#[tokio::test]
async fn a_venue_that_cannot_be_reached_is_tried_until_it_can() {
    let rig = Rig::start().await;
    let mut reader = rig.trades(&["KRW-BTC"]);
    for _ in 0..3 {
        drop(rig.server.accept_quietly().await);
    }
    let mut peer = rig.server.accept().await;
    assert_eq!(rig.hub.metrics().connect_failures, 3);
    peer.subscription().await;
    peer.send("trade KRW-BTC 1 100").await;
    // What was sent since the reader joined is missing.
    assert_eq!(next(&mut reader).await, "gap opened disconnected 1000..");
    assert_eq!(next(&mut reader).await, "gap resumed disconnected 1000..1000");
    assert_eq!(next(&mut reader).await, "trade 1");
    assert!(is_empty(&mut reader));
}

#[tokio::test]
async fn shutdown_closes_the_connection_and_ends_every_reader() {
    let (rig, mut reader, mut peer) = Rig::following(&["KRW-BTC"]).await;
    peer.send("trade KRW-BTC 1 100").await;
    assert!(rig.is_live(&channel("KRW-BTC", TRADE)).await);
    rig.cancel.cancel();
    assert!(matches!(peer.next().await, Some(Message::Close(_))));
    drop(peer);
    rig.tracker.close();
    soon(rig.tracker.wait()).await;
    assert_eq!(next(&mut reader).await, "trade 1");
    assert_eq!(next(&mut reader).await, "end");
    assert_eq!(next(&mut rig.trades(&["KRW-BTC"])).await, "end");
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_peer_that_does_not_answer() {
    let config = quick().close_timeout(Duration::from_millis(50));
    let rig = Rig::with(PlainVenue::default(), config).await;
    let _reader = rig.trades(&["KRW-BTC"]);
    let _mute = rig.server.subscribed().await;
    rig.cancel.cancel();
    rig.tracker.close();
    soon(rig.tracker.wait()).await;
}

#[tokio::test]
async fn shutdown_interrupts_an_attempt_to_connect() {
    let rig = Rig::start().await;
    let _reader = rig.trades(&["KRW-BTC"]);
    let _unanswered = rig.server.accept_quietly().await;
    rig.cancel.cancel();
    rig.tracker.close();
    soon(rig.tracker.wait()).await;
}
