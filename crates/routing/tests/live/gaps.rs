//! Gaps: announced once, ended once, and only to the readers concerned.

use std::time::Duration;

use market_backbone_core::{Delivery, StreamKind};
use market_backbone_testkit::{PlainVenue, channel};

use crate::rig::{Rig, is_empty, next, quick};
use crate::server::{Peer, eventually};

#[tokio::test]
async fn prints_of_a_gap_are_lost() {
    let (rig, mut reader, mut peer) = Rig::following(&["KRW-BTC"]).await;
    peer.send("trade KRW-BTC 1 100").await;
    assert_eq!(next(&mut reader).await, "trade 1");
    rig.clock.advance(Duration::from_secs(5));
    drop(peer);
    assert_eq!(next(&mut reader).await, "gap opened disconnected 1000..");
    let mut peer = rig.server.subscribed().await;
    peer.send("trade KRW-BTC 2 100").await;
    assert_eq!(next(&mut reader).await, "gap resumed disconnected 1000..1005");
    assert_eq!(next(&mut reader).await, "trade 2");
    assert!(is_empty(&mut reader));
}

#[tokio::test]
async fn a_gap_ends_when_every_channel_speaks_again() {
    let rig = Rig::start().await;
    let mut reader = rig.read(&["KRW-BTC", "KRW-ETH"], StreamKind::Ticker, Delivery::default());
    let peer = rig.server.subscribed().await;
    peer.close().await;
    assert_eq!(next(&mut reader).await, "gap opened disconnected 1000..");
    let mut peer = rig.server.subscribed().await;
    peer.send("ticker KRW-ETH 7;ticker KRW-BTC 8").await;
    assert_eq!(next(&mut reader).await, "ticker 7");
    assert_eq!(next(&mut reader).await, "gap resumed disconnected 1000..1000");
    assert_eq!(next(&mut reader).await, "ticker 8");
}

#[tokio::test]
async fn a_quiet_channel_holds_up_a_gap_for_a_while_and_no_longer() {
    let config = quick().confirm_timeout(Duration::from_millis(150));
    let rig = Rig::with(PlainVenue::default(), config).await;
    let mut reader = rig.trades(&["KRW-BTC", "KRW-ETH"]);
    let peer = rig.server.subscribed().await;
    drop(peer);
    let mut peer = rig.server.subscribed().await;
    assert_eq!(next(&mut reader).await, "gap opened disconnected 1000..");
    peer.send("trade KRW-BTC 1 100").await;
    assert_eq!(next(&mut reader).await, "trade 1");
    assert!(is_empty(&mut reader));
    assert_eq!(next(&mut reader).await, "gap resumed disconnected 1000..1000");
}

#[tokio::test]
async fn the_venues_own_word_ends_a_gap() {
    let rig = Rig::start().await;
    let mut reader = rig.trades(&["KRW-BTC", "KRW-ETH"]);
    rig.server.accept().await.subscription().await;
    let mut peer = rig.server.subscribed().await;
    assert_eq!(next(&mut reader).await, "gap opened disconnected 1000..");
    peer.send("confirm KRW-BTC KRW-ETH").await;
    assert_eq!(next(&mut reader).await, "gap resumed disconnected 1000..1000");
}

#[tokio::test]
async fn a_gap_over_several_connections_is_one_gap() {
    let rig = Rig::start().await;
    let mut reader = rig.trades(&["KRW-BTC"]);
    for _ in 0..4 {
        rig.server.accept().await.subscription().await;
    }
    let mut peer = rig.server.subscribed().await;
    peer.send("trade KRW-BTC 1 100").await;
    assert_eq!(next(&mut reader).await, "gap opened disconnected 1000..");
    assert_eq!(next(&mut reader).await, "gap resumed disconnected 1000..1000");
    assert_eq!(next(&mut reader).await, "trade 1");
}

#[tokio::test]
async fn who_was_promised_nothing_receives_no_gap() {
    let (rig, mut early, peer) = Rig::following(&["KRW-BTC"]).await;
    drop(peer);
    let stream = rig.server.accept_quietly().await;
    let mut late = rig.trades(&["KRW-ETH"]);
    let mut peer = Peer::open(stream).await;
    peer.subscription().await;
    peer.send("trade KRW-BTC 1 100;trade KRW-ETH 2 100").await;
    assert_eq!(next(&mut late).await, "trade 2");
    assert_eq!(next(&mut early).await, "gap opened disconnected 1000..");
    assert_eq!(next(&mut early).await, "gap resumed disconnected 1000..1000");
    assert_eq!(next(&mut early).await, "trade 1");
}

#[tokio::test]
async fn the_last_trade_sent_again_ends_the_gap_and_is_not_delivered_twice() {
    let (rig, mut reader, mut peer) = Rig::following(&["KRW-BTC"]).await;
    peer.send("trade KRW-BTC 1 100").await;
    assert_eq!(next(&mut reader).await, "trade 1");
    drop(peer);
    let mut peer = rig.server.subscribed().await;
    peer.send("trade KRW-BTC 1 100;trade KRW-BTC 2 100").await;
    assert_eq!(next(&mut reader).await, "gap opened disconnected 1000..");
    assert_eq!(next(&mut reader).await, "gap resumed disconnected 1000..1000");
    assert_eq!(next(&mut reader).await, "trade 2");
    assert_eq!(rig.hub.metrics().repeated, 1);
}

#[tokio::test]
async fn every_drop_is_one_gap_for_every_reader() {
    let rig = Rig::start().await;
    let mut readers = [rig.trades(&["KRW-BTC"]), rig.trades(&["KRW-BTC", "KRW-ETH"])];
    for id in 0..6 {
        let mut peer = rig.server.subscribed().await;
        peer.send(&format!("trade KRW-ETH {id} 1;trade KRW-BTC {id} 100")).await;
        for (index, reader) in readers.iter_mut().enumerate() {
            if id > 0 {
                assert_eq!(next(reader).await, "gap opened disconnected 1000..");
            }
            if index == 1 {
                assert_eq!(next(reader).await, format!("trade {id}"));
            }
            if id > 0 {
                assert_eq!(next(reader).await, "gap resumed disconnected 1000..1000");
            }
            assert_eq!(next(reader).await, format!("trade {id}"));
            assert!(is_empty(reader));
        }
    }
}

#[tokio::test]
async fn what_was_live_is_not_while_the_connection_is_down() {
    let rig = Rig::start().await;
    let ticker = channel("KRW-BTC", StreamKind::Ticker);
    let _follow = rig.hub.follow(std::slice::from_ref(&ticker));
    let mut peer = rig.server.subscribed().await;
    assert!(!rig.hub.is_live(&ticker));
    peer.send("ticker KRW-BTC 5").await;
    assert!(rig.is_live(&ticker).await);
    drop(peer);
    eventually(|| !rig.hub.is_live(&ticker)).await;
    // The last value stays readable, for callers that accept an old one.
    assert_eq!(rig.hub.latest_ticker(&ticker.symbol).unwrap().price, 5.0);
    let mut peer = rig.server.subscribed().await;
    eventually(|| rig.hub.metrics().connected).await;
    assert!(!rig.hub.is_live(&ticker));
    peer.send("ticker KRW-BTC 6").await;
    assert!(rig.is_live(&ticker).await);
}

#[tokio::test]
async fn a_connection_that_does_not_answer_the_keep_alive_is_not_live() {
    let mut venue = PlainVenue::default();
    venue.capabilities.socket.keep_alive_every = Duration::from_millis(300);
    venue.capabilities.socket.idle_timeout = Duration::from_secs(30);
    let config = quick().keep_alive_grace(Duration::from_millis(300));
    let rig = Rig::with(venue, config).await;
    let ticker = channel("KRW-BTC", StreamKind::Ticker);
    let _follow = rig.hub.follow(std::slice::from_ref(&ticker));
    let mut peer = rig.server.subscribed().await;
    peer.send("ticker KRW-BTC 5").await;
    assert!(rig.is_live(&ticker).await);
    eventually(|| !rig.hub.is_live(&ticker)).await;
    assert!(rig.hub.metrics().connected);
}
