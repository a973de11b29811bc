//! Whose candles a folder of shards holds: noted in the index and beside the shards, and asked about where neither says.
//!
//! Before sources were kept apart, what an emulator or another region had sent lay under the venue's own name. Such a
//! folder has no note; nothing in it is read, written or renamed until somebody has said whose it is.

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

/// The file beside the shards that says whose they are. An index can be lost; a folder can be copied without this.
const OWNER_FILE: &str = "SOURCE";

/// What is known of whose the folders are.
#[derive(Debug)]
pub(super) struct SourceRegistry {
    dir: PathBuf,
    state: Mutex<SourceRegistryState>,
}

#[derive(Debug, Default)]
struct SourceRegistryState {
    /// Whose folders nobody has vouched for.
    unclaimed: BTreeSet<VenueId>,
    /// Those whose notes were seen or written by us.
    recorded: BTreeSet<VenueId>,
}

impl SourceRegistry {
    pub(super) fn new(dir: PathBuf, unclaimed: BTreeSet<VenueId>) -> Self {
        Self { dir, state: Mutex::new(SourceRegistryState { unclaimed, recorded: BTreeSet::new() }) }
    }

    /// Those of which it is not known whose they are.
    pub(super) fn unclaimed(&self) -> Vec<VenueId> {
        self.state().unclaimed.iter().copied().collect()
    }

    pub(super) fn is_claimed(&self, source: VenueId) -> bool {
        !self.state().unclaimed.contains(&source)
    }

    /// Refuses what nobody has vouched for.
    pub(super) fn require_claimed(&self, source: VenueId) -> Result<(), StoreError> {
        if self.is_claimed(source) { Ok(()) } else { Err(fault::unclaimed(&self.dir, source)) }
    }

    /// Whether it has been noted already that a folder belongs to `source`, which carries its name.
    pub(super) fn is_recorded(&self, source: VenueId) -> bool {
        self.state().recorded.contains(&source)
    }

    pub(super) fn set_recorded(&self, source: VenueId) {
        let mut state = self.state();
        state.unclaimed.remove(&source);
        state.recorded.insert(source);
    }

    /// Writes the note of the folder called after `folder`: that it is of `source`.
    pub(super) fn write_owner(&self, folder: VenueId, source: VenueId) -> Result<(), StoreError> {
        write_owner(&self.dir, folder, source)
    }

    /// What others have found out meanwhile.
    pub(super) fn set_unclaimed(&self, unclaimed: BTreeSet<VenueId>) {
        self.state().unclaimed = unclaimed;
    }

    /// Takes `claimed` out of those that are asked about: its folder is that of `source` now.
    pub(super) fn set_claimed(&self, claimed: VenueId, source: VenueId) {
        self.state().unclaimed.remove(&claimed);
        self.set_recorded(source);
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    fn state(&self) -> MutexGuard<'_, SourceRegistryState> {
        // Sets are whole between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finishes what a claim began before it was killed, and says which folders nobody has vouched for.
pub(super) async fn finish_claims(
    conn: &mut SqliteConnection,
    dir: &Path,
) -> Result<BTreeSet<VenueId>, StoreError> {
    let noted =
        recorded_sources(conn).await.map_err(|error| fault::database(&dir.join("index.db"), error))?;
    for folder in source_folders(dir) {
        if noted.contains(folder.as_str()) && read_owner(dir, folder) != Some(folder) {
            // Only what nobody had vouched for is claimed: this note has been lost or damaged.
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

/// The same of a folder that another process may be writing to, changing nothing.
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

/// Makes the folder of `folder` that of `source`, in the index and by its name. The note says so already: whatever
/// interrupts this, [`settle`] does the rest.
pub(super) async fn reassign(
    conn: &mut SqliteConnection,
    dir: &Path,
    folder: VenueId,
    source: VenueId,
) -> Result<(), StoreError> {
    let index = dir.join("index.db");
    let reassigned = async {
        execute(conn, "BEGIN IMMEDIATE".to_owned()).await?;
        // What the index has under the new name has no files.
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
        let _ = execute(conn, "ROLLBACK".to_owned()).await; // there may be none left to undo
        return Err(fault::database(&index, error));
    }
    let (from, to) = (dir.join(folder.file_name()), dir.join(source.file_name()));
    if from != to {
        // Empty, or with nothing but notes in it.
        let _ = fs::remove_file(to.join(OWNER_FILE));
        let _ = fs::remove_file(to.join(COMMITS));
        let _ = fs::remove_dir(&to);
        fs::rename(&from, &to).map_err(|error| fault::io(&from, error))?;
    }
    Ok(())
}

/// Notes in the index that the folder called after `source` is its own.
pub(super) async fn record_source(conn: &mut SqliteConnection, source: VenueId) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO source (name) VALUES (?1) ON CONFLICT DO NOTHING";
    sqlx::query(sql).bind(source.as_str()).execute(conn).await.map(drop)
}

/// Whether there is a shard of `source`.
pub(super) fn holds_shards(dir: &Path, source: VenueId) -> bool {
    shard::files(dir).iter().any(|file| file.venue == source)
}

/// Why a claim cannot be; `None` if it can.
pub(super) fn claim_error(sources: &SourceRegistry, claimed: VenueId, source: VenueId) -> Option<StoreError> {
    let refused = |message: String| Some(StoreError::new(StoreErrorKind::Unclaimed, message));
    let dir = sources.dir().display();
    if sources.is_claimed(claimed) {
        let asked: Vec<_> = sources.unclaimed().iter().map(|source| source.to_string()).collect();
        let open = if asked.is_empty() { "nothing".to_owned() } else { asked.join(", ") };
        return refused(format!(
            "whose the candles of {claimed} in {dir} are is no question; {open} is to be claimed"
        ));
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

/// The sources after which folders with shards in them are called.
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
    // A draft of its own, because others may be writing the same.
    let draft = folder.join(format!("SOURCE.{:x}.part", RandomState::new().hash_one(OWNER_FILE)));
    let note = folder.join(OWNER_FILE);
    let written = fs::write(&draft, format!("{source}\n")).and_then(|()| fs::rename(&draft, &note));
    written.map_err(|error| fault::io(&note, error))
}
