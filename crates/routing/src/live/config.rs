//! The settings of the socket session, where the venue leaves a choice.

mod liveness;
mod reconnect;
mod subscription_limits;

use std::time::Duration;

pub use self::liveness::LivenessConfig;
pub use self::reconnect::ReconnectConfig;
pub use self::subscription_limits::SubscriptionLimits;
use super::pinned::PinnedConnection;

/// The settings of the socket session.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionConfig {
    pub(crate) connect_timeout: Duration,
    pub(crate) subscribe_grace: Duration,
    pub(crate) max_future_skew: Duration,
    pub(crate) send_timeout: Duration,
    pub(crate) debounce: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) keep_alive_grace: Duration,
    pub(crate) unanswered_after: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) channels_per_connection: usize,
    pub(crate) max_connections: usize,
    pub(crate) pinned: Vec<PinnedConnection>,
    pub(crate) failover_after: Duration,
    pub(crate) confirm_timeout: Duration,
    pub(crate) rotation_interval: Option<Duration>,
    pub(crate) linger: Duration,
    pub(crate) catch_up_timeout: Duration,
    pub(crate) subscription_limits: SubscriptionLimits,
    pub(crate) liveness: LivenessConfig,
    pub(crate) reconnect: ReconnectConfig,
}

market_backbone_core::setters!(SessionConfig {
    /// The longest that opening a connection may take, name lookup and TLS included. Default: 10 s.
    #[getter(get_connect_timeout)]
    connect_timeout: Duration,
    /// The time after a reader's arrival in which its channels may be subscribed without a gap. Default: 2 s.
    ///
    /// After that, what the venue sent meanwhile is a gap. If a connection failed meanwhile, there is a gap
    /// in any case.
    #[getter(get_subscribe_grace)]
    subscribe_grace: Duration,
    /// The largest time by which an event may be ahead of the clock; later ones are dropped unless other
    /// events agree. Default: 5 s.
    #[getter(get_max_future_skew)]
    max_future_skew: Duration,
    /// The longest that sending one message may take; after that the connection counts as dead. Default: 10
    /// s.
    #[getter(get_send_timeout)]
    send_timeout: Duration,
    /// The time a changed set of subscriptions waits for further changes before it is sent. Default: 20 ms.
    #[getter(get_debounce)]
    debounce: Duration,
    /// The time after which a connection with no subscriptions is closed. Default: 30 s.
    #[getter(get_idle_timeout)]
    idle_timeout: Duration,
    /// The longest that the answer to a keep-alive may take before values no longer count as live. Default: 2
    /// s.
    #[getter(get_keep_alive_grace)]
    keep_alive_grace: Duration,
    /// The time after which a subscribed market without any data is reported: venues ignore codes they do not
    /// know. Default: 10 s.
    #[getter(get_unanswered_after)]
    unanswered_after: Duration,
    /// The longest that closing the connection may take at shutdown. Default: 1 s.
    #[getter(get_close_timeout)]
    close_timeout: Duration,
    /// The number of channels a connection carries before another one is opened; less where the venue says
    /// so. Default: 1,000.
    #[getter(get_channels_per_connection)]
    channels_per_connection: usize,
    /// The largest number of connections; fewer where the venue says so. Default: 5.
    ///
    /// When all of them are full, they carry more channels than
    /// [`channels_per_connection`](Self::channels_per_connection).
    #[getter(get_max_connections)]
    max_connections: usize,
    /// The named connections and the markets assigned to them. Other markets go to the least loaded
    /// connection. Default: none.
    #[getter(get_pinned -> &[PinnedConnection])]
    pinned: Vec<PinnedConnection>,
    /// The outage after which other connections take over a connection's markets, where they have room, until
    /// it is back. Default: 30 s.
    #[getter(get_failover_after)]
    failover_after: Duration,
    /// The time after which a subscribed channel that stays silent counts as arriving. Default: 3 s.
    #[getter(get_confirm_timeout)]
    confirm_timeout: Duration,
    /// The age at which a connection is replaced by a fresh one, before it breaks by itself. Default: never.
    #[getter(get_rotation_interval)]
    rotation_interval: Option<Duration>,
    /// The time for which a replaced connection is still read, so that nothing in flight is lost. Default: 1
    /// s.
    #[getter(get_linger)]
    linger: Duration,
    /// The additional time for which it is read if it is then behind its replacement. Default: 30 s.
    ///
    /// What it has not delivered by then is announced as a gap.
    #[getter(get_catch_up_timeout)]
    catch_up_timeout: Duration,
    /// The limits on the number of followed channels.
    #[getter(get_subscription_limits)]
    subscription_limits: SubscriptionLimits,
    /// The settings that say when silence is suspicious.
    #[getter(get_liveness)]
    liveness: LivenessConfig,
    /// The settings of reconnection.
    #[getter(get_reconnect)]
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
