//! The files of a recording: their names, in the order of time, and how each begins.

use std::fs;
use std::path::{Path, PathBuf};

use market_backbone_core::Timestamp;

use crate::TapeError;

/// The first bytes of each file, without the format.
pub(crate) const MAGIC: [u8; 7] = *b"MB-TAPE";
/// The format of this version.
pub(crate) const FORMAT: u8 = 1;
const EXTENSION: &str = "tape";

/// Returns the name of a file that begins at `time`; the number distinguishes files of one moment.
pub(crate) fn name(time: Timestamp, number: u32) -> String {
    format!("{:020}-{number:04}.{EXTENSION}", time.as_nanos().max(0))
}

/// Returns the files of the recording in `dir`, in the order of time.
pub(crate) fn list(dir: &Path) -> Result<Vec<PathBuf>, TapeError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(TapeError::io("read the folder", dir))? {
        let path = entry.map_err(TapeError::io("read the folder", dir))?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            files.push(path);
        }
    }
    files.sort_unstable();
    if files.is_empty() {
        return Err(TapeError::Empty { path: dir.to_owned() });
    }
    Ok(files)
}
