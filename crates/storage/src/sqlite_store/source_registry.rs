//! The sources of the folders of shards: recorded in the index and beside the shards, and claimed by the user
//! where neither says.
//!
//! Before sources were kept apart, data of an emulator or of another region lay under the venue's own name.
//! Such a folder has no record; nothing in it is read, written or renamed until it has been claimed.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use market_backbone_core::{StoreError, StoreErrorKind, VenueId};
use sqlx::sqlite::SqliteConnection;

use super::commit_file::COMMITS;
use super::database_file::execute;
use super::{fault, shard};

/// The owner file beside the shards. An index can be lost; a folder can be copied without it.
const OWNER_FILE: &str = "SOURCE";

/// The known sources of the folders.
#[derive(Debug)]
pub(super) struct SourceRegistry {
    dir: PathBuf,
    state: Mutex<SourceRegistryState>,
}

#[derive(Debug, Default)]
struct SourceRegistryState {
    /// The unclaimed sources.
    unclaimed: BTreeSet<VenueId>,
    /// The sources whose records we have seen or written.
    recorded: BTreeSet<VenueId>,
}

impl SourceRegistry {
    pub(super) fn new(dir: PathBuf, unclaimed: BTreeSet<VenueId>) -> Self {
        Self { dir, state: Mutex::new(SourceRegistryState { unclaimed, recorded: BTreeSet::new() }) }
    }

    /// Returns the unclaimed sources.
    pub(super) fn unclaimed(&self) -> Vec<VenueId> {
        self.state().unclaimed.iter().copied().collect()
    }

    pub(super) fn is_claimed(&self, source: VenueId) -> bool {
        !self.state().unclaimed.contains(&source)
    }

    /// Returns an error for an unclaimed source.
    pub(super) fn require_claimed(&self, source: VenueId) -> Result<(), StoreError> {
        if self.is_claimed(source) { Ok(()) } else { Err(fault::unclaimed(&self.dir, source)) }
    }

    /// Returns whether it is recorded that the folder with the name of `source` belongs to it.
    pub(super) fn is_recorded(&self, source: VenueId) -> bool {
        self.state().recorded.contains(&source)
    }

    pub(super) fn set_recorded(&self, source: VenueId) {
        let mut state = self.state();
        state.unclaimed.remove(&source);
        state.recorded.insert(source);
    }

    /// Writes the owner file of the folder named after `folder`: it belongs to `source`.
    pub(super) fn write_owner(&self, folder: VenueId, source: VenueId) -> Result<(), StoreError> {
        write_owner(&self.dir, folder, source)
    }

    /// Takes over what other processes have found out.
    pub(super) fn set_unclaimed(&self, unclaimed: BTreeSet<VenueId>) {
        self.state().unclaimed = unclaimed;
    }

    /// Removes `claimed` from the unclaimed sources: its folder is that of `source` now.
    pub(super) fn set_claimed(&self, claimed: VenueId, source: VenueId) {
        self.state().unclaimed.remove(&claimed);
        self.set_recorded(source);
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    fn state(&self) -> MutexGuard<'_, SourceRegistryState> {
        // Sets are consistent between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finishes interrupted claims, and returns the sources that are still unclaimed.
pub(super) async fn finish_claims(
    conn: &mut SqliteConnection,
    dir: &Path,
) -> Result<BTreeSet<VenueId>, StoreError> {
    let noted =
        recorded_sources(conn).await.map_err(|error| fault::database(&dir.join("index.db"), error))?;
    for folder in source_folders(dir) {
        if noted.contains(folder.as_str()) && read_owner(dir, folder) != Some(folder) {
            // Only unclaimed folders are claimed: this record has been lost or damaged.
            write_owner(dir, folder, folder)?;
        } else if read_owner(dir, folder) == Some(folder) && !noted.contains(folder.as_str()) {
            let recorded = record_source(conn, folder).await;
            recorded.map_err(|error| fault::database(&dir.join("index.db"), error))?;
        }
        if let Some(source) = read_owner(dir, folder).filter(|source| *source != folder)
            && !holds_shards(dir, source)
        {
            reassign(conn, dir, folder, source).await?;
        }
    }
    let (mut unclaimed, folders) = (BTreeSet::new(), source_folders(dir));
    for folder in folders {
        let says = read_owner(dir, folder);
        match says {
            Some(source) if source == folder => {}
            _ => drop(unclaimed.insert(folder)),
        }
    }
    Ok(unclaimed)
}

/// Returns the unclaimed sources of a folder that another process may be writing to; changes nothing.
pub(super) async fn find_unclaimed(
    conn: &mut SqliteConnection,
    dir: &Path,
) -> Result<BTreeSet<VenueId>, sqlx::Error> {
    let noted = recorded_sources(conn).await?;
    let is_claimed = |folder: &VenueId| match read_owner(dir, *folder) {
        Some(source) if source == *folder => true,
        _ => noted.contains(folder.as_str()),
    };
    Ok(source_folders(dir).into_iter().filter(|folder| !is_claimed(folder)).collect())
}

/// Reassigns the folder of `folder` to `source`, in the index and by its name.
///
/// The owner file says so already: if this is interrupted, [`finish_claims`] does the rest.
pub(super) async fn reassign(
    conn: &mut SqliteConnection,
    dir: &Path,
    folder: VenueId,
    source: VenueId,
) -> Result<(), StoreError> {
    let index = dir.join("index.db");
    let reassigned = async {
        execute(conn, "BEGIN IMMEDIATE".to_owned()).await?;
        // Entries of the index under the new name have no files.
        for sql in [
            "DELETE FROM series WHERE venue = ?1 AND ?1 <> ?2",
            "UPDATE series SET venue = ?1 WHERE venue = ?2",
        ] {
            sqlx::query(sql).bind(source.as_str()).bind(folder.as_str()).execute(&mut *conn).await?;
        }
        record_source(conn, source).await?;
        execute(conn, "COMMIT".to_owned()).await
    };
    if let Err(error) = reassigned.await {
        let _ = execute(conn, "ROLLBACK".to_owned()).await; // there may be nothing left to roll back
        return Err(fault::database(&index, error));
    }
    let (from, to) = (dir.join(folder.file_name()), dir.join(source.file_name()));
    if from != to {
        // Empty, or with nothing but owner files in it.
        let _ = fs::remove_file(to.join(OWNER_FILE));
        let _ = fs::remove_file(to.join(COMMITS));
        let _ = fs::remove_dir(&to);
        fs::rename(&from, &to).map_err(|error| fault::io(&from, error))?;
    }
    Ok(())
}

/// Records in the index that the folder named after `source` belongs to it.
pub(super) async fn record_source(conn: &mut SqliteConnection, source: VenueId) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO source (name) VALUES (?1) ON CONFLICT DO NOTHING";
    sqlx::query(sql).bind(source.as_str()).execute(conn).await.map(drop)
}

/// Returns whether there is a shard of `source`.
pub(super) fn holds_shards(dir: &Path, source: VenueId) -> bool {
    shard::files(dir).iter().any(|file| file.venue == source)
}

/// Returns why a claim is impossible; `None` if it is possible.
pub(super) fn claim_error(sources: &SourceRegistry, claimed: VenueId, source: VenueId) -> Option<StoreError> {
    let refused = |message: String| Some(StoreError::new(StoreErrorKind::Unclaimed, message));
    let dir = sources.dir().display();
    if sources.is_claimed(claimed) {
        let asked: Vec<_> = sources.unclaimed().iter().map(|source| source.to_string()).collect();
        let open = if asked.is_empty() { "nothing".to_owned() } else { asked.join(", ") };
        return refused(format!("the candles of {claimed} in {dir} need no claim; {open} does"));
    }
    if source.family() != claimed.family() {
        return refused(format!("{source} is no source of {}", claimed.family()));
    }
    if source != claimed && holds_shards(sources.dir(), source) {
        return refused(format!(
            "there are candles of {source} in {dir} already; name another source, or move them away"
        ));
    }
    None
}

async fn recorded_sources(conn: &mut SqliteConnection) -> Result<BTreeSet<String>, sqlx::Error> {
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM source").fetch_all(conn).await?;
    Ok(names.into_iter().collect())
}

/// Returns the sources after which folders with shards are named.
fn source_folders(dir: &Path) -> BTreeSet<VenueId> {
    shard::files(dir).into_iter().map(|file| file.venue).collect()
}

/// Reads the source of the folder named after `folder` from its owner file.
fn read_owner(dir: &Path, folder: VenueId) -> Option<VenueId> {
    let text = fs::read_to_string(dir.join(folder.file_name()).join(OWNER_FILE)).ok()?;
    text.trim().parse().ok()
}

fn write_owner(dir: &Path, folder: VenueId, source: VenueId) -> Result<(), StoreError> {
    let folder = dir.join(folder.file_name());
    fs::create_dir_all(&folder).map_err(|error| fault::io(&folder, error))?;
    // A temporary file of its own, because others may be writing the same.
    let draft = folder.join(format!("SOURCE.{:x}.part", RandomState::new().hash_one(OWNER_FILE)));
    let note = folder.join(OWNER_FILE);
    let written = fs::write(&draft, format!("{source}\n")).and_then(|()| fs::rename(&draft, &note));
    written.map_err(|error| fault::io(&note, error))
}
