//! The index of shards: which shard each series is in, assigned permanently when its first row is written.
//!
//! Assigned and not computed from the name, so that files fill one after the other: a program that follows a
//! hundred markets then has one file open, where a hash would have it open a hundred.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use market_backbone_core::{StoreError, VenueId};
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use super::database_file::{self, INDEX, SHARD, execute};
use super::fault;
use super::repair::is_damage;
use super::salvage::set_aside;
use super::shard;
use super::source_registry::{self, SourceRegistry};
use super::table_name::TableName;

/// The index of a data folder.
#[derive(Debug)]
pub(super) struct ShardIndex {
    path: PathBuf,
    // One connection: users of it wait for each other, with a deadline.
    pool: SqlitePool,
    tables_per_shard: u32,
}

impl ShardIndex {
    /// Opens the index of `dir` under its exclusive lock. A new or missing one is built from the existing
    /// shards.
    ///
    /// A damaged one is moved aside and rebuilt in the same way.
    pub(super) async fn open(
        dir: &Path,
        tables_per_shard: u32,
    ) -> Result<(Self, SourceRegistry), StoreError> {
        match Self::open_existing(dir, tables_per_shard).await {
            Err(error) if is_damage(&error) => {
                let aside = set_aside(&dir.join("index.db"))?;
                tracing::warn!(%error, damaged = %aside.display(), "the index is rebuilt from the shards");
                Self::open_existing(dir, tables_per_shard).await
            }
            opened => opened,
        }
    }

    async fn open_existing(dir: &Path, tables_per_shard: u32) -> Result<(Self, SourceRegistry), StoreError> {
        let path = dir.join("index.db");
        let mut conn = database_file::open_writer(&path, &INDEX, None).await?;
        let prepared = async {
            let unclaimed = source_registry::finish_claims(&mut conn, dir).await?;
            fill_if_empty(&mut conn, dir).await.map_err(|error| fault::database(&path, error))?;
            Ok(SourceRegistry::new(dir.to_owned(), unclaimed))
        };
        let prepared = prepared.await;
        database_file::close(conn).await;
        let sources = prepared?;
        Ok((Self::with_path(path, tables_per_shard), sources))
    }

    /// Opens the index of a folder that others use as well, which they have migrated.
    pub(super) async fn open_shared(
        dir: &Path,
        tables_per_shard: u32,
    ) -> Result<(Self, SourceRegistry), StoreError> {
        let path = dir.join("index.db");
        database_file::require_current(&path, &INDEX).await?;
        let index = Self::with_path(path, tables_per_shard);
        let unclaimed = index.find_unclaimed(dir).await?;
        Ok((index, SourceRegistry::new(dir.to_owned(), unclaimed)))
    }

    fn with_path(path: PathBuf, tables_per_shard: u32) -> Self {
        Self {
            pool: database_file::single_connection_pool(&path),
            path,
            tables_per_shard: tables_per_shard.max(1),
        }
    }

    /// Returns the sources in `dir` with unclaimed candles.
    pub(super) async fn find_unclaimed(&self, dir: &Path) -> Result<BTreeSet<VenueId>, StoreError> {
        let mut conn = self.pool.acquire().await.map_err(|error| self.fault(error))?;
        source_registry::find_unclaimed(&mut conn, dir).await.map_err(|error| self.fault(error))
    }

    /// Opens the index of a folder that another process may be writing to.
    pub(super) async fn open_read_only(dir: &Path) -> Result<(Self, SourceRegistry), StoreError> {
        let path = dir.join("index.db");
        database_file::require_current(&path, &INDEX).await?;
        let index = Self { pool: database_file::read_only_pool(&path, 1), path, tables_per_shard: 1 };
        let unclaimed = index.find_unclaimed(dir).await?;
        Ok((index, SourceRegistry::new(dir.to_owned(), unclaimed)))
    }

    /// Records that the folder named after `source` belongs to it.
    pub(super) async fn record_source(&self, source: VenueId) -> Result<(), StoreError> {
        let mut conn = self.pool.acquire().await.map_err(|error| self.fault(error))?;
        source_registry::record_source(&mut conn, source).await.map_err(|error| self.fault(error))
    }

    /// Reassigns the folder `folder`, and its entries, to `source`.
    pub(super) async fn reassign(
        &self,
        dir: &Path,
        folder: VenueId,
        source: VenueId,
    ) -> Result<(), StoreError> {
        let mut conn = self.pool.acquire().await.map_err(|error| self.fault(error))?;
        source_registry::reassign(&mut conn, dir, folder, source).await
    }

    /// Returns the shard that `table` of `venue` is in, if it has been assigned one.
    pub(super) async fn find(&self, venue: VenueId, table: &TableName) -> Result<Option<u32>, StoreError> {
        sqlx::query_scalar("SELECT shard FROM series WHERE venue = ?1 AND table_name = ?2")
            .bind(venue.as_str())
            .bind(table.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| self.fault(error))
    }

    /// Assigns a shard to `table` of `venue`: the newest one, as long as there is room in it.
    pub(super) async fn assign(&self, venue: VenueId, table: &TableName) -> Result<u32, StoreError> {
        // One statement, so that a dropped caller leaves nothing half done.
        let assigned = sqlx::query(
            "INSERT INTO series (venue, table_name, shard)
             SELECT ?1, ?2, COALESCE((
                 SELECT CASE WHEN COUNT(*) < ?3 THEN shard ELSE shard + 1 END
                 FROM series WHERE venue = ?1 GROUP BY shard ORDER BY shard DESC LIMIT 1
             ), 0)
             WHERE true ON CONFLICT DO NOTHING",
        )
        .bind(venue.as_str())
        .bind(table.as_str())
        .bind(self.tables_per_shard)
        .execute(&self.pool)
        .await;
        assigned.map_err(|error| self.fault(error))?;
        let found = self.find(venue, table).await?;
        found.ok_or_else(|| self.fault(sqlx::Error::RowNotFound))
    }

    /// Records that `table` is in `shard`, unless it has an entry.
    pub(super) async fn assign_if_missing(
        &self,
        venue: VenueId,
        table: &str,
        shard: u32,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO series (venue, table_name, shard) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )
        .bind(venue.as_str())
        .bind(table)
        .bind(shard)
        .execute(&self.pool)
        .await
        .map(drop)
        .map_err(|error| self.fault(error))
    }

    /// Returns what SQLite finds wrong with the index.
    pub(super) async fn integrity_errors(&self) -> Result<Vec<String>, StoreError> {
        let asked = sqlx::query_scalar("PRAGMA integrity_check(5)").fetch_all(&self.pool).await;
        let mut says: Vec<String> = asked.map_err(|error| self.fault(error))?;
        says.retain(|says| says != "ok");
        Ok(says.into_iter().map(|says| says.replace('\n', " ")).collect())
    }

    /// Returns all entries: venue, table and shard.
    pub(super) async fn all(&self) -> Result<Vec<(VenueId, String, u32)>, StoreError> {
        let all: Vec<(String, String, u32)> =
            sqlx::query_as("SELECT venue, table_name, shard FROM series ORDER BY venue, shard")
                .fetch_all(&self.pool)
                .await
                .map_err(|error| self.fault(error))?;
        Ok(all.into_iter().map(|(venue, table, shard)| (VenueId::intern(&venue), table, shard)).collect())
    }

    /// Returns the tables of one shard, in order.
    pub(super) async fn tables_in(&self, venue: VenueId, shard: u32) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar(
            "SELECT table_name FROM series WHERE venue = ?1 AND shard = ?2 ORDER BY table_name",
        )
        .bind(venue.as_str())
        .bind(shard)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault(error))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the file.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    fn fault(&self, error: sqlx::Error) -> StoreError {
        fault::database(&self.path, error)
    }
}

async fn fill_if_empty(conn: &mut SqliteConnection, dir: &Path) -> Result<(), sqlx::Error> {
    let filled: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM series)").fetch_one(&mut *conn).await?;
    let shards = if filled { Vec::new() } else { shard::files(dir) };
    if shards.is_empty() {
        return Ok(());
    }
    // All or nothing: a half-filled index would never be completed. Closing the connection rolls it back.
    execute(conn, "BEGIN IMMEDIATE".to_owned()).await?;
    for found in shards {
        for table in tables_of(&found.path).await {
            sqlx::query("INSERT INTO series VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
                .bind(found.venue.as_str())
                .bind(table)
                .bind(found.number)
                .execute(&mut *conn)
                .await?;
        }
    }
    execute(conn, "COMMIT".to_owned()).await
}

/// Returns the candle tables of a shard; none if it cannot be read.
async fn tables_of(shard: &Path) -> Vec<String> {
    let named = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'candles_*'";
    let tables = match database_file::open_writer(shard, &SHARD, None).await {
        Ok(mut conn) => {
            let tables = sqlx::query_scalar(named).fetch_all(&mut conn).await;
            database_file::close(conn).await;
            tables.map_err(|error| fault::database(shard, error))
        }
        Err(error) => Err(error),
    };
    tables.unwrap_or_else(|error| {
        tracing::warn!(%error, "left out of the index; its candles will be fetched again");
        Vec::new()
    })
}
