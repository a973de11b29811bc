//! Strategies against worked examples, random paths and each other.

mod bars;
mod indicator_docs;
mod indicator_policy;
mod indicator_text;
mod indicator_vectors;
mod screen_answers;
mod screen_text;
