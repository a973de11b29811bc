//! Why an emulator could not be started or kept running.

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
        /// The file asked for.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A row of the tape file makes no sense.
    #[error("tape {}, line {line}: {reason}", path.display())]
    TapeRow {
        /// The file asked for.
        path: PathBuf,
        /// Counted from 1, the header included.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The scenario names a market that the standard set does not hold.
    #[error("no market {0} in the standard set")]
    UnknownMarket(String),
}
