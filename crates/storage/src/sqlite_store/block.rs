//! Blocks: the units in which recent candles are cached.
//!
//! A block is a fixed range of a series' time, and a cached one holds *all* rows that the table has in it. It
//! also says where to look for the next older row, so that reading a market that trades once a day does not
//! visit a thousand empty blocks between two rows.

use market_backbone_core::{Candle, CandleColumns, CandleColumnsBuilder, TimeRange, Timeframe, Timestamp};

/// The number of slots in a block: enough that a block is worth a lookup, few enough that reading whole
/// blocks wastes little.
pub(super) const SLOTS_PER_BLOCK: usize = 64;

/// The most blocks that were read together and share their columns, so that an answer made of them is no copy. Few
/// enough that one which is kept alone keeps little more in memory than its own rows.
const BLOCKS_SHARING: usize = 8;

/// The bytes of a row in columns.
const ROW_BYTES: usize = 7 * 8;

/// The division of a series' time into blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockGrid {
    // Milliseconds; months and years by their average, since a block need not begin where a candle does.
    width: i64,
}

impl BlockGrid {
    pub(super) fn of(timeframe: Timeframe) -> Self {
        let slot = i64::try_from(timeframe.typical().as_millis()).unwrap_or(i64::MAX);
        Self { width: slot.saturating_mul(SLOTS_PER_BLOCK as i64).max(1) }
    }

    /// Returns the block that contains `moment`.
    pub(super) fn block_of(self, moment: Timestamp) -> i64 {
        moment.as_millis().div_euclid(self.width)
    }

    /// Returns the block that contains this moment, in milliseconds.
    pub(super) fn block_at(self, ms: i64) -> i64 {
        ms.div_euclid(self.width)
    }

    /// Returns the oldest and the newest block that overlap a range.
    pub(super) fn block_range(self, range: TimeRange) -> (i64, i64) {
        let last = Timestamp::from_nanos(range.to().as_nanos().saturating_sub(1));
        (self.block_of(range.from()), self.block_of(last))
    }

    /// Returns the range of all blocks.
    pub(super) fn all(self) -> (i64, i64) {
        (self.block_of(Timestamp::MIN), self.block_of(Timestamp::MAX))
    }

    /// Returns the length of a block, in milliseconds. Checksums on disk are those of blocks, so it is part
    /// of the files' format.
    pub(super) fn width_ms(self) -> i64 {
        self.width
    }

    /// Returns the end of a block, in milliseconds.
    pub(super) fn end_ms(self, block: i64) -> i64 {
        self.start_ms(block.saturating_add(1))
    }

    /// Returns the time range of a block; `None` at the ends of time, where there is none.
    pub(super) fn time_range(self, block: i64) -> Option<TimeRange> {
        let at = Timestamp::from_millis;
        TimeRange::new(at(self.start_ms(block)), at(self.end_ms(block))).ok()
    }

    /// Returns the start of a block, in milliseconds.
    pub(super) fn start_ms(self, block: i64) -> i64 {
        block.saturating_mul(self.width)
    }
}

/// All rows of one block.
#[derive(Debug)]
pub(super) struct Block {
    /// The number of the block.
    pub(super) index: i64,
    /// The next older block worth visiting: between it and this one there is no row.
    pub(super) next_older: i64,
    /// The version of the series before the rows were read.
    pub(super) version: u64,
    /// The rows, oldest first.
    pub(super) rows: CandleColumns,
}

impl Block {
    /// Splits rows (newest first) into blocks, newest first.
    ///
    /// `rows` are all that lie in the blocks from `oldest` to `newest`. The first block is always `newest`,
    /// with or without rows.
    pub(super) fn split(
        grid: BlockGrid,
        version: u64,
        newest: i64,
        oldest: i64,
        rows: &[Candle],
    ) -> Vec<Self> {
        let mut blocks: Vec<Self> = Vec::new();
        let groups: Vec<&[Candle]> =
            rows.chunk_by(|a, b| grid.block_of(a.open_time) == grid.block_of(b.open_time)).collect();
        for (group, rows) in groups.chunks(BLOCKS_SHARING).flat_map(sharing) {
            let index = grid.block_of(group[0].open_time);
            if blocks.is_empty() && index != newest {
                blocks.push(Self { index: newest, next_older: index, version, rows: CandleColumns::new() });
            }
            if let Some(newer) = blocks.last_mut() {
                newer.next_older = index;
            }
            blocks.push(Self { index, next_older: oldest - 1, version, rows });
        }
        if blocks.is_empty() {
            blocks.push(Self { index: newest, next_older: oldest - 1, version, rows: CandleColumns::new() });
        }
        blocks
    }

    /// Returns the same block with rows of its own, if those that it was read with are no longer in use.
    pub(super) fn alone(&self) -> Option<Self> {
        let Self { index, next_older, version, ref rows } = *self;
        rows.keeps_unused_rows().then(|| {
            let mut rows = rows.clone();
            rows.shrink_to_fit();
            Self { index, next_older, version, rows }
        })
    }

    /// Returns its rows that open in `range`.
    pub(super) fn within(&self, range: TimeRange) -> CandleColumns {
        self.rows.within(range)
    }

    /// Returns its approximate size in memory, in bytes.
    pub(super) fn weight(&self) -> u32 {
        u32::try_from(384 + self.rows.len() * ROW_BYTES).unwrap_or(u32::MAX)
    }
}

/// Copies adjacent groups of rows, newest first, into columns that they share; returns each with its part.
fn sharing<'a>(groups: &[&'a [Candle]]) -> Vec<(&'a [Candle], CandleColumns)> {
    let mut columns = CandleColumnsBuilder::with_capacity(groups.iter().map(|group| group.len()).sum());
    groups.iter().rev().flat_map(|group| group.iter().rev()).for_each(|row| columns.push(row));
    let columns = columns.finish();
    let mut end = columns.len();
    let parts = groups.iter().map(|group| {
        let rows = columns.slice(end - group.len()..end);
        end -= group.len();
        (*group, rows)
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_testkit::flat_candle;

    fn candle(minute: i64) -> Candle {
        Candle { is_final: true, ..flat_candle(Timestamp::from_secs(minute * 60), 1.0) }
    }

    #[test]
    fn rows_are_cut_where_blocks_begin_and_empty_blocks_are_skipped() {
        let grid = BlockGrid::of(Timeframe::M1);
        let first = |block: i64| block * SLOTS_PER_BLOCK as i64;
        let rows = [candle(first(5) + 1), candle(first(5)), candle(first(3) - 1)];
        let blocks = Block::split(grid, 1, 7, 0, &rows);
        let shape: Vec<_> = blocks.iter().map(|b| (b.index, b.next_older, b.rows.len())).collect();
        assert_eq!(shape, [(7, 5, 0), (5, 2, 2), (2, -1, 1)]);
        assert_eq!(blocks[1].rows.first(), Some(candle(first(5))));
    }

    #[test]
    fn an_answer_of_blocks_that_were_read_together_is_no_copy_and_one_kept_alone_wastes_nothing() {
        let rows: Vec<Candle> = (0..512).rev().map(candle).collect();
        let mut blocks = Block::split(BlockGrid::of(Timeframe::M1), 1, 7, 0, &rows);
        assert_eq!(blocks.len(), BLOCKS_SHARING);
        let answer = CandleColumns::merged(blocks.iter().rev().map(|block| block.rows.clone()));
        assert!(answer.len() == 512 && std::ptr::eq(answer.closes(), answer.slice(..).closes()));
        assert_eq!(answer.closes().as_ptr(), blocks[7].rows.closes().as_ptr());
        assert!(blocks[0].alone().is_none(), "others use the rest");
        let kept = blocks.swap_remove(0);
        drop((answer, blocks));
        let alone = kept.alone().expect("nobody uses the rest");
        assert_eq!((&alone.rows, alone.index, alone.next_older), (&kept.rows, 7, 6));
        assert!(alone.alone().is_none());
    }

    #[test]
    fn a_stretch_without_rows_is_one_empty_block() {
        let blocks = Block::split(BlockGrid::of(Timeframe::M1), 1, 7, -3, &[]);
        assert_eq!((blocks.len(), blocks[0].index, blocks[0].next_older), (1, 7, -4));
    }

    #[test]
    fn the_ends_of_time_have_blocks_too() {
        for timeframe in Timeframe::ALL {
            let all = TimeRange::new(Timestamp::MIN, Timestamp::MAX).unwrap();
            let (oldest, newest) = BlockGrid::of(timeframe).block_range(all);
            assert!(oldest < newest);
        }
    }
}
