//! The health of the connections, as reported to users.

use std::sync::Arc;
use std::time::Duration;

/// The health of a connection, from best to worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Health {
    /// No channel is assigned to it, so it need not be open.
    #[default]
    Idle,
    /// The connection is open without a known problem.
    Live,
    /// The connection is not open yet, or no longer, and is tried again.
    Connecting,
    /// The connection is open, but for too long nothing has proved that it delivers all data: its values are
    /// not live.
    Suspect,
    /// The venue gave its place to another connection; it stays away for as long as the venue asks.
    Evicted,
    /// The venue refuses the subscriptions; it is not tried until they change.
    Refused,
}

impl Health {
    /// Returns `idle`, `live`, `connecting`, `suspect`, `evicted` or `refused`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Live => "live",
            Self::Connecting => "connecting",
            Self::Suspect => "suspect",
            Self::Evicted => "evicted",
            Self::Refused => "refused",
        }
    }
}

/// One of the connections over which the channels are distributed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionHealth {
    /// The number of the socket that serves it now, counted from 1 over all sockets; 0 while none does.
    pub number: u64,
    /// The number of channels assigned to it.
    pub channels: usize,
    /// The health of the connection.
    pub health: Health,
    /// The number of frames received from the socket.
    pub frames: u64,
    /// The time since it last received anything, answers to keep-alives included; `None` while it is not
    /// open.
    pub last_frame_age: Option<Duration>,
    /// The number of times it had to be replaced because it broke.
    pub reconnects: u64,
    /// The name given by the configuration, if there is one.
    pub name: Option<Arc<str>>,
    /// The number of failed attempts and broken connections.
    pub errors: u64,
    /// The message of the last of those errors.
    pub last_error: Option<Arc<str>>,
}
