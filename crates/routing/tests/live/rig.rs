//! A hub that is connected to a scripted server, with delays short enough for a test.

use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use market_backbone_core::{
    Channel, Clock, Delivery, FeedEvent, LiveStream, ManualClock, StreamKind, Subscription, Timestamp,
};
use market_backbone_routing::{Limiter, LiveHub, ReconnectConfig, SessionConfig};
use market_backbone_testkit::{CONNECTS, PlainVenue, symbol};
use rustls::{ClientConfig, RootCertStore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::server::{Peer, Server, soon};

pub(crate) struct Rig {
    pub(crate) server: Server,
    pub(crate) hub: LiveHub,
    pub(crate) limiter: Limiter,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) tracker: TaskTracker,
    pub(crate) cancel: CancellationToken,
}

/// Settings for tests: short delays, no idle timeout.
pub(crate) fn quick() -> SessionConfig {
    SessionConfig::default().debounce(Duration::from_millis(5)).reconnect(
        ReconnectConfig::default()
            .max_immediate_delay(Duration::from_millis(5))
            .stable_after(Duration::ZERO)
            .initial_delay(Duration::from_millis(10))
            .max_delay(Duration::from_millis(40)),
    )
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::with(PlainVenue::default(), quick()).await
    }

    /// A rig with a reader of the trades of some markets, and the venue's end of its socket.
    pub(crate) async fn following(codes: &[&str]) -> (Self, LiveStream, Peer) {
        let rig = Self::start().await;
        let (reader, peer) = (rig.trades(codes), rig.server.subscribed().await);
        (rig, reader, peer)
    }

    pub(crate) async fn with(venue: PlainVenue, config: SessionConfig) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
        Self::by_clock(venue, config, Arc::clone(&clock) as Arc<dyn Clock>, clock).await
    }

    /// A rig whose hub uses `clock`; `manual` is for tests that move it.
    pub(crate) async fn by_clock(
        venue: PlainVenue,
        config: SessionConfig,
        clock: Arc<dyn Clock>,
        manual: Arc<ManualClock>,
    ) -> Self {
        let server = Server::start().await;
        let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
        let limiter = Limiter::new(&[CONNECTS]);
        let hub = LiveHub::start(
            Arc::new(venue),
            &format!("ws://{}/", server.address()),
            Arc::new(no_tls()),
            limiter.clone(),
            clock,
            config,
            &tracker,
            cancel.clone(),
        );
        Self { server, hub, limiter, clock: manual, tracker, cancel }
    }

    pub(crate) fn read(&self, codes: &[&str], kind: StreamKind, delivery: Delivery) -> LiveStream {
        let mut wish = Subscription::new(codes.iter().map(|code| symbol(code)), [kind]).unwrap();
        wish.delivery = delivery;
        self.hub.subscribe(&wish)
    }

    pub(crate) fn trades(&self, codes: &[&str]) -> LiveStream {
        self.read(codes, StreamKind::Trade, Delivery::default())
    }

    pub(crate) async fn is_live(&self, channel: &Channel) -> bool {
        self.hub.wait_for(channel, Duration::from_secs(10)).await
    }
}

fn no_tls() -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth()
}

/// Returns the next event in short form: `trade 17`, `ticker 100`, `gap opened disconnected 1000..`, `lagged
/// 3`, `end`.
pub(crate) async fn next(stream: &mut LiveStream) -> String {
    soon(stream.next()).await.map_or_else(|| "end".to_owned(), |event| brief(&event))
}

/// Returns whether nothing is queued.
pub(crate) fn is_empty(stream: &mut LiveStream) -> bool {
    stream.next().now_or_never().is_none()
}

pub(crate) fn brief(event: &FeedEvent) -> String {
    match event {
        FeedEvent::Trade(trade) => format!("trade {}", trade.id),
        FeedEvent::Ticker(ticker) => format!("ticker {}", ticker.price),
        FeedEvent::Book(book) => format!("book {}", book.best_ask().unwrap().price),
        FeedEvent::Band(band) => format!("band {} {}", band.low, band.high),
        FeedEvent::Candle { candle, .. } => format!("candle {}", candle.close),
        FeedEvent::Gap(gap) => {
            let to = gap.to.map_or_else(String::new, |to| to.as_secs().to_string());
            format!("gap {} {} {}..{to}", gap.state.as_str(), gap.cause.as_str(), gap.from.as_secs())
        }
        FeedEvent::Lagged { missed } => format!("lagged {missed}"),
        other => format!("{other:?}"),
    }
}
