//! Layer 1 of market-backbone: one venue, asked for what it gives at once, by the best channel there is.
//!
//! Everything that leaves for a venue passes here, so everything that protects us from the venue and the
//! venue from us is here: turns, retries, deadlines, reconnects. [`Router`] puts the parts together:
//!
//! - [`Limiter`]: who may send when, so that no venue ever receives more than it takes;
//! - the request stack: retry, turn, deadline, HTTP, composed in one function;
//! - [`LiveHub`]: the socket, what it said last, and its readers;
//! - the choice between the two, with its [`RouteReason`].

mod http;
mod http_date;
mod http_stats;
mod limiter;
mod live;
mod rest;
mod route_choice;
mod router;
mod shared_replies;
mod stack;
mod tls;
mod transport;
mod venue_clock_sync;

pub use http::HttpConfig;
pub use limiter::since_boot;
pub use limiter::{
    CompletionEstimate, GroupMetrics, JournalConfig, Limiter, LimiterConfig, LimiterMetrics, Permit,
};
pub use live::{
    ConnectionHealth, FollowGuard, FrameArrival, FrameFeed, Health, Interest, LiveHub, LiveMetrics,
    LivenessConfig, PinnedConnection, Probe, RealtimeCache, ReconnectConfig, RecordOutcome, SessionConfig,
    SubscriptionLimits,
};
pub use route_choice::{ChoiceConfig, Route, RouteReason};
pub use router::{Endpoint, RequestOptions, Router, RouterConfig, RouterMetrics};
pub use stack::retry::RetryConfig;
pub use tls::client_config;
pub use transport::{ByteStream, Transport};
