//! Which series there are: the index says where to look, the shards say of what there is something.

use std::collections::{BTreeMap, BTreeSet};

use market_backbone_core::{Series, StoreError, VenueId};
use sqlx::sqlite::SqliteConnection;

use super::shard_table::{ShardId, ShardTable};
use super::table_name::TableName;
use super::{ledger_table, rows};

/// The series of which `shards` hold a row or a proof, in order; `assigned` is what the index says.
pub(super) async fn series(
    shards: &ShardTable,
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
        match within(shards, id, &named).await {
            Ok(held) => found.extend(held),
            // Whoever asks for one of them is told what is wrong with the file.
            Err(error) => {
                tracing::warn!(%error, "cannot look into it; its series are listed as the index has them");
                found.extend(named);
            }
        }
    }
    found.sort();
    Ok(found)
}

async fn within(shards: &ShardTable, id: ShardId, named: &[Series]) -> Result<Vec<Series>, StoreError> {
    let shard = shards.lease(id).await?;
    let mut conn = shard.reader().await?;
    held(&mut conn, named).await.map_err(|error| shard.fault(error))
}

async fn held(conn: &mut SqliteConnection, named: &[Series]) -> Result<Vec<Series>, sqlx::Error> {
    let known: BTreeSet<String> = ledger_table::labels(conn).await?.into_iter().collect();
    let mut held = Vec::with_capacity(named.len());
    for series in named {
        let table = TableName::of(series);
        if known.contains(&series.to_string()) || rows::any(conn, &table).await? {
            held.push(series.clone());
        }
    }
    Ok(held)
}
