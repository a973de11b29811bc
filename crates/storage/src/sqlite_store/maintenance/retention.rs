//! Deletes old ranges, rows and coverage together, in steps between which commits can run.

use std::time::Duration;

use market_backbone_core::{CandleStore, Series, StoreError, TimeRange, Timestamp};

use crate::sqlite_store::shard_pool::ShardId;
use crate::sqlite_store::{Retention, SqliteStore, candle_table};

/// The number of slots deleted in one step.
const STEP_SLOTS: u32 = 10_000;

/// Deletes what the rules do not keep of the series of one shard; returns the number of steps.
pub(super) async fn forget_old(
    store: &SqliteStore,
    shard: ShardId,
    rules: &[Retention],
) -> Result<u64, StoreError> {
    let mut steps = 0;
    if rules.is_empty() {
        return Ok(0);
    }
    for series in store.series_in(shard).await? {
        let Some(rule) = rules.iter().find(|rule| rule.timeframe == series.timeframe) else { continue };
        steps += forget_before_cutoff(store, &series, rule.keep).await?;
    }
    Ok(steps)
}

async fn forget_before_cutoff(
    store: &SqliteStore,
    series: &Series,
    keep: Duration,
) -> Result<u64, StoreError> {
    let known = store.coverage(series).await?;
    let (Some(oldest), Some(newest)) = (known.spans().first(), known.spans().last()) else { return Ok(0) };
    let cut = newest.range.to().minus(keep);
    if oldest.range.from() >= cut {
        return Ok(0);
    }
    // If the coverage reaches back to the beginning of time, the steps begin at the first row.
    let first_row = store.oldest_row(series).await?.unwrap_or(cut);
    let step = series.timeframe.typical() * STEP_SLOTS;
    let mut from = Timestamp::MIN;
    let mut to = first_row.max(oldest.range.from());
    let mut steps = 0;
    while from < cut && !store.maintenance.is_stopped() {
        to = to.plus(step).min(cut);
        let Ok(range) = TimeRange::new(from, to) else { break };
        store.forget(series, range).await?;
        (from, steps) = (to, steps + 1);
    }
    Ok(steps)
}

impl SqliteStore {
    /// Returns the open time of the oldest row of a series.
    async fn oldest_row(&self, series: &Series) -> Result<Option<Timestamp>, StoreError> {
        let state = self.state(series)?;
        let Some(shard) = self.shard_of(&state).await? else { return Ok(None) };
        let mut conn = shard.reader().await?;
        candle_table::oldest(&mut conn, &state.table).await.map_err(|error| shard.fault(error))
    }
}
