//! The socket side: supervised connections, the latest of everything, and readers who each keep their own pace.
//!
//! A wish (a subscription or a [`FollowGuard`]) only changes the desired set. One task spreads that set over connections and
//! owns them; each of them brings its part to the venue, reads frames into the realtime cache and hands the events to
//! the readers. When one breaks, every reader who was promised something over it, and nobody else, is told by a
//! [`Gap`](market_backbone_core::Gap); its part is asked for anew, and the gap ends when all of the reader's channels in
//! it are confirmed: by a value, by the venue's word, or because nothing speaks against it for a while.

mod cache;
mod command;
mod config;
mod connection;
mod connection_limit;
mod connection_manager;
mod desired_channels;
mod fanout;
mod frame_feed;
mod health;
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
use crate::transport::Transport;
use crate::venue_clock_sync::VenueClockSync;

/// A handle to the socket side of one venue; cheap to clone.
#[derive(Clone, Debug)]
pub struct LiveHub {
    state: Arc<LiveState>,
}

impl LiveHub {
    /// Starts the session's task on `tracker`. It connects to `ws_url` once something is wanted, taking its turns
    /// from `limiter` (which must know the venue's group of connects), and ends when `cancel` is cancelled, within
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
        Self::start_with_clock((clock, None), venue, (ws_url, tls, None), limiter, config, (tracker, cancel))
    }

    /// The same, by a clock that what comes over the socket corrects.
    pub(crate) fn start_with_clock(
        (clock, time): (Arc<dyn Clock>, Option<Arc<VenueClockSync>>),
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
        let state = Arc::new(LiveState::new(venue, (clock, time), config));
        // Nobody else has this state yet, so nobody has taken it.
        if let Some(inbox) = state.take_command_receiver() {
            tracker.spawn(ConnectionManager::new(Arc::clone(&state), dialer, inbox, cancel).run());
        }
        Self { state }
    }

    /// Whether `ws_url` can be the address of a socket.
    pub(crate) fn check_url(ws_url: &str) -> Result<(), SourceError> {
        WebSocketUrl::parse(ws_url).map(drop)
    }

    /// Starts a reader. Nothing is waited for: what happens to the connection reaches the reader as events.
    ///
    /// Channels that the venue cannot stream are left out, because one of them would make a venue refuse the whole
    /// set. The stream ends when the hub is stopped. A reader who comes late to a ticker, book, band or candle begins with
    /// the state as it is; to him a print is not repeated.
    #[must_use]
    pub fn subscribe(&self, subscription: &Subscription) -> LiveStream {
        let wish =
            InterestGuard::new(&self.state, subscription.channels(), Interest::Reader, subscription.priority);
        let now = self.state.clock.now();
        let reader = Arc::new(FeedReader::new(wish.channels.clone(), subscription.delivery, now));
        self.state.fanout.join(&reader, |channel| self.state.current_value(channel));
        let refusal = self.state.refusal();
        // The set was refused before this reader came, and he did not change it: nobody else would tell him.
        if refusal.is_some_and(|refusal| refusal.version == self.state.desired.version()) {
            reader.open_gap(subscription.channels().into(), now, GapCause::Refused);
        }
        Box::pin(ReaderStream { reader, guard: wish })
    }

    /// Keeps `channels` in the desired set, and so in the cache, without reading them, until the guard is dropped.
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

    /// Follows `kind` of these markets, the ones with the better scores first, instead of those named the last time.
    /// Nothing happens if the venue has no such stream.
    pub fn set_watchlist(&self, scores: &[(Symbol, f64)], kind: StreamKind) {
        if self.state.venue.capabilities().streams(kind) {
            self.state.desired.set_watchlist(scores, kind, &self.state.cache);
        }
    }

    /// Lets `probe` be asked about channels that are silent though they should not be. Only the first one counts.
    pub fn set_probe(&self, probe: Arc<dyn Probe>) {
        self.state.set_probe(probe);
    }

    /// Replaces every connection that stands by a fresh one, without a gap: the new one is made and confirmed before
    /// the old one goes. Waits until that is done; whether all of them were replaced. Where that was not possible, the
    /// old connection goes on.
    pub async fn rotate(&self) -> bool {
        let (reply, done) = oneshot::channel();
        self.state.commands.send(SessionCommand::Rotate(reply)).await.is_ok() && done.await.unwrap_or(false)
    }

    /// Tries again what the venue has refused for good, as if what is wished for had changed.
    pub async fn retry(&self) {
        // A session that is over tries nothing.
        let _ = self.state.commands.send(SessionCommand::Retry).await;
    }

    /// Returns whether the latest value of `channel` is what the venue has now, as far as that can be known.
    ///
    /// The connection is open and not suspiciously silent, and it has brought a value of the channel since it
    /// subscribed to it.
    #[must_use]
    pub fn is_live(&self, channel: &Channel) -> bool {
        self.state.is_live(channel)
    }

    /// Waits until `channel` [is live](Self::is_live), for at most `within`; whether it is.
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

    /// The latest ticker; `None` if it is not followed or nothing was heard.
    #[must_use]
    pub fn latest_ticker(&self, symbol: &Symbol) -> Option<Ticker> {
        self.state.cache.ticker(symbol)
    }

    /// The latest trade; `None` if trades are not followed or nothing was heard.
    #[must_use]
    pub fn latest_trade(&self, symbol: &Symbol) -> Option<Trade> {
        self.state.cache.trade(symbol)
    }

    /// The latest book, up to 30 levels a side; `None` if it is not followed or nothing was heard.
    #[must_use]
    pub fn latest_book(&self, symbol: &Symbol) -> Option<OrderBook> {
        self.state.cache.book(symbol)
    }

    /// The latest price band; `None` if it is not followed or nothing was heard.
    #[must_use]
    pub fn latest_band(&self, symbol: &Symbol) -> Option<PriceBand> {
        self.state.cache.band(symbol)
    }

    /// The candle heard of last; `None` if it is not followed or nothing was heard. It may be one whose slot is over.
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
