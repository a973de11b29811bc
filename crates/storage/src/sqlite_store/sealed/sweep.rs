//! Deletes files without a seal: of corrected segments, and those that a killed process left behind.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use rusqlite::Connection;

use super::seal_table;
use super::tier::SealedTier;

/// The age from which on a file without a seal is deleted: a younger one may be waiting for it.
const MIN_AGE: Duration = Duration::from_secs(60);

/// The files of a shard that have a seal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::sqlite_store) struct SealedFiles {
    /// The number of files.
    pub(in crate::sqlite_store) count: u64,
    /// The number of candles in them.
    pub(in crate::sqlite_store) rows: u64,
    /// The size of the folder, files without a seal included.
    pub(in crate::sqlite_store) bytes: u64,
}

/// Deletes the files of a shard that have no seal.
pub(in crate::sqlite_store) fn sweep(conn: &Connection, tier: &SealedTier) -> Result<(), rusqlite::Error> {
    let Ok(entries) = fs::read_dir(tier.folder()) else { return Ok(()) };
    let names: HashSet<String> = seal_table::all(conn)?.iter().map(|(_, seal)| seal.file_name()).collect();
    for entry in entries.flatten() {
        let is_sealed = entry.file_name().to_str().is_some_and(|name| names.contains(name));
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        if !is_sealed && age().is_some_and(|age| age >= MIN_AGE) {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// Counts the sealed files of a shard.
pub(in crate::sqlite_store) fn measure(
    conn: &Connection,
    tier: &SealedTier,
) -> Result<SealedFiles, rusqlite::Error> {
    let seals = seal_table::all(conn)?;
    let entries = fs::read_dir(tier.folder()).into_iter().flatten().flatten();
    Ok(SealedFiles {
        count: seals.len() as u64,
        rows: seals.iter().map(|(_, seal)| u64::from(seal.rows)).sum(),
        bytes: entries.filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum(),
    })
}
