//! Several connections named in the configuration, and the failover of the markets of one that stays down.

use std::time::Duration;

use market_backbone_core::StreamKind;
use market_backbone_routing::{Health, PinnedConnection, SessionConfig};
use market_backbone_testkit::{PlainVenue, channel, symbol};

use crate::rig::{Rig, is_empty, next, quick};
use crate::server::{Peer, Server, eventually};

const TRADE: StreamKind = StreamKind::Trade;

fn pin(name: &str, codes: &[&str]) -> PinnedConnection {
    PinnedConnection::new(name, codes.iter().map(|code| symbol(code)))
}

fn pinned() -> SessionConfig {
    let pinned = vec![pin("core", &["KRW-A", "KRW-B"]), pin("rest", &["KRW-B", "KRW-C"])];
    quick().pinned(pinned).max_connections(2).channels_per_connection(4)
}

/// Returns the next connection, and its subscriptions.
async fn accept(server: &Server) -> (Peer, Vec<String>) {
    let mut peer = server.accept().await;
    let asked = peer.subscription().await;
    (peer, asked)
}

/// The next two connections: the one with KRW-A first.
async fn both(server: &Server) -> [(Peer, Vec<String>); 2] {
    let mut two = [accept(server).await, accept(server).await];
    two.sort_by(|one, other| one.1.cmp(&other.1));
    two
}

#[tokio::test]
async fn what_is_pinned_is_where_it_was_pinned() {
    let rig = Rig::with(PlainVenue::default(), pinned()).await;
    eventually(|| rig.hub.metrics().connections.len() == 2).await;
    let _reader = rig.trades(&["KRW-A", "KRW-B", "KRW-C", "KRW-D"]);
    let [(mut core, one), (_rest, two)] = both(&rig.server).await;
    assert_eq!(one, ["KRW-A/trade", "KRW-B/trade"], "the first who names a market has it");
    assert_eq!(two, ["KRW-C/trade", "KRW-D/trade"], "who is new goes to the one that carries least");
    core.send("trade KRW-A 1 100").await;
    eventually(|| rig.hub.metrics().connections[0].frames == 1).await;
    let connections = rig.hub.metrics().connections;
    let told: Vec<_> =
        connections.iter().map(|one| (one.name.as_deref().unwrap(), one.channels, one.health)).collect();
    assert_eq!(told, [("core", 2, Health::Live), ("rest", 2, Health::Live)]);
    assert!(rig.server.stays_alone_for(Duration::from_millis(50)).await);
}

#[tokio::test]
async fn more_connections_than_there_may_be_are_refused_with_the_reason() {
    let mut venue = PlainVenue::default();
    assert!(pinned().check(&venue.capabilities).is_ok());
    venue.capabilities.socket.max_connections = Some(1);
    let error = pinned().check(&venue.capabilities).unwrap_err().to_string();
    assert!(error.contains("2 connections are configured (core, rest)"), "{error}");
    assert!(error.contains("the account may have 1 at fake"), "{error}");
    let few = pinned().max_connections(1);
    let error = few.check(&PlainVenue::default().capabilities).unwrap_err().to_string();
    assert!(error.contains("no more than 1 are to be opened"), "{error}");
    assert!(SessionConfig::default().check(&venue.capabilities).is_ok(), "a mere wish is cut down");
}

#[tokio::test]
async fn orphans_are_carried_by_others_and_go_home_without_a_gap() {
    let grace = Duration::from_millis(100);
    // Only a value or an acknowledgement counts here.
    let config = pinned().failover_after(grace).confirm_timeout(Duration::from_secs(60));
    let rig = Rig::with(PlainVenue::default(), config).await;
    let mut reader = rig.trades(&["KRW-A", "KRW-B", "KRW-C"]);
    let [(mut core, _), (mut rest, _)] = both(&rig.server).await;
    core.send("trade KRW-A 1 100").await;
    assert_eq!(next(&mut reader).await, "trade 1");
    core.send("evict 600").await;
    assert_eq!(next(&mut reader).await, "gap opened evicted 1000..");

    // The other one takes them over.
    assert_eq!(rest.subscription().await, ["KRW-A/trade", "KRW-B/trade", "KRW-C/trade"]);
    rest.send("trade KRW-A 2 100;trade KRW-B 3 100").await;
    for want in ["trade 2", "gap resumed evicted 1000..1000", "trade 3"] {
        assert_eq!(next(&mut reader).await, want);
    }
    let health: Vec<_> = rig.hub.metrics().connections.iter().map(|one| (one.health, one.channels)).collect();
    assert_eq!(health, [(Health::Evicted, 2), (Health::Live, 3)]);

    // It comes back and breaks at once: what it had asked for goes on arriving.
    let (core, _) = accept(&rig.server).await;
    drop(core);
    for want in ["gap opened disconnected 1000..", "gap resumed disconnected 1000..1000"] {
        assert_eq!(next(&mut reader).await, want);
    }

    // It comes back: both deliver the same for a moment, then the other one drops them.
    let (mut core, asked) = accept(&rig.server).await;
    assert_eq!(asked, ["KRW-A/trade", "KRW-B/trade"]);
    core.send("trade KRW-A 4 100").await;
    assert_eq!(next(&mut reader).await, "trade 4");
    rest.send("trade KRW-A 4 100").await;
    core.send("confirm KRW-A KRW-B").await;
    assert_eq!(rest.subscription().await, ["KRW-C/trade"]);
    eventually(|| rig.hub.metrics().repeated == 1).await;
    core.send("trade KRW-B 5 100").await;
    assert_eq!(next(&mut reader).await, "trade 5");
    assert!(is_empty(&mut reader), "neither way was a gap");
    let metrics = rig.hub.metrics();
    assert_eq!(metrics.health, Health::Live);
    let core = &metrics.connections[0];
    assert_eq!((core.errors, core.last_error.is_some()), (2, true));
    assert!(rig.is_live(&channel("KRW-A", TRADE)).await);
}
