//! `--resume`: a file with the position of a watch, and the length of its output at that time.
//!
//! The output is written first and the position second, so that the position is never ahead of the output.
//! What a killed watch had written after its last position is cut off, because it will come again.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use market_backbone::{AtomicFile, Cursor};

use crate::output::ensure_folder;

/// The position of a watch.
#[derive(Debug)]
pub(super) struct ResumePoint {
    pub(super) cursor: Cursor,
    /// The number of bytes of the output up to the position; `None` if there was no output file.
    pub(super) length: Option<u64>,
}

/// The file with the position.
#[derive(Debug)]
pub(super) struct ResumeFile {
    path: PathBuf,
}

impl ResumeFile {
    pub(super) const fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Reads the position; `None` if there is none yet.
    pub(super) fn read(&self) -> anyhow::Result<Option<ResumePoint>> {
        let name = self.path.display();
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {name}")),
        };
        let mut lines = text.lines();
        let cursor = lines.next().unwrap_or_default().parse();
        let cursor = cursor.with_context(|| format!("cannot go on from {name}"))?;
        let length = lines.next().map(str::parse).transpose();
        let length = length.with_context(|| format!("cannot go on from {name}: it is damaged"))?;
        Ok(Some(ResumePoint { cursor, length }))
    }

    /// Replaces the position, as a whole or not at all.
    pub(super) fn write(&self, place: &ResumePoint) -> anyhow::Result<()> {
        ensure_folder(&self.path)?;
        let length = place.length.map_or_else(String::new, |length| format!("{length}\n"));
        let name = || format!("cannot write {}", self.path.display());
        let (draft, mut file) = AtomicFile::create(&self.path).with_context(name)?;
        let written = file.write_all(format!("{}\n{length}", place.cursor).as_bytes());
        written.and_then(|()| file.sync_data()).with_context(name)?;
        draft.commit().with_context(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bookmark_is_a_beginning_and_rubbish_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let bookmark = ResumeFile::at(folder.path().join("token"));
        assert!(bookmark.read().unwrap().is_none());
        std::fs::write(&bookmark.path, "yesterday\n").unwrap();
        let refused = bookmark.read().unwrap_err();
        assert!(format!("{refused:#}").ends_with("token: this is not a cursor"), "{refused:#}");
    }
}
