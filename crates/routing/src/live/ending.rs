//! How a connection comes to its end, and what is known of it then.

use std::time::Duration;

use market_backbone_core::{Channel, GapCause, SourceError, Timestamp};
use tokio_tungstenite::tungstenite;

/// Why a connection is over.
#[derive(Debug)]
pub(super) enum End {
    /// The program stops.
    Shutdown,
    /// Nothing was wanted for long.
    Idle,
    /// Another one has taken its place, as planned.
    Retired,
    /// It never stood.
    Unreachable(SourceError),
    /// It broke.
    Lost(Loss),
}

/// How a connection broke.
#[derive(Debug)]
pub(super) struct Loss {
    pub(super) cause: GapCause,
    /// Whether the venue would refuse the same again.
    pub(super) terminal: bool,
    /// How long the venue wants us to stay away.
    pub(super) stay_away: Option<Duration>,
    pub(super) message: String,
}

impl Loss {
    pub(super) fn new(cause: GapCause, message: impl Into<String>) -> Self {
        Self { cause, terminal: false, stay_away: None, message: message.into() }
    }
}

impl From<tungstenite::Error> for Loss {
    fn from(error: tungstenite::Error) -> Self {
        Self::new(GapCause::Disconnected, error.to_string())
    }
}

/// What is left of a connection.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) end: End,
    /// Its number; 0 if it never stood.
    pub(super) number: u64,
    /// What it had been asked for. Sorted.
    pub(super) has: Vec<Channel>,
    /// The version of the desired set that was.
    pub(super) version: u64,
    /// When it last brought data, or stood up if it never did. A later answer to a keep-alive proves nothing: there
    /// are sockets that answer and bring nothing.
    pub(super) last_data: Timestamp,
    /// How long it stood.
    pub(super) lived: Duration,
    /// Whether it brought any event.
    pub(super) delivered: bool,
}

impl Ended {
    /// What is left of one that never stood.
    pub(super) fn before_it_stood(end: End, now: Timestamp) -> Self {
        Self {
            end,
            number: 0,
            has: Vec::new(),
            version: 0,
            last_data: now,
            lived: Duration::ZERO,
            delivered: false,
        }
    }
}
