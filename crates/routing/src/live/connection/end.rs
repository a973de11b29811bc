//! How a connection ended, and what is known of it then.

use std::time::Duration;

use market_backbone_core::{Channel, GapCause, SourceError, SourceErrorKind, Timestamp};
use tokio_tungstenite::tungstenite;

/// The reason for the end of a connection.
#[derive(Debug)]
pub(in crate::live) enum ConnectionEnd {
    /// The program stops.
    Shutdown,
    /// No channel was wanted for long.
    Idle,
    /// Another connection has replaced it, as planned.
    Retired,
    /// The connection was never open.
    Unreachable(SourceError),
    /// The connection broke.
    Lost(ConnectionLoss),
}

/// The details of a broken connection.
#[derive(Debug)]
pub(in crate::live) struct ConnectionLoss {
    pub(in crate::live) cause: GapCause,
    /// What a program can do about it, where the venue refused.
    pub(in crate::live) kind: SourceErrorKind,
    /// True if the venue would refuse the same again.
    pub(in crate::live) terminal: bool,
    /// The time for which the venue wants us to stay away.
    pub(in crate::live) retry_after: Option<Duration>,
    pub(in crate::live) message: String,
}

impl ConnectionLoss {
    pub(in crate::live) fn new(cause: GapCause, message: impl Into<String>) -> Self {
        let kind = SourceErrorKind::Unreachable;
        Self { cause, kind, terminal: false, retry_after: None, message: message.into() }
    }
}

impl From<tungstenite::Error> for ConnectionLoss {
    fn from(error: tungstenite::Error) -> Self {
        Self::new(GapCause::Disconnected, error.to_string())
    }
}

/// The final state of a connection.
#[derive(Debug)]
pub(in crate::live) struct EndedConnection {
    pub(in crate::live) end: ConnectionEnd,
    /// The connection's number; 0 if it was never open.
    pub(in crate::live) number: u64,
    /// The channels it was subscribed to, sorted.
    pub(in crate::live) subscribed: Vec<Channel>,
    /// The version of the desired set with those channels.
    pub(in crate::live) version: u64,
    /// The time of its last data, or of its opening if there was none.
    ///
    /// A later answer to a keep-alive proves nothing: there are sockets that answer and deliver nothing.
    pub(in crate::live) last_data: Timestamp,
    /// The latest venue time that it delivered.
    pub(in crate::live) latest_venue_time: Timestamp,
    /// The time for which it was open.
    pub(in crate::live) uptime: Duration,
    /// True if it delivered any event.
    pub(in crate::live) delivered: bool,
}

impl EndedConnection {
    /// Describes a connection that was never open.
    pub(in crate::live) fn never_connected(end: ConnectionEnd, now: Timestamp) -> Self {
        Self {
            end,
            number: 0,
            subscribed: Vec::new(),
            version: 0,
            last_data: now,
            latest_venue_time: Timestamp::MIN,
            uptime: Duration::ZERO,
            delivered: false,
        }
    }
}
