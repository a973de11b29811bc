//! A file that is written and not yet sealed.

use std::hash::{BuildHasher, RandomState};
use std::io;

use market_backbone_core::{Candle, Timestamp};
use rusqlite::{Connection, TransactionBehavior};

use super::seal::{SegmentGrid, SegmentSeal};
use super::seal_plan::PlannedSegment;
use super::seal_table;
use super::segment_columns::SegmentColumns;
use super::segment_file::SegmentFile;
use super::tier::SealedTier;
use crate::sqlite_store::checksum_table::{self, BlockChecksum};
use crate::sqlite_store::series_state::SeriesState;
use crate::sqlite_store::{candle_table, checksum};

/// A file of a segment without a seal.
#[derive(Clone, Copy, Debug)]
pub(super) struct SegmentDraft {
    pub(super) seal: SegmentSeal,
    /// The blocks it was made from, and a checksum of their checksums: rows written since change it.
    blocks: (i64, i64),
    fingerprint: i64,
}

/// Copies the rows of a segment, from its first block on that is wanted, from the table into a file; `None` if they are damaged, invalid, or without
/// checksums. The outer error is one of the database, the inner one of the file.
pub(super) fn write(
    conn: &mut Connection,
    series: &SeriesState,
    tier: &SealedTier,
    PlannedSegment { segment, first_block }: PlannedSegment,
) -> Result<io::Result<Option<SegmentDraft>>, rusqlite::Error> {
    let grid = SegmentGrid::new(series.grid);
    let (from_ms, end_ms) = (series.grid.start_ms(first_block), grid.range_ms(segment).1);
    let last_block = grid.blocks(segment).1;
    let moment = conn.transaction()?;
    let mut columns = SegmentColumns::default();
    let mut is_valid = !checksum_table::lacks_checksums_direct(&moment, &series.label)?;
    let mut sums = checksum_table::read_direct(&moment, &series.label, (first_block, last_block))?;
    {
        let mut select = moment.prepare_cached(&format!(
            "SELECT timestamp, open, high, low, close, volume, turnover FROM {} \
             WHERE timestamp >= ?1 AND timestamp < ?2 ORDER BY timestamp",
            series.table
        ))?;
        let mut rows = select.query((from_ms, end_ms))?;
        let mut block: Vec<Candle> = Vec::new();
        while let Some(row) = rows.next()? {
            let candle = candle_table::candle_direct(row)?;
            let is_next = |last: &Candle| {
                series.grid.block_of(last.open_time) != series.grid.block_of(candle.open_time)
            };
            if block.last().is_some_and(is_next) {
                is_valid &= verify(series, &mut block, &mut sums);
            }
            is_valid &=
                candle.is_valid() && block.last().is_none_or(|last| last.open_time < candle.open_time);
            block.push(candle);
            columns.push(&candle);
        }
        is_valid &= verify(series, &mut block, &mut sums) && sums.is_empty();
    }
    let newest: Option<i64> = moment
        .prepare_cached(&format!("SELECT MAX(timestamp) FROM {}", series.table))?
        .query_row([], |row| row.get(0))?;
    let rows = u32::try_from(columns.len()).unwrap_or(0);
    let (Some(newest), true, 1..) = (newest, is_valid, rows) else { return Ok(Ok(None)) };
    // Of the newest segment, what follows its newest row is still to come.
    let to_ms = if newest < end_ms { newest.saturating_add(1) } else { end_ms };
    let blocks = (first_block, last_block.min(series.grid.block_of(Timestamp::from_millis(to_ms - 1))));
    let fingerprint = fingerprint(&moment, &series.label, blocks)?;
    moment.finish()?;
    let id = RandomState::new().hash_one(segment);
    let seal = SegmentSeal { segment, id, from_ms, to_ms, rows, sum: 0 };
    let written = SegmentFile::write(tier.folder(), &series.label, seal, &columns);
    Ok(written.map(|seal| Some(SegmentDraft { seal, blocks, fingerprint })))
}

/// Returns whether a block, which is emptied, has its checksum, which is taken away.
fn verify(
    series: &SeriesState,
    block: &mut Vec<Candle>,
    sums: &mut std::collections::BTreeMap<i64, BlockChecksum>,
) -> bool {
    let Some(number) = block.first().map(|row| series.grid.block_of(row.open_time)) else { return true };
    let sum = checksum::of_rows(&series.label, block.iter());
    let own = BlockChecksum { rows: block.len() as i64, sum };
    block.clear();
    sums.remove(&number) == Some(own)
}

fn fingerprint(conn: &Connection, label: &str, blocks: (i64, i64)) -> Result<i64, rusqlite::Error> {
    let sums = checksum_table::read_direct(conn, label, blocks)?;
    let numbers = sums.iter().flat_map(|(block, sum)| [*block, sum.rows, sum.sum]);
    Ok(checksum::of_bytes(&numbers.flat_map(i64::to_le_bytes).collect::<Vec<u8>>()))
}

/// Adds the seals of `drafts` to the shard, and returns those that were added and those that they replace. A draft
/// of which the rows have changed meanwhile gets none.
///
/// It is no commit: rows and ledger stay as they are, and with them whatever any process has cached.
pub(super) fn seal(
    conn: &mut Connection,
    series: &SeriesState,
    drafts: &[SegmentDraft],
) -> Result<(Vec<SegmentSeal>, Vec<SegmentSeal>), rusqlite::Error> {
    let (mut added, mut replaced) = (Vec::new(), Vec::new());
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for draft in drafts {
        if fingerprint(&transaction, &series.label, draft.blocks)? == draft.fingerprint {
            replaced.extend(seal_table::put(&transaction, &series.label, &draft.seal)?);
            added.push(draft.seal);
        }
    }
    transaction.commit()?;
    Ok((added, replaced))
}
