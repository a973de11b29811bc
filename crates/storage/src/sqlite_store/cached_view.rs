//! Validates this process's cache of a shard: which commit it reflects, and whether that is still the last
//! one.
//!
//! Any process may commit to a shard. The cache of its series reflects one commit, known by its [commit
//! id](super::commit_file), and is valid only while nobody has tried another since. Own commits are told from
//! external ones inside the transaction, where nobody else can commit. If the shard's commit id is then the
//! one that the cache reflects, the cache advances to the own commit. If it is another one, somebody else has
//! committed, and the whole cache is dropped.
//!
//! An *epoch* is a period in which only this process has committed. It ends when an external commit is found,
//! or when it is uncertain whether an own one happened. Within it,
//! [`SeriesState`](super::series_state::SeriesState) knows what own commits have changed.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use market_backbone_core::StoreError;
use tokio::time::Instant;

use super::commit_file::{CommitFile, CommitId};

/// The time for which a commit id may be ahead of its shard before it is reset. A commit takes some
/// milliseconds.
const STALL_TIMEOUT: Duration = Duration::from_secs(1);

/// The number of times the cache was dropped.
pub(super) type Epoch = u64;

/// What this process knows about commits to a shard.
#[derive(Debug)]
pub(super) struct CachedView {
    commit_file: Arc<CommitFile>,
    shard: u32,
    state: Mutex<CachedViewState>,
}

#[derive(Debug, Default)]
struct CachedViewState {
    epoch: Epoch,
    /// The commit that the cache reflects.
    known: Option<CommitId>,
    /// An own commit in progress, which the cache will reflect.
    pending: Option<CommitId>,
    /// A commit id that was found ahead of the shard, and since when.
    ahead: Option<(CommitId, Instant)>,
}

/// The state of the cache after a check that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ViewStatus {
    /// Others have committed; what is read from now on may be cached.
    Refreshed(Epoch),
    /// Somebody is committing, or was killed while doing so: nothing is cached meanwhile.
    CommitInProgress,
    /// The same for so long that nobody can be: the commit id should be reset.
    Stalled,
}

impl CachedView {
    pub(super) fn new(commit_file: Arc<CommitFile>, shard: u32) -> Self {
        Self { commit_file, shard, state: Mutex::default() }
    }

    /// Returns the epoch, if nobody else has tried to commit since it began. Must be checked before anything
    /// cached is used.
    pub(super) fn current_epoch(&self) -> Option<Epoch> {
        let tried = self.commit_file.read(self.shard)?;
        let state = self.state();
        (state.known == Some(tried) || state.pending == Some(tried)).then_some(state.epoch)
    }

    /// Returns the last commit that was tried. Must be read before the shard is.
    pub(super) fn last_attempted(&self) -> Option<CommitId> {
        self.commit_file.read(self.shard)
    }

    /// Compares the commit `tried` last with the one `committed` to the shard itself.
    pub(super) fn compare(&self, tried: Option<CommitId>, committed: CommitId) -> ViewStatus {
        let mut state = self.state();
        match tried {
            Some(tried) if tried == committed => {
                if state.known != Some(tried) {
                    state.start_epoch_at(committed);
                }
                ViewStatus::Refreshed(state.epoch)
            }
            Some(tried) => {
                let now = Instant::now();
                match state.ahead.filter(|(mark, _)| *mark == tried) {
                    Some((_, since)) if now - since >= STALL_TIMEOUT => {
                        state.ahead = Some((tried, now)); // not again at once
                        ViewStatus::Stalled
                    }
                    Some(_) => ViewStatus::CommitInProgress,
                    None => {
                        state.ahead = Some((tried, now));
                        ViewStatus::CommitInProgress
                    }
                }
            }
            None => ViewStatus::CommitInProgress,
        }
    }

    /// Begins an own commit, inside its transaction, on top of `committed`; returns its commit id.
    pub(super) fn begin_commit(&self, committed: CommitId) -> Result<(CommitId, Epoch), StoreError> {
        // From the system's random source, which differs in each process.
        let commit_id = RandomState::new().hash_one(committed).max(1);
        let epoch = {
            let mut state = self.state();
            if state.known != Some(committed) {
                state.start_epoch_at(committed);
            }
            state.pending = Some(commit_id);
            state.epoch
        };
        self.commit_file.write(self.shard, commit_id)?;
        Ok((commit_id, epoch))
    }

    /// Records that the own commit `mark`, begun in `epoch`, is on disk.
    pub(super) fn confirm_commit(&self, mark: CommitId, epoch: Epoch) {
        let mut state = self.state();
        state.pending = None;
        // Otherwise an external commit has happened since, and was found already.
        if state.epoch == epoch {
            state.known = Some(mark);
        }
    }

    /// Records that an own commit did not happen, or is uncertain.
    pub(super) fn mark_uncertain(&self) {
        let mut state = self.state();
        (state.known, state.pending) = (None, None);
        state.epoch += 1;
    }

    /// Resets the commit id, in a transaction that changes nothing.
    pub(super) fn reset_commit_id(&self, committed: CommitId) -> Result<(), StoreError> {
        self.commit_file.write(self.shard, committed)
    }

    fn state(&self) -> MutexGuard<'_, CachedViewState> {
        // Every change is complete before the lock is released, so a poisoned lock protects nothing half
        // done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CachedViewState {
    fn start_epoch_at(&mut self, committed: CommitId) {
        *self = Self { epoch: self.epoch + 1, known: Some(committed), pending: self.pending, ahead: None };
    }
}
