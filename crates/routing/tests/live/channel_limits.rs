//! More channels are wanted than may be followed.

use std::time::Duration;

use market_backbone_core::StreamKind;
use market_backbone_routing::{Interest, SessionConfig, SubscriptionLimits};
use market_backbone_testkit::{PlainVenue, channel, symbol};

use crate::rig::{Rig, is_empty, next, quick};

const TICKER: StreamKind = StreamKind::Ticker;

fn two_tickers() -> SessionConfig {
    let caps = SubscriptionLimits::default().ticker(2).min_stay(Duration::ZERO);
    quick().subscription_limits(caps)
}

#[tokio::test]
async fn an_order_takes_the_place_of_a_watched_market() {
    let rig = Rig::with(PlainVenue::default(), two_tickers()).await;
    rig.hub.set_watchlist(&[(symbol("KRW-A"), 1.0), (symbol("KRW-B"), 3.0), (symbol("KRW-C"), 2.0)], TICKER);
    let mut peer = rig.server.accept().await;
    assert_eq!(peer.subscription().await, ["KRW-B/ticker", "KRW-C/ticker"]);
    peer.send("ticker KRW-B 1;ticker KRW-C 1").await;
    assert!(rig.is_live(&channel("KRW-C", TICKER)).await);
    let order = rig.hub.follow_for(Interest::ActiveOrder, &[channel("KRW-Z", TICKER)]);
    assert_eq!(peer.subscription().await, ["KRW-B/ticker", "KRW-Z/ticker"]);
    assert_eq!(rig.hub.metrics().waiting, [channel("KRW-A", TICKER), channel("KRW-C", TICKER)]);
    // A waiting channel is not live, whatever still arrives of it.
    peer.send("ticker KRW-C 2;ticker KRW-Z 1").await;
    assert!(rig.is_live(&channel("KRW-Z", TICKER)).await);
    assert!(!rig.hub.is_live(&channel("KRW-C", TICKER)));
    drop(order);
    assert_eq!(peer.subscription().await, ["KRW-B/ticker", "KRW-C/ticker"]);
}

#[tokio::test]
async fn scores_that_tremble_send_nothing_and_one_that_is_clearly_better_does() {
    let rig = Rig::with(PlainVenue::default(), two_tickers()).await;
    let watch = |a: f64, b: f64, c: f64| {
        let scores = [(symbol("KRW-A"), a), (symbol("KRW-B"), b), (symbol("KRW-C"), c)];
        rig.hub.set_watchlist(&scores, TICKER);
    };
    watch(10.0, 9.9, 9.8);
    let mut peer = rig.server.accept().await;
    assert_eq!(peer.subscription().await, ["KRW-A/ticker", "KRW-B/ticker"]);
    for _ in 0..20 {
        watch(9.8, 10.0, 10.2);
        watch(10.1, 9.7, 9.9);
    }
    watch(10.0, 9.0, 12.0);
    assert_eq!(peer.subscription().await, ["KRW-A/ticker", "KRW-C/ticker"]);
    assert_eq!(rig.hub.metrics().subscriptions_sent, 2);
}

#[tokio::test]
async fn a_reader_who_has_to_wait_is_told() {
    let rig = Rig::with(PlainVenue::default(), two_tickers()).await;
    let mut reader = rig.read(&["KRW-A"], TICKER, market_backbone_core::Delivery::default());
    let mut peer = rig.server.subscribed().await;
    peer.send("ticker KRW-A 1").await;
    assert_eq!(next(&mut reader).await, "ticker 1");
    let urgent = rig.hub.follow_for(Interest::HotZone, &[channel("KRW-Y", TICKER), channel("KRW-Z", TICKER)]);
    assert_eq!(next(&mut reader).await, "gap opened displaced 1000..");
    assert_eq!(peer.subscription().await, ["KRW-Y/ticker", "KRW-Z/ticker"]);
    drop(urgent);
    assert_eq!(peer.subscription().await, ["KRW-A/ticker"]);
    assert!(is_empty(&mut reader));
    peer.send("ticker KRW-A 2").await;
    assert_eq!(next(&mut reader).await, "gap resumed displaced 1000..1000");
    assert_eq!(next(&mut reader).await, "ticker 2");
}
