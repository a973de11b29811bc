//! Reads rows newest first, from cached blocks where they are still valid, else from disk.

use std::sync::Arc;

use market_backbone_core::{CandleColumns, StoreError, StoredCandles, TimeRange};
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use rusqlite::Connection;
use rustc_hash::FxBuildHasher;

use super::block::Block;
use super::sealed::{self, BlockTier, SealIndex};
use super::series_state::SeriesState;
use super::shard::Shard;
use super::verified_rows::{self, VerifiedRows};

/// The largest number of rows read from disk at once.
const MAX_ROWS_PER_READ: usize = 16_384;
/// The number of older blocks looked up in memory before a longer range is read from disk.
const MAX_PROBES: i64 = 16;

/// A cache of recent blocks of all series, bounded in bytes, with LRU eviction.
#[derive(Clone, Debug)]
pub(super) struct BlockCache {
    // By series number and block.
    blocks: Cache<(usize, i64), Arc<Block>, FxBuildHasher>,
}

impl BlockCache {
    pub(super) fn new(max_bytes: u64) -> Self {
        let blocks = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_, block: &Arc<Block>| block.weight())
            // Not moka's default, which may refuse what has just been read in favour of what was read often.
            .eviction_policy(EvictionPolicy::lru())
            .build_with_hasher(FxBuildHasher);
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
        series: &Arc<SeriesState>,
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
        if !series.is_current(block.version, block.next_older + 1..=block.index) {
            return None;
        }
        let Some(alone) = block.alone().map(Arc::new) else { return Some(block) };
        // Its neighbours have been evicted, and this one would keep their rows.
        self.blocks.insert((series.number, index), Arc::clone(&alone)).await;
        Some(alone)
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

/// Reads whole blocks from the next one back to `oldest`, or until they hold as many rows as are wanted: from
/// a sealed file where there is one, else from the table.
async fn load_blocks(
    series: &Arc<SeriesState>,
    shard: &Shard,
    gathering: &PartialRead,
    oldest: i64,
    damaged: &mut Vec<i64>,
) -> Result<Vec<Block>, StoreError> {
    let newest = gathering.next;
    let version = series.version(); // before the read: see `SeriesState`
    let limit = gathering.remaining().min(MAX_ROWS_PER_READ);
    loop {
        let (state, tier, known) = (Arc::clone(series), Arc::clone(shard.sealed()), series.seals());
        let read = move |conn: &mut Connection| {
            let seals = match known {
                Some(seals) => seals,
                None => Arc::new(SealIndex::load(conn, &state, &tier)?),
            };
            let blocks = match seals.tier_of(state.grid, (oldest, newest)) {
                BlockTier::Sealed(seal, oldest) => {
                    match sealed::read_blocks(&tier, &state, &seal, (oldest, newest), limit) {
                        Ok((rows, oldest)) => Ok(VerifiedRows { rows, oldest, ..VerifiedRows::default() }),
                        Err(fault) => Err((seal, fault)),
                    }
                }
                BlockTier::Table(oldest) => {
                    Ok(verified_rows::read_direct(conn, &state, (oldest, newest), limit)?)
                }
            };
            Ok((seals, blocks))
        };
        let (seals, blocks) = shard.direct(read).await?;
        match blocks {
            Ok(found) => {
                series.cache_seals(version, &seals);
                damaged.extend(found.damaged);
                return Ok(Block::split(series.grid, version, newest, found.oldest, &found.rows));
            }
            // Not this file again: so this comes to an end.
            Err((seal, fault)) => shard.drop_seal(series, &seal, &fault).await,
        }
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
