//! Strategies against worked examples, random paths and each other.

mod scores;
