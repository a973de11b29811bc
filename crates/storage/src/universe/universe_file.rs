//! The lists of a data folder: a small database of its own, and a copy beside it.
//!
//! It is not in the index of the candles: a person edits lists, often while a program holds the store, and
//! SQLite allows both here. Damaged candles are fetched again; a user's list cannot be.

use std::path::{Path, PathBuf};

use market_backbone_core::{StoreError, StoreErrorKind, Timestamp};
use serde_json::Value;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::Mutex;

use super::backup::{self, UniverseRow};
use super::entry::{self, UniverseEntry, UniverseKind};
use super::table;
use crate::sqlite_store::{UNIVERSES, fault, open_writer, set_aside};

/// The lists of a data folder. Opened at the first request.
#[derive(Debug)]
pub(super) struct UniverseFile {
    path: PathBuf,
    conn: Mutex<Option<SqliteConnection>>,
}

/// An operation on the lists.
#[derive(Clone, Copy, Debug)]
enum UniverseOperation<'a> {
    Read,
    /// Stores the lists, at this time in milliseconds.
    Put(&'a [UniverseEntry], i64),
    Remove(&'a str),
}

impl UniverseFile {
    /// Names the file in `dir`; nothing is opened or created yet.
    pub(super) fn in_folder(dir: &Path) -> Self {
        Self { path: dir.join("universes.db"), conn: Mutex::default() }
    }

    pub(super) async fn entries(&self) -> Result<Vec<UniverseEntry>, StoreError> {
        let rows = self.execute(UniverseOperation::Read).await?;
        let entry = |row: UniverseRow| {
            let value: Value = serde_json::from_str(&row.value).unwrap_or_default();
            let kind = UniverseKind::from_name(&row.kind);
            UniverseEntry { kind, lookup: row.lookup, members: entry::members(&value) }
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    pub(super) async fn put(&self, entries: &[UniverseEntry], now: Timestamp) -> Result<(), StoreError> {
        self.execute(UniverseOperation::Put(entries, now.as_millis())).await.map(drop)
    }

    pub(super) async fn remove(&self, key: &str) -> Result<bool, StoreError> {
        Ok(!self.execute(UniverseOperation::Remove(key)).await?.is_empty())
    }

    pub(super) async fn close(&self) {
        if let Some(conn) = self.conn.lock().await.take()
            && let Err(error) = conn.close().await
        {
            tracing::warn!(%error, "the universes were not closed cleanly; nothing is lost");
        }
    }

    /// Runs the operation; once more if the file was damaged and has been restored.
    async fn execute(&self, task: UniverseOperation<'_>) -> Result<Vec<UniverseRow>, StoreError> {
        let mut slot = self.conn.lock().await;
        match self.execute_once(&mut slot, task).await {
            Err(error) if error.kind() == StoreErrorKind::Corrupt => {
                self.restore(&mut slot, error).await?;
                self.execute_once(&mut slot, task).await
            }
            done => done,
        }
    }

    async fn execute_once(
        &self,
        slot: &mut Option<SqliteConnection>,
        task: UniverseOperation<'_>,
    ) -> Result<Vec<UniverseRow>, StoreError> {
        let conn = match slot {
            Some(conn) => conn,
            none => {
                self.make_folder()?;
                none.insert(open_writer(&self.path, &UNIVERSES, None).await?)
            }
        };
        let fault = |error| fault::database(&self.path, error);
        // Exclusive: what is read, changed and copied is of one moment, whoever else edits the lists.
        let mut whole = conn.begin_with("BEGIN IMMEDIATE").await.map_err(fault)?;
        let (before, sealed) = table::read(&mut whole).await.map_err(fault)?;
        if sealed.is_some_and(|sealed| sealed != backup::checksum(&before)) {
            return Err(fault::damaged(&self.path));
        }
        let (changed, answer) = match task {
            UniverseOperation::Read => (false, before.clone()),
            UniverseOperation::Put(entries, now) => {
                table::put(&mut whole, entries, now).await.map_err(fault)?;
                (true, Vec::new())
            }
            UniverseOperation::Remove(key) => {
                table::remove(&mut whole, key).await.map_err(fault)?;
                (true, before.iter().filter(|row| row.lookup == key).cloned().collect())
            }
        };
        // An older version stored them without a copy.
        let uncopied = !before.is_empty() && (sealed.is_none() || !backup::path(&self.path).exists());
        if changed || uncopied {
            let after = table::write_checksum(&mut whole).await.map_err(fault)?;
            backup::write(&self.path, &after)?;
        }
        whole.commit().await.map_err(fault)?;
        Ok(answer)
    }

    /// Moves a damaged file aside and restores it from the copy beside it.
    async fn restore(
        &self,
        slot: &mut Option<SqliteConnection>,
        error: StoreError,
    ) -> Result<(), StoreError> {
        let place = backup::path(&self.path);
        let Some(lists) = backup::read(&self.path) else {
            let what = format!(
                "{} is damaged and {} holds no valid copy of it; move it away to start anew; its lists \
                 cannot be fetched again",
                self.path.display(),
                place.display()
            );
            return Err(StoreError::new(StoreErrorKind::Corrupt, what).with_source(error));
        };
        // The file is moved even if it cannot be closed properly.
        if let Some(conn) = slot.take() {
            let _ = conn.close().await;
        }
        let aside = set_aside(&self.path)?;
        let conn = slot.insert(open_writer(&self.path, &UNIVERSES, None).await?);
        let restored = async {
            let mut whole = conn.begin_with("BEGIN IMMEDIATE").await?;
            table::restore(&mut whole, &lists).await?;
            table::write_checksum(&mut whole).await?;
            whole.commit().await
        };
        restored.await.map_err(|error| fault::database(&self.path, error))?;
        tracing::warn!(
            %error, lists = lists.len(), copy = %place.display(), damaged = %aside.display(),
            "the universes were damaged and have been restored from their copy"
        );
        Ok(())
    }

    fn make_folder(&self) -> Result<(), StoreError> {
        match self.path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => {
                std::fs::create_dir_all(dir).map_err(|error| fault::io(dir, error))
            }
            _ => Ok(()),
        }
    }
}
