//! The coordinator against a model of a venue: its requests, its answers, and its handling of failures.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod bars;
mod bars_at_random;
mod claims;
mod conflicting_rows;
mod counts;
mod failures;
mod feed_rig;
mod feeds;
mod feeds_at_random;
mod feeds_late;
mod feeds_of_candles;
mod feeds_of_the_past;
mod feeds_that_join;
mod forming;
mod oracle;
mod plan;
mod ranges;
mod single_flight;
mod venue;
