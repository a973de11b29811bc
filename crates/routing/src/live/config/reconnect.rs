//! The settings of reconnection.

use std::time::Duration;

/// The settings of reconnection; attempts go on without end.
///
/// A connection that has delivered data is replaced at once, within
/// [`max_immediate_delay`](Self::max_immediate_delay), so that many clients that were cut off together do not
/// reconnect together. The wait is [`initial_delay`](Self::initial_delay) when that fails, when a connection
/// ends without having delivered anything, or when one after another breaks before it was stable
/// ([`stable_after`](Self::stable_after)). With each further failure it grows by the factor
/// [`multiplier`](Self::multiplier), up to [`max_delay`](Self::max_delay).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReconnectConfig {
    pub(crate) max_immediate_delay: Duration,
    pub(crate) stable_after: Duration,
    pub(crate) initial_delay: Duration,
    pub(crate) multiplier: f64,
    pub(crate) max_delay: Duration,
    pub(crate) jitter: f64,
}

market_backbone_core::setters!(ReconnectConfig {
    /// The longest wait after a connection that has delivered data; the actual one is random. Default: 250
    /// ms.
    #[getter(get_max_immediate_delay)]
    max_immediate_delay: Duration,
    /// The time a connection must stay open to count as stable. Default: 2 s.
    #[getter(get_stable_after)]
    stable_after: Duration,
    /// The wait after the first failure. Default: 5 s.
    #[getter(get_initial_delay)]
    initial_delay: Duration,
    /// The factor by which the wait grows with each further failure. Default: 2.
    #[getter(get_multiplier)]
    multiplier: f64,
    /// The longest wait. Default: 60 s.
    #[getter(get_max_delay)]
    max_delay: Duration,
    /// The share by which a wait is lengthened or shortened at random: 0.2 is up to a fifth. Default: 0.2.
    #[getter(get_jitter)]
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
