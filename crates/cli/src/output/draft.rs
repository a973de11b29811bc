//! A file that is written beside its place and put there when it is whole.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// A file on its way. Given up, it leaves nothing behind, and what was in its place stays there.
pub(crate) struct Draft {
    draft: PathBuf,
    target: PathBuf,
    settled: bool,
}

impl Draft {
    pub(crate) fn create(target: &Path) -> anyhow::Result<(Self, File)> {
        let mut draft = target.as_os_str().to_owned();
        draft.push(".part");
        let draft = PathBuf::from(draft);
        let file = File::create(&draft).with_context(|| format!("cannot write {}", draft.display()))?;
        Ok((Self { draft, target: target.to_owned(), settled: false }, file))
    }

    /// Where it will be.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Puts what was written to `file` in its place.
    pub(crate) fn settle(mut self, file: &File) -> anyhow::Result<()> {
        let target = self.target.display();
        file.sync_all()
            .and_then(|()| fs::rename(&self.draft, &self.target))
            .with_context(|| format!("cannot write {target}"))?;
        self.settled = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.settled {
            let _ = fs::remove_file(&self.draft); // a leftover does no harm
        }
    }
}
