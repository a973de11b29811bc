//! A flag that connections may be dead: after one has failed, the others are tested before use.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The time for which connections are tested after one of them has failed. Unused ones are closed after the
/// same time.
const WINDOW: Duration = Duration::from_secs(60);

/// A flag that connections are to be tested before use.
#[derive(Clone, Debug, Default)]
pub(super) struct RecentFailure(Arc<Mutex<Option<Instant>>>);

impl RecentFailure {
    /// Records that a connection has failed.
    pub(super) fn record(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Returns whether one has failed lately.
    pub(super) fn is_recent(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|since| since.elapsed() < WINDOW)
    }
}
