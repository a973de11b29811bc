//! Layer 1 of market-backbone: access to one venue, over REST or its socket, by the better route.
//!
//! Everything that is sent to a venue passes here, so everything that protects us from the venue and the
//! venue from us is here: rate limits, retries, deadlines, reconnects. [`Router`] puts the parts together:
//!
//! - [`Limiter`]: the rate limiter, so that no venue ever receives more requests than it allows;
//! - the request stack: retry, rate limit, deadline, HTTP, composed in one function;
//! - [`LiveHub`]: the socket, its latest values, and its readers;
//! - the choice of the route, with its [`RouteReason`].

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
