//! A round of maintenance of the shards that need it.

use market_backbone_core::StoreError;

use super::file_maintenance::{self, VacuumMode};
use super::{MaintenanceReport, ShardMaintenance, retention};
use crate::sqlite_store::commit_file::CommitId;
use crate::sqlite_store::shard_pool::ShardId;
use crate::sqlite_store::{SqliteStore, fault};

impl SqliteStore {
    /// Runs one round of maintenance: deletes data beyond its retention, gives back free space where it pays,
    /// cuts long logs.
    ///
    /// The first round checks all shards, later ones those that were written to since, by any process.
    ///
    /// # Errors
    ///
    /// If the store was opened for reading, or its index cannot be read. A shard that fails is skipped, with
    /// a warning, and maintained the next time.
    pub async fn maintain_once(&self) -> Result<MaintenanceReport, StoreError> {
        let config = &self.maintenance.config;
        let thoroughness = VacuumMode::AsNeeded { quiet: config.quiet, rewrite_below: config.rewrite_below };
        let all = self.shards.all().into_iter();
        let due = self
            .maintenance
            .due(all.map(|id| Ok((id, self.last_attempted(id)?))).collect::<Result<_, StoreError>>()?);
        self.maintain_shards(due, thoroughness).await
    }

    /// Gives back all free space of all shards, however little; commits wait while a file is rewritten.
    ///
    /// # Errors
    ///
    /// As [`maintain_once`](Self::maintain_once); and if a file could not be rewritten, for example because
    /// the disk is full. The other files are rewritten all the same.
    pub async fn vacuum(&self) -> Result<MaintenanceReport, StoreError> {
        self.maintain_shards(self.shards.all(), VacuumMode::Full).await
    }

    /// Returns the last attempted commit of a shard, by any process.
    fn last_attempted(&self, id: ShardId) -> Result<Option<CommitId>, StoreError> {
        Ok(self.shards.cached_view(id)?.and_then(|belief| belief.last_attempted()))
    }

    async fn maintain_shards(
        &self,
        due: Vec<ShardId>,
        how: VacuumMode,
    ) -> Result<MaintenanceReport, StoreError> {
        if self.read_only {
            return Err(fault::read_only());
        }
        let mut report = MaintenanceReport::default();
        let mut failed = None;
        for id in due {
            if self.maintenance.is_stopped() {
                break;
            }
            report.forgotten += retention::forget_old(self, id, &self.maintenance.config.retain).await?;
            // Not when space is to be given back.
            if how != VacuumMode::Full
                && let Err(error) = self.seal_in_background(id).await
            {
                tracing::debug!(%error, "a shard could not be sealed; its tables have everything");
            }
            match self.maintain_shard(id, how).await {
                Ok(outcome) => report.shards.extend(outcome),
                Err(error) if fault::is_contention(&error) => {
                    self.maintenance.mark_dirty(id);
                    tracing::debug!(%error, "another process is using a shard, which is maintained in the next round");
                }
                Err(error) => {
                    self.maintenance.mark_dirty(id);
                    tracing::warn!(%error, "a shard could not be maintained");
                    // Other users of the file at this moment are no failure.
                    failed = failed.or((!fault::is_contention(&error)).then_some(error));
                }
            }
        }
        match failed {
            // Requested maintenance reports the error; periodic maintenance tries again.
            Some(error) if how == VacuumMode::Full => Err(error),
            _ => Ok(report),
        }
    }

    /// Maintains a shard; `None` if a quick check says that there is nothing to do.
    async fn maintain_shard(
        &self,
        id: ShardId,
        how: VacuumMode,
    ) -> Result<Option<ShardMaintenance>, StoreError> {
        if how != VacuumMode::Full
            && file_maintenance::needs_no_maintenance(&self.shards.path(id)?, how).await
        {
            return Ok(None);
        }
        let shard = self.shards.lease(id).await?;
        file_maintenance::run(&shard, how, || !self.maintenance.is_stopped()).await.map(Some)
    }
}
