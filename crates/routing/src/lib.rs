//! Layer 1 of market-backbone: one venue, asked for what it gives at once, by the best channel there is.
//!
//! Everything that leaves for a venue passes here, so everything that protects us from the venue and the
//! venue from us is here: turns, retries, deadlines, reconnects. [`Router`] puts the parts together:
//!
//! - [`Limiter`]: who may send when, so that no venue ever receives more than it takes;
//! - the request stack: retry, turn, deadline, HTTP, composed in one function;
//! - [`LiveHub`]: the socket, what it said last, and its readers;
//! - the choice between the two, with its [`Reason`].

mod choice;
mod figures;
mod flight;
mod http;
mod http_date;
mod limiter;
mod live;
mod rest;
mod router;
mod stack;
mod tls;
mod transport;
mod venue_time;

pub use choice::{ChoiceConfig, Reason, Route};
pub use http::HttpConfig;
pub use limiter::since_boot;
pub use limiter::{Estimate, GroupMetrics, JournalConfig, Limiter, LimiterConfig, LimiterMetrics, Permit};
pub use live::{
    Arrival, ChannelCaps, ConnectionHealth, Follow, FrameFeed, Health, Interest, LiveHub, LiveMetrics,
    LivenessConfig, PinnedConnection, Probe, RealtimeCache, ReconnectConfig, Recorded, SessionConfig,
};
pub use router::{Endpoint, Router, RouterConfig, RouterMetrics, Terms};
pub use stack::retry::RetryConfig;
pub use tls::client_config;
pub use transport::{ByteStream, Transport};
