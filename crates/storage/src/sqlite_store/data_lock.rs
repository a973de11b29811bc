//! One process for each data folder: caches and the single writer of a shard rely on it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use market_backbone_core::{StoreError, StoreErrorKind};

use super::fault;

/// Holds a data folder for as long as it lives. The system lets go of it when the process dies, however it dies.
#[derive(Debug)]
pub(super) struct DataLock {
    _file: File,
}

impl DataLock {
    /// Takes the folder; never waits.
    pub(super) fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join("LOCK");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| fault::io(&path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(dir, &mut file)),
            Err(TryLockError::Error(error)) => return Err(fault::io(&path, error)),
        }
        let pid = format!("{}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.write_all(pid.as_bytes()))
            .map_err(|error| fault::io(&path, error))?;
        Ok(Self { _file: file })
    }
}

fn held(dir: &Path, file: &mut File) -> StoreError {
    let mut holder = String::new();
    // Only for the message: a holder that has not written its number yet goes unnamed.
    let read = file.read_to_string(&mut holder);
    let holder = match holder.trim() {
        pid if read.is_ok() && !pid.is_empty() => format!("another process ({pid})"),
        _ => "another process".to_owned(),
    };
    StoreError::new(
        StoreErrorKind::Held,
        format!(
            "data folder {} is held by {holder}; stop it or choose another with --data-dir",
            dir.display()
        ),
    )
}
