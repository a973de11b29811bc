//! A file that is written beside its place and put there when it is whole.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use market_backbone_core::StoreError;

use super::trouble::io;

/// A file on its way. Given up, it leaves nothing behind, and what was in its place stays there.
#[derive(Debug)]
pub(super) struct Draft {
    draft: PathBuf,
    target: PathBuf,
    settled: bool,
}

impl Draft {
    pub(super) fn create(target: &Path) -> Result<(Self, File), StoreError> {
        let mut draft = target.as_os_str().to_owned();
        draft.push(".part");
        let draft = PathBuf::from(draft);
        let file = File::create(&draft).map_err(|error| io(&draft, error))?;
        Ok((Self { draft, target: target.to_owned(), settled: false }, file))
    }

    /// Where it will be.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Puts it in its place. What was written must have been synced to the disk by then.
    pub(super) fn settle(mut self) -> Result<(), StoreError> {
        fs::rename(&self.draft, &self.target).map_err(|error| io(&self.target, error))?;
        self.settled = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.settled {
            let _ = fs::remove_file(&self.draft); // nobody reads it; a leftover does no harm
        }
    }
}
