//! Which shards are open: opened when first needed, the least recently used closed again.

use std::collections::HashMap;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use market_backbone_core::{StoreError, VenueId};
use tokio::sync::OnceCell;
use tokio_util::task::TaskTracker;

use super::StoreConfig;
use super::belief::Belief;
use super::data_lock::DataLock;
use super::fault;
use super::marks::Marks;
use super::shard::{self, Shard};
use super::sources::Sources;

/// Names a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ShardId {
    pub(super) venue: VenueId,
    pub(super) number: u32,
}

/// The shards that are open. Whoever uses one holds a lease, and a shard in use is never closed.
#[derive(Debug)]
pub(super) struct ShardTable {
    sources: Arc<Sources>,
    max_open: usize,
    max_bytes: Option<u64>,
    tasks: TaskTracker,
    // `None` once the store has been closed.
    open: Mutex<Option<Open>>,
    // Outlives the closing of a shard, as does what is remembered of its series.
    beliefs: Mutex<Beliefs>,
}

/// As many as there are sources and shards that were used; some ten bytes each, and an open file for each source.
#[derive(Debug, Default)]
struct Beliefs {
    marks: HashMap<VenueId, Arc<Marks>>,
    of: HashMap<ShardId, Arc<Belief>>,
}

#[derive(Debug)]
struct Open {
    shards: HashMap<ShardId, Entry>,
    uses: u64,
    // `None` where nothing is written, nor remembered.
    lock: Option<Arc<DataLock>>,
}

#[derive(Debug, Default)]
struct Entry {
    cell: Arc<OnceCell<Shard>>,
    last_use: u64,
}

/// A shard that stays open for as long as this lives.
#[derive(Debug)]
pub(super) struct Lease {
    // Invariant: set.
    cell: Arc<OnceCell<Shard>>,
}

impl Deref for Lease {
    type Target = Shard;

    fn deref(&self) -> &Shard {
        self.cell.get().expect("a lease is given when its shard has been opened")
    }
}

impl ShardTable {
    /// Opens to write as long as it holds the folder's `lock`, else to read only.
    pub(super) fn new(config: &StoreConfig, sources: Arc<Sources>, lock: Option<Arc<DataLock>>) -> Self {
        Self {
            sources,
            max_open: config.open_shards.max(1),
            max_bytes: config.max_shard_bytes,
            tasks: TaskTracker::new(),
            open: Mutex::new(Some(Open { shards: HashMap::new(), uses: 0, lock })),
            beliefs: Mutex::default(),
        }
    }

    /// Our place in the folder; `None` where nothing is written, or once closed.
    pub(super) fn lock(&self) -> Option<Arc<DataLock>> {
        self.open().as_ref()?.lock.clone()
    }

    /// Whether memory of a shard is true; `None` where nothing is remembered.
    pub(super) fn belief(&self, id: ShardId) -> Result<Option<Arc<Belief>>, StoreError> {
        if self.lock().is_none() {
            return Ok(None);
        }
        // Every change is complete before the lock is let go, so a poisoned one holds nothing half done.
        let mut beliefs = self.beliefs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(belief) = beliefs.of.get(&id) {
            return Ok(Some(Arc::clone(belief)));
        }
        let marks = match beliefs.marks.get(&id.venue) {
            Some(marks) => Arc::clone(marks),
            None => {
                let marks = Arc::new(Marks::open(self.sources.dir(), id.venue)?);
                beliefs.marks.insert(id.venue, Arc::clone(&marks));
                marks
            }
        };
        let belief = Arc::new(Belief::new(marks, id.number));
        beliefs.of.insert(id, Arc::clone(&belief));
        Ok(Some(belief))
    }

    /// The shard, opened if it was not.
    pub(super) async fn lease(&self, id: ShardId) -> Result<Lease, StoreError> {
        self.sources.require(id.venue)?;
        let (cell, lock, surplus) = {
            let mut guard = self.open();
            let open = guard.as_mut().ok_or_else(fault::closed)?;
            let cell = open.use_of(id);
            (cell, open.lock.clone(), open.take_surplus(self.max_open))
        };
        drop(surplus); // outside the lock: it ends their writers, which close the files
        cell.get_or_try_init(|| async {
            let path = shard::path(self.sources.dir(), id.venue, id.number)?;
            match lock.zip(self.belief(id)?) {
                Some((lock, belief)) => Shard::open(path, self.max_bytes, &self.tasks, (belief, lock)).await,
                None => Shard::open_read_only(path).await,
            }
        })
        .await?;
        Ok(Lease { cell })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.tasks.is_closed()
    }

    /// Everything that runs on behalf of the store; waited for when it is closed.
    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// All shards there are files of, in order, but those of which nobody knows whose they are.
    pub(super) fn all(&self) -> Vec<ShardId> {
        let files = shard::files(self.sources.dir()).into_iter();
        let claimed = files.filter(|file| self.sources.is_claimed(file.venue));
        let mut all: Vec<_> =
            claimed.map(|file| ShardId { venue: file.venue, number: file.number }).collect();
        all.sort_unstable();
        all
    }

    /// Where the file of a shard is.
    pub(super) fn path(&self, id: ShardId) -> Result<PathBuf, StoreError> {
        shard::path(self.sources.dir(), id.venue, id.number)
    }

    /// Opens none any more, closes all, each as soon as nobody uses it, and waits until they are closed.
    pub(super) async fn close(&self) {
        self.tasks.close();
        let closing = self.open().take();
        drop(closing);
        self.tasks.wait().await;
    }

    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        // Every change is complete before the lock is let go, so a poisoned one holds nothing half done.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn use_of(&mut self, id: ShardId) -> Arc<OnceCell<Shard>> {
        self.uses += 1;
        let entry = self.shards.entry(id).or_default();
        entry.last_use = self.uses;
        Arc::clone(&entry.cell)
    }

    /// Takes out what is open beyond `max_open`, the longest unused first. What is in use stays even so.
    fn take_surplus(&mut self, max_open: usize) -> Vec<Entry> {
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
        let lock = Arc::new(DataLock::enter(folder.path()).await.unwrap().0);
        let mut open = Open { shards: HashMap::new(), uses: 0, lock: Some(lock) };
        let in_use = open.use_of(id(0));
        for number in [1, 2, 3] {
            open.use_of(id(number));
        }
        assert_eq!(open.take_surplus(2).len(), 2);
        let mut left: Vec<_> = open.shards.keys().map(|id| id.number).collect();
        left.sort_unstable();
        assert_eq!(left, [0, 3]);
        assert!(in_use.get().is_none());
    }
}
