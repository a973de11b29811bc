//! Strategies: feed events in, decisions out.
//!
//! Nothing here opens a socket or a file, and nothing reads a clock: time is the time of the events. That is why a live
//! run, a replay of recorded frames and a backtest are one code path, and why the same input gives the same decisions, bit
//! for bit.
//!
//! - [`order`]: orders, fills and positions; money is [`Decimal`](rust_decimal::Decimal).
//! - [`broker`]: the port to who executes orders.
//! - [`indicator`]: indicators by name, over a stream of bars or over columns.
//! - [`screen`]: conditions over indicators, for many markets, ranked.
//! - [`strategy`]: what a user writes, and the context it is given.

pub mod broker;
pub mod indicator;
pub mod order;
pub mod screen;
pub mod strategy;

pub use rust_decimal::Decimal;
