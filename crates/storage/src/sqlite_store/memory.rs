//! What is remembered is believed only while nobody else has committed.

use market_backbone_core::StoreError;

use super::SqliteStore;
use super::belief::Look;
use super::series_state::SeriesState;
use super::shard_table::ShardId;

impl SqliteStore {
    /// Gives up what is remembered of a series if it may not be true any more. To be asked before any of it is used, by
    /// each question: what is remembered later was read later.
    pub(super) async fn believe(&self, series: &SeriesState) -> Result<(), StoreError> {
        // Nothing is remembered of what has no shard, or where nothing is written.
        let Some(home) = series.home.get() else { return Ok(()) };
        let Some(belief) = &home.belief else { return Ok(()) };
        if let Some(epoch) = belief.holds() {
            series.enter(epoch);
            return Ok(());
        }
        let shard = self.shards.lease(ShardId { venue: series.venue, number: home.shard }).await?;
        let tried = belief.tried(); // before the shard is asked: what it says may be newer, never older
        match belief.look(tried, shard.committed().await?) {
            Look::Afresh(epoch) => series.enter(epoch),
            Look::UnderWay => series.distrust(),
            Look::Stuck => {
                series.distrust();
                shard.settle(belief).await;
            }
        }
        Ok(())
    }
}
