//! Reads rows newest first, from cached blocks where they are still valid, else from disk.

use std::sync::Arc;

use market_backbone_core::{CandleColumns, StoreError, StoredCandles, TimeRange};
use moka::future::Cache;
use moka::policy::EvictionPolicy;

use super::block::{Block, SLOTS_PER_BLOCK};
use super::series_state::SeriesState;
use super::shard::Shard;
use super::verified_rows;

/// The largest number of rows read from disk at once.
const MAX_ROWS_PER_READ: usize = 16_384;
/// The number of older blocks looked up in memory before a longer range is read from disk.
const MAX_PROBES: i64 = 16;

/// A cache of recent blocks of all series, bounded in bytes, with LRU eviction.
#[derive(Clone, Debug)]
pub(super) struct BlockCache {
    // By series number and block.
    blocks: Cache<(usize, i64), Arc<Block>>,
}

impl BlockCache {
    pub(super) fn new(max_bytes: u64) -> Self {
        let blocks = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_, block: &Arc<Block>| block.weight())
            // Not moka's default, which may refuse what has just been read in favour of what was read often.
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { blocks }
    }

    /// Returns the newest `limit` rows of a series that open in `range`, as far as cached blocks go without a
    /// hole; `Err` with what was found if the rest must be read from disk.
    pub(super) async fn read_cached(
        &self,
        series: &SeriesState,
        range: TimeRange,
        limit: usize,
    ) -> Result<StoredCandles, PartialRead> {
        let mut partial = PartialRead::new(series, range, limit);
        self.advance(series, &mut partial).await;
        if partial.is_done() { Ok(partial.finish()) } else { Err(partial) }
    }

    /// Completes what [`read_cached`](Self::read_cached) began, from disk. Returns the blocks with a wrong
    /// checksum: their rows are left out.
    pub(super) async fn complete_from_disk(
        &self,
        series: &SeriesState,
        shard: &Shard,
        mut gathering: PartialRead,
    ) -> Result<(StoredCandles, Vec<i64>), StoreError> {
        let mut damaged = Vec::new();
        while !gathering.is_done() {
            let oldest = match self.nearest_cached_below(series, &gathering).await {
                Some(in_memory) => in_memory + 1,
                None => gathering.oldest,
            };
            let before = damaged.len();
            for block in load_blocks(series, shard, &gathering, oldest, &mut damaged).await? {
                gathering.append(&block, RowSource::Disk);
                // A block without its rows is not cached: it would pass for empty.
                if damaged.len() == before {
                    self.blocks.insert((series.number, block.index), Arc::new(block)).await;
                }
            }
            self.advance(series, &mut gathering).await;
        }
        Ok((gathering.finish(), damaged))
    }

    /// Advances as long as the next block is cached and still valid.
    async fn advance(&self, series: &SeriesState, gathering: &mut PartialRead) {
        while !gathering.is_done() {
            let Some(block) = self.get(series, gathering.next).await else { return };
            gathering.append(&block, RowSource::Memory);
        }
    }

    async fn get(&self, series: &SeriesState, index: i64) -> Option<Arc<Block>> {
        let block = self.blocks.get(&(series.number, index)).await?;
        series.is_current(block.version, block.next_older + 1..=block.index).then_some(block)
    }

    /// Returns the next cached block before the one that is not: after a commit, all but the newest are
    /// cached.
    async fn nearest_cached_below(&self, series: &SeriesState, gathering: &PartialRead) -> Option<i64> {
        let nearby = gathering.oldest.max(gathering.next.saturating_sub(MAX_PROBES))..gathering.next;
        for index in nearby.rev() {
            if self.get(series, index).await.is_some() {
                return Some(index);
            }
        }
        None
    }
}

/// Reads whole blocks from the next one back to `oldest`, or until they hold as many rows as are wanted.
async fn load_blocks(
    series: &SeriesState,
    shard: &Shard,
    gathering: &PartialRead,
    oldest: i64,
    damaged: &mut Vec<i64>,
) -> Result<Vec<Block>, StoreError> {
    let newest = gathering.next;
    let version = series.version(); // before the read: see `SeriesState`
    let mut conn = shard.reader().await?;
    // One row beyond a full block, so that the block that is cut off is never the only one.
    let mut limit = gathering.remaining().saturating_add(SLOTS_PER_BLOCK + 1).min(MAX_ROWS_PER_READ);
    loop {
        let found = verified_rows::read(&mut conn, series, (oldest, newest), limit).await;
        let found = found.map_err(|error| shard.fault(error))?;
        if found.oldest <= newest {
            damaged.extend(found.damaged);
            return Ok(Block::split(series.grid, version, newest, found.oldest, &found.rows));
        }
        limit = limit.saturating_mul(2); // one block has them all
    }
}

#[derive(Clone, Copy)]
enum RowSource {
    Memory,
    Disk,
}

/// Rows collected for an answer.
#[derive(Debug)]
pub(super) struct PartialRead {
    range: TimeRange,
    limit: usize,
    /// The block to visit next, and the last one worth visiting.
    next: i64,
    oldest: i64,
    newest_first: Vec<CandleColumns>,
    found: usize,
    from_memory: u64,
}

impl PartialRead {
    fn new(series: &SeriesState, range: TimeRange, limit: usize) -> Self {
        let (oldest, next) = series.grid.block_range(range);
        Self { range, limit, next, oldest, newest_first: Vec::new(), found: 0, from_memory: 0 }
    }

    fn remaining(&self) -> usize {
        self.limit - self.found
    }

    fn is_done(&self) -> bool {
        self.remaining() == 0 || self.next < self.oldest
    }

    fn append(&mut self, block: &Block, source: RowSource) {
        let mut taken = block.within(self.range);
        taken.keep_last(self.remaining());
        self.found += taken.len();
        self.next = block.next_older;
        if matches!(source, RowSource::Memory) {
            self.from_memory += taken.len() as u64;
        }
        self.newest_first.push(taken);
    }

    fn finish(self) -> StoredCandles {
        let candles = CandleColumns::merged(self.newest_first.into_iter().rev());
        StoredCandles { candles, from_memory: self.from_memory }
    }
}
