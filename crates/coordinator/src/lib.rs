//! Layer 2 of market-backbone: any range or count of candles, out of single pages of a venue.
//!
//! A [`Coordinator`] wraps a [`PageSource`](market_backbone_core::PageSource) and is a
//! [`CandleSource`](market_backbone_core::CandleSource). It splits a question into pages, has them fetched in
//! parallel, repeats alone what failed, and hands every page on the moment it arrives.
//!
//! One rule carries the rest: **a stretch is done when a page has proven it, never by arithmetic.** How many
//! slots a page will show can only be guessed, because a slot without a trade has no row. So what is unknown is
//! kept as a set; a plan (which may be wrong) says what to ask next; each answer takes away what it proves; and
//! what is left is planned again. A wrong guess costs a request, never a candle.
//!
//! A [`Continuity`] beside it gives feeds: one subscription from any point, without holes.
//!
//! It names no venue, keeps no candle and starts no task: all work happens inside the stream of the caller, so
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

pub use config::CoordinatorConfig;
pub use continuity::{Continuity, ContinuityConfig, Cursor, CursorError, Feed, Start};
pub use coordinator::Coordinator;
pub use metrics::CoordinatorMetrics;
pub use page_plan::PagePlan;
