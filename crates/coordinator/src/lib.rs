//! Layer 2 of market-backbone: any range or count of candles, built from single pages of a venue.
//!
//! A [`Coordinator`] wraps a [`PageSource`](market_backbone_core::PageSource) and is a
//! [`CandleSource`](market_backbone_core::CandleSource). It splits a query into pages, fetches them in
//! parallel, retries each failed one alone, and passes every page on the moment it arrives.
//!
//! One rule is behind everything else: **a range is done when a page has proven it, never by arithmetic.** The
//! number of slots a page will show can only be estimated, because a slot without a trade has no row. So the
//! unknown slots are kept as a set. A plan (which may be wrong) decides what to request next, each answer
//! removes what it proves, and the rest is planned again. A wrong estimate costs a request, never a candle.
//!
//! A [`Continuity`] beside it creates feeds: one subscription from any starting point, without gaps.
//!
//! It names no venue, keeps no candle and starts no task. All work happens inside the caller's stream, so
//! dropping the stream ends it.

mod config;
mod continuity;
mod coordinator;
mod density;
mod fetch;
mod fetch_context;
mod metrics;
mod page_evidence;
mod page_plan;
mod planner;
mod query_progress;
mod query_scope;
mod recent_trades;
mod single_flight;
mod slot_grid;
mod trade_walk;

pub use config::CoordinatorConfig;
pub use continuity::{Continuity, ContinuityConfig, Cursor, CursorError, Feed, FeedMetrics, Start};
pub use coordinator::Coordinator;
pub use metrics::CoordinatorMetrics;
pub use page_plan::PagePlan;
