//! What the groups of a scope share: the journal, and whether the venue has shut this address out.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::time::Instant;

use super::block_errors;
use super::journal::Journal;

#[derive(Debug, Default)]
pub(super) struct ScopeState {
    /// The journal; empty where nothing is recorded.
    pub(super) journal: OnceLock<Journal>,
    bans: Mutex<BanHistory>,
}

#[derive(Debug, Default)]
struct BanHistory {
    count: u64,
    until: Option<Instant>,
}

impl ScopeState {
    /// Records that the venue has shut this address out until `until`.
    ///
    /// Each request in flight may come back with that, and each group may read of it in the journal: it is logged once.
    pub(super) fn record_ban(&self, until: Instant, now: Instant) {
        let mut bans = self.lock();
        if bans.until.is_none_or(|known| known <= now) {
            bans.count += 1;
            tracing::error!(
                "the venue has shut this address out {}",
                block_errors::describe_end(self, until - now)
            );
        }
        bans.until = bans.until.max(Some(until));
    }

    /// Returns how often that has happened.
    pub(super) fn bans(&self) -> u64 {
        self.lock().count
    }

    fn lock(&self) -> MutexGuard<'_, BanHistory> {
        self.bans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
