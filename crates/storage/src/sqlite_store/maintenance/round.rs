//! A round of care over the shards that need it.

use market_backbone_core::StoreError;

use super::file_maintenance::{self, VacuumMode};
use super::{MaintenanceReport, ShardMaintenance, retention};
use crate::sqlite_store::commit_file::CommitId;
use crate::sqlite_store::shard_pool::ShardId;
use crate::sqlite_store::{SqliteStore, fault};

impl SqliteStore {
    /// Looks after the files once: forgets what is older than is to be kept, gives back free space where it
    /// pays, cuts long logs. The first time it sees all shards, later those that were written to since, by whomever.
    ///
    /// # Errors
    ///
    /// If the store was opened to be read, or its index cannot be read. A shard that fails is left out, with a
    /// warning, and looked after the next time.
    pub async fn maintain_once(&self) -> Result<MaintenanceReport, StoreError> {
        let config = &self.maintenance.config;
        let thoroughness = VacuumMode::AsNeeded { quiet: config.quiet, rewrite_below: config.rewrite_below };
        let all = self.shards.all().into_iter();
        let due = self
            .maintenance
            .due(all.map(|id| Ok((id, self.last_attempted(id)?))).collect::<Result<_, StoreError>>()?);
        self.maintain_shards(due, thoroughness).await
    }

    /// Gives back all free space of all shards, however little it is; commits wait while a file is made anew.
    ///
    /// # Errors
    ///
    /// As [`care_once`](Self::maintain_once); and if a file could not be made anew, for want of space on the disk say. The others
    /// are, all the same.
    pub async fn vacuum(&self) -> Result<MaintenanceReport, StoreError> {
        self.maintain_shards(self.shards.all(), VacuumMode::Full).await
    }

    /// The last commit that was tried at a shard, by whichever process.
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
            match self.maintain_shard(id, how).await {
                Ok(outcome) => report.shards.extend(outcome),
                Err(error) if fault::is_contention(&error) => {
                    self.maintenance.mark_dirty(id);
                    tracing::debug!(%error, "another process is at a shard, which is looked after in the next round");
                }
                Err(error) => {
                    self.maintenance.mark_dirty(id);
                    tracing::warn!(%error, "a shard could not be looked after");
                    // Others who use the file at this moment are no failure.
                    failed = failed.or((!fault::is_contention(&error)).then_some(error));
                }
            }
        }
        match failed {
            // Who has asked for it is told; what comes round by itself comes round again.
            Some(error) if how == VacuumMode::Full => Err(error),
            _ => Ok(report),
        }
    }

    /// `None` where a glance says that there is nothing to do.
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
