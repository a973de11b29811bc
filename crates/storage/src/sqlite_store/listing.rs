//! Lists the stored series: the index says where to look, and the shards say which ones have data.

use std::collections::{BTreeMap, BTreeSet};

use market_backbone_core::{Series, StoreError, VenueId};
use sqlx::sqlite::SqliteConnection;

use super::shard_pool::{ShardId, ShardPool};
use super::table_name::TableName;
use super::{candle_table, ledger_table};

/// Returns the series of which `shards` hold a row or coverage, in order; `assigned` is the content of the
/// index.
pub(super) async fn series(
    shards: &ShardPool,
    assigned: Vec<(VenueId, String, u32)>,
) -> Result<Vec<Series>, StoreError> {
    let mut by_shard: BTreeMap<ShardId, Vec<Series>> = BTreeMap::new();
    for (venue, table, number) in assigned {
        match TableName::series(venue, &table) {
            Some(series) => by_shard.entry(ShardId { venue, number }).or_default().push(series),
            None => tracing::warn!(%venue, table, "left out: no series has a table of this name"),
        }
    }
    let mut found = Vec::new();
    for (id, named) in by_shard {
        match held_in_shard(shards, id, &named).await {
            Ok(held) => found.extend(held),
            // Requests for one of them report the error of the file.
            Err(error) => {
                tracing::warn!(%error, "cannot be opened; its series are listed as the index has them");
                found.extend(named);
            }
        }
    }
    found.sort();
    Ok(found)
}

async fn held_in_shard(shards: &ShardPool, id: ShardId, named: &[Series]) -> Result<Vec<Series>, StoreError> {
    let shard = shards.lease(id).await?;
    let mut conn = shard.reader().await?;
    held_series(&mut conn, named).await.map_err(|error| shard.fault(error))
}

async fn held_series(conn: &mut SqliteConnection, named: &[Series]) -> Result<Vec<Series>, sqlx::Error> {
    let known: BTreeSet<String> = ledger_table::labels(conn).await?.into_iter().collect();
    let mut held = Vec::with_capacity(named.len());
    for series in named {
        let table = TableName::of(series);
        if known.contains(&series.to_string()) || candle_table::has_rows(conn, &table).await? {
            held.push(series.clone());
        }
    }
    Ok(held)
}
