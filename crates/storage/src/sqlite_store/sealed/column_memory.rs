//! The memory of long answers, kept for the next one for as long as long ranges are read.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::ColumnPool;
use tokio::time::sleep;

use crate::sqlite_store::SqliteStore;

/// The most memory that is kept while nobody uses it: a million candles and a little more.
const MAX_FREE_BYTES: usize = 64 << 20;
/// The interval between two looks: what nobody has wanted from one to the next is freed.
const IDLE_INTERVAL: Duration = Duration::from_secs(10);

/// Creates the pool of a store. One that was opened for reading has no task to free it, and keeps nothing.
pub(in crate::sqlite_store) fn column_pool(read_only: bool) -> ColumnPool {
    ColumnPool::new(if read_only { 0 } else { MAX_FREE_BYTES })
}

/// Starts the task that frees what nobody wants, for as long as the store is open.
pub(super) fn spawn(store: &SqliteStore) {
    let (pool, stop) = (Arc::downgrade(&store.column_pool), store.maintenance.stop_token());
    store.shards.tasks().spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(IDLE_INTERVAL) => {}
            }
            let Some(pool) = pool.upgrade() else { return };
            pool.release_idle();
        }
    });
}
