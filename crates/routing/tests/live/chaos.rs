//! Connections that break at random while others are being replaced: whatever is missing was announced,
//! nothing is delivered twice, and no gap stays open.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use market_backbone_core::{
    Channel, Clock, Delivery, FeedEvent, Gap, GapState, LiveStream, ManualClock, StreamKind, Timestamp,
};
use market_backbone_testkit::{PlainVenue, TaskClock, channel};
use tokio::net::TcpStream;
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinSet;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use crate::rig::{Rig, quick};
use crate::server::{Server, eventually, soon};

const MARKETS: [&str; 5] = ["KRW-A", "KRW-B", "KRW-C", "KRW-D", "KRW-E"];
/// The largest delay between a trade and its delivery on this machine.
const SLACK: Duration = Duration::from_millis(100);

/// A trade of every market: its id, and its time.
type Print = (i64, Timestamp);

/// Sends the trades of subscribed markets, until it is kicked.
async fn serve(stream: TcpStream, tape: broadcast::Sender<Print>, kick: Arc<Notify>) {
    let Ok(mut socket) = accept_async(stream).await else { return };
    let mut prints = tape.subscribe();
    let mut codes: Vec<String> = Vec::new();
    loop {
        tokio::select! {
            biased;
            () = kick.notified() => return,
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    let names = text.strip_prefix("set ").unwrap().split(' ');
                    codes = names.map(|name| name.strip_suffix("/trade").unwrap().to_owned()).collect();
                }
                Some(Ok(_)) => {}
                _ => return,
            },
            Ok((id, _)) = prints.recv() => {
                let each: Vec<_> = codes.iter().map(|code| format!("trade {code} {id} 1 {id}")).collect();
                if !each.is_empty() && socket.send(Message::binary(each.join(";").into_bytes())).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn accept_all(server: Arc<Server>, tape: broadcast::Sender<Print>, kick: Arc<Notify>) {
    let mut peers = JoinSet::new();
    loop {
        peers.spawn(serve(server.accept_patiently().await, tape.clone(), Arc::clone(&kick)));
    }
}

/// The events of one reader.
#[derive(Debug, Default)]
struct Seen {
    ids: BTreeMap<Channel, BTreeSet<i64>>,
    /// The gaps that ended.
    gaps: Vec<Gap>,
    open: usize,
}

impl Seen {
    fn take(&mut self, event: FeedEvent) {
        match event {
            FeedEvent::Trade(trade) => {
                let id = trade.id.to_string().parse().unwrap();
                let its = self.ids.entry(channel(trade.symbol.code(), StreamKind::Trade)).or_default();
                assert!(its.insert(id), "{id} came twice");
            }
            FeedEvent::Gap(gap) if gap.state == GapState::Opened => self.open += 1,
            FeedEvent::Gap(gap) => {
                assert_eq!(gap.state, GapState::Resumed);
                self.open -= 1;
                self.gaps.push(gap);
            }
            other => panic!("{other:?}"),
        }
    }

    /// Returns whether a gap was announced in which a trade of `channel`, made at `made`, may have been lost.
    fn excuses(&self, channel: &Channel, made: Timestamp) -> bool {
        self.gaps.iter().any(|gap| {
            gap.channels.contains(channel)
                && gap.from <= made.plus(SLACK)
                && gap.to.is_some_and(|to| made <= to.plus(SLACK))
        })
    }
}

/// Reads until told to stop, then the rest of the queue.
async fn read(mut stream: LiveStream, mut stop: watch::Receiver<bool>) -> Seen {
    let mut seen = Seen::default();
    loop {
        tokio::select! {
            biased;
            event = stream.next() => seen.take(event.unwrap()),
            _ = stop.changed() => return seen,
        }
    }
}

async fn storm(seed: u64) -> usize {
    let config = quick()
        .channels_per_connection(2)
        .max_connections(3)
        .linger(Duration::from_millis(30))
        .confirm_timeout(Duration::from_millis(40));
    let clock = Arc::new(TaskClock::showing(Timestamp::from_secs(1_000)));
    let rig = Rig::by_clock(
        PlainVenue::default(),
        config,
        Arc::clone(&clock) as Arc<dyn Clock>,
        Arc::<ManualClock>::default(),
    );
    let rig = rig.await;
    let deep = Delivery::Buffered { capacity: 100_000 };
    let streams =
        [rig.read(&MARKETS, StreamKind::Trade, deep), rig.read(&MARKETS[1..3], StreamKind::Trade, deep)];
    let Rig { server, hub, .. } = rig;
    let (tape, _) = broadcast::channel(10_000);
    let (stop, stopped) = watch::channel(false);
    let (kick, mut tasks, mut readers) = (Arc::new(Notify::new()), JoinSet::new(), JoinSet::new());
    tasks.spawn(accept_all(Arc::new(server), tape.clone(), Arc::clone(&kick)));
    for stream in streams {
        readers.spawn(read(stream, stopped.clone()));
    }
    let all = || MARKETS.iter().all(|code| hub.is_live(&channel(code, StreamKind::Trade)));

    let mut random = fastrand::Rng::with_seed(seed);
    let mut made = Vec::new();
    let mut rotations = JoinSet::new();
    let mut print = |id: i64| {
        made.push((id, clock.now()));
        let _ = tape.send((id, clock.now()));
    };
    let mut id = 0;
    for step in 0..600 {
        id += 1;
        print(id);
        tokio::time::sleep(Duration::from_millis(1)).await;
        match random.u32(0..60) {
            // Not while the first connections are being opened: what was never promised is not missed.
            0 if step > 100 => kick.notify_one(),
            1 => {
                let hub = hub.clone();
                rotations.spawn(async move { hub.rotate().await });
            }
            _ => {}
        }
    }
    // In the end everything recovers.
    while soon(rotations.join_next()).await.is_some() {}
    eventually(|| {
        id += 1;
        print(id);
        all() && hub.metrics().connections.iter().all(|one| one.number != 0)
    })
    .await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    stop.send_replace(true);
    let mut gaps = 0;
    while let Some(seen) = soon(readers.join_next()).await {
        let seen = seen.unwrap();
        assert_eq!(seen.open, 0, "a gap stays open");
        gaps += seen.gaps.len();
        for (channel, ids) in &seen.ids {
            let first = ids.first().unwrap();
            for (id, made) in made.iter().filter(|(id, _)| id > first && !ids.contains(id)) {
                assert!(
                    seen.excuses(channel, *made),
                    "{id} of {channel:?}, made at {made}, is missing: {:?}",
                    seen.gaps
                );
            }
        }
    }
    gaps
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_missing_was_announced() {
    let mut gaps = 0;
    for seed in 0..3 {
        gaps += storm(seed).await;
    }
    assert!(gaps > 0, "nothing broke");
}
