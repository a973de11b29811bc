//! When the venue says no.

use std::time::Duration;

use market_backbone_core::{Priority, SourceErrorKind, StreamKind};
use market_backbone_testkit::{CONNECTS, channel};

use crate::rig::{Rig, next};
use crate::server::eventually;

#[tokio::test]
async fn a_refusal_for_good_ends_the_attempts_until_the_subscriptions_change() {
    let (rig, mut reader, mut peer) = Rig::following(&["KRW-BTC"]).await;
    peer.send("refuse always").await;
    assert_eq!(next(&mut reader).await, "gap opened refused 1000..");
    assert!(rig.server.stays_alone_for(Duration::from_millis(200)).await);
    assert_eq!(rig.hub.metrics().refused.as_deref(), Some("refused"));
    let mut same = rig.trades(&["KRW-BTC"]);
    assert_eq!(next(&mut same).await, "gap opened refused 1000..");

    let _other = rig.hub.follow(&[channel("KRW-ETH", StreamKind::Trade)]);
    let mut peer = rig.server.accept().await;
    assert_eq!(peer.subscription().await, ["KRW-BTC/trade", "KRW-ETH/trade"]);
    assert_eq!(rig.hub.metrics().refused, None);
    peer.send("trade KRW-BTC 1 100").await;
    for reader in [&mut reader, &mut same] {
        assert_eq!(next(reader).await, "gap resumed refused 1000..1000");
        assert_eq!(next(reader).await, "trade 1");
    }
    assert_eq!(rig.hub.metrics().connects, 2);
}

#[tokio::test]
async fn a_refusal_for_now_is_a_gap_like_any_other() {
    let (rig, mut reader, mut peer) = Rig::following(&["KRW-BTC"]).await;
    peer.send("refuse once").await;
    let mut peer = rig.server.accept().await;
    assert_eq!(peer.subscription().await, ["KRW-BTC/trade"]);
    peer.send("trade KRW-BTC 1 100").await;
    assert_eq!(next(&mut reader).await, "gap opened refused 1000..");
    assert_eq!(next(&mut reader).await, "gap resumed refused 1000..1000");
    assert_eq!(next(&mut reader).await, "trade 1");
}

#[tokio::test]
async fn a_ban_at_the_door_counts_for_all_who_share_the_limiter() {
    let rig = Rig::start().await;
    let _reader = rig.trades(&["KRW-BTC"]);
    rig.server.answer_status("418 I'm a teapot").await;
    eventually(|| rig.hub.metrics().connect_failures >= 1).await;
    let refused = rig.limiter.acquire(CONNECTS.group, Priority::Critical).await.unwrap_err();
    assert!(matches!(refused.kind(), SourceErrorKind::Banned(_)), "{refused}");
    assert!(rig.server.stays_alone_for(Duration::from_millis(200)).await);
}

#[tokio::test]
async fn a_status_instead_of_a_socket_is_tried_again() {
    let rig = Rig::start().await;
    let _reader = rig.trades(&["KRW-BTC"]);
    rig.server.answer_status("503 Service Unavailable").await;
    assert_eq!(rig.server.accept().await.subscription().await, ["KRW-BTC/trade"]);
    assert_eq!(rig.hub.metrics().connect_failures, 1);
}

#[tokio::test]
async fn a_key_that_is_refused_at_the_door_is_not_tried_again() {
    let rig = Rig::start().await;
    let mut reader = rig.trades(&["KRW-BTC"]);
    rig.server.answer_status("401 Unauthorized").await;
    assert_eq!(next(&mut reader).await, "gap opened refused 1000..");
    assert!(rig.server.stays_alone_for(Duration::from_millis(200)).await);
    let refused = rig.hub.metrics().refused.unwrap();
    assert!(refused.ends_with("401 Unauthorized instead of opening a socket; check the key"), "{refused}");
    rig.hub.retry().await;
    assert_eq!(rig.server.accept().await.subscription().await, ["KRW-BTC/trade"]);
}

#[tokio::test]
async fn who_answers_the_first_contact_without_a_socket_has_none() {
    for status in ["404 Not Found", "200 OK", "403 Forbidden"] {
        let rig = Rig::start().await;
        let _reader = rig.trades(&["KRW-BTC"]);
        rig.server.answer_status(status).await;
        eventually(|| rig.hub.metrics().refused.is_some()).await;
        let why = rig.hub.metrics().refused.unwrap();
        assert!(
            why.contains(&format!("answers {status} instead of opening a socket; check the address")),
            "{why}"
        );
        assert!(rig.server.stays_alone_for(Duration::from_millis(200)).await, "{status}");
    }
}

#[tokio::test]
async fn an_address_that_had_a_socket_before_is_tried_again() {
    let rig = Rig::start().await;
    let _reader = rig.trades(&["KRW-BTC"]);
    let peer = rig.server.subscribed().await;
    drop(peer);
    rig.server.answer_status("404 Not Found").await;
    let mut peer = rig.server.accept().await;
    assert_eq!(peer.subscription().await, ["KRW-BTC/trade"]);
    assert_eq!(rig.hub.metrics().refused, None);
}
