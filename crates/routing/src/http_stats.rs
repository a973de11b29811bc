//! Counters of the HTTP side.

use std::sync::atomic::{AtomicBool, AtomicU64};

/// Counters of the HTTP side.
#[derive(Debug, Default)]
pub(crate) struct HttpStats {
    /// Requests sent, repeats included.
    pub(crate) requests: AtomicU64,
    /// Repeats.
    pub(crate) retries: AtomicU64,
    /// Repeats forgone because the budget was used up.
    pub(crate) gave_up: AtomicU64,
    /// Tickers and books that were stamped in the future and left out.
    pub(crate) future: AtomicU64,
    /// Whether the venue has ever answered anything.
    pub(crate) contacted: AtomicBool,
}
