//! Strategies: feed events in, decisions out.
//!
//! Nothing here opens a socket or a file, and nothing reads a clock: time is the time of the events. That is why a live
//! run, a replay of recorded frames and a backtest are one code path, and why the same input gives the same decisions, bit
//! for bit.
//!
//! - [`decimals`]: exact passages between the prices of events and the decimals of orders.
//! - [`order`]: orders, fills and positions; money is [`Decimal`](rust_decimal::Decimal).
//! - [`broker`]: the port to who executes orders.
//! - [`indicator`]: indicators by name, over a stream of bars or over columns.
//! - [`paper`]: a broker on paper, which fills orders from the events of the market.
//! - [`screen`]: conditions over indicators, for many markets, ranked.
//! - [`seismograph`]: scores of accumulation and ignition, checks against traps; [`zen`]: unusual volume and price.
//! - [`strategy`]: what a user writes, and the context it is given.

pub mod broker;
pub mod decimals;
pub mod indicator;
pub mod order;
pub mod paper;
pub mod screen;
pub mod seismograph;
pub mod strategy;
pub mod zen;

pub use rust_decimal::Decimal;
