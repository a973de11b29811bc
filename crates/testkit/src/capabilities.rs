//! The capabilities of a venue that a test changes field by field.

use std::time::Duration;

use market_backbone_core::{
    Capabilities, Grid, KeepAlive, RateLimitGroup, RateLimitRule, RevisionPolicy, SocketLimits, Timeframe,
};

use crate::UPBIT;

/// A venue with all timeframes and UTC days, without rate limits and live data. Its closed candles are final at once.
///
/// ```
/// use market_backbone_core::Capabilities;
/// use market_backbone_testkit::CAPABILITIES;
///
/// let venue = Capabilities { candle_page: 20, ..CAPABILITIES };
/// assert!(venue.limits.is_empty());
/// ```
pub const CAPABILITIES: Capabilities = Capabilities {
    venue: UPBIT,
    grid: Grid::Utc,
    candle_page: 200,
    shorter_pages: &[],
    trade_page: 200,
    book_depth: 30,
    trade_history: Duration::from_secs(7 * 86_400),
    trade_cursors: &[],
    timeframes: &Timeframe::ALL,
    streamed_kinds: &[],
    live_timeframes: &[],
    finality_delay: Duration::ZERO,
    revision_policy: RevisionPolicy::NONE,
    limits: &[],
    socket: SocketLimits {
        connects: RateLimitRule::new(RateLimitGroup("connect"), 5, Duration::from_secs(1)),
        messages: &[],
        keep_alive: KeepAlive::Ping,
        keep_alive_every: Duration::from_secs(30),
        idle_timeout: Duration::from_secs(60),
        max_connections: None,
        channels_per_connection: None,
    },
};
