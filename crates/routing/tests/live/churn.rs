//! Interests that come and go while the connection breaks again and again: in the end the venue's
//! subscriptions are exactly the desired ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use market_backbone_core::StreamKind;
use market_backbone_routing::FollowGuard;
use market_backbone_testkit::channel;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use crate::rig::Rig;
use crate::server::{Server, eventually, soon};

/// The last subscription on the open connection.
type Asked = Arc<Mutex<Vec<String>>>;

/// Accepts for ever; closes whenever `kick` says so, even in the middle of the handshake.
async fn serve(server: Arc<Server>, asked: Asked, kick: Arc<Notify>) {
    loop {
        asked.lock().unwrap().clear();
        let stream = server.accept_patiently().await;
        let connection = async {
            let Ok(mut socket) = accept_async(stream).await else { return };
            while let Some(Ok(message)) = socket.next().await {
                if let Message::Text(text) = message {
                    let names = text.strip_prefix("set ").unwrap();
                    *asked.lock().unwrap() = names.split(' ').map(str::to_owned).collect();
                }
            }
        };
        tokio::select! {
            () = connection => {}
            () = kick.notified() => {}
        }
    }
}

async fn churn(seed: u64) {
    let rig = Rig::start().await;
    let Rig { server, hub, tracker, cancel, .. } = rig;
    let (asked, kick) = (Asked::default(), Arc::new(Notify::new()));
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(Arc::new(server), Arc::clone(&asked), Arc::clone(&kick)));

    let mut random = fastrand::Rng::with_seed(seed);
    let mut wishes: BTreeMap<u32, FollowGuard> = BTreeMap::new();
    for _ in 0..150 {
        let code = random.u32(0..12);
        match random.u32(0..8) {
            0..4 => drop(
                wishes.insert(code, hub.follow(&[channel(&format!("KRW-{code:02}"), StreamKind::Trade)])),
            ),
            4..6 => drop(wishes.remove(&code)),
            6 => kick.notify_one(),
            _ => tokio::time::sleep(Duration::from_millis(random.u64(0..15))).await,
        }
    }
    wishes.insert(99, hub.follow(&[channel("KRW-99", StreamKind::Trade)]));
    let want: Vec<_> = wishes.keys().map(|code| format!("KRW-{code:02}/trade")).collect();
    eventually(|| *asked.lock().unwrap() == want).await;
    cancel.cancel();
    tracker.close();
    soon(tracker.wait()).await;
}

#[tokio::test]
async fn no_subscription_is_lost_whatever_breaks() {
    for seed in 0..8 {
        churn(seed).await;
    }
}
