//! Checks stored data against what was written: each block and each ledger against its checksum, and each
//! table against the index. Rebuilds damaged files.

use std::collections::BTreeSet;
use std::path::Path;

use market_backbone_core::{Series, StoreError, TimeRange};
use sqlx::sqlite::SqliteConnection;

use super::database_file::{self, INDEX};
use super::shard_pool::ShardId;
use super::shard_writer::WriteOp;
use super::table_name::TableName;
use super::validation::file_finding;
use super::{SqliteStore, checksum_table, fault, salvage};
use crate::integrity_check::{Finding, IntegrityIssue};

impl SqliteStore {
    /// Finds what is wrong with the index itself.
    pub(super) async fn check_index(&self) -> Result<Vec<Finding>, StoreError> {
        let complaints = match self.index.integrity_errors().await {
            Err(error) if super::is_damage(&error) => vec![error.to_string()],
            complaints => complaints?,
        };
        Ok(complaints
            .into_iter()
            .map(|says| file_finding(self.index.path(), IntegrityIssue::File, says))
            .collect())
    }

    /// Adds the missing checksums of series that an older version wrote, except those with findings.
    pub(super) async fn add_checksums_where_valid(&self, findings: &[Finding]) -> Result<(), StoreError> {
        for id in self.shards.all() {
            let file = self.shards.path(id)?;
            let is_about = |finding: &Finding| finding.location == crate::IssueLocation::File(file.clone());
            if findings.iter().any(is_about) {
                continue;
            }
            let labels = {
                let shard = self.shards.lease(id).await?;
                let mut conn = shard.reader().await?;
                checksum_table::series_without_checksums(&mut conn)
                    .await
                    .map_err(|error| shard.fault(error))?
            };
            if labels.is_empty() {
                continue;
            }
            for series in self.series_in(id).await? {
                let found = findings.iter().any(|finding| finding.series() == Some(&series));
                if found || !labels.contains(&series.to_string()) {
                    continue;
                }
                let state = self.writable_state(&series)?;
                if self.shard_of(&state).await?.is_some() {
                    self.write_with_recovery(id, &state, &|| Ok(WriteOp::AddChecksums)).await?;
                }
            }
        }
        Ok(())
    }

    /// Rebuilds a damaged file of the folder from its valid content; returns the ranges that were known and
    /// no longer are.
    ///
    /// The damaged file is kept beside it, with the suffix `.damaged`.
    ///
    /// After the index was rebuilt, this store is unusable: the index is created when the folder is opened
    /// again.
    ///
    /// # Errors
    ///
    /// If it is no file of the store, or the new one cannot be written; then the old one is still there.
    pub async fn rebuild(&self, file: &Path) -> Result<Vec<(Series, TimeRange)>, StoreError> {
        if self.read_only {
            return Err(fault::read_only());
        }
        if file == self.index.path() {
            let lock = self.shards.lock().ok_or_else(fault::closed)?;
            if !lock.try_exclusive()? {
                lock.lock_shared().await?;
                return Err(lock.in_use_error());
            }
            self.index.close().await;
            let made = self.reset_index(file).await;
            lock.lock_shared().await?;
            made?;
            return Ok(Vec::new());
        }
        let mut all = self.shards.all().into_iter();
        let id = all.find(|id| self.shards.path(*id).is_ok_and(|path| path == file));
        let Some(id) = id else {
            let what = format!("{} is no file of this store", file.display());
            return Err(StoreError::new(market_backbone_core::StoreErrorKind::Inaccessible, what));
        };
        self.index_tables(id).await;
        let rescued = self.rebuild_shard(id, None, "asked to").await?;
        Ok(rescued.map(|rescued| rescued.lost).unwrap_or_default())
    }

    /// Removes the index: an empty one is filled from the shards when the folder is opened.
    async fn reset_index(&self, file: &Path) -> Result<(), StoreError> {
        salvage::set_aside(file)?;
        database_file::close(database_file::open_writer(file, &INDEX, None).await?).await;
        Ok(())
    }

    /// Adds tables that the index has lost: a table without an entry is where it is found.
    async fn index_tables(&self, id: ShardId) {
        let adopted = async {
            let tables = {
                let shard = self.shards.lease(id).await?;
                let mut conn = shard.reader().await?;
                tables(&mut conn).await.map_err(|error| shard.fault(error))?
            };
            for table in tables.iter().filter(|table| TableName::series(id.venue, table).is_some()) {
                self.index.assign_if_missing(id.venue, table, id.number).await?;
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = adopted.await {
            tracing::warn!(%error, "its tables cannot be listed; the index says");
        }
    }
}

/// Returns the candle tables of a file.
async fn tables(conn: &mut SqliteConnection) -> Result<BTreeSet<String>, sqlx::Error> {
    let named = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'candles_*'";
    let names: Vec<String> = sqlx::query_scalar(named).fetch_all(conn).await?;
    Ok(names.into_iter().collect())
}
