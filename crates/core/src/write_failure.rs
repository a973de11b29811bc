//! Candles of an answer that could not be stored: they are there, and will have to be asked for again.

use std::sync::Arc;

use crate::StoreError;

/// Candles of an answer that could not be stored.
///
/// The answer is none the worse for it; only whoever asks next will find nothing kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteFailure {
    /// How many.
    pub rows: u64,
    /// What went wrong the first time: where, and what to do.
    pub reason: Arc<str>,
}

impl WriteFailure {
    /// So many `rows`, because of `error`.
    #[must_use]
    pub fn new(rows: usize, error: &StoreError) -> Self {
        Self { rows: rows as u64, reason: error.to_string().into() }
    }

    /// Joins what two pieces of an answer say.
    #[must_use]
    pub fn merge(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(Self { rows: one.rows + other.rows, reason: one.reason }),
            (one, other) => one.or(other),
        }
    }
}
