//! Candles of an answer that could not be stored and will have to be fetched again.

use std::sync::Arc;

use crate::StoreError;

/// The part of an answer that could not be stored.
///
/// The answer itself is complete; only the next query will not find these candles in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteFailure {
    /// The number of candles that could not be stored.
    pub rows: u64,
    /// The first failure: what went wrong, where, and what to do.
    pub reason: Arc<str>,
}

impl WriteFailure {
    /// Creates a failure of `rows` candles because of `error`.
    #[must_use]
    pub fn new(rows: usize, error: &StoreError) -> Self {
        Self { rows: rows as u64, reason: error.to_string().into() }
    }

    /// Joins the failures of two parts of an answer.
    #[must_use]
    pub fn merge(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(Self { rows: one.rows + other.rows, reason: one.reason }),
            (one, other) => one.or(other),
        }
    }
}
