//! How the socket session behaves, where the venue leaves a choice.

use std::time::Duration;

use market_backbone_core::StreamKind;

use super::pinned::PinnedConnection;

/// How the socket session behaves.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionConfig {
    /// How long a connection may take to stand, name lookup and TLS included. Default: 10 s.
    pub connect_timeout: Duration,
    /// How long after a reader came its channels may be asked for without a word; later, what was said meanwhile is a gap.
    /// Where a connection failed meanwhile, it is one in any case. Default: 2 s.
    pub subscribe_grace: Duration,
    /// An event that is stamped further ahead of the clock than this is dropped, unless the others agree with it.
    /// Default: 5 s.
    pub max_future_skew: Duration,
    /// How long one message may take to leave; longer, and the connection is taken for dead. Default: 10 s.
    pub send_timeout: Duration,
    /// How long a changed set of subscriptions waits for further changes before it is sent. Default: 20 ms.
    pub debounce: Duration,
    /// After this long with nothing wanted the connection is closed. Default: 30 s.
    pub idle_timeout: Duration,
    /// How long the answer to a keep-alive may take before values are no longer called live. Default: 2 s.
    pub keep_alive_grace: Duration,
    /// A market that was subscribed to and from which nothing came for this long is reported: venues ignore codes
    /// they do not know. Default: 10 s.
    pub unanswered_after: Duration,
    /// How long the closing of the connection may take at shutdown. Default: 1 s.
    pub close_timeout: Duration,
    /// How many channels a connection should carry before another is opened; less where the venue says so.
    /// Default: 1,000.
    pub channels_per_connection: usize,
    /// How many connections there may be; fewer where the venue says so. When all carry what they should, they carry
    /// more. Default: 5.
    pub max_connections: usize,
    /// Connections with a name, and the markets that are theirs. All others go to the one that carries least.
    /// Default: none.
    pub pinned: Vec<PinnedConnection>,
    /// After a connection has been down for this long, others carry its markets where they have room, until it is back.
    /// Default: 30 s.
    pub failover_after: Duration,
    /// How long after its subscription was sent a channel that stays silent counts as arriving. Default: 3 s.
    pub confirm_timeout: Duration,
    /// How often a connection is replaced by a fresh one before it breaks by itself. Default: never.
    pub rotation_interval: Option<Duration>,
    /// How long a connection that was replaced is still read, so that nothing under way is lost. Default: 1 s.
    pub linger: Duration,
    /// How much longer it is read if it is then behind the one that took its place. What it has not told by then is
    /// announced as a gap. Default: 30 s.
    pub catch_up_timeout: Duration,
    /// How many channels may be followed.
    pub subscription_limits: SubscriptionLimits,
    /// When silence is strange.
    pub liveness: LivenessConfig,
    /// When to connect again.
    pub reconnect: ReconnectConfig,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            subscribe_grace: Duration::from_secs(2),
            max_future_skew: Duration::from_secs(5),
            send_timeout: Duration::from_secs(10),
            debounce: Duration::from_millis(20),
            idle_timeout: Duration::from_secs(30),
            keep_alive_grace: Duration::from_secs(2),
            unanswered_after: Duration::from_secs(10),
            close_timeout: Duration::from_secs(1),
            channels_per_connection: 1_000,
            max_connections: 5,
            pinned: Vec::new(),
            failover_after: Duration::from_secs(30),
            confirm_timeout: Duration::from_secs(3),
            rotation_interval: None,
            linger: Duration::from_secs(1),
            catch_up_timeout: Duration::from_secs(30),
            subscription_limits: SubscriptionLimits::default(),
            liveness: LivenessConfig::default(),
            reconnect: ReconnectConfig::default(),
        }
    }
}

/// When to connect again; there is no last attempt.
///
/// A connection that had delivered is replaced at once (within `at_once`, so that many clients that were cut off
/// together do not come back together). When that fails, when a connection ends without having delivered anything, or
/// when one after another breaks before it was `steady`, the wait is `first`, and `factor` times as long with each
/// further failure, up to `cap`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReconnectConfig {
    /// The longest wait after a connection that had delivered; the actual one is random. Default: 250 ms.
    pub max_immediate_delay: Duration,
    /// How long a connection must stand to count as one that works. Default: 2 s.
    pub stable_after: Duration,
    /// The wait after the first failure. Default: 5 s.
    pub initial_delay: Duration,
    /// By how much it grows with each further failure. Default: 2.
    pub multiplier: f64,
    /// The longest wait. Default: 60 s.
    pub max_delay: Duration,
    /// By which part a wait is made longer or shorter at random: 0.2 is up to a fifth. Default: 0.2.
    pub jitter: f64,
}

impl Default for ReconnectConfig {
    fn default() -> Self {
        Self {
            max_immediate_delay: Duration::from_millis(250),
            stable_after: Duration::from_secs(2),
            initial_delay: Duration::from_secs(5),
            multiplier: 2.0,
            max_delay: Duration::from_secs(60),
            jitter: 0.2,
        }
    }
}

/// How many channels may be followed; who wants more gets the most urgent of them. Default: as many as one likes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SubscriptionLimits {
    /// Of all kinds together.
    pub total: usize,
    /// Of trades.
    pub trade: usize,
    /// Of tickers.
    pub ticker: usize,
    /// Of books.
    pub book: usize,
    /// Of price bands.
    pub band: usize,
    /// Of candles, for each timeframe.
    pub candle: usize,
    /// By which part of its score a channel that is out must be better than one that is in. Default: 0.1.
    pub hysteresis: f64,
    /// How long a channel that came in is safe from others of the same interest. Default: 10 s.
    pub min_stay: Duration,
}

impl SubscriptionLimits {
    /// How many channels of `kind` may be followed.
    #[must_use]
    pub const fn limit_for(&self, kind: StreamKind) -> usize {
        match kind {
            StreamKind::Trade => self.trade,
            StreamKind::Ticker => self.ticker,
            StreamKind::Book => self.book,
            StreamKind::Band => self.band,
            StreamKind::Candle(_) | StreamKind::Bar(_) => self.candle,
        }
    }
}

impl Default for SubscriptionLimits {
    fn default() -> Self {
        Self {
            total: usize::MAX,
            trade: usize::MAX,
            ticker: usize::MAX,
            book: usize::MAX,
            band: usize::MAX,
            candle: usize::MAX,
            hysteresis: 0.1,
            min_stay: Duration::from_secs(10),
        }
    }
}

/// When the silence of a channel or a connection is strange, and what is done about it.
///
/// A channel in doubt is looked up over REST: if the venue has nothing newer than was heard, the market is quiet and
/// its patience doubles; if it has, the channel is dead and asked for anew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LivenessConfig {
    /// How often the channels are looked at. Default: 1 s.
    pub check_interval: Duration,
    /// A channel silent for this many of its mean gaps is in doubt. Default: 20.
    pub mean_gap_factor: f64,
    /// Though never earlier than this. Default: 30 s.
    pub min_silence: Duration,
    /// And not later than this, unless it was found quiet before. Default: 10 min.
    pub max_silence: Duration,
    /// A connection none of whose channels spoke for this long, and for which no look-up spoke, is suspect: what it
    /// brought is not live. Half of it puts all its channels in doubt. Default: 60 s.
    pub suspect_after: Duration,
    /// The shortest time between two look-ups, each of which is one request. Default: 30 s.
    pub probe_interval: Duration,
    /// How long what the venue has may be on its way to us. Default: 2 s.
    pub delivery_grace: Duration,
}

impl Default for LivenessConfig {
    fn default() -> Self {
        Self {
            check_interval: Duration::from_secs(1),
            mean_gap_factor: 20.0,
            min_silence: Duration::from_secs(30),
            max_silence: Duration::from_secs(600),
            suspect_after: Duration::from_secs(60),
            probe_interval: Duration::from_secs(30),
            delivery_grace: Duration::from_secs(2),
        }
    }
}
