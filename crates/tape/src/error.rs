//! The errors of recordings: what, where, and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// An error of a recording.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TapeError {
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The action that failed.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A file holds something other than what was written.
    #[error("{} is damaged at byte {offset}: {what}; move it away to replay the other files", path.display())]
    Damaged {
        /// The damaged file.
        path: PathBuf,
        /// The position in the file.
        offset: u64,
        /// The fault at that position.
        what: &'static str,
    },
    /// A folder holds no recording.
    #[error("{} holds no recording; `record` writes one", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// A file was written by a newer version of this program.
    #[error("{} is of format {found}, and this program reads up to {known}; use a newer one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        found: u8,
        /// The newest known format.
        known: u8,
    },
}

impl TapeError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
