//! A file that is written beside its place and put there when it is whole.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// A file on its way. Given up, it leaves nothing behind, and what was in its place stays there.
pub(crate) struct Draft {
    draft: PathBuf,
    target: PathBuf,
    settled: bool,
}

impl Draft {
    pub(super) fn create(target: &Path) -> anyhow::Result<(Self, File)> {
        let mut draft = target.as_os_str().to_owned();
        draft.push(".part");
        let draft = PathBuf::from(draft);
        let file = File::create(&draft).with_context(|| format!("cannot write {}", draft.display()))?;
        Ok((Self { draft, target: target.to_owned(), settled: false }, file))
    }

    /// Puts it in its place. What was written must have been synced to the disk by then.
    pub(super) fn settle(mut self) -> anyhow::Result<()> {
        std::fs::rename(&self.draft, &self.target)
            .with_context(|| format!("cannot write {}", self.target.display()))?;
        self.settled = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.settled {
            let _ = std::fs::remove_file(&self.draft); // nobody reads it; a leftover does no harm
        }
    }
}
