//! The settings of the socket session, where the venue leaves a choice.

use std::time::Duration;

use market_backbone_core::StreamKind;

use super::pinned::PinnedConnection;

/// The settings of the socket session.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SessionConfig {
    /// The longest that opening a connection may take, name lookup and TLS included. Default: 10 s.
    pub connect_timeout: Duration,
    /// The time after a reader's arrival in which its channels may be subscribed without a gap. Default: 2 s.
    ///
    /// After that, what the venue sent meanwhile is a gap. If a connection failed meanwhile, there is a gap
    /// in any case.
    pub subscribe_grace: Duration,
    /// The largest time by which an event may be ahead of the clock; later ones are dropped unless other
    /// events agree. Default: 5 s.
    pub max_future_skew: Duration,
    /// The longest that sending one message may take; after that the connection counts as dead. Default: 10
    /// s.
    pub send_timeout: Duration,
    /// The time a changed set of subscriptions waits for further changes before it is sent. Default: 20 ms.
    pub debounce: Duration,
    /// The time after which a connection with no subscriptions is closed. Default: 30 s.
    pub idle_timeout: Duration,
    /// The longest that the answer to a keep-alive may take before values no longer count as live. Default: 2
    /// s.
    pub keep_alive_grace: Duration,
    /// The time after which a subscribed market without any data is reported: venues ignore codes they do not
    /// know. Default: 10 s.
    pub unanswered_after: Duration,
    /// The longest that closing the connection may take at shutdown. Default: 1 s.
    pub close_timeout: Duration,
    /// The number of channels a connection carries before another one is opened; less where the venue says
    /// so. Default: 1,000.
    pub channels_per_connection: usize,
    /// The largest number of connections; fewer where the venue says so. Default: 5.
    ///
    /// When all of them are full, they carry more channels than
    /// [`channels_per_connection`](Self::channels_per_connection).
    pub max_connections: usize,
    /// The named connections and the markets assigned to them. Other markets go to the least loaded
    /// connection. Default: none.
    pub pinned: Vec<PinnedConnection>,
    /// The outage after which other connections take over a connection's markets, where they have room, until
    /// it is back. Default: 30 s.
    pub failover_after: Duration,
    /// The time after which a subscribed channel that stays silent counts as arriving. Default: 3 s.
    pub confirm_timeout: Duration,
    /// The age at which a connection is replaced by a fresh one, before it breaks by itself. Default: never.
    pub rotation_interval: Option<Duration>,
    /// The time for which a replaced connection is still read, so that nothing in flight is lost. Default: 1
    /// s.
    pub linger: Duration,
    /// The additional time for which it is read if it is then behind its replacement. Default: 30 s.
    ///
    /// What it has not delivered by then is announced as a gap.
    pub catch_up_timeout: Duration,
    /// The limits on the number of followed channels.
    pub subscription_limits: SubscriptionLimits,
    /// The settings that say when silence is suspicious.
    pub liveness: LivenessConfig,
    /// The settings of reconnection.
    pub reconnect: ReconnectConfig,
}

market_backbone_core::setters!(SessionConfig {
    connect_timeout: Duration,
    subscribe_grace: Duration,
    max_future_skew: Duration,
    send_timeout: Duration,
    debounce: Duration,
    idle_timeout: Duration,
    keep_alive_grace: Duration,
    unanswered_after: Duration,
    close_timeout: Duration,
    channels_per_connection: usize,
    max_connections: usize,
    pinned: Vec<PinnedConnection>,
    failover_after: Duration,
    confirm_timeout: Duration,
    rotation_interval: Option<Duration>,
    linger: Duration,
    catch_up_timeout: Duration,
    subscription_limits: SubscriptionLimits,
    liveness: LivenessConfig,
    reconnect: ReconnectConfig,
});

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

/// The settings of reconnection; attempts go on without end.
///
/// A connection that has delivered data is replaced at once, within
/// [`max_immediate_delay`](Self::max_immediate_delay), so that many clients that were cut off together do not
/// reconnect together. The wait is [`initial_delay`](Self::initial_delay) when that fails, when a connection
/// ends without having delivered anything, or when one after another breaks before it was stable
/// ([`stable_after`](Self::stable_after)). With each further failure it grows by the factor
/// [`multiplier`](Self::multiplier), up to [`max_delay`](Self::max_delay).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReconnectConfig {
    /// The longest wait after a connection that has delivered data; the actual one is random. Default: 250
    /// ms.
    pub max_immediate_delay: Duration,
    /// The time a connection must stay open to count as stable. Default: 2 s.
    pub stable_after: Duration,
    /// The wait after the first failure. Default: 5 s.
    pub initial_delay: Duration,
    /// The factor by which the wait grows with each further failure. Default: 2.
    pub multiplier: f64,
    /// The longest wait. Default: 60 s.
    pub max_delay: Duration,
    /// The share by which a wait is lengthened or shortened at random: 0.2 is up to a fifth. Default: 0.2.
    pub jitter: f64,
}

market_backbone_core::setters!(ReconnectConfig {
    max_immediate_delay: Duration,
    stable_after: Duration,
    initial_delay: Duration,
    multiplier: f64,
    max_delay: Duration,
    jitter: f64,
});

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

/// The limits on the number of followed channels. If more are wanted, the most urgent are followed. Default:
/// no limits.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SubscriptionLimits {
    /// The largest number of channels of all kinds together.
    pub total: usize,
    /// The largest number of trade channels.
    pub trade: usize,
    /// The largest number of ticker channels.
    pub ticker: usize,
    /// The largest number of order book channels.
    pub book: usize,
    /// The largest number of price band channels.
    pub band: usize,
    /// The largest number of candle channels of each timeframe.
    pub candle: usize,
    /// The share of its score by which a waiting channel must beat a followed one to replace it. Default:
    /// 0.1.
    pub hysteresis: f64,
    /// The time for which a new channel cannot be replaced by others of the same interest. Default: 10 s.
    pub min_stay: Duration,
}

market_backbone_core::setters!(SubscriptionLimits {
    total: usize,
    trade: usize,
    ticker: usize,
    book: usize,
    band: usize,
    candle: usize,
    hysteresis: f64,
    min_stay: Duration,
});

impl SubscriptionLimits {
    /// Returns how many channels of `kind` may be followed.
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

/// The settings that say when the silence of a channel or a connection is suspicious, and what happens then.
///
/// An uncertain channel is probed over REST. If the venue has nothing newer than was received, the market is
/// quiet and its silence limit doubles. If it has, the channel is dead and is subscribed again.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LivenessConfig {
    /// The interval between two checks of the channels. Default: 1 s.
    pub check_interval: Duration,
    /// The silence, in mean gaps between events, after which a channel is uncertain. Default: 20.
    pub mean_gap_factor: f64,
    /// The shortest silence that makes a channel uncertain. Default: 30 s.
    pub min_silence: Duration,
    /// The longest silence that leaves a channel certain, unless it was found quiet before. Default: 10 min.
    pub max_silence: Duration,
    /// The time after which a connection without data or a successful probe is suspect: its values are not
    /// live. Default: 60 s.
    ///
    /// After half of it, all its channels are uncertain.
    pub suspect_after: Duration,
    /// The shortest time between two probes, each of which is one request. Default: 30 s.
    pub probe_interval: Duration,
    /// The time that the venue's data may be in flight to us. Default: 2 s.
    pub delivery_grace: Duration,
}

market_backbone_core::setters!(LivenessConfig {
    check_interval: Duration,
    mean_gap_factor: f64,
    min_silence: Duration,
    max_silence: Duration,
    suspect_after: Duration,
    probe_interval: Duration,
    delivery_grace: Duration,
});

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
