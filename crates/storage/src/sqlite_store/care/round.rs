//! A round of care over the shards that need it.

use market_backbone_core::StoreError;

use super::file_care::{self, Thoroughness};
use super::{CareReport, ShardCare, retention};
use crate::sqlite_store::marks::Mark;
use crate::sqlite_store::shard_table::ShardId;
use crate::sqlite_store::{SqliteStore, fault};

impl SqliteStore {
    /// Looks after the files once: forgets what is older than is to be kept, gives back free space where it
    /// pays, cuts long logs. The first time it sees all shards, later those that were written to since, by whomever.
    ///
    /// # Errors
    ///
    /// If the store was opened to be read, or its index cannot be read. A shard that fails is left out, with a
    /// warning, and looked after the next time.
    pub async fn care_once(&self) -> Result<CareReport, StoreError> {
        let config = &self.care.config;
        let thoroughness =
            Thoroughness::AsNeeded { quiet: config.quiet, rewrite_below: config.rewrite_below };
        let all = self.shards.all().into_iter();
        let due = self.care.due(all.map(|id| Ok((id, self.tried(id)?))).collect::<Result<_, StoreError>>()?);
        self.care_for(due, thoroughness).await
    }

    /// Gives back all free space of all shards, however little it is; commits wait while a file is made anew.
    ///
    /// # Errors
    ///
    /// As [`care_once`](Self::care_once).
    pub async fn vacuum(&self) -> Result<CareReport, StoreError> {
        self.care_for(self.shards.all(), Thoroughness::Everything).await
    }

    /// The last commit that was tried at a shard, by whichever process.
    fn tried(&self, id: ShardId) -> Result<Option<Mark>, StoreError> {
        Ok(self.shards.belief(id)?.and_then(|belief| belief.tried()))
    }

    async fn care_for(&self, due: Vec<ShardId>, how: Thoroughness) -> Result<CareReport, StoreError> {
        if self.read_only {
            return Err(fault::read_only());
        }
        let mut report = CareReport::default();
        for id in due {
            if self.care.is_stopped() {
                break;
            }
            report.forgotten += retention::forget_old(self, id, &self.care.config.retain).await?;
            match self.care_for_shard(id, how).await {
                Ok(cared) => report.shards.extend(cared),
                Err(error) if fault::is_caused_by_others(&error) => {
                    self.care.note(id);
                    tracing::debug!(%error, "another process is at a shard, which is looked after in the next round");
                }
                Err(error) => {
                    self.care.note(id);
                    tracing::warn!(%error, "a shard could not be looked after");
                }
            }
        }
        Ok(report)
    }

    /// `None` where a glance says that there is nothing to do.
    async fn care_for_shard(&self, id: ShardId, how: Thoroughness) -> Result<Option<ShardCare>, StoreError> {
        if how != Thoroughness::Everything && file_care::is_fine(&self.shards.path(id)?, how).await {
            return Ok(None);
        }
        let shard = self.shards.lease(id).await?;
        file_care::run(&shard, how, || !self.care.is_stopped()).await.map(Some)
    }
}
