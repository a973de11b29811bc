//! Of which commit to a shard the memory of this process is true, and whether that is still the last one.
//!
//! Any process may commit to a shard. What this one remembers of its series is true of one commit, known by its
//! [mark](super::commit_file), and believed only while nobody has tried another since. Own commits are told from foreign ones
//! inside the transaction, where nobody else can commit: if the shard's mark is then the one that memory is true of, memory
//! goes on to the own commit; if it is another, somebody else was there, and all that was remembered is given up.
//!
//! An *epoch* is a stretch of time in which only this process has committed. It ends when a foreign commit is found, or when
//! it is in doubt whether an own one happened; within it [`SeriesState`](super::series_state::SeriesState) knows what own
//! commits have changed.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use market_backbone_core::StoreError;
use tokio::time::Instant;

use super::commit_file::{CommitFile, CommitId};

/// How long a mark may run ahead of its shard before that is put right. A commit takes some milliseconds.
const STALL_TIMEOUT: Duration = Duration::from_secs(1);

/// Counts how often memory has been given up.
pub(super) type Epoch = u64;

/// What this process knows of who has committed to a shard.
#[derive(Debug)]
pub(super) struct CachedView {
    commit_file: Arc<CommitFile>,
    shard: u32,
    state: Mutex<CachedViewState>,
}

#[derive(Debug, Default)]
struct CachedViewState {
    epoch: Epoch,
    /// The commit that memory is true of.
    known: Option<CommitId>,
    /// An own commit under way, of which memory will be true.
    pending: Option<CommitId>,
    /// A mark that was found ahead of the shard, and since when.
    ahead: Option<(CommitId, Instant)>,
}

/// What was found when memory was not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ViewStatus {
    /// Others have committed; what is read from now on may be remembered.
    Refreshed(Epoch),
    /// Somebody is committing, or was killed while doing so: nothing is remembered meanwhile.
    CommitInProgress,
    /// The same for so long that nobody is: the mark should be put right.
    Stalled,
}

impl CachedView {
    pub(super) fn new(commit_file: Arc<CommitFile>, shard: u32) -> Self {
        Self { commit_file, shard, state: Mutex::default() }
    }

    /// The epoch, if nobody else has tried to commit since it began. To be asked before anything remembered is used.
    pub(super) fn current_epoch(&self) -> Option<Epoch> {
        let tried = self.commit_file.read(self.shard)?;
        let state = self.state();
        (state.known == Some(tried) || state.pending == Some(tried)).then_some(state.epoch)
    }

    /// What was tried last, to be asked before the shard is.
    pub(super) fn last_attempted(&self) -> Option<CommitId> {
        self.commit_file.read(self.shard)
    }

    /// Compares what was `tried` last with what the shard itself says to have been `committed`.
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

    /// Begins an own commit, in its transaction, on top of what is `committed`; says by which mark it is to be known.
    pub(super) fn begin_commit(&self, committed: CommitId) -> Result<(CommitId, Epoch), StoreError> {
        // From the system's chance, which is another in each process.
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

    /// The own commit known by `mark`, which was begun in `epoch`, is on disk.
    pub(super) fn confirm_commit(&self, mark: CommitId, epoch: Epoch) {
        let mut state = self.state();
        state.pending = None;
        // Else somebody else has committed since, and was found out already.
        if state.epoch == epoch {
            state.known = Some(mark);
        }
    }

    /// Whether an own commit happened is not known, or it did not.
    pub(super) fn mark_uncertain(&self) {
        let mut state = self.state();
        (state.known, state.pending) = (None, None);
        state.epoch += 1;
    }

    /// Puts the mark right, in a transaction that changes nothing.
    pub(super) fn reset_commit_id(&self, committed: CommitId) -> Result<(), StoreError> {
        self.commit_file.write(self.shard, committed)
    }

    fn state(&self) -> MutexGuard<'_, CachedViewState> {
        // Every change is complete before the lock is let go, so a poisoned one holds nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CachedViewState {
    fn start_epoch_at(&mut self, committed: CommitId) {
        *self = Self { epoch: self.epoch + 1, known: Some(committed), pending: self.pending, ahead: None };
    }
}
