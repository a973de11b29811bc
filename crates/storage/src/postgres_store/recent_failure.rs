//! That connections may be dead: one was, so the others are tried before they are used.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long connections are tried after one of them has failed. Those that nobody has used are given back after as long.
const WINDOW: Duration = Duration::from_secs(60);

/// Whether connections are to be tried before they are used.
#[derive(Clone, Debug, Default)]
pub(super) struct RecentFailure(Arc<Mutex<Option<Instant>>>);

impl RecentFailure {
    /// A connection has failed.
    pub(super) fn record(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether one has failed lately.
    pub(super) fn is_recent(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|since| since.elapsed() < WINDOW)
    }
}
