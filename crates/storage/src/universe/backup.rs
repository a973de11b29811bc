//! A copy of all lists beside their database: unlike candles, they cannot be fetched again.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use market_backbone_core::StoreError;
use serde::{Deserialize, Serialize};

use crate::sqlite_store::{checksum_of, fault};

/// A list as it stands in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UniverseRow {
    pub(super) lookup: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// The list as JSON.
    pub(super) value: String,
    pub(super) created: i64,
    pub(super) updated: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct UniverseBackup {
    sum: i64,
    lists: Vec<UniverseRow>,
}

/// Returns the checksum of all lists, which are sorted by key.
pub(super) fn checksum(lists: &[UniverseRow]) -> i64 {
    let mut bytes = Vec::new();
    for UniverseRow { lookup, kind, value, created, updated } in lists {
        for text in [lookup, kind, value] {
            bytes.extend_from_slice(&text.len().to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(&created.to_le_bytes());
        bytes.extend_from_slice(&updated.to_le_bytes());
    }
    checksum_of(&bytes)
}

/// Returns the path of the copy of the lists in `database`: `universes.copy.json`.
pub(super) fn path(database: &Path) -> PathBuf {
    database.with_extension("copy.json")
}

/// Writes a copy beside `database`, as a whole or not at all.
pub(super) fn write(database: &Path, lists: &[UniverseRow]) -> Result<(), StoreError> {
    let place = path(database);
    let draft = place.with_extension("json.part");
    let document = UniverseBackup { sum: checksum(lists), lists: lists.to_vec() };
    let written = serde_json::to_vec_pretty(&document).map_err(std::io::Error::from).and_then(|text| {
        let mut file = File::create(&draft)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&draft, &place)
    });
    written.map_err(|error| {
        let _ = fs::remove_file(&draft); // half of it is useless
        fault::io(&place, error)
    })
}

/// Reads the lists in the copy beside `database`; `None` if there is none, or it is damaged as well.
pub(super) fn read(database: &Path) -> Option<Vec<UniverseRow>> {
    let text = fs::read(path(database)).ok()?;
    let UniverseBackup { sum: said, lists } = serde_json::from_slice(&text).ok()?;
    (checksum(&lists) == said).then_some(lists)
}
