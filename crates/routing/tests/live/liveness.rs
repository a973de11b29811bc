//! Silence: a quiet market is not a dead socket, and a dead socket is not a quiet market.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use market_backbone_core::{SourceError, StreamKind, Symbol, Timestamp};
use market_backbone_routing::{Health, LivenessConfig, Probe, SessionConfig};
use market_backbone_testkit::{PlainVenue, channel};

use crate::rig::{Rig, is_empty, next, quick};
use crate::server::eventually;

const TRADE: StreamKind = StreamKind::Trade;

/// Answers that every market last traded at this many milliseconds.
#[derive(Debug, Default)]
struct Tape {
    last: AtomicU64,
    asked: AtomicU64,
}

#[async_trait]
impl Probe for Tape {
    async fn last_traded(&self, symbols: &[Symbol]) -> Result<Vec<(Symbol, Timestamp)>, SourceError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let last = Timestamp::EPOCH.plus(Duration::from_millis(self.last.load(Ordering::Relaxed)));
        Ok(symbols.iter().map(|symbol| (symbol.clone(), last)).collect())
    }
}

/// Silence is suspicious after a tenth of a second.
fn nervous() -> SessionConfig {
    let liveness = LivenessConfig::default()
        .check_interval(Duration::from_millis(10))
        .mean_gap_factor(5.0)
        .min_silence(Duration::from_millis(100))
        .max_silence(Duration::from_millis(300))
        .suspect_after(Duration::from_secs(3))
        .probe_interval(Duration::from_millis(50))
        .delivery_grace(Duration::from_millis(20));
    quick().liveness(liveness).confirm_timeout(Duration::from_millis(50))
}

async fn rig(config: SessionConfig) -> (Rig, Arc<Tape>) {
    let rig = Rig::with(PlainVenue::default(), config).await;
    let tape = Arc::<Tape>::default();
    rig.hub.set_probe(Arc::clone(&tape) as Arc<dyn Probe>);
    (rig, tape)
}

#[tokio::test]
async fn a_quiet_market_is_left_alone() {
    let (rig, tape) = rig(nervous()).await;
    let mut reader = rig.trades(&["KRW-BTC"]);
    let mut peer = rig.server.subscribed().await;
    tape.last.store(7, Ordering::Relaxed);
    peer.send("trade KRW-BTC 1 100 7").await;
    assert_eq!(next(&mut reader).await, "trade 1");
    eventually(|| tape.asked.load(Ordering::Relaxed) >= 2).await;
    assert!(is_empty(&mut reader));
    assert!(rig.hub.is_live(&channel("KRW-BTC", TRADE)));
    assert_eq!((rig.hub.metrics().dead, rig.hub.metrics().drops), (0, 0));
}

#[tokio::test]
async fn a_channel_that_misses_what_the_venue_has_is_asked_for_anew() {
    let (rig, tape) = rig(nervous()).await;
    let codes: Vec<_> = (0..8).map(|n| format!("KRW-{n}")).collect();
    let codes: Vec<_> = codes.iter().map(String::as_str).collect();
    let mut dead = rig.trades(&codes[..1]);
    let mut well = rig.trades(&codes[1..]);
    let mut peer = rig.server.accept().await;
    while peer.subscription().await.len() < codes.len() {}
    let mut id = 0;
    let mut all_but_the_first = async |from: usize| {
        id += 1;
        tape.last.store(id, Ordering::Relaxed);
        let each = codes[from..].iter().map(|code| format!("trade {code} {id} 1 {id}"));
        each.collect::<Vec<_>>().join(";")
    };
    peer.send(&all_but_the_first(0).await).await;
    assert_eq!(next(&mut dead).await, "trade 1");
    // The others go on, this one does not.
    let asked = loop {
        peer.send(&all_but_the_first(1).await).await;
        if rig.hub.metrics().subscriptions_sent > 1 && rig.hub.metrics().dead > 0 {
            break peer.subscription().await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(asked.len(), codes.len());
    assert_eq!(next(&mut dead).await, "gap opened silent 1000..");
    peer.send(&all_but_the_first(0).await).await;
    assert_eq!(next(&mut dead).await, "gap resumed silent 1000..1000");
    assert_eq!(rig.hub.metrics().drops, 0);
    while !is_empty(&mut well) {}
    peer.send(&all_but_the_first(1).await).await;
    assert!(next(&mut well).await.starts_with("trade "));
}

#[tokio::test]
async fn a_socket_that_answers_pings_and_brings_nothing_is_replaced() {
    let (rig, tape) = rig(nervous()).await;
    let mut reader = rig.trades(&["KRW-BTC", "KRW-ETH"]);
    let mut mute = rig.server.subscribed().await;
    mute.send("trade KRW-BTC 1 100 7;trade KRW-ETH 1 100 7").await;
    for _ in 0..2 {
        assert_eq!(next(&mut reader).await, "trade 1");
    }
    tape.last.store(8, Ordering::Relaxed);
    let mut peer = rig.server.accept().await;
    assert_eq!(peer.subscription().await, ["KRW-BTC/trade", "KRW-ETH/trade"]);
    assert_eq!(next(&mut reader).await, "gap opened silent 1000..");
    peer.send("trade KRW-BTC 2 100 8;trade KRW-ETH 2 100 8").await;
    assert_eq!(next(&mut reader).await, "trade 2");
    assert_eq!(next(&mut reader).await, "gap resumed silent 1000..1000");
    assert_eq!(next(&mut reader).await, "trade 2");
    drop(mute);
}

#[tokio::test]
async fn a_mute_socket_of_all_markets_is_replaced_and_a_quiet_one_is_not() {
    let (rig, tape) = rig(nervous()).await;
    let mut reader = rig.trades(&["*"]);
    let mut mute = rig.server.subscribed().await;
    mute.send("trade KRW-BTC 1 100 7;trade KRW-ETH 2 100 7").await;
    for want in ["trade 1", "trade 2"] {
        assert_eq!(next(&mut reader).await, want);
    }
    // The probe is about those that were active last: the venue has nothing newer of them.
    tape.last.store(7, Ordering::Relaxed);
    eventually(|| tape.asked.load(Ordering::Relaxed) >= 2).await;
    assert!(is_empty(&mut reader));
    tape.last.store(8, Ordering::Relaxed);
    let mut peer = rig.server.accept().await;
    assert_eq!(next(&mut reader).await, "gap opened silent 1000..");
    peer.subscription().await;
    peer.send("trade KRW-XRP 3 100 8").await;
    assert_eq!(next(&mut reader).await, "trade 3");
    assert_eq!(next(&mut reader).await, "gap resumed silent 1000..1000");
    drop(mute);
}

#[tokio::test]
async fn nothing_has_data_is_never_healthy() {
    let liveness = nervous().get_liveness().suspect_after(Duration::from_millis(150));
    let config = nervous().liveness(liveness);
    // There is no probe here.
    let rig = Rig::with(PlainVenue::default(), config).await;
    let _reader = rig.trades(&["KRW-BTC"]);
    let mut peer = rig.server.subscribed().await;
    peer.send("trade KRW-BTC 1 100").await;
    let btc = channel("KRW-BTC", TRADE);
    assert!(rig.is_live(&btc).await);
    assert_eq!(rig.hub.metrics().health, Health::Live);
    eventually(|| rig.hub.metrics().health == Health::Suspect).await;
    assert!(!rig.hub.is_live(&btc));
    peer.send("trade KRW-BTC 2 100").await;
    eventually(|| rig.hub.is_live(&btc)).await;
    assert_eq!(rig.hub.metrics().health, Health::Live);
}
