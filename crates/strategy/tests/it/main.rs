//! Strategies against worked examples, random paths and each other.

mod backtest;
mod decisions;
mod next_open_broker;
mod paper_bars;
mod paper_bench;
mod runner;
mod sharpe;
mod three_ways;
