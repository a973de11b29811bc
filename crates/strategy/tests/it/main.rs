//! Strategies against worked examples, random paths and each other.
#![expect(clippy::unwrap_used, reason = "these are tests through and through")]

mod backtest;
mod decisions;
mod next_open_broker;
mod runner;
mod sharpe;
