//! The socket side: one supervised connection, the latest of everything, and readers who each keep their own pace.
//!
//! A wish (a subscription or a [`Follow`]) only changes the desired set. One task brings the connection to it, reads
//! frames into the realtime cache and hands the events to the readers. When the connection breaks, every reader who was
//! promised something is told by a [`Gap`](market_backbone_core::Gap), the whole set is asked for anew, and the gap
//! ends with the first value that comes.

mod backoff;
mod cache;
mod config;
mod connection;
mod decoder;
mod desired;
mod dial;
mod fanout;
mod metrics;
mod queue;
mod reconcile;
mod row;
mod session;
mod slot;
mod state;
mod unanswered;
mod words;

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    Candle, Channel, Clock, GapCause, LiveStream, OrderBook, Series, Subscription, Symbol, Ticker, Trade,
    Venue,
};
use rustls::ClientConfig;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::cache::{RealtimeCache, Recorded};
pub use self::config::{ReconnectConfig, SessionConfig};
pub use self::metrics::LiveMetrics;

use self::dial::Dialer;
use self::fanout::{Fanout, Reader, ReaderStream};
use self::session::Session;
use self::state::State;
use crate::Limiter;

/// A handle to the socket side of one venue; cheap to clone.
#[derive(Clone, Debug)]
pub struct LiveHub {
    state: Arc<State>,
}

impl LiveHub {
    /// Starts the session's task on `tracker`. It connects to `ws_url` once something is wanted, taking its turns
    /// from `limiter` (which must know the venue's group of connects), and ends when `cancel` is cancelled, within
    /// [`SessionConfig::close_timeout`].
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "each is a part of its own that only the caller has")]
    pub fn start(
        venue: Arc<dyn Venue>,
        ws_url: String,
        tls: Arc<ClientConfig>,
        limiter: Limiter,
        clock: Arc<dyn Clock>,
        config: SessionConfig,
        tracker: &TaskTracker,
        cancel: CancellationToken,
    ) -> Self {
        let capabilities = venue.capabilities();
        let dialer = Dialer {
            venue: capabilities.venue,
            url: ws_url,
            tls,
            limiter,
            group: capabilities.socket.connects.group,
            timeout: config.connect_timeout,
        };
        let state = Arc::new(State::new(venue, clock, config));
        tracker.spawn(Session::new(Arc::clone(&state), dialer, cancel).run());
        Self { state }
    }

    /// Starts a reader. Nothing is waited for: what happens to the connection reaches the reader as events.
    ///
    /// Channels that the venue cannot stream are left out, because one of them would make a venue refuse the whole
    /// set. The stream ends when the hub is stopped. A reader who comes late to a ticker, book or candle begins with
    /// the state as it is; to him a print is not repeated.
    #[must_use]
    pub fn subscribe(&self, subscription: &Subscription) -> LiveStream {
        let wish = Wish::new(&self.state, subscription.channels());
        let now = self.state.clock.now();
        let reader = Arc::new(Reader::new(wish.channels.clone(), subscription.delivery, now));
        self.state.fanout.join(&reader, |channel| self.state.known(channel));
        let refusal = self.state.refusal();
        // The set was refused before this reader came, and he did not change it: nobody else would tell him.
        if refusal.is_some_and(|refusal| refusal.version == self.state.desired.snapshot().version) {
            reader.open_gap(now, GapCause::Refused);
        }
        Box::pin(ReaderStream { reader, guard: wish })
    }

    /// Keeps `channels` in the desired set, and so in the cache, without reading them, until the guard is dropped.
    pub fn follow(&self, channels: &[Channel]) -> Follow {
        Follow { _wish: Wish::new(&self.state, channels) }
    }

    /// Whether the latest value of `channel` is what the venue has now, as far as anybody can know: the connection
    /// stands and is not suspiciously silent, and it has brought a value of the channel since it was asked for it.
    #[must_use]
    pub fn is_live(&self, channel: &Channel) -> bool {
        self.state.is_live(channel)
    }

    /// Waits until `channel` [is live](Self::is_live), for at most `within`; whether it is.
    pub async fn wait_for(&self, channel: &Channel, within: Duration) -> bool {
        let mut first_heard = self.state.first_heard.subscribe();
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

    /// The candle heard of last; `None` if it is not followed or nothing was heard. It may be one whose slot is over.
    #[must_use]
    pub fn latest_candle(&self, series: &Series) -> Option<Candle> {
        self.state.cache.candle(series)
    }

    /// How things stand.
    #[must_use]
    pub fn metrics(&self) -> LiveMetrics {
        self.state.metrics()
    }
}

/// Keeps channels followed until it is dropped.
#[derive(Debug)]
#[must_use = "the channels are followed only as long as this lives"]
pub struct Follow {
    _wish: Wish,
}

/// A wish that counts in the desired set until it is dropped.
#[derive(Debug)]
struct Wish {
    state: Arc<State>,
    channels: Box<[Channel]>,
}

impl Wish {
    /// A wish for those of `channels` that the venue can stream.
    fn new(state: &Arc<State>, channels: &[Channel]) -> Self {
        let capabilities = state.venue.capabilities();
        let (possible, impossible): (Vec<_>, Vec<_>) =
            channels.iter().cloned().partition(|channel| capabilities.streams(channel.kind));
        for Channel { symbol, kind } in impossible {
            tracing::warn!(%symbol, %kind, venue = %capabilities.venue, "the venue has no such stream; left out");
        }
        state.desired.add(&possible, &state.cache);
        Self { state: Arc::clone(state), channels: possible.into() }
    }
}

impl AsRef<Fanout> for Wish {
    fn as_ref(&self) -> &Fanout {
        &self.state.fanout
    }
}

impl Drop for Wish {
    fn drop(&mut self) {
        self.state.desired.release(&self.channels);
    }
}
