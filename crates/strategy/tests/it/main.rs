//! Strategies against worked examples, random paths and each other.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod allocations;
mod backtest;
mod bars;
mod decisions;
mod dice;
mod engine_at_random;
mod engine_bench;
mod engine_rules;
mod indicator_docs;
mod indicator_policy;
mod indicator_text;
mod indicator_vectors;
mod next_open_broker;
mod paper_at_random;
mod paper_bars;
mod paper_bench;
mod paper_cost;
mod paper_requests;
mod paper_tape;
mod risk_rules;
mod runner;
mod scores;
mod screen_answers;
mod screen_scores;
mod screen_text;
mod sharpe;
mod three_ways;
