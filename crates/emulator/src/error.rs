//! The errors of starting and running an emulator.

use std::io;
use std::path::PathBuf;

/// The reason why an emulator could not be started or kept running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmulatorError {
    /// The port could not be bound or listened on.
    #[error("cannot listen")]
    Listen(#[source] io::Error),
    /// The tape file could not be read.
    #[error("cannot read the tape {}", path.display())]
    TapeUnreadable {
        /// The path of the file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// A row of the tape file is invalid.
    #[error("tape {}, line {line}: {reason}", path.display())]
    TapeRow {
        /// The path of the file.
        path: PathBuf,
        /// The line number, counted from 1, the header included.
        line: usize,
        /// The description of the error.
        reason: String,
    },
    /// The scenario names a market that is not in the standard set.
    #[error("no market {0} in the standard set")]
    UnknownMarket(String),
}
