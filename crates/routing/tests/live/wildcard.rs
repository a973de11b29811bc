//! All markets under the wildcard, and venues that acknowledge subscriptions.

use std::time::Duration;

use market_backbone_core::{Channel, Delivery, StreamKind, Symbol};
use market_backbone_testkit::{PLAIN, PlainVenue, channel, symbol};

use crate::rig::{Rig, is_empty, next, quick};
use crate::server::eventually;

const TRADE: StreamKind = StreamKind::Trade;

#[tokio::test]
async fn readers_of_all_and_of_one_get_each_event_once() {
    let rig = Rig::start().await;
    let mut all = rig.read(&["*"], TRADE, Delivery::default());
    let mut one = rig.trades(&["KRW-A"]);
    let mut both = rig.trades(&["*", "KRW-A"]);
    let mut peer = rig.server.accept().await;
    while peer.subscription().await.len() < 2 {}
    peer.send("trade KRW-A 1 100;trade KRW-A 1 100;trade KRW-NEW 2 100;trade KRW-NEW 2 100").await;
    for reader in [&mut all, &mut both] {
        assert_eq!(next(reader).await, "trade 1");
        assert_eq!(next(reader).await, "trade 2");
        assert!(is_empty(reader));
    }
    assert_eq!(next(&mut one).await, "trade 1");
    assert!(is_empty(&mut one));
    eventually(|| rig.hub.metrics().repeated == 2).await;
    assert_eq!(rig.hub.latest_trade(&symbol("KRW-NEW")).unwrap().id.to_string(), "2");
    assert!(rig.hub.is_live(&channel("KRW-NEW", TRADE)));

    // The gap of all ends with whatever comes first, that of one with its own.
    drop(peer);
    for reader in [&mut all, &mut both, &mut one] {
        assert_eq!(next(reader).await, "gap opened disconnected 1000..");
    }
    let mut peer = rig.server.subscribed().await;
    peer.send("trade KRW-NEW 3 100").await;
    assert_eq!(next(&mut all).await, "trade 3");
    assert_eq!(next(&mut all).await, "gap resumed disconnected 1000..1000");
    assert_eq!(next(&mut both).await, "trade 3");
    assert!(is_empty(&mut both) && is_empty(&mut one));
    peer.send("confirm *").await;
    assert_eq!(next(&mut both).await, "gap resumed disconnected 1000..1000");
    assert_eq!(next(&mut one).await, "gap resumed disconnected 1000..1000");
}

#[tokio::test]
async fn a_venue_that_says_what_it_sends_is_taken_at_its_word() {
    let config = quick().unanswered_after(Duration::from_millis(60));
    let rig = Rig::with(PlainVenue::default(), config).await;
    let _reader = rig.trades(&["KRW-A", "KRW-B", "KRW-NOPE"]);
    let mut peer = rig.server.subscribed().await;
    peer.send("confirm KRW-A KRW-B").await;
    eventually(|| rig.hub.metrics().unanswered == [symbol("KRW-NOPE")]).await;
    peer.send("confirm KRW-NOPE").await;
    eventually(|| rig.hub.metrics().unanswered.is_empty()).await;
}

#[tokio::test]
async fn ten_thousand_markets_are_met_and_forgotten() {
    let rig = Rig::start().await;
    let mut all = rig.read(&["*"], TRADE, Delivery::Buffered { capacity: 20_000 });
    let mut peer = rig.server.subscribed().await;
    for from in (0..10_000).step_by(500) {
        let trades: Vec<_> = (from..from + 500).map(|n| format!("trade S{n:05} {n} 100")).collect();
        peer.send(&trades.join(";")).await;
    }
    for n in 0..10_000 {
        assert_eq!(next(&mut all).await, format!("trade {n}"));
    }
    let last = symbol("S09999");
    assert!(rig.hub.latest_trade(&last).is_some());
    drop(all);
    eventually(|| rig.hub.latest_trade(&last).is_none()).await;
    let again = rig.hub.follow(&[Channel { symbol: Symbol::any(PLAIN), kind: TRADE }]);
    assert!(rig.hub.latest_trade(&last).is_none());
    drop(again);
}

#[tokio::test]
async fn an_earlier_candle_that_has_grown_reaches_the_reader_by_whatever_connection() {
    let rig = Rig::start().await;
    let kind = StreamKind::Candle(market_backbone_core::Timeframe::M1);
    let mut reader = rig.read(&["KRW-A"], kind, Delivery::default());
    let mut peer = rig.server.subscribed().await;
    peer.send("candle KRW-A 60 1 5;candle KRW-A 120 2 5;candle KRW-A 60 3 6").await;
    for want in ["candle 1", "candle 2", "candle 3"] {
        assert_eq!(next(&mut reader).await, want);
    }
    drop(peer);
    assert_eq!(next(&mut reader).await, "gap opened disconnected 1000..");
    let mut peer = rig.server.subscribed().await;
    // The same again is nothing new; a larger volume is.
    peer.send("candle KRW-A 120 2 5;candle KRW-A 60 3 6;candle KRW-A 60 4 7").await;
    assert_eq!(next(&mut reader).await, "gap resumed disconnected 1000..1000");
    assert_eq!(next(&mut reader).await, "candle 4");
    peer.send("candle KRW-A 120 5 9").await;
    assert_eq!(next(&mut reader).await, "candle 5");
    assert_eq!(rig.hub.metrics().repeated, 2);
}
