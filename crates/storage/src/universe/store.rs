//! The store of the lists, in a data folder or in memory.

use std::collections::BTreeMap;
#[cfg(feature = "sqlite")]
use std::path::Path;
#[cfg(feature = "sqlite")]
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(feature = "sqlite")]
use market_backbone_core::Clock;
use market_backbone_core::StoreError;

use super::entry::UniverseEntry;
#[cfg(feature = "sqlite")]
use super::universe_file::UniverseFile;

/// The universes of a program: named lists of markets.
#[derive(Debug)]
pub struct UniverseStore(UniverseBackend);

#[derive(Debug)]
enum UniverseBackend {
    Memory(Mutex<BTreeMap<String, UniverseEntry>>),
    #[cfg(feature = "sqlite")]
    Folder(UniverseFile, Arc<dyn Clock>),
}

impl UniverseStore {
    /// Creates a store of the lists in `dir`, which notes when a list was changed; nothing is opened or created yet.
    #[cfg(feature = "sqlite")]
    #[must_use]
    pub fn in_folder(dir: &Path, clock: Arc<dyn Clock>) -> Self {
        Self(UniverseBackend::Folder(UniverseFile::in_folder(dir), clock))
    }

    /// Creates a store of lists in memory, which are lost when the program ends.
    #[must_use]
    pub fn in_memory() -> Self {
        Self(UniverseBackend::Memory(Mutex::default()))
    }

    /// Returns all lists, by key.
    ///
    /// # Errors
    ///
    /// If the file cannot be read. A damaged file is moved aside and restored from the copy beside it; it is
    /// an error if that is damaged as well.
    pub async fn entries(&self) -> Result<Vec<UniverseEntry>, StoreError> {
        match &self.0 {
            UniverseBackend::Memory(lists) => Ok(locked(lists).values().cloned().collect()),
            #[cfg(feature = "sqlite")]
            UniverseBackend::Folder(file, _) => file.entries().await,
        }
    }

    /// Returns the members of all lists, by key.
    ///
    /// # Errors
    ///
    /// As [`entries`](Self::entries).
    pub async fn all(&self) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
        Ok(self.entries().await?.into_iter().map(|entry| (entry.lookup, entry.members)).collect())
    }

    /// Stores `entries`, all or none; each replaces the one with its key.
    ///
    /// # Errors
    ///
    /// If they cannot be written, or copied; then nothing has changed.
    pub async fn put(&self, entries: &[UniverseEntry]) -> Result<(), StoreError> {
        match &self.0 {
            UniverseBackend::Memory(lists) => {
                let entries = entries.iter().map(|entry| (entry.lookup.clone(), entry.clone()));
                locked(lists).extend(entries);
                Ok(())
            }
            #[cfg(feature = "sqlite")]
            UniverseBackend::Folder(file, clock) => file.put(entries, clock.now()).await,
        }
    }

    /// Deletes the list of this key. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// If that cannot be written, or copied; then nothing has changed.
    pub async fn remove(&self, key: &str) -> Result<bool, StoreError> {
        match &self.0 {
            UniverseBackend::Memory(lists) => Ok(locked(lists).remove(key).is_some()),
            #[cfg(feature = "sqlite")]
            UniverseBackend::Folder(file, _) => file.remove(key).await,
        }
    }

    /// Closes the file.
    pub async fn close(&self) {
        match &self.0 {
            UniverseBackend::Memory(_) => {}
            #[cfg(feature = "sqlite")]
            UniverseBackend::Folder(file, _) => file.close().await,
        }
    }
}

fn locked(lists: &Mutex<BTreeMap<String, UniverseEntry>>) -> MutexGuard<'_, BTreeMap<String, UniverseEntry>> {
    lists.lock().unwrap_or_else(PoisonError::into_inner)
}
