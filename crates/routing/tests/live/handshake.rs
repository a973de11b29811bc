//! The login before any subscription, and the venue's answers other than data.

use std::time::Duration;

use market_backbone_core::{Login, Secret, StreamKind};
use market_backbone_routing::Health;
use market_backbone_testkit::{PlainVenue, channel};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use crate::rig::{Rig, next, quick};
use crate::server::{Peer, eventually};

const TRADE: StreamKind = StreamKind::Trade;

fn strict(awaits_hello: bool, within: Duration) -> PlainVenue {
    let messages = vec![Secret::new("i am ann"), Secret::new("key 1234")];
    PlainVenue {
        login: Some(Login { messages, awaits_prompt: awaits_hello, timeout: within }),
        ..PlainVenue::default()
    }
}

async fn logged_in(peer: &mut Peer) {
    assert_eq!(peer.next().await, Some(Message::text("i am ann")));
    assert_eq!(peer.next().await, Some(Message::text("key 1234")));
}

#[tokio::test]
async fn nothing_is_asked_for_before_the_login_is_accepted() {
    let rig = Rig::with(strict(true, Duration::from_secs(5)), quick()).await;
    let mut reader = rig.trades(&["KRW-BTC"]);
    let mut peer = rig.server.accept().await;
    peer.send_message(Message::text("hello")).await;
    logged_in(&mut peer).await;
    peer.send_message(Message::text("ready")).await;
    assert_eq!(peer.subscription().await, ["KRW-BTC/trade"]);
    peer.send("trade KRW-BTC 1 100").await;
    assert_eq!(next(&mut reader).await, "trade 1");
}

#[tokio::test]
async fn who_need_not_wait_for_a_word_greets_at_once() {
    let rig = Rig::with(strict(false, Duration::from_secs(5)), quick()).await;
    let _reader = rig.trades(&["KRW-BTC"]);
    logged_in(&mut rig.server.accept().await).await;
}

#[tokio::test]
async fn a_login_that_is_not_answered_is_given_up_in_time() {
    let rig = Rig::with(strict(true, Duration::from_millis(100)), quick()).await;
    let _reader = rig.trades(&["KRW-BTC"]);
    let mute = rig.server.accept().await;
    let _peer = rig.server.accept().await;
    assert_eq!((rig.hub.metrics().drops, rig.hub.metrics().subscriptions_sent), (1, 0));
    drop(mute);
}

#[tokio::test]
async fn a_refused_key_is_final_until_somebody_tries_again() {
    let rig = Rig::with(strict(false, Duration::from_secs(5)), quick()).await;
    let mut reader = rig.trades(&["KRW-BTC"]);
    let mut peer = rig.server.accept().await;
    logged_in(&mut peer).await;
    peer.send("refuse always").await;
    assert_eq!(next(&mut reader).await, "gap opened refused 1000..");
    assert!(rig.server.stays_alone_for(Duration::from_millis(200)).await);
    assert_eq!(rig.hub.metrics().health, Health::Refused);
    let mut late = rig.trades(&["KRW-BTC"]);
    assert_eq!(next(&mut late).await, "gap opened refused 1000..");

    rig.hub.retry().await;
    let mut peer = rig.server.accept().await;
    logged_in(&mut peer).await;
    peer.send("ready").await;
    peer.subscription().await;
    peer.send("trade KRW-BTC 1 100").await;
    for reader in [&mut reader, &mut late] {
        assert_eq!(next(reader).await, "gap resumed refused 1000..1000");
        assert_eq!(next(reader).await, "trade 1");
    }
    assert_eq!(rig.hub.metrics().health, Health::Live);
}

#[tokio::test]
async fn who_was_evicted_stays_away_however_well_the_connection_began() {
    let reconnect = quick().get_reconnect().stable_after(Duration::ZERO);
    let rig = Rig::with(PlainVenue::default(), quick().reconnect(reconnect)).await;
    let mut reader = rig.trades(&["KRW-BTC"]);
    let mut times = Vec::new();
    for id in 0..3 {
        let mut peer = rig.server.accept().await;
        times.push(Instant::now());
        peer.subscription().await;
        peer.send(&format!("trade KRW-BTC {id} 100")).await;
        if id > 0 {
            assert_eq!(next(&mut reader).await, "gap resumed evicted 1000..1000");
        }
        assert_eq!(next(&mut reader).await, format!("trade {id}"));
        peer.send("evict 200").await;
        assert_eq!(next(&mut reader).await, "gap opened evicted 1000..");
        eventually(|| rig.hub.metrics().health == Health::Evicted).await;
    }
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_millis(200)), "{times:?}");
    assert_eq!(rig.hub.metrics().evicted, 3);
}

#[tokio::test]
async fn reading_too_slowly_is_told_apart() {
    let (rig, mut reader, mut peer) = Rig::following(&["KRW-BTC"]).await;
    peer.send("slow").await;
    assert_eq!(next(&mut reader).await, "gap opened too_slow 1000..");
    assert_eq!((rig.hub.metrics().too_slow, rig.hub.metrics().drops), (1, 1));
}

#[tokio::test]
async fn a_login_precedes_every_connection() {
    let rig = Rig::with(strict(false, Duration::from_secs(5)), quick()).await;
    let _follow = rig.hub.follow(&[channel("KRW-BTC", TRADE)]);
    for _ in 0..3 {
        let mut peer = rig.server.accept().await;
        logged_in(&mut peer).await;
        peer.send("ready").await;
        assert_eq!(peer.subscription().await, ["KRW-BTC/trade"]);
    }
}
