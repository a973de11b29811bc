//! Counters of the HTTP side.

use std::sync::atomic::{AtomicBool, AtomicU64};

/// Counters of the HTTP side.
#[derive(Debug, Default)]
pub(crate) struct HttpStats {
    /// The number of requests sent, retries included.
    pub(crate) requests: AtomicU64,
    /// The number of retries.
    pub(crate) retries: AtomicU64,
    /// The number of retries given up because the retry budget was used up.
    pub(crate) gave_up: AtomicU64,
    /// The number of tickers and books left out because their timestamps were in the future.
    pub(crate) future: AtomicU64,
    /// True if the venue has ever answered anything.
    pub(crate) contacted: AtomicBool,
}
