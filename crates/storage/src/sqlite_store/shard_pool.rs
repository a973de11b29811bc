//! The pool of open shards: opened when first needed, and closed when least recently used.

use std::collections::HashMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use market_backbone_core::{StoreError, VenueId};
use tokio::sync::{OnceCell, RwLock, RwLockWriteGuard};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::StoreConfig;
use super::cached_view::CachedView;
use super::commit_file::CommitFile;
use super::fault;
use super::folder_lock::FolderLock;
use super::sealed::SealQueue;
use super::shard::{self, Shard};
use super::source_registry::SourceRegistry;

/// The longest wait for a file that is to be rebuilt, until its users have released it.
const EXCLUSIVE_TIMEOUT: Duration = Duration::from_secs(60);

/// The identity of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ShardId {
    pub(super) venue: VenueId,
    pub(super) number: u32,
}

/// The pool of open shards. A user of a shard holds a lease, and a leased shard is never closed.
#[derive(Debug)]
pub(super) struct ShardPool {
    sources: Arc<SourceRegistry>,
    max_open: usize,
    max_bytes: Option<u64>,
    seal_queue: Arc<SealQueue>,
    tasks: TaskTracker,
    // Readers of the lock open shards; the writer of the lock rebuilds a file.
    gate: RwLock<()>,
    // `None` once the store has been closed.
    open: Mutex<Option<OpenShards>>,
    // Kept when a shard is closed, as is the cached state of its series.
    cached_views: Mutex<CachedViews>,
}

/// The cache validity of each shard that was used; some ten bytes each, and an open file for each source.
#[derive(Debug, Default)]
struct CachedViews {
    commit_files: HashMap<VenueId, Arc<CommitFile>>,
    views: HashMap<ShardId, Arc<CachedView>>,
}

#[derive(Debug)]
struct OpenShards {
    shards: HashMap<ShardId, ShardEntry>,
    uses: u64,
    // `None` in a store opened for reading, where nothing is cached.
    lock: Option<Arc<FolderLock>>,
}

#[derive(Debug, Default)]
struct ShardEntry {
    cell: Arc<OnceCell<Shard>>,
    last_use: u64,
}

/// A shard that stays open for as long as this lives.
#[derive(Debug)]
pub(super) struct ShardLease {
    // Invariant: set.
    cell: Arc<OnceCell<Shard>>,
}

/// The file of a shard that nobody has open.
#[derive(Debug)]
pub(super) struct ExclusiveShard<'a> {
    path: PathBuf,
    _gate: RwLockWriteGuard<'a, ()>,
}

impl ExclusiveShard<'_> {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Deref for ShardLease {
    type Target = Shard;

    fn deref(&self) -> &Shard {
        self.cell.get().expect("a lease is granted when its shard has been opened")
    }
}

impl ShardPool {
    /// Creates a pool that opens shards for writing while it holds the folder's `lock`, else for reading.
    pub(super) fn new(
        config: &StoreConfig,
        (sources, seal_queue): (Arc<SourceRegistry>, Arc<SealQueue>),
        lock: Option<Arc<FolderLock>>,
    ) -> Self {
        Self {
            sources,
            seal_queue,
            max_open: config.open_shards.max(1),
            max_bytes: config.max_shard_bytes,
            tasks: TaskTracker::new(),
            gate: RwLock::new(()),
            open: Mutex::new(Some(OpenShards { shards: HashMap::new(), uses: 0, lock })),
            cached_views: Mutex::default(),
        }
    }

    /// Returns the folder lock; `None` in a store opened for reading, or once closed.
    pub(super) fn lock(&self) -> Option<Arc<FolderLock>> {
        self.open().as_ref()?.lock.clone()
    }

    /// Returns the validity of a shard's cache; `None` where nothing is cached.
    pub(super) fn cached_view(&self, id: ShardId) -> Result<Option<Arc<CachedView>>, StoreError> {
        if self.lock().is_none() {
            return Ok(None);
        }
        // Every change is complete before the lock is released, so a poisoned lock protects nothing half
        // done.
        let mut cached_views = self.cached_views.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(belief) = cached_views.views.get(&id) {
            return Ok(Some(Arc::clone(belief)));
        }
        let commit_file = match cached_views.commit_files.get(&id.venue) {
            Some(marks) => Arc::clone(marks),
            None => {
                let marks = Arc::new(CommitFile::open(self.sources.dir(), id.venue)?);
                cached_views.commit_files.insert(id.venue, Arc::clone(&marks));
                marks
            }
        };
        let cached_view = Arc::new(CachedView::new(commit_file, id.number));
        cached_views.views.insert(id, Arc::clone(&cached_view));
        Ok(Some(cached_view))
    }

    /// Returns the shard, and opens it if it is closed.
    pub(super) async fn lease(&self, id: ShardId) -> Result<ShardLease, StoreError> {
        self.sources.require_claimed(id.venue)?;
        let (cell, lock, surplus) = {
            let mut guard = self.open();
            let open = guard.as_mut().ok_or_else(fault::closed)?;
            let cell = open.touch(id);
            (cell, open.lock.clone(), open.evict_surplus(self.max_open))
        };
        drop(surplus); // outside the lock: it ends their writers, which close the files
        cell.get_or_try_init(|| async {
            let _open = self.gate.read().await;
            let path = shard::path(self.sources.dir(), id.venue, id.number)?;
            match lock.zip(self.cached_view(id)?) {
                Some((lock, belief)) => {
                    let tasks = (&self.tasks, &self.seal_queue);
                    Shard::open(path, self.max_bytes, tasks, (belief, lock)).await
                }
                None => Shard::open_read_only(path, &self.seal_queue).await,
            }
        })
        .await?;
        Ok(ShardLease { cell })
    }

    /// Acquires the file of a shard exclusively: nobody has it open or opens it as long as the result lives.
    ///
    /// `None` if it is no longer the one that was `seen` (`None`: it could not be used at all).
    pub(super) async fn lock_exclusive(
        &self,
        id: ShardId,
        seen: Option<u64>,
    ) -> Result<Option<ExclusiveShard<'_>>, StoreError> {
        let path = self.path(id)?;
        let gate =
            timeout(EXCLUSIVE_TIMEOUT, self.gate.write()).await.map_err(|_| fault::timed_out(&path))?;
        let closing = {
            let mut guard = self.open();
            let open = guard.as_mut().ok_or_else(fault::closed)?;
            if open.lock.is_none() {
                return Err(fault::read_only());
            }
            let there = open.shards.get(&id).and_then(|entry| entry.cell.get());
            // A shard that nobody has seen open may be open all the same: its schema is read at the first
            // request.
            if seen.is_some_and(|seen| there.is_some_and(|there| there.serial() != seen)) {
                return Ok(None);
            }
            let closed = there.map(Shard::closed);
            closed.map(|closed| (closed, open.shards.remove(&id)))
        };
        if let Some((closed, entry)) = closing {
            drop(entry); // outside the lock: it ends the writer, which closes the file
            timeout(EXCLUSIVE_TIMEOUT, closed.cancelled()).await.map_err(|_| fault::timed_out(&path))?;
        }
        Ok(Some(ExclusiveShard { path, _gate: gate }))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.tasks.is_closed()
    }

    /// Returns the tracker of the store's tasks; closing waits for them.
    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Returns all existing shards, in order, except unclaimed ones.
    pub(super) fn all(&self) -> Vec<ShardId> {
        let files = shard::files(self.sources.dir()).into_iter();
        let claimed = files.filter(|file| self.sources.is_claimed(file.venue));
        let mut all: Vec<_> =
            claimed.map(|file| ShardId { venue: file.venue, number: file.number }).collect();
        all.sort_unstable();
        all
    }

    /// Returns the path of a shard.
    pub(super) fn path(&self, id: ShardId) -> Result<PathBuf, StoreError> {
        shard::path(self.sources.dir(), id.venue, id.number)
    }

    /// Closes all shards, each as soon as nobody uses it, opens none any more, and waits until they are
    /// closed.
    pub(super) async fn close(&self) {
        self.tasks.close();
        let closing = self.open().take();
        drop(closing);
        self.tasks.wait().await;
    }

    fn open(&self) -> MutexGuard<'_, Option<OpenShards>> {
        // Every change is complete before the lock is released, so a poisoned lock protects nothing half
        // done.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenShards {
    fn touch(&mut self, id: ShardId) -> Arc<OnceCell<Shard>> {
        self.uses += 1;
        let entry = self.shards.entry(id).or_default();
        entry.last_use = self.uses;
        Arc::clone(&entry.cell)
    }

    /// Removes open shards beyond `max_open`, the least recently used first. Shards in use stay.
    fn evict_surplus(&mut self, max_open: usize) -> Vec<ShardEntry> {
        let mut surplus = Vec::new();
        while self.shards.len() > max_open {
            // Nobody can begin to use one meanwhile: that takes the lock which our caller holds.
            let idle = self.shards.iter().filter(|(_, entry)| Arc::strong_count(&entry.cell) == 1);
            let Some(id) = idle.min_by_key(|(_, entry)| entry.last_use).map(|(id, _)| *id) else { break };
            surplus.extend(self.shards.remove(&id));
        }
        surplus
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> ShardId {
        ShardId { venue: VenueId::new("upbit"), number }
    }

    #[tokio::test]
    async fn the_longest_unused_goes_first_and_one_in_use_never() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Arc::new(FolderLock::acquire(folder.path()).await.unwrap().0);
        let mut open = OpenShards { shards: HashMap::new(), uses: 0, lock: Some(lock) };
        let in_use = open.touch(id(0));
        for number in [1, 2, 3] {
            open.touch(id(number));
        }
        assert_eq!(open.evict_surplus(2).len(), 2);
        let mut left: Vec<_> = open.shards.keys().map(|id| id.number).collect();
        left.sort_unstable();
        assert_eq!(left, [0, 3]);
        assert!(in_use.get().is_none());
    }
}
