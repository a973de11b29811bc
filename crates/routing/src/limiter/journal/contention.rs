//! The time for which a lock has been found taken at each attempt.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The time after which a taken lock is no longer waited for: its holder was stopped, or its disk stalls.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// The attempts, one soon after the other, that found a lock taken.
#[derive(Debug, Default)]
pub(super) struct Contention(Mutex<Option<Attempts>>);

#[derive(Clone, Copy, Debug)]
struct Attempts {
    first: Instant,
    last: Instant,
}

impl Contention {
    /// Records whether the lock was taken just now.
    pub(super) fn note(&self, taken: bool) {
        let now = Instant::now();
        let mut attempts = self.lock();
        // Two attempts that are far apart may each have met a holder that was there for a moment.
        let before = attempts.filter(|attempts| now - attempts.last <= LOCK_TIMEOUT);
        let first = before.map_or(now, |attempts| attempts.first);
        *attempts = taken.then_some(Attempts { first, last: now });
    }

    /// Returns whether it has been found taken for too long.
    pub(super) fn is_stalled(&self) -> bool {
        self.lock().is_some_and(|attempts| attempts.last - attempts.first >= LOCK_TIMEOUT)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Attempts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_is_taken_all_the_time_is_stalled() {
        let contention = Contention::default();
        for _ in 0..4 {
            contention.note(true);
            assert!(!contention.is_stalled());
            tokio::time::advance(LOCK_TIMEOUT + Duration::from_millis(1)).await;
        }
        for _ in 0..10 {
            contention.note(true);
            assert!(!contention.is_stalled());
            tokio::time::advance(LOCK_TIMEOUT / 10).await;
        }
        contention.note(true);
        assert!(contention.is_stalled());
        contention.note(false);
        assert!(!contention.is_stalled());
    }
}
