//! Strategies against worked examples, random paths and each other.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod bars;
mod indicator_docs;
mod indicator_policy;
mod indicator_text;
mod indicator_vectors;
mod paper_bars;
mod paper_bench;
mod paper_requests;
mod paper_tape;
mod scores;
mod screen_answers;
mod screen_scores;
mod screen_text;
