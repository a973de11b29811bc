//! Reads rows newest first, from cached blocks where they are still true, else from disk.

use std::sync::Arc;

use market_backbone_core::{Candle, StoreError, StoredCandles, TimeRange};
use moka::future::Cache;
use moka::policy::EvictionPolicy;

use super::block::{Block, SLOTS};
use super::proven_rows;
use super::series_state::SeriesState;
use super::shard::Shard;

/// The most rows read from disk in one go.
const MAX_READ: usize = 16_384;
/// How many older blocks are looked for in memory before the disk is asked for a longer stretch.
const MAX_PROBES: i64 = 16;

/// Recent blocks of all series, bounded in bytes, the least recently used given up first.
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

    /// The newest `limit` rows of a series that open in `range`, as far as blocks in memory go without a
    /// hole; `Err` with what was found if the disk must be asked for the rest.
    pub(super) async fn recall(
        &self,
        series: &SeriesState,
        range: TimeRange,
        limit: usize,
    ) -> Result<StoredCandles, Gathering> {
        let mut gathering = Gathering::new(series, range, limit);
        self.advance(series, &mut gathering).await;
        if gathering.is_done() { Ok(gathering.finish()) } else { Err(gathering) }
    }

    /// Finishes what [`recall`](Self::recall) began, with the disk's help. Says which blocks on disk do not check: their
    /// rows are left out.
    pub(super) async fn complete(
        &self,
        series: &SeriesState,
        shard: &Shard,
        mut gathering: Gathering,
    ) -> Result<(StoredCandles, Vec<i64>), StoreError> {
        let mut damaged = Vec::new();
        while !gathering.is_done() {
            let oldest = match self.nearest_below(series, &gathering).await {
                Some(in_memory) => in_memory + 1,
                None => gathering.oldest,
            };
            let before = damaged.len();
            for block in load(series, shard, &gathering, oldest, &mut damaged).await? {
                gathering.take(&block, Source::Disk);
                // One without its rows is not remembered: it would pass for empty.
                if damaged.len() == before {
                    self.blocks.insert((series.number, block.index), Arc::new(block)).await;
                }
            }
            self.advance(series, &mut gathering).await;
        }
        Ok((gathering.finish(), damaged))
    }

    /// Goes on as long as the next block is in memory and still true.
    async fn advance(&self, series: &SeriesState, gathering: &mut Gathering) {
        while !gathering.is_done() {
            let Some(block) = self.get(series, gathering.next).await else { return };
            gathering.take(&block, Source::Memory);
        }
    }

    async fn get(&self, series: &SeriesState, index: i64) -> Option<Arc<Block>> {
        let block = self.blocks.get(&(series.number, index)).await?;
        series.still_true(block.version, block.older + 1..=block.index).then_some(block)
    }

    /// The next block in memory before the one that is not: after a commit, all but the newest are there.
    async fn nearest_below(&self, series: &SeriesState, gathering: &Gathering) -> Option<i64> {
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
async fn load(
    series: &SeriesState,
    shard: &Shard,
    gathering: &Gathering,
    oldest: i64,
    damaged: &mut Vec<i64>,
) -> Result<Vec<Block>, StoreError> {
    let newest = gathering.next;
    let version = series.version(); // before the read: see `SeriesState`
    let mut conn = shard.reader().await?;
    // One row beyond a full block, so that the block that is cut off is never the only one.
    let mut limit = gathering.wanted().saturating_add(SLOTS + 1).min(MAX_READ);
    loop {
        let found = proven_rows::read(&mut conn, series, (oldest, newest), limit).await;
        let found = found.map_err(|error| shard.fault(error))?;
        if found.oldest <= newest {
            damaged.extend(found.damaged);
            return Ok(Block::cut(series.grid, version, newest, found.oldest, &found.rows));
        }
        limit = limit.saturating_mul(2); // one block has them all
    }
}

#[derive(Clone, Copy)]
enum Source {
    Memory,
    Disk,
}

/// Rows on their way to an answer.
#[derive(Debug)]
pub(super) struct Gathering {
    range: TimeRange,
    limit: usize,
    /// The block to visit next, and the last one there is any use in visiting.
    next: i64,
    oldest: i64,
    newest_first: Vec<Candle>,
    from_memory: u64,
}

impl Gathering {
    fn new(series: &SeriesState, range: TimeRange, limit: usize) -> Self {
        let (oldest, next) = series.grid.ends(range);
        Self { range, limit, next, oldest, newest_first: Vec::new(), from_memory: 0 }
    }

    fn wanted(&self) -> usize {
        self.limit - self.newest_first.len()
    }

    fn is_done(&self) -> bool {
        self.wanted() == 0 || self.next < self.oldest
    }

    fn take(&mut self, block: &Block, source: Source) {
        let rows = block.within(self.range);
        let taken = &rows[rows.len().saturating_sub(self.wanted())..];
        self.newest_first.extend(taken.iter().rev());
        self.next = block.older;
        if matches!(source, Source::Memory) {
            self.from_memory += taken.len() as u64;
        }
    }

    fn finish(mut self) -> StoredCandles {
        self.newest_first.reverse();
        StoredCandles { candles: self.newest_first, from_memory: self.from_memory }
    }
}
