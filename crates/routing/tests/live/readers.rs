//! Readers: each at its own pace, and the latest values without reading.

use market_backbone_core::{Delivery, Series, StreamKind, Subscription, Timeframe};
use market_backbone_testkit::{channel, symbol};

use crate::rig::{Rig, is_empty, next};
use crate::server::eventually;

const CANDLE: StreamKind = StreamKind::Candle(Timeframe::M1);

#[tokio::test]
async fn a_slow_reader_lags_and_the_others_do_not() {
    let rig = Rig::start().await;
    let mut slow = rig.read(&["KRW-BTC"], StreamKind::Trade, Delivery::Buffered { capacity: 3 });
    let mut patient = rig.trades(&["KRW-BTC"]);
    let mut peer = rig.server.subscribed().await;
    for id in 0..100 {
        peer.send(&format!("trade KRW-BTC {id} 100")).await;
    }
    for id in 0..100 {
        assert_eq!(next(&mut patient).await, format!("trade {id}"));
    }
    assert_eq!(next(&mut slow).await, "lagged 97");
    for id in 97..100 {
        assert_eq!(next(&mut slow).await, format!("trade {id}"));
    }
    assert_eq!(rig.hub.metrics().lagged, 97);
}

#[tokio::test]
async fn a_conflated_reader_sees_the_latest_of_each_market() {
    let rig = Rig::start().await;
    let mut latest = rig.read(&["KRW-BTC", "KRW-ETH"], StreamKind::Ticker, Delivery::Conflated);
    let mut every = rig.read(&["KRW-BTC"], StreamKind::Ticker, Delivery::default());
    let mut peer = rig.server.subscribed().await;
    peer.send("ticker KRW-ETH 1;ticker KRW-BTC 2;ticker KRW-ETH 3;ticker KRW-BTC 4").await;
    assert_eq!(next(&mut every).await, "ticker 2");
    assert_eq!(next(&mut every).await, "ticker 4");
    eventually(|| rig.hub.metrics().events == 4).await;
    assert_eq!(next(&mut latest).await, "ticker 3");
    assert_eq!(next(&mut latest).await, "ticker 4");
    assert!(is_empty(&mut latest));
    assert_eq!(rig.hub.metrics().lagged, 0);
}

#[tokio::test]
async fn a_late_reader_begins_with_the_state_but_not_with_old_trades() {
    let rig = Rig::start().await;
    let kinds = [StreamKind::Ticker, StreamKind::Book, CANDLE, StreamKind::Trade];
    let wish = Subscription::new([symbol("KRW-BTC")], kinds).unwrap();
    let _early = rig.hub.subscribe(&wish);
    let mut peer = rig.server.subscribed().await;
    peer.send("ticker KRW-BTC 1;book KRW-BTC 2;trade KRW-BTC 3 100;candle KRW-BTC 60 4").await;
    assert!(rig.is_live(&channel("KRW-BTC", CANDLE)).await);
    let mut late = rig.hub.subscribe(&wish);
    for known in ["ticker 1", "book 2", "candle 4"] {
        assert_eq!(next(&mut late).await, known);
    }
    assert!(is_empty(&mut late));
}

#[tokio::test]
async fn the_latest_of_everything_followed_can_be_had_without_waiting() {
    let rig = Rig::start().await;
    let (btc, series) = (symbol("KRW-BTC"), Series::new(symbol("KRW-BTC"), Timeframe::M1));
    let kinds = [StreamKind::Ticker, StreamKind::Book, StreamKind::Band, StreamKind::Trade, CANDLE];
    let follow = rig.hub.follow(&kinds.map(|kind| channel("KRW-BTC", kind)));
    assert_eq!(rig.hub.latest_ticker(&btc), None);
    let mut peer = rig.server.subscribed().await;
    peer.send("ticker KRW-BTC 1;book KRW-BTC 2;band KRW-BTC 8 9;trade KRW-BTC 3 100;candle KRW-BTC 60 4")
        .await;
    assert!(rig.is_live(&channel("KRW-BTC", CANDLE)).await);
    assert_eq!(rig.hub.latest_ticker(&btc).unwrap().price, 1.0);
    assert_eq!(rig.hub.latest_book(&btc).unwrap().asks[0].price, 2.0);
    let band = rig.hub.latest_band(&btc).unwrap();
    assert_eq!((band.low, band.high, band.indicators.iter().collect::<Vec<_>>()), (8.0, 9.0, vec![17]));
    assert_eq!(rig.hub.latest_trade(&btc).unwrap().id.to_string(), "3");
    assert_eq!(rig.hub.latest_candle(&series).unwrap().close, 4.0);
    drop(follow);
    eventually(|| rig.hub.latest_ticker(&btc).is_none()).await;
}

#[tokio::test]
async fn a_dropped_reader_takes_only_its_own_subscriptions_along() {
    let rig = Rig::start().await;
    let (btc, both) = (rig.trades(&["KRW-BTC"]), rig.trades(&["KRW-BTC", "KRW-ETH"]));
    let mut peer = rig.server.accept().await;
    assert_eq!(peer.subscription().await, ["KRW-BTC/trade", "KRW-ETH/trade"]);
    drop(both);
    assert_eq!(peer.subscription().await, ["KRW-BTC/trade"]);
    assert_eq!(rig.hub.metrics().readers, 1);
    drop(btc);
    assert_eq!(rig.hub.metrics().desired, 0);
}

#[tokio::test]
async fn what_the_venue_cannot_stream_spoils_nothing_else() {
    let rig = Rig::start().await;
    let kinds = [StreamKind::Trade, StreamKind::Candle(Timeframe::D1)];
    let _reader = rig.hub.subscribe(&Subscription::new([symbol("KRW-BTC")], kinds).unwrap());
    assert_eq!(rig.server.accept().await.subscription().await, ["KRW-BTC/trade"]);
}
