//! Opens a file that an archive names, if it is a file in this folder and not too large.
//!
//! An archive comes from elsewhere. A FIFO in place of a file would never end, a device could do anything
//! when it is opened, and a link could lead out of the folder to what its owner may read and its sender may
//! not.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use market_backbone_core::StoreError;

use super::fault::{damaged, io};

/// Opens the file at `path` in the archive `dir`.
pub(super) fn open(dir: &Path, path: &Path) -> Result<File, StoreError> {
    // Checked before it is opened: opening a FIFO waits for a writer.
    let real = |path: &Path| fs::canonicalize(path).map_err(|error| io(path, error));
    if !real(path)?.starts_with(real(dir)?) {
        return Err(damaged(path, "a link leads out of the archive's folder; copy the file there"));
    }
    let there = fs::metadata(path).map_err(|error| io(path, error))?;
    require_file(path, &there)?;
    let file = File::open(path).map_err(|error| io(path, error))?;
    // Checked again on what has really been opened.
    require_file(path, &file.metadata().map_err(|error| io(path, error))?)?;
    Ok(file)
}

/// Reads a file that may have at most `most` bytes.
pub(super) fn read(dir: &Path, path: &Path, most: u64) -> Result<Vec<u8>, StoreError> {
    let mut file = open(dir, path)?;
    require_size(path, &file, most)?;
    let mut bytes = Vec::new();
    // The file may grow while it is read.
    let read = Read::take(&mut file, most.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| io(path, error))?;
    if bytes.len() as u64 > most {
        return Err(too_large(path, bytes.len() as u64, most));
    }
    Ok(bytes)
}

/// Refuses a file that has more than `most` bytes.
pub(super) fn require_size(path: &Path, file: &File, most: u64) -> Result<(), StoreError> {
    let size = file.metadata().map_err(|error| io(path, error))?.len();
    if size > most { Err(too_large(path, size, most)) } else { Ok(()) }
}

/// Refuses a file that does not begin and end with `ends`, before all of it is read; seeks back to its
/// beginning.
pub(super) fn require_magic(path: &Path, file: &mut File, ends: &[u8]) -> Result<(), StoreError> {
    let mut bytes = [vec![0; ends.len()], vec![0; ends.len()]];
    let back = -i64::try_from(ends.len()).unwrap_or(0);
    let mut looked = || {
        file.read_exact(&mut bytes[0])?;
        file.seek(SeekFrom::End(back))?;
        file.read_exact(&mut bytes[1])?;
        file.rewind()
    };
    looked().map_err(|error| io(path, error))?;
    if bytes.iter().any(|end| end != ends) {
        return Err(damaged(path, "it is not what was written: neither its SHA-256 nor its ends are"));
    }
    Ok(())
}

fn require_file(path: &Path, found: &fs::Metadata) -> Result<(), StoreError> {
    if found.is_file() {
        return Ok(());
    }
    let what = if found.is_dir() { "a folder" } else { "a FIFO, a socket or a device" };
    Err(damaged(path, &format!("a file is expected, and it is {what}")))
}

fn too_large(path: &Path, size: u64, most: u64) -> StoreError {
    damaged(path, &format!("it has {size} bytes, more than the {most} it can have"))
}
