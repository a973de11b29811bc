//! The rules of a venue's socket. They are read by whoever keeps connections, which knows nothing else of a venue.

use std::time::Duration;

use super::RateLimitRule;

/// The message that keeps a quiet socket open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeepAlive {
    /// A ping frame of the WebSocket protocol.
    Ping,
    /// A text message with this content.
    Text(&'static str),
}

impl KeepAlive {
    /// Returns the text of the message; `None` if it is a ping frame.
    #[must_use]
    pub const fn text(self) -> Option<&'static str> {
        match self {
            Self::Ping => None,
            Self::Text(text) => Some(text),
        }
    }
}

/// The rules of a venue's socket.
#[derive(Clone, Copy, Debug)]
pub struct SocketLimits {
    /// The rate limit of new connections.
    pub connects: RateLimitRule,
    /// The rate limits of messages on one connection. All of them hold.
    pub messages: &'static [RateLimitRule],
    /// The message to send when nothing else was sent.
    pub keep_alive: KeepAlive,
    /// The interval between keep-alive messages.
    pub keep_alive_every: Duration,
    /// The time without any frame, pongs included, after which the connection counts as dead.
    pub idle_timeout: Duration,
    /// The most connections of one account or address at once, or `None` where the venue states no number.
    pub max_connections: Option<u32>,
    /// The most channels on one connection, or `None` where the venue states no number.
    pub channels_per_connection: Option<u32>,
}
