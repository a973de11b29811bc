//! The seals of a series in memory, and which tier answers for which blocks.

use rusqlite::Connection;

use super::seal::SegmentSeal;
use super::seal_table;
use super::tier::SealedTier;
use crate::sqlite_store::block::BlockGrid;
use crate::sqlite_store::series_state::SeriesState;

/// The seals of a series at some moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sqlite_store) struct SealIndex {
    /// The seals, oldest first; their ranges do not overlap.
    seals: Vec<SegmentSeal>,
    /// True if no row is newer than the range of the last seal.
    ends_with_last: bool,
}

/// The tier that answers for the newest of some blocks, and how far back it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite_store) enum BlockTier {
    /// A file has all rows from this block on.
    Sealed(SegmentSeal, i64),
    /// The table does.
    Table(i64),
}

impl SealIndex {
    /// Reads the seals of a series, except those of files that were found bad.
    pub(in crate::sqlite_store) fn load(
        conn: &mut Connection,
        series: &SeriesState,
        tier: &SealedTier,
    ) -> Result<Self, rusqlite::Error> {
        if !tier.is_enabled() {
            return Ok(Self::default());
        }
        let moment = conn.transaction()?;
        let mut seals = seal_table::of_series(&moment, &series.label)?;
        let mut ends_with_last = false;
        if let Some(last) = seals.last() {
            // By the rows and by their checksums: if these differ, the table finds out what is damaged.
            let newest: Option<i64> = moment
                .prepare_cached(&format!("SELECT MAX(timestamp) FROM {}", series.table))?
                .query_row([], |row| row.get(0))?;
            let block: Option<i64> = moment
                .prepare_cached("SELECT MAX(block) FROM block_sum WHERE series = ?1")?
                .query_row([series.label.as_str()], |row| row.get(0))?;
            let newest_block = newest.map(|newest| series.grid.block_at(newest));
            ends_with_last = newest.is_some_and(|newest| newest < last.to_ms) && newest_block == block;
        }
        moment.finish()?;
        let last = seals.last().copied();
        seals.retain(|seal| !tier.is_bad(seal.id));
        ends_with_last &= seals.last() == last.as_ref();
        Ok(Self { seals, ends_with_last })
    }

    /// Returns the seals of which the range overlaps that from `from_ms` to `to_ms`, oldest first.
    pub(super) fn overlapping(&self, from_ms: i64, to_ms: i64) -> &[SegmentSeal] {
        let first = self.seals.partition_point(|seal| seal.to_ms <= from_ms);
        let end = self.seals.partition_point(|seal| seal.from_ms < to_ms);
        &self.seals[first..end.max(first)]
    }

    /// Returns whether the table may have rows from `from_ms` on, up to the next seal.
    pub(super) fn may_have_rows_from(&self, from_ms: i64) -> bool {
        !(self.ends_with_last && self.seals.last().is_some_and(|last| from_ms >= last.to_ms))
    }

    /// Returns the tier that answers for the newest of the blocks from `oldest` to `newest`.
    pub(in crate::sqlite_store) fn tier_of(
        &self,
        grid: BlockGrid,
        (oldest, newest): (i64, i64),
    ) -> BlockTier {
        let (start, end) = (grid.start_ms(newest), grid.end_ms(newest));
        let index = self.seals.partition_point(|seal| seal.from_ms < end);
        let Some(seal) = index.checked_sub(1).map(|index| self.seals[index]) else {
            return BlockTier::Table(oldest);
        };
        // A segment begins with a block, but its seal may end within one.
        let is_last = index == self.seals.len() && self.ends_with_last;
        if is_last || (start >= seal.from_ms && end <= seal.to_ms) {
            BlockTier::Sealed(seal, oldest.max(grid.block_at(seal.from_ms)))
        } else {
            BlockTier::Table(oldest.max(grid.block_at(seal.to_ms)))
        }
    }
}

#[cfg(test)]
mod tests {
    use market_backbone_core::Timeframe;

    use super::*;

    const BLOCK_MS: i64 = 64 * 60_000;

    fn seal(segment: i64, from_ms: i64, to_ms: i64) -> SegmentSeal {
        SegmentSeal { segment, id: segment.unsigned_abs(), from_ms, to_ms, rows: 1, sum: 0 }
    }

    #[track_caller]
    fn check(ends_with_last: bool, blocks: (i64, i64), want: BlockTier) {
        let seals = vec![
            seal(0, 0, 1_024 * BLOCK_MS),
            // Sealed while it was the newest: it ends within its third block.
            seal(2, 2_048 * BLOCK_MS, 2_050 * BLOCK_MS + 60_000),
        ];
        let index = SealIndex { seals, ends_with_last };
        assert_eq!(index.tier_of(BlockGrid::of(Timeframe::M1), blocks), want);
    }

    #[test]
    fn each_block_has_one_tier() {
        let first = seal(0, 0, 1_024 * BLOCK_MS);
        let second = seal(2, 2_048 * BLOCK_MS, 2_050 * BLOCK_MS + 60_000);
        for ends in [false, true] {
            check(ends, (-5, -1), BlockTier::Table(-5));
            check(ends, (-5, 1_023), BlockTier::Sealed(first, 0));
            check(ends, (7, 9), BlockTier::Sealed(first, 7));
            check(ends, (-5, 1_024), BlockTier::Table(1_024));
            check(ends, (-5, 2_047), BlockTier::Table(1_024));
            check(ends, (-5, 2_049), BlockTier::Sealed(second, 2_048));
        }
        check(false, (-5, 2_050), BlockTier::Table(2_050));
        check(false, (-5, 9_999), BlockTier::Table(2_050));
        check(true, (-5, 2_050), BlockTier::Sealed(second, 2_048));
        check(true, (-5, 9_999), BlockTier::Sealed(second, 2_048));
    }
}
