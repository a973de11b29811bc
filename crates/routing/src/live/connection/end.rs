//! How a connection comes to its end, and what is known of it then.

use std::time::Duration;

use market_backbone_core::{Channel, GapCause, SourceError, Timestamp};
use tokio_tungstenite::tungstenite;

/// Why a connection is over.
#[derive(Debug)]
pub(in crate::live) enum ConnectionEnd {
    /// The program stops.
    Shutdown,
    /// Nothing was wanted for long.
    Idle,
    /// Another one has taken its place, as planned.
    Retired,
    /// It never stood.
    Unreachable(SourceError),
    /// The connection broke.
    Lost(ConnectionLoss),
}

/// How a connection broke.
#[derive(Debug)]
pub(in crate::live) struct ConnectionLoss {
    pub(in crate::live) cause: GapCause,
    /// Whether the venue would refuse the same again.
    pub(in crate::live) terminal: bool,
    /// How long the venue wants us to stay away.
    pub(in crate::live) retry_after: Option<Duration>,
    pub(in crate::live) message: String,
}

impl ConnectionLoss {
    pub(in crate::live) fn new(cause: GapCause, message: impl Into<String>) -> Self {
        Self { cause, terminal: false, retry_after: None, message: message.into() }
    }
}

impl From<tungstenite::Error> for ConnectionLoss {
    fn from(error: tungstenite::Error) -> Self {
        Self::new(GapCause::Disconnected, error.to_string())
    }
}

/// What is left of a connection.
#[derive(Debug)]
pub(in crate::live) struct EndedConnection {
    pub(in crate::live) end: ConnectionEnd,
    /// Its number; 0 if it never stood.
    pub(in crate::live) number: u64,
    /// What it had been asked for. Sorted.
    pub(in crate::live) subscribed: Vec<Channel>,
    /// The version of the desired set that was.
    pub(in crate::live) version: u64,
    /// When it last brought data, or stood up if it never did. A later answer to a keep-alive proves nothing: there
    /// are sockets that answer and bring nothing.
    pub(in crate::live) last_data: Timestamp,
    /// The latest moment it told of, by the venue's clock.
    pub(in crate::live) latest_venue_time: Timestamp,
    /// How long it stood.
    pub(in crate::live) uptime: Duration,
    /// Whether it brought any event.
    pub(in crate::live) delivered: bool,
}

impl EndedConnection {
    /// What is left of one that never stood.
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
