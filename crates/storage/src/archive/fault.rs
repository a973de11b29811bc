//! Errors of archives as store errors.

use std::io::{Error, ErrorKind};
use std::path::Path;

use market_backbone_core::{StoreError, StoreErrorKind};
use tokio::task::spawn_blocking;

/// Builds the error for a file with wrong content.
pub(super) fn damaged(path: &Path, what: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, format!("{}: {what}", path.display()))
}

/// Builds the error for a file that cannot be read or written.
pub(super) fn io(path: &Path, error: Error) -> StoreError {
    let kind = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreErrorKind::DiskFull,
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Inaccessible,
    };
    StoreError::new(kind, path.display().to_string()).with_source(error)
}

/// Runs disk work on a thread that may block.
pub(super) async fn off_thread<T: Send + 'static>(
    task: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match spawn_blocking(task).await {
        Ok(outcome) => outcome,
        Err(error) => {
            Err(StoreError::new(StoreErrorKind::Database, "an archive's task was cancelled")
                .with_source(error))
        }
    }
}
