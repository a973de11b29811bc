//! Revalidates the cache, which is valid only while nobody else has committed.

use market_backbone_core::StoreError;

use super::SqliteStore;
use super::cached_view::ViewStatus;
use super::series_state::SeriesState;
use super::shard_pool::ShardId;

impl SqliteStore {
    /// Drops the cached state of a series if it may be outdated. Must be called by each request before it
    /// uses the cache: what is cached later was read later.
    pub(super) async fn revalidate(&self, series: &SeriesState) -> Result<(), StoreError> {
        // Nothing is cached of a series without a shard, or in a store opened for reading.
        let Some(location) = series.location.get() else { return Ok(()) };
        let Some(cached_view) = &location.cached_view else { return Ok(()) };
        if let Some(epoch) = cached_view.current_epoch() {
            series.enter_epoch(epoch);
            return Ok(());
        }
        let shard = self.shards.lease(ShardId { venue: series.venue, number: location.shard }).await?;
        let tried = cached_view.last_attempted(); // before the shard is read: its commit may be newer, never older
        match cached_view.compare(tried, shard.last_commit().await?) {
            ViewStatus::Refreshed(epoch) => series.enter_epoch(epoch),
            ViewStatus::CommitInProgress => series.invalidate(),
            ViewStatus::Stalled => {
                series.invalidate();
                shard.reset_commit_id(cached_view).await;
            }
        }
        Ok(())
    }
}
