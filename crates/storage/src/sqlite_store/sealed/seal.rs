//! The seal of a segment, and the division of a series' time into segments.

use market_backbone_core::Timestamp;

use super::super::block::BlockGrid;

/// The number of blocks of 64 slots in a segment: a file of some megabytes.
const BLOCKS_PER_SEGMENT: i64 = 1 << SegmentGrid::SHIFT;

/// What the shard says about the file of a segment: it counts only if it says the same of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite_store) struct SegmentSeal {
    pub(in crate::sqlite_store) segment: i64,
    /// The random id of the file, and its name.
    pub(in crate::sqlite_store) id: u64,
    /// The range in which the file has all rows, in milliseconds; the end is exclusive.
    pub(in crate::sqlite_store) from_ms: i64,
    pub(in crate::sqlite_store) to_ms: i64,
    pub(in crate::sqlite_store) rows: u32,
    /// The checksum of the header, which has those of all columns.
    pub(in crate::sqlite_store) sum: i64,
}

impl SegmentSeal {
    /// Returns the name of the file.
    pub(super) fn file_name(&self) -> String {
        format!("{:016x}.{EXTENSION}", self.id)
    }
}

/// The extension of the files.
pub(super) const EXTENSION: &str = "columns";

/// The division of a series' time into segments.
#[derive(Clone, Copy, Debug)]
pub(in crate::sqlite_store) struct SegmentGrid(BlockGrid);

impl SegmentGrid {
    /// The number of bits by which a block's number is shifted to get that of its segment.
    pub(super) const SHIFT: u32 = 10;

    pub(in crate::sqlite_store) fn new(blocks: BlockGrid) -> Self {
        Self(blocks)
    }

    pub(in crate::sqlite_store) fn segment_of(self, moment: Timestamp) -> i64 {
        Self::of_block(self.0.block_of(moment))
    }

    pub(super) fn of_block(block: i64) -> i64 {
        block.div_euclid(BLOCKS_PER_SEGMENT)
    }

    /// Returns the first and the last block of a segment.
    pub(super) fn blocks(self, segment: i64) -> (i64, i64) {
        let first = segment.saturating_mul(BLOCKS_PER_SEGMENT);
        (first, first.saturating_add(BLOCKS_PER_SEGMENT - 1))
    }

    /// Returns the start and the end of a segment, in milliseconds.
    pub(super) fn range_ms(self, segment: i64) -> (i64, i64) {
        let (first, last) = self.blocks(segment);
        (self.0.start_ms(first), self.0.end_ms(last))
    }
}

#[cfg(test)]
mod tests {
    use market_backbone_core::Timeframe;

    use super::*;

    #[test]
    fn segments_follow_each_other_without_a_hole() {
        // Of longer timeframes, most segments begin where no clock goes.
        for timeframe in [Timeframe::S1, Timeframe::M1, Timeframe::H4] {
            let grid = SegmentGrid::new(BlockGrid::of(timeframe));
            for segment in [-3, -1, 0, 7] {
                let (from, to) = grid.range_ms(segment);
                assert_eq!(to, grid.range_ms(segment + 1).0);
                assert_eq!(grid.segment_of(Timestamp::from_millis(from)), segment);
                assert_eq!(grid.segment_of(Timestamp::from_millis(to - 1)), segment);
            }
        }
    }
}
