//! The socket side: supervised connections, a realtime cache of the latest values, and readers with queues of
//! their own.
//!
//! An interest (a subscription or a [`FollowGuard`]) only changes the desired set of channels. One task
//! distributes that set over connections and owns them. Each connection subscribes to its part, decodes
//! frames into the realtime cache and delivers the events to the readers. When a connection breaks, every
//! reader of a channel on it, and no other reader, gets a [`Gap`](market_backbone_core::Gap). The channels
//! are subscribed again, and the gap ends when all of the reader's channels in it are confirmed: by a value,
//! by an acknowledgement of the venue, or by a timeout without a refusal.

mod cache;
mod command;
mod config;
mod connection;
mod connection_limit;
mod connection_manager;
mod delivery;
mod desired_channels;
mod fanout;
mod frame_feed;
mod health;
#[cfg(feature = "serde")]
mod health_form;
mod interest_guard;
mod link;
mod metrics;
mod pinned;
mod probe;
mod serving_connections;
mod state;
mod unanswered;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use market_backbone_core::{
    Candle, Channel, Clock, GapCause, LiveStream, OrderBook, PriceBand, Priority, Series, SourceError,
    StreamKind, Subscription, Symbol, Ticker, Trade, Venue,
};
use rustls::ClientConfig;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::cache::stale_filter::FrameArrival;
pub use self::cache::{RealtimeCache, RecordOutcome};
pub use self::config::{LivenessConfig, ReconnectConfig, SessionConfig, SubscriptionLimits};
pub use self::desired_channels::interest::Interest;
pub use self::frame_feed::FrameFeed;
pub use self::health::{ConnectionHealth, Health};
pub use self::interest_guard::FollowGuard;
pub use self::metrics::LiveMetrics;
pub use self::pinned::PinnedConnection;
pub use self::probe::Probe;

use self::command::SessionCommand;
use self::connection::dial::Dialer;
use self::connection::websocket_url::WebSocketUrl;
use self::connection_manager::ConnectionManager;
use self::fanout::{FeedReader, ReaderStream};
use self::interest_guard::InterestGuard;
use self::state::LiveState;
use crate::Limiter;
use crate::transport::{SharedObserver, Transport};
use crate::venue_clock_sync::VenueClockSync;

/// A handle to the socket side of one venue; cheap to clone.
#[derive(Clone, Debug)]
pub struct LiveHub {
    state: Arc<LiveState>,
}

impl LiveHub {
    /// Starts the session's task on `tracker`.
    ///
    /// The task connects to `ws_url` once a channel is wanted. It takes its permits from `limiter`, which
    /// must know the venue's group of connects. It ends when `cancel` is cancelled, within
    /// [`SessionConfig::close_timeout`].
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "each is a part of its own that only the caller has")]
    pub fn start(
        venue: Arc<dyn Venue>,
        ws_url: &str,
        tls: Arc<ClientConfig>,
        limiter: Limiter,
        clock: Arc<dyn Clock>,
        config: SessionConfig,
        tracker: &TaskTracker,
        cancel: CancellationToken,
    ) -> Self {
        Self::start_with_clock(
            (clock, None, None),
            venue,
            (ws_url, tls, None),
            limiter,
            config,
            (tracker, cancel),
        )
    }

    /// Starts the session with a clock that timestamps from the socket correct, and shows what arrives to an observer.
    pub(crate) fn start_with_clock(
        (clock, time, observer): (Arc<dyn Clock>, Option<Arc<VenueClockSync>>, Option<SharedObserver>),
        venue: Arc<dyn Venue>,
        (ws_url, tls, transport): (&str, Arc<ClientConfig>, Option<Arc<dyn Transport>>),
        limiter: Limiter,
        config: SessionConfig,
        (tracker, cancel): (&TaskTracker, CancellationToken),
    ) -> Self {
        let capabilities = venue.capabilities();
        let dialer = Dialer {
            venue: capabilities.venue,
            address: WebSocketUrl::parse(ws_url).map_err(|error| error.at_venue(capabilities.venue)),
            tls,
            transport,
            limiter,
            group: capabilities.socket.connects.group,
            timeout: config.connect_timeout,
            time: time.clone(),
            has_opened: AtomicBool::new(false),
        };
        let state = Arc::new(LiveState::new(venue, (clock, time), config).observed_by(observer));
        // No other handle shares this state yet, so the receiver is still there.
        if let Some(inbox) = state.take_command_receiver() {
            tracker.spawn(ConnectionManager::new(Arc::clone(&state), dialer, inbox, cancel).run());
        }
        Self { state }
    }

    /// Checks that `ws_url` is a valid WebSocket address.
    pub(crate) fn check_url(ws_url: &str) -> Result<(), SourceError> {
        WebSocketUrl::parse(ws_url).map(drop)
    }

    /// Starts a reader. It returns at once: the state of the connection reaches the reader as events.
    ///
    /// Channels that the venue cannot stream are left out, because one of them would make a venue refuse the
    /// whole set. The stream ends when the hub is stopped. A reader that joins late to a ticker, book, band
    /// or candle begins with the current state. Trades are not repeated for it.
    #[must_use]
    pub fn subscribe(&self, subscription: &Subscription) -> LiveStream {
        let guard =
            InterestGuard::new(&self.state, subscription.channels(), Interest::Reader, subscription.priority);
        let now = self.state.clock.now();
        let reader = Arc::new(FeedReader::new(guard.channels.clone(), subscription.delivery, now));
        self.state.fanout.join(&reader, |channel| self.state.current_value(channel));
        let refusal = self.state.refusal();
        // The set was refused before this reader came, and the reader did not change it: no other event would
        // report the refusal.
        if refusal.is_some_and(|refusal| refusal.version == self.state.desired.version()) {
            reader.open_gap(subscription.channels().into(), now, GapCause::Refused);
        }
        Box::pin(ReaderStream::new(reader, guard))
    }

    /// Keeps `channels` in the desired set, and so in the cache, without reading them, until the guard is
    /// dropped.
    pub fn follow(&self, channels: &[Channel]) -> FollowGuard {
        self.follow_for(Interest::Reader, channels)
    }

    /// Follows `channels` for a stated reason, as [`follow`](Self::follow) does without one.
    ///
    /// Where more channels are wanted than the [limits](SessionConfig::subscription_limits) allow, the reason
    /// decides which ones stay.
    pub fn follow_for(&self, interest: Interest, channels: &[Channel]) -> FollowGuard {
        FollowGuard::new(InterestGuard::new(&self.state, channels, interest, Priority::High))
    }

    /// Follows `kind` of these markets, those with higher scores first. They replace the earlier watchlist of
    /// this kind.
    ///
    /// Does nothing if the venue has no such stream.
    pub fn set_watchlist(&self, scores: &[(Symbol, f64)], kind: StreamKind) {
        if self.state.venue.capabilities().streams(kind) {
            self.state.desired.set_watchlist(scores, kind, &self.state.cache);
        }
    }

    /// Sets the probe that checks channels which are silent although they should not be. Only the first call
    /// has an effect.
    pub fn set_probe(&self, probe: Arc<dyn Probe>) {
        self.state.set_probe(probe);
    }

    /// Replaces every open connection by a fresh one, without a gap.
    ///
    /// The new connection is opened and confirmed before the old one closes. Waits until all are done.
    /// Returns whether all of them were replaced; where that was not possible, the old connection goes on.
    pub async fn rotate(&self) -> bool {
        let (reply, done) = oneshot::channel();
        self.state.commands.send(SessionCommand::Rotate(reply)).await.is_ok() && done.await.unwrap_or(false)
    }

    /// Tries again what the venue has refused for good, as if the desired set had changed.
    pub async fn retry(&self) {
        // A session that has ended retries nothing.
        let _ = self.state.commands.send(SessionCommand::Retry).await;
    }

    /// Returns what the venue refuses for good, if anything: nothing is tried until what is wished for changes, or
    /// somebody [retries](Self::retry).
    #[must_use]
    pub fn refusal(&self) -> Option<SourceError> {
        let refusal = self.state.refusal()?;
        let venue = self.state.venue.capabilities().venue;
        let message = format!("{} refuses the subscriptions: {}", venue.without_address(), refusal.message);
        Some(SourceError::new(refusal.kind, message).at_venue(venue))
    }

    /// Returns whether the latest value of `channel` is what the venue has now, as far as that can be known.
    ///
    /// The connection is open and not suspiciously silent, and it has brought a value of the channel since it
    /// subscribed to it.
    #[must_use]
    pub fn is_live(&self, channel: &Channel) -> bool {
        self.state.is_live(channel)
    }

    /// Waits until `channel` [is live](Self::is_live), for at most `within`. Returns whether it is.
    pub async fn wait_for(&self, channel: &Channel, within: Duration) -> bool {
        let mut first_heard = self.state.first_received.subscribe();
        let live = async {
            while !self.is_live(channel) {
                // The sender lives as long as this handle.
                let _ = first_heard.changed().await;
            }
        };
        timeout(within, live).await.is_ok()
    }

    /// Returns the latest ticker; `None` if it is not followed or none was received.
    #[must_use]
    pub fn latest_ticker(&self, symbol: &Symbol) -> Option<Ticker> {
        self.state.cache.ticker(symbol)
    }

    /// Returns the latest trade; `None` if trades are not followed or none was received.
    #[must_use]
    pub fn latest_trade(&self, symbol: &Symbol) -> Option<Trade> {
        self.state.cache.trade(symbol)
    }

    /// Returns the latest book, up to 30 levels a side; `None` if it is not followed or none was received.
    #[must_use]
    pub fn latest_book(&self, symbol: &Symbol) -> Option<OrderBook> {
        self.state.cache.book(symbol)
    }

    /// Returns the latest price band; `None` if it is not followed or none was received.
    #[must_use]
    pub fn latest_band(&self, symbol: &Symbol) -> Option<PriceBand> {
        self.state.cache.band(symbol)
    }

    /// Returns the last candle received; `None` if it is not followed or none was received. Its slot may be
    /// over.
    #[must_use]
    pub fn latest_candle(&self, series: &Series) -> Option<Candle> {
        self.state.cache.candle(series)
    }

    /// Returns the state and the counters.
    #[must_use]
    pub fn metrics(&self) -> LiveMetrics {
        self.state.metrics()
    }
}
