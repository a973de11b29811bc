//! The first user of the facade: four small programs, a store and an adapter, written as somebody outside would.
//!
//! Nothing here may use another crate of the workspace, and the four programs may not grow beyond 40 lines: what cannot be
//! written that way is missing in the facade. A test holds both.

pub mod backtest;
pub mod bot;
pub mod chart;
pub mod journal_store;
pub mod screener;
pub mod toy_descriptor;
pub mod toy_venue;
