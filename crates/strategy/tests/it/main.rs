//! Strategies against worked examples, random paths and each other.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod allocations;
mod backtest;
mod decisions;
mod next_open_broker;
mod paper_bars;
mod paper_bench;
mod paper_requests;
mod paper_tape;
mod runner;
mod scores;
mod sharpe;
mod three_ways;
