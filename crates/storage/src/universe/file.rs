//! Where the lists are kept: a small database of its own in the data folder.
//!
//! Not in the index of the candles: a list is edited by a person, often while a program holds the store, and SQLite
//! lets both do so here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use market_backbone_core::{Clock, StoreError};
use serde_json::Value;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row};
use tokio::sync::Mutex;

use super::entry::{self, UniverseEntry, UniverseKind};
use crate::sqlite_store::{UNIVERSES, fault, open_writer};

/// The lists of a data folder. Opened when it is first asked.
#[derive(Debug)]
pub struct UniverseStore {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    conn: Mutex<Option<SqliteConnection>>,
}

impl UniverseStore {
    /// The lists kept in `dir`; nothing is opened or made yet.
    #[must_use]
    pub fn in_folder(dir: &Path, clock: Arc<dyn Clock>) -> Self {
        Self { path: dir.join("universes.db"), clock, conn: Mutex::default() }
    }

    /// Lists that are gone when the program ends.
    #[must_use]
    pub fn in_memory(clock: Arc<dyn Clock>) -> Self {
        Self { path: PathBuf::from(":memory:"), clock, conn: Mutex::default() }
    }

    /// All lists, by key.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub async fn entries(&self) -> Result<Vec<UniverseEntry>, StoreError> {
        let sql = "SELECT type, lookup, value FROM cache_entries ORDER BY lookup";
        let rows = self.with(async |conn| sqlx::query(sql).fetch_all(conn).await).await?;
        let entry = |row: &sqlx::sqlite::SqliteRow| {
            let value: Value = serde_json::from_str(row.get::<&str, _>(2)).unwrap_or_default();
            UniverseEntry {
                kind: UniverseKind::named(row.get::<&str, _>(0)),
                lookup: row.get::<String, _>(1),
                members: entry::members(&value),
            }
        };
        Ok(rows.iter().map(entry).collect())
    }

    /// The members of all lists, by key.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub async fn all(&self) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
        Ok(self.entries().await?.into_iter().map(|entry| (entry.lookup, entry.members)).collect())
    }

    /// Keeps `entries`, all or none; each takes the place of the one with its key.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    pub async fn put(&self, entries: &[UniverseEntry]) -> Result<(), StoreError> {
        let now = self.clock.now().as_millis();
        let sql = "INSERT INTO cache_entries (lookup, type, value, created, updated) VALUES (?, ?, ?, ?, ?)
                   ON CONFLICT (lookup) DO UPDATE
                   SET type = excluded.type, value = excluded.value, updated = excluded.updated";
        self.with(async |conn| {
            let mut whole = conn.begin().await?;
            for entry in entries {
                let value = Value::from(entry.members.clone()).to_string();
                sqlx::query(sql)
                    .bind(&entry.lookup)
                    .bind(entry.kind.as_str())
                    .bind(value)
                    .bind(now)
                    .bind(now)
                    .execute(&mut *whole)
                    .await?;
            }
            whole.commit().await
        })
        .await
    }

    /// Forgets the list of this key; whether there was one.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub async fn remove(&self, key: &str) -> Result<bool, StoreError> {
        let sql = "DELETE FROM cache_entries WHERE lookup = ?";
        let done = self.with(async |conn| sqlx::query(sql).bind(key).execute(conn).await).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Lets go of the file.
    pub async fn close(&self) {
        if let Some(conn) = self.conn.lock().await.take()
            && let Err(error) = conn.close().await
        {
            tracing::warn!(%error, "the universes were not closed cleanly; nothing is lost");
        }
    }

    async fn with<T>(
        &self,
        task: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let mut slot = self.conn.lock().await;
        let conn = match &mut *slot {
            Some(conn) => conn,
            none => {
                self.make_folder()?;
                none.insert(open_writer(&self.path, &UNIVERSES, None).await?)
            }
        };
        task(conn).await.map_err(|error| fault::database(&self.path, error))
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
