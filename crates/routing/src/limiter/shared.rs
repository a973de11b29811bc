//! What the groups of a scope have in common: the journal, and whether the venue has shut us out.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::time::Instant;

use super::journal::Journal;
use super::notice;

#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Empty where nothing is noted.
    pub(super) journal: OnceLock<Journal>,
    bans: Mutex<Bans>,
}

#[derive(Debug, Default)]
struct Bans {
    count: u64,
    until: Option<Instant>,
}

impl Shared {
    /// The venue has shut us out. Each request that was under way may come back with that, and each group may hear of it
    /// from another process: it is told of once.
    pub(super) fn banned(&self, until: Instant, now: Instant) {
        let mut bans = self.lock();
        if bans.until.is_none_or(|known| known <= now) {
            bans.count += 1;
            tracing::error!("the venue has shut us out {}", notice::until(self, until - now));
        }
        bans.until = bans.until.max(Some(until));
    }

    /// How often that has happened.
    pub(super) fn bans(&self) -> u64 {
        self.lock().count
    }

    fn lock(&self) -> MutexGuard<'_, Bans> {
        self.bans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
