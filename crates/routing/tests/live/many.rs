//! Channels distributed over several connections, each of which breaks alone.

use std::time::Duration;

use market_backbone_core::StreamKind;
use market_backbone_routing::{Health, SessionConfig};
use market_backbone_testkit::{PlainVenue, channel};

use crate::rig::{Rig, is_empty, next, quick};
use crate::server::{Peer, Server, eventually, soon};

const TRADE: StreamKind = StreamKind::Trade;

/// Two channels on each of at most three connections.
fn spread() -> SessionConfig {
    quick().channels_per_connection(2).max_connections(3)
}

/// Returns the next connection, and its subscriptions.
async fn accept(server: &Server) -> (Peer, Vec<String>) {
    let mut peer = server.accept().await;
    let asked = peer.subscription().await;
    (peer, asked)
}

#[tokio::test]
async fn more_channels_than_one_should_carry_get_more_connections() {
    let rig = Rig::with(PlainVenue::default(), spread()).await;
    let mut reader = rig.trades(&["KRW-A", "KRW-B", "KRW-C", "KRW-D", "KRW-E"]);
    let mut peers = Vec::new();
    for _ in 0..3 {
        peers.push(accept(&rig.server).await);
    }
    let mut asked: Vec<_> = peers.iter().flat_map(|(_, asked)| asked.clone()).collect();
    asked.sort();
    assert_eq!(asked, ["KRW-A/trade", "KRW-B/trade", "KRW-C/trade", "KRW-D/trade", "KRW-E/trade"]);
    for (id, (peer, asked)) in peers.iter_mut().enumerate() {
        let code = asked[0].strip_suffix("/trade").unwrap();
        peer.send(&format!("trade {code} {id} 1")).await;
        assert_eq!(next(&mut reader).await, format!("trade {id}"));
    }
    let metrics = rig.hub.metrics();
    assert_eq!(metrics.connections.iter().map(|one| one.channels).collect::<Vec<_>>(), [2, 2, 1]);
    assert!(
        metrics.connections.iter().all(|one| one.health == Health::Live && one.frames == 1),
        "{metrics:?}"
    );
    assert!(rig.server.stays_alone_for(Duration::from_millis(50)).await);
}

#[tokio::test]
async fn a_break_concerns_only_those_it_served() {
    let rig = Rig::with(PlainVenue::default(), spread()).await;
    let mut left = rig.trades(&["KRW-A", "KRW-B"]);
    let (mut one, asked) = accept(&rig.server).await;
    assert_eq!(asked, ["KRW-A/trade", "KRW-B/trade"]);
    let mut right = rig.trades(&["KRW-C"]);
    let (mut two, asked) = accept(&rig.server).await;
    assert_eq!(asked, ["KRW-C/trade"]);
    let mut both = rig.trades(&["KRW-A", "KRW-C"]);
    one.send("trade KRW-A 1 1;trade KRW-B 1 1").await;
    two.send("trade KRW-C 2 1").await;
    assert!(rig.is_live(&channel("KRW-B", TRADE)).await && rig.is_live(&channel("KRW-C", TRADE)).await);

    drop(one);
    for _ in 0..2 {
        assert_eq!(next(&mut left).await, "trade 1");
        next(&mut both).await;
    }
    assert_eq!(next(&mut left).await, "gap opened disconnected 1000..");
    assert_eq!(next(&mut both).await, "gap opened disconnected 1000..");
    assert!(rig.hub.is_live(&channel("KRW-C", TRADE)) && !rig.hub.is_live(&channel("KRW-A", TRADE)));
    two.send("trade KRW-C 3 1").await;
    assert_eq!(next(&mut right).await, "trade 2");
    assert_eq!(next(&mut right).await, "trade 3");
    assert_eq!(next(&mut both).await, "trade 3");
    let (mut one, asked) = accept(&rig.server).await;
    assert_eq!(asked, ["KRW-A/trade", "KRW-B/trade"]);
    one.send("trade KRW-A 4 1").await;
    // Of the channels of the gap this one reads KRW-A alone.
    assert_eq!(next(&mut both).await, "gap resumed disconnected 1000..1000");
    assert_eq!(next(&mut both).await, "trade 4");
    assert_eq!(next(&mut left).await, "trade 4");
    one.send("trade KRW-B 5 1").await;
    assert_eq!(next(&mut left).await, "gap resumed disconnected 1000..1000");
    assert!(is_empty(&mut right));
    let connections = rig.hub.metrics().connections;
    assert_eq!(connections.iter().map(|one| one.reconnects).collect::<Vec<_>>(), [1, 0]);
}

#[tokio::test]
async fn a_market_stays_where_it_is() {
    let rig = Rig::with(PlainVenue::default(), spread()).await;
    let _a = rig.hub.follow(&[channel("KRW-A", TRADE)]);
    let b = rig.hub.follow(&[channel("KRW-B", TRADE)]);
    let (mut one, _) = accept(&rig.server).await;
    let _c = rig.hub.follow(&[channel("KRW-C", TRADE)]);
    let (_two, asked) = accept(&rig.server).await;
    assert_eq!(asked, ["KRW-C/trade"]);
    drop(b);
    assert_eq!(one.subscription().await, ["KRW-A/trade"]);
    // The one with room and the smallest load.
    let _a = rig.hub.follow(&[channel("KRW-A", StreamKind::Ticker)]);
    assert_eq!(one.subscription().await, ["KRW-A/trade", "KRW-A/ticker"]);
}

#[tokio::test]
async fn the_venues_own_maximum_holds() {
    let mut venue = PlainVenue::default();
    venue.capabilities.socket.max_connections = Some(1);
    let rig = Rig::with(venue, spread()).await;
    let codes: Vec<_> = (0..9).map(|n| format!("KRW-{n}")).collect();
    let _reader = rig.trades(&codes.iter().map(String::as_str).collect::<Vec<_>>());
    let (_peer, asked) = accept(&rig.server).await;
    assert_eq!(asked.len(), 9);
    // A second one beside it would be one too many.
    assert!(!rig.hub.rotate().await);
    assert!(rig.server.stays_alone_for(Duration::from_millis(50)).await);
}

#[tokio::test]
async fn shutdown_closes_all_of_them() {
    let rig = Rig::with(PlainVenue::default(), spread()).await;
    let mut reader = rig.trades(&["KRW-A", "KRW-B", "KRW-C"]);
    let (one, two) = (accept(&rig.server).await.0, accept(&rig.server).await.0);
    eventually(|| rig.hub.metrics().connections.iter().all(|one| one.health == Health::Live)).await;
    rig.cancel.cancel();
    rig.tracker.close();
    let goodbyes = [one, two].map(|mut peer| async move { while peer.next().await.is_some() {} });
    soon(futures::future::join_all(goodbyes)).await;
    soon(rig.tracker.wait()).await;
    assert_eq!(next(&mut reader).await, "end");
    assert!(!rig.hub.metrics().connected);
}
