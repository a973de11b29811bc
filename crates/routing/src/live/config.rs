//! How the socket session behaves, where the venue leaves a choice.

use std::time::Duration;

/// How the socket session behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SessionConfig {
    /// How long a connection may take to stand, name lookup and TLS included. Default: 10 s.
    pub connect_timeout: Duration,
    /// How long one message may take to leave; longer, and the connection is taken for dead. Default: 10 s.
    pub send_timeout: Duration,
    /// How long a changed set of subscriptions waits for further changes before it is sent. Default: 20 ms.
    pub debounce: Duration,
    /// After this long with nothing wanted the connection is closed. Default: 30 s.
    pub idle: Duration,
    /// How long the answer to a keep-alive may take before values are no longer called live. Default: 2 s.
    pub keep_alive_grace: Duration,
    /// A market that was subscribed to and from which nothing came for this long is reported: venues ignore codes
    /// they do not know. Default: 10 s.
    pub unanswered_after: Duration,
    /// How long the closing of the connection may take at shutdown. Default: 1 s.
    pub close_timeout: Duration,
    /// When to connect again.
    pub reconnect: ReconnectConfig,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            send_timeout: Duration::from_secs(10),
            debounce: Duration::from_millis(20),
            idle: Duration::from_secs(30),
            keep_alive_grace: Duration::from_secs(2),
            unanswered_after: Duration::from_secs(10),
            close_timeout: Duration::from_secs(1),
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
    pub at_once: Duration,
    /// How long a connection must stand to count as one that works. Default: 2 s.
    pub steady: Duration,
    /// The wait after the first failure. Default: 5 s.
    pub first: Duration,
    /// By how much it grows with each further failure. Default: 2.
    pub factor: f64,
    /// The longest wait. Default: 60 s.
    pub cap: Duration,
    /// By which part a wait is made longer or shorter at random: 0.2 is up to a fifth. Default: 0.2.
    pub jitter: f64,
}

impl Default for ReconnectConfig {
    fn default() -> Self {
        Self {
            at_once: Duration::from_millis(250),
            steady: Duration::from_secs(2),
            first: Duration::from_secs(5),
            factor: 2.0,
            cap: Duration::from_secs(60),
            jitter: 0.2,
        }
    }
}
