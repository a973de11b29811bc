//! A connection that ends at any stage of its life: the gaps announced, the subscriptions repeated, and the
//! readers' view.

use std::time::Duration;

use market_backbone_core::{KeepAlive, LiveStream, Login, Secret};
use market_backbone_routing::Health;
use market_backbone_testkit::{PlainVenue, channel};
use tokio_tungstenite::tungstenite::Message;

use crate::rig::{Rig, is_empty, next, quick};
use crate::server::{Peer, eventually};

/// How far a connection gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// It is accepted, and no socket is opened on it.
    Taken,
    Opened,
    Welcomed,
    /// The key was sent, without an answer.
    Greeted,
    /// The key was accepted; subscriptions are not read.
    LetIn,
    /// It has subscribed to everything.
    Asked,
    /// Everything was confirmed.
    Confirmed,
    /// Data arrived.
    Fed,
}

/// How it ends there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Without a close frame.
    Cut,
    /// With a close frame.
    Closed,
    /// It stays open and sends nothing any more, not even pongs.
    Starved,
}

const STAGES: [Stage; 8] = [
    Stage::Taken,
    Stage::Opened,
    Stage::Welcomed,
    Stage::Greeted,
    Stage::LetIn,
    Stage::Asked,
    Stage::Confirmed,
    Stage::Fed,
];

const WISHES: [&str; 2] = ["KRW-BTC/trade", "KRW-ETH/trade"];

/// A venue that requires a login, and whose silence is soon suspicious.
fn venue() -> PlainVenue {
    let mut venue = PlainVenue::default();
    venue.capabilities.socket.keep_alive = KeepAlive::Ping;
    venue.capabilities.socket.keep_alive_every = Duration::from_millis(60);
    venue.capabilities.socket.idle_timeout = Duration::from_millis(200);
    let messages = vec![Secret::new("key 1234")];
    venue.login = Some(Login { messages, awaits_prompt: true, timeout: Duration::from_millis(200) });
    venue
}

async fn rig() -> Rig {
    // Only an acknowledgement or a value counts here.
    let config = quick().connect_timeout(Duration::from_millis(200)).confirm_timeout(Duration::from_secs(60));
    Rig::with(venue(), config).await
}

/// Leads the next connection to `stage`.
async fn lead(rig: &Rig, stage: Stage) -> Option<Peer> {
    let taken = rig.server.accept_quietly().await;
    if stage == Stage::Taken {
        return None;
    }
    let mut peer = Peer::open(taken).await;
    if stage >= Stage::Welcomed {
        assert_ne!(rig.hub.metrics().health, Health::Live, "it is not let in yet");
        peer.send("hello").await;
    }
    if stage >= Stage::Greeted {
        assert_eq!(peer.next().await, Some(Message::text("key 1234")));
    }
    if stage >= Stage::LetIn {
        peer.send("ready").await;
    }
    if stage >= Stage::Asked {
        assert_eq!(peer.subscription().await, WISHES, "all of it, each time");
    }
    if stage >= Stage::Confirmed {
        peer.send("confirm KRW-BTC KRW-ETH").await;
    }
    if stage >= Stage::Fed {
        peer.send("trade KRW-BTC 7 100").await;
    }
    Some(peer)
}

/// Leads the next connection to `stage` and ends it there. One that is starved is to be kept.
async fn end(rig: &Rig, stage: Stage, way: Way) -> Option<Peer> {
    match (way, lead(rig, stage).await) {
        (Way::Cut, peer) => {
            drop(peer);
            None
        }
        (Way::Closed, peer) => {
            if let Some(peer) = peer {
                peer.close().await;
            }
            None
        }
        (Way::Starved, peer) => peer,
    }
}

fn cause(way: Way, stage: Stage) -> &'static str {
    // A peer that is silent before the login was accepted has not accepted it.
    if way == Way::Starved && stage >= Stage::LetIn { "silent" } else { "disconnected" }
}

/// A connection that lives.
async fn live(rig: &Rig, id: u32) -> Peer {
    let mut peer = lead(rig, Stage::Confirmed).await.unwrap();
    peer.send(&format!("trade KRW-BTC {id} 100")).await;
    peer
}

async fn all_of(reader: &mut LiveStream, want: &[String], about: &str) {
    for want in want {
        assert_eq!(&next(reader).await, want, "{about}");
    }
    assert!(is_empty(reader), "{about}");
}

/// Checks the reader's view from one connection to the next, with an end at `stage` between them.
async fn between_two_lives(stage: Stage, way: Way) {
    let about = format!("{stage:?} {way:?}");
    let rig = rig().await;
    let mut reader = rig.trades(&["KRW-BTC", "KRW-ETH"]);
    let first = live(&rig, 1).await;
    all_of(&mut reader, &["trade 1".to_owned()], &about).await;
    eventually(|| rig.hub.metrics().health == Health::Live).await;
    drop(first);
    let opened = |cause: &str| format!("gap opened {cause} 1000..");
    let resumed = |cause: &str| format!("gap resumed {cause} 1000..1000");
    all_of(&mut reader, &[opened("disconnected")], &about).await;
    assert_ne!(rig.hub.metrics().health, Health::Live, "{about}");

    let kept = end(&rig, stage, way).await;
    let mut want = Vec::new();
    let mut open = "disconnected";
    if stage >= Stage::Confirmed {
        want.push(resumed(open));
        if stage >= Stage::Fed {
            want.push("trade 7".to_owned());
        }
        open = cause(way, stage);
        want.push(opened(open));
    }
    let _second = live(&rig, 2).await;
    want.extend([resumed(open), "trade 2".to_owned()]);
    all_of(&mut reader, &want, &about).await;
    drop(kept);
    eventually(|| rig.hub.metrics().health == Health::Live).await;
    let metrics = rig.hub.metrics();
    assert!(metrics.connected, "{about}");
    assert_eq!((metrics.drops + metrics.connect_failures, metrics.connections[0].errors), (2, 2), "{about}");
    assert!(metrics.connections[0].last_error.is_some(), "{about}");
    assert!(rig.is_live(&channel("KRW-BTC", market_backbone_core::StreamKind::Trade)).await, "{about}");
}

#[tokio::test]
async fn a_cut_at_any_stage_is_one_gap_that_ends() {
    for stage in STAGES {
        between_two_lives(stage, Way::Cut).await;
    }
}

#[tokio::test]
async fn a_goodbye_at_any_stage_is_one_gap_that_ends() {
    for stage in STAGES.into_iter().filter(|stage| *stage != Stage::Taken) {
        between_two_lives(stage, Way::Closed).await;
    }
}

#[tokio::test]
async fn silence_at_any_stage_is_one_gap_that_ends() {
    for stage in STAGES {
        between_two_lives(stage, Way::Starved).await;
    }
}

/// What was sent since the reader joined is missing.
#[tokio::test]
async fn a_first_connection_that_is_never_let_in_is_a_gap_like_any_other() {
    for stage in STAGES.into_iter().filter(|stage| *stage < Stage::LetIn) {
        let rig = rig().await;
        let mut reader = rig.trades(&["KRW-BTC", "KRW-ETH"]);
        end(&rig, stage, Way::Cut).await;
        let _peer = live(&rig, 1).await;
        let told = ["gap opened disconnected 1000..", "gap resumed disconnected 1000..1000", "trade 1"];
        all_of(&mut reader, &told.map(str::to_owned), &format!("{stage:?}")).await;
    }
}

#[tokio::test]
async fn a_refused_key_or_an_eviction_during_login_is_reported_as_such() {
    let rig = rig().await;
    let _reader = rig.trades(&["KRW-BTC", "KRW-ETH"]);
    let mut peer = lead(&rig, Stage::Greeted).await.unwrap();
    peer.send("evict 150").await;
    eventually(|| rig.hub.metrics().health == Health::Evicted).await;
    assert!(rig.server.stays_alone_for(Duration::from_millis(100)).await);
    // An accepted login proves nothing: the next eviction is waited out as well.
    let mut peer = lead(&rig, Stage::Confirmed).await.unwrap();
    peer.send("evict 150").await;
    eventually(|| rig.hub.metrics().evicted == 2).await;
    assert!(rig.server.stays_alone_for(Duration::from_millis(100)).await);
    let mut peer = lead(&rig, Stage::Greeted).await.unwrap();
    peer.send("refuse always").await;
    eventually(|| rig.hub.metrics().health == Health::Refused).await;
    assert_eq!(rig.hub.metrics().refused.as_deref(), Some("refused"));
}
