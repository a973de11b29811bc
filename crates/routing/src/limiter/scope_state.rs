//! The state that the groups of a scope share: the journal, and the venue's ban.

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
    /// Records that the venue has banned this address until `until`.
    ///
    /// Each request in flight may be refused with the ban, and each group may read of it in the journal: it
    /// is logged once.
    pub(super) fn record_ban(&self, until: Instant, now: Instant) {
        let mut bans = self.lock();
        if bans.until.is_none_or(|known| known <= now) {
            bans.count += 1;
            tracing::error!(
                "the venue has banned this address {}",
                block_errors::describe_end(self, until - now)
            );
        }
        bans.until = bans.until.max(Some(until));
    }

    /// Returns the number of bans.
    pub(super) fn bans(&self) -> u64 {
        self.lock().count
    }

    fn lock(&self) -> MutexGuard<'_, BanHistory> {
        self.bans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
