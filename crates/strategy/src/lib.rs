//! Strategies: feed events in, decisions out.
//!
//! Nothing here opens a socket or a file, and nothing reads a clock: time is the time of the events. That is why a live
//! run, a replay of recorded frames and a backtest are one code path, and why the same input gives the same decisions, bit
//! for bit.
//!
//! - [`decimals`]: exact passages between the prices of events and the decimals of orders.
//! - [`order`]: orders, fills and positions; money is [`Decimal`].
//! - [`broker`]: the port to who executes orders.
//! - [`pattern`]: patterns of candles and trades, and the fallback for a producer of them.
//! - [`scanner`]: from all markets to the few that are watched closely.
//! - [`paper`]: a broker on paper, which fills orders from the events of the market.
//! - [`engine`]: signals in, orders out; [`trailing`]: the stop that follows a profit.
//! - [`risk`]: rules that stand between a strategy and its broker.
//! - [`seismograph`]: scores of accumulation and ignition, checks against traps; [`zen`]: unusual volume and price.
//! - [`strategy`]: what a user writes, and the context it is given.
//! - [`runner`]: feeds a strategy and a broker with events, the same live, in replay and in backtest.
//! - [`decision`]: the log of decisions, and the first difference of two logs.
//! - [`backtest`]: a run over history, checks of a strategy, sweeps of its parameters.
//! - [`report`]: what came of a run, as numbers, text, JSON and pictures.
//! - [`builtin`]: strategies that can be run by name.

pub mod backtest;
pub mod broker;
pub mod builtin;
pub mod decimals;
pub mod decision;
pub mod engine;
pub mod indicator;
pub mod order;
pub mod paper;
pub mod pattern;
pub mod report;
pub mod risk;
pub mod runner;
pub mod scanner;
pub mod screen;
pub mod seismograph;
pub mod strategy;
mod symbol_slots;
pub mod trailing;
pub mod zen;

pub use rust_decimal::Decimal;

pub use self::runner::Runner;
pub use self::strategy::{Context, Strategy};
