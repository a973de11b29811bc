//! Strategies against worked examples, random paths and each other.

mod paper_bars;
mod paper_bench;
