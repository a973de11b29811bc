//! Replacing an open connection: nothing lost, nothing repeated, nothing backwards, and no gap.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use market_backbone_core::{Delivery, FeedEvent, LiveStream, StreamKind};
use market_backbone_routing::SessionConfig;
use market_backbone_testkit::{PlainVenue, channel};
use tokio::net::TcpStream;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use crate::rig::{Rig, is_empty, next, quick};
use crate::server::{Peer, Server, eventually, soon};

/// A trade of the tape: its id, and its time.
type Print = (u64, Instant);

fn settings() -> SessionConfig {
    quick().linger(Duration::from_millis(100))
}

/// Sends the trades from the moment of the subscription on, each connection with a delay of its own.
async fn serve(stream: TcpStream, tape: broadcast::Sender<Print>, delay: Duration) {
    let Ok(socket) = accept_async(stream).await else { return };
    let (mut sink, mut frames) = socket.split();
    while let Some(Ok(message)) = frames.next().await {
        if matches!(message, Message::Text(_)) {
            break;
        }
    }
    let mut prints = tape.subscribe();
    let sending = async {
        while let Ok((id, made)) = prints.recv().await {
            sleep_until(made + delay).await;
            let frame = format!("trade KRW-BTC {id} 1 {id};ticker KRW-BTC {id} {id}");
            if sink.send(Message::binary(frame.into_bytes())).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = sending => {}
        () = async { while let Some(Ok(_)) = frames.next().await {} } => {}
    }
}

async fn accept_all(server: Arc<Server>, tape: broadcast::Sender<Print>, delay_of: fn(u64) -> u64) {
    let mut peers = JoinSet::new();
    for n in 0_u64.. {
        let stream = server.accept_patiently().await;
        peers.spawn(serve(stream, tape.clone(), Duration::from_millis(delay_of(n))));
    }
}

/// Makes trades until told to stop; returns the last id.
async fn print(tape: broadcast::Sender<Print>, stop: watch::Receiver<bool>) -> u64 {
    let mut id = 0;
    while !*stop.borrow() {
        id += 1;
        // Nobody may be listening yet.
        let _ = tape.send((id, Instant::now()));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    id
}

/// Returns all ids that a reader gets, in their order, until the `last` one; panics at a gap.
async fn collect(mut stream: LiveStream, mut last: watch::Receiver<u64>) -> Vec<u64> {
    let mut seen = Vec::new();
    while *last.borrow() == 0 || seen.iter().max() < Some(&*last.borrow()) {
        let next = soon(async {
            tokio::select! {
                event = stream.next() => event,
                _ = last.changed() => None,
            }
        });
        match next.await {
            Some(FeedEvent::Trade(trade)) => seen.push(trade.id.to_string().parse().unwrap()),
            Some(FeedEvent::Ticker(ticker)) => seen.push(ticker.price as u64),
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_rotations_lose_nothing_and_double_nothing() {
    let trades = rotate_often(20, |n| n * 7 % 23).await;
    println!("{trades} trades over 20 rotations: none lost, none doubled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_connection_that_is_served_late_is_waited_for() {
    // Each second one is later than the linger time.
    rotate_often(4, |n| if n % 2 == 0 { 350 } else { 0 }).await;
}

/// Replaces a connection `times` times while trades go on, each sent so many milliseconds late. Returns how
/// many trades there were.
async fn rotate_often(times: u64, delay_of: fn(u64) -> u64) -> usize {
    let rig = Rig::with(PlainVenue::default(), settings()).await;
    let deep = Delivery::Buffered { capacity: 100_000 };
    let [trades, tickers] =
        [StreamKind::Trade, StreamKind::Ticker].map(|kind| rig.read(&["KRW-BTC"], kind, deep));
    let Rig { server, hub, .. } = rig;
    let (tape, _) = broadcast::channel(10_000);
    let (stop, stopped) = watch::channel(false);
    let (last, known_last) = watch::channel(0);
    let (mut venue, mut readers, mut printer) = (JoinSet::new(), JoinSet::new(), JoinSet::new());
    venue.spawn(accept_all(Arc::new(server), tape.clone(), delay_of));
    for (kind, stream) in [(StreamKind::Trade, trades), (StreamKind::Ticker, tickers)] {
        let last = known_last.clone();
        readers.spawn(async move { (kind, collect(stream, last).await) });
    }
    printer.spawn(print(tape, stopped));

    let btc = channel("KRW-BTC", StreamKind::Trade);
    assert!(hub.wait_for(&btc, Duration::from_secs(10)).await);
    for _ in 0..times {
        assert!(soon(hub.rotate()).await);
        assert!(hub.is_live(&btc));
    }
    stop.send_replace(true);
    let end = soon(printer.join_next()).await.unwrap().unwrap();
    last.send_replace(end);
    let mut heard = 0;
    while let Some(read) = soon(readers.join_next()).await {
        let (kind, mut seen) = read.unwrap();
        if kind == StreamKind::Ticker {
            // A state that comes after a newer one is stale.
            assert!(seen.is_sorted_by(|one, next| one < next), "{seen:?}");
            continue;
        }
        seen.sort_unstable();
        assert!(seen.windows(2).all(|pair| pair[1] == pair[0] + 1), "lost or doubled: {seen:?}");
        heard = seen.len();
    }
    let metrics = hub.metrics();
    assert_eq!((metrics.rotations, metrics.connects, metrics.drops), (times, times + 1, 0));
    heard
}

#[tokio::test]
async fn the_old_connection_stays_when_the_new_one_fails() {
    let rig = Rig::with(PlainVenue::default(), settings()).await;
    let mut reader = rig.trades(&["KRW-BTC"]);
    let mut old = rig.server.subscribed().await;
    old.send("trade KRW-BTC 1 1").await;
    assert_eq!(next(&mut reader).await, "trade 1");
    // Does not even open, then breaks before and after it has said something.
    for speaks in [None, Some(false), Some(true)] {
        let rotation = rig.hub.rotate();
        let failing = async {
            let stream = rig.server.accept_quietly().await;
            let Some(speaks) = speaks else { return };
            let mut new = Peer::open(stream).await;
            if speaks {
                new.send("refuse once").await;
                while new.next().await.is_some() {}
            }
        };
        let (rotated, ()) = soon(futures::future::join(rotation, failing)).await;
        assert!(!rotated);
        assert!(rig.hub.is_live(&channel("KRW-BTC", StreamKind::Trade)), "{speaks:?}");
    }
    old.send("trade KRW-BTC 2 1").await;
    assert_eq!(next(&mut reader).await, "trade 2");
    assert!(is_empty(&mut reader));
    assert_eq!((rig.hub.metrics().rotations, rig.hub.metrics().drops), (0, 0));
}

#[tokio::test]
async fn a_new_connection_that_spoke_and_failed_leaves_the_old_one_live() {
    let config = settings().confirm_timeout(Duration::from_secs(60));
    let rig = Rig::with(PlainVenue::default(), config).await;
    let _reader = rig.trades(&["KRW-BTC", "KRW-ETH"]);
    let mut old = rig.server.subscribed().await;
    old.send("trade KRW-BTC 1 1;trade KRW-ETH 1 1").await;
    let btc = channel("KRW-BTC", StreamKind::Trade);
    assert!(rig.is_live(&btc).await);
    let failing = async {
        let mut new = rig.server.subscribed().await;
        new.send("trade KRW-BTC 2 1").await;
        eventually(|| rig.hub.latest_trade(&btc.symbol).unwrap().id.to_string() == "2").await;
    };
    let (rotated, ()) = soon(futures::future::join(rig.hub.rotate(), failing)).await;
    assert!(!rotated);
    assert!(rig.hub.is_live(&btc));
}

#[tokio::test]
async fn the_new_connection_takes_over_when_the_old_one_breaks_meanwhile() {
    let rig = Rig::with(PlainVenue::default(), settings()).await;
    let mut reader = rig.trades(&["KRW-BTC", "KRW-ETH"]);
    let mut old = rig.server.subscribed().await;
    old.send("trade KRW-BTC 1 1;trade KRW-ETH 1 1").await;
    for _ in 0..2 {
        assert_eq!(next(&mut reader).await, "trade 1");
    }
    let taking_over = async {
        let mut new = rig.server.subscribed().await;
        new.send("trade KRW-BTC 2 1").await;
        assert_eq!(next(&mut reader).await, "trade 2");
        drop(old);
        // Only data of the other channel may be missing.
        assert_eq!(next(&mut reader).await, "gap opened disconnected 1000..");
        new.send("trade KRW-ETH 2 1").await;
        assert_eq!(next(&mut reader).await, "gap resumed disconnected 1000..1000");
        assert_eq!(next(&mut reader).await, "trade 2");
        new
    };
    let (rotated, _new) = soon(futures::future::join(rig.hub.rotate(), taking_over)).await;
    assert!(!rotated);
    assert_eq!((rig.hub.metrics().connects, rig.hub.metrics().drops), (2, 1));
}

#[tokio::test]
async fn what_an_old_connection_that_broke_had_yet_to_tell_is_a_gap() {
    let rig = Rig::with(PlainVenue::default(), settings()).await;
    let mut reader = rig.trades(&["KRW-BTC", "KRW-ETH"]);
    let mut old = rig.server.subscribed().await;
    old.send("trade KRW-BTC 1 1 1000;trade KRW-ETH 1 1 1000").await;
    for _ in 0..2 {
        assert_eq!(next(&mut reader).await, "trade 1");
    }
    let taking_over = async {
        let mut new = rig.server.subscribed().await;
        new.send("trade KRW-BTC 3 1 3000").await;
        assert_eq!(next(&mut reader).await, "trade 3");
        // What happened between the two was on its way, of this market too.
        drop(old);
        let opened = soon(reader.next()).await.unwrap();
        assert!(matches!(&opened, FeedEvent::Gap(gap) if gap.channels.len() == 2), "{opened:?}");
        new.send("trade KRW-ETH 3 1 3000").await;
        assert_eq!(next(&mut reader).await, "gap resumed disconnected 1000..1000");
        assert_eq!(next(&mut reader).await, "trade 3");
        new
    };
    let (rotated, _new) = soon(futures::future::join(rig.hub.rotate(), taking_over)).await;
    assert!(!rotated);
}

#[tokio::test]
async fn a_rotation_waits_until_there_is_something_to_hand_on() {
    let rig = Rig::with(PlainVenue::default(), settings()).await;
    let mut reader = rig.trades(&["KRW-BTC"]);
    let stream = rig.server.accept_quietly().await;
    let venue = async {
        let mut old = Peer::open(stream).await;
        old.subscription().await;
        old.send("trade KRW-BTC 1 1").await;
        let mut new = rig.server.subscribed().await;
        new.send("trade KRW-BTC 1 1;trade KRW-BTC 2 1").await;
        (old, new)
    };
    let (rotated, _peers) = soon(futures::future::join(rig.hub.rotate(), venue)).await;
    assert!(rotated);
    assert_eq!(next(&mut reader).await, "trade 1");
    assert_eq!(next(&mut reader).await, "trade 2");
    assert!(is_empty(&mut reader));
}

#[tokio::test]
async fn a_connection_is_replaced_when_it_has_stood_for_as_long_as_it_may() {
    let config = settings().rotation_interval(Some(Duration::from_millis(150)));
    let rig = Rig::with(PlainVenue::default(), config).await;
    let _reader = rig.trades(&["KRW-BTC"]);
    let mut peers = Vec::new();
    for id in 0..3 {
        let mut peer = rig.server.subscribed().await;
        peer.send(&format!("trade KRW-BTC {id} 1")).await;
        peers.push(peer);
    }
    eventually(|| rig.hub.metrics().rotations >= 2).await;
    assert_eq!(rig.hub.metrics().drops, 0);
}

#[tokio::test]
async fn what_an_old_connection_never_reported_is_a_gap() {
    let config = settings().catch_up_timeout(Duration::from_millis(100));
    let rig = Rig::with(PlainVenue::default(), config).await;
    let mut reader = rig.trades(&["KRW-BTC"]);
    let mut old = rig.server.subscribed().await;
    old.send("trade KRW-BTC 1 1 1000").await;
    assert_eq!(next(&mut reader).await, "trade 1");
    let venue = async {
        let mut new = rig.server.subscribed().await;
        new.send("trade KRW-BTC 3 1 3000").await;
        assert_eq!(next(&mut reader).await, "trade 3");
        // The second trade is in flight for ever.
        assert_eq!(next(&mut reader).await, "gap opened silent 1000..");
        assert_eq!(next(&mut reader).await, "gap resumed silent 1000..1000");
        new
    };
    let (rotated, _new) = soon(futures::future::join(rig.hub.rotate(), venue)).await;
    assert!(rotated);
}
