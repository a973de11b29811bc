//! A file that is written and not yet sealed, and the decision which segments are worth one.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::ops::RangeInclusive;

use market_backbone_core::{Candle, Timestamp};
use rusqlite::{Connection, TransactionBehavior};

use super::column_buffers::ColumnBuffers;
use super::seal::{SegmentGrid, SegmentSeal};
use super::seal_table;
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

/// Copies the rows of a segment from the table into a file; `None` if they are damaged, invalid, or without
/// checksums. The outer error is one of the database, the inner one of the file.
pub(super) fn write(
    conn: &mut Connection,
    series: &SeriesState,
    tier: &SealedTier,
    segment: i64,
) -> Result<io::Result<Option<SegmentDraft>>, rusqlite::Error> {
    let grid = SegmentGrid::new(series.grid);
    let (from_ms, end_ms) = grid.range_ms(segment);
    let moment = conn.transaction()?;
    let mut columns = ColumnBuffers::default();
    let mut is_valid = !checksum_table::lacks_checksums_direct(&moment, &series.label)?;
    let mut sums = checksum_table::read_direct(&moment, &series.label, grid.blocks(segment))?;
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
            let is_next =
                |last: &Candle| series.grid.block_of(last.open_time) != series.grid.block_of(candle.open_time);
            if block.last().is_some_and(is_next) {
                is_valid &= verify(series, &mut block, &mut sums);
            }
            is_valid &= candle.is_valid() && block.last().is_none_or(|last| last.open_time < candle.open_time);
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
    let (first, last) = grid.blocks(segment);
    let blocks = (first, last.min(series.grid.block_of(Timestamp::from_millis(to_ms - 1))));
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

/// How eagerly segments get a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SealPolicy {
    /// The segments that are worth it: a growing one is copied again and again, so not for every row.
    Background,
    /// All segments with a row that is not in a file.
    Everything,
}

/// The number of new rows for which the newest segment is copied again.
const MIN_NEW_ROWS: u64 = 512;
/// The same, as a share of the rows in its file.
const NEW_ROWS_DIVISOR: u64 = 8;

/// Returns whether a segment with `rows` rows, of which `seal` has some, should get a new file.
///
/// The newest one is copied again for `enough` new rows, or as many as are a good part of its file.
fn is_worth_a_file(
    rows: u64,
    seal: Option<&SegmentSeal>,
    is_newest: bool,
    (policy, enough): (SealPolicy, u64),
) -> bool {
    let sealed = seal.map_or(0, |seal| u64::from(seal.rows));
    if rows == 0 || rows == sealed {
        return false;
    }
    let enough = enough.max(sealed / NEW_ROWS_DIVISOR);
    policy == SealPolicy::Everything || !is_newest || rows.abs_diff(sealed) >= enough
}

/// Returns the segments of a series that should get a file, newest first: of those in `range`, which are
/// worth it. A series with fewer than `min_rows` rows gets none.
pub(super) fn plan(
    conn: &mut Connection,
    series: &SeriesState,
    range: Option<RangeInclusive<i64>>,
    (policy, min_rows): (SealPolicy, u64),
) -> Result<Vec<i64>, rusqlite::Error> {
    let grid = SegmentGrid::new(series.grid);
    let (first, last) = match range {
        Some(range) => (grid.blocks(*range.start()).0, grid.blocks(*range.end()).1),
        None => (i64::MIN, i64::MAX),
    };
    let label = series.label.as_str();
    let moment = conn.transaction()?;
    let seals = seal_table::of_series(&moment, label)?;
    let newest: Option<i64> = moment
        .prepare_cached("SELECT MAX(block) FROM block_sum WHERE series = ?1")?
        .query_row([label], |row| row.get(0))?;
    let counts: Vec<(i64, i64)> = {
        let sql = format!(
            "SELECT block >> {}, SUM(rows) FROM block_sum \
             WHERE series = ?1 AND block BETWEEN ?2 AND ?3 GROUP BY 1 ORDER BY 1 DESC",
            SegmentGrid::SHIFT
        );
        let mut select = moment.prepare_cached(&sql)?;
        let counts = select.query_map((label, first, last), |row| Ok((row.get(0)?, row.get(1)?)))?;
        counts.collect::<Result<_, _>>()?
    };
    let counted: i64 = counts.iter().map(|(_, rows)| rows).sum();
    let is_large = !seals.is_empty() || counted.unsigned_abs() >= min_rows || {
        let sql = "SELECT COALESCE(SUM(rows), 0) FROM block_sum WHERE series = ?1";
        moment.prepare_cached(sql)?.query_row([label], |row| row.get::<_, i64>(0))?.unsigned_abs() >= min_rows
    };
    moment.finish()?;
    let is_newest = |segment: i64| newest.is_some_and(|newest| SegmentGrid::of_block(newest) == segment);
    let seal_of = |segment: i64| seals.iter().find(|seal| seal.segment == segment);
    let how = (policy, MIN_NEW_ROWS.min(min_rows));
    let worth = |(segment, rows): &(i64, i64)| {
        is_worth_a_file(rows.unsigned_abs(), seal_of(*segment), is_newest(*segment), how)
    };
    Ok(counts.iter().filter(|count| is_large && worth(count)).map(|(segment, _)| *segment).collect())
}

/// Returns the names of the series in a shard that have enough rows for a file.
pub(super) fn large_series(conn: &Connection, min_rows: u64) -> Result<HashSet<String>, rusqlite::Error> {
    let sql = "SELECT series FROM block_sum GROUP BY series HAVING SUM(rows) >= ?1 \
               UNION SELECT series FROM sealed_segment";
    let min_rows = i64::try_from(min_rows).unwrap_or(i64::MAX);
    let mut select = conn.prepare_cached(sql)?;
    let names = select.query_map([min_rows], |row| row.get(0))?;
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: u64, sealed: Option<u32>, is_newest: bool, want: [bool; 2]) {
        let seal = sealed.map(|rows| SegmentSeal { segment: 0, id: 1, from_ms: 0, to_ms: 9, rows, sum: 0 });
        let is_worth = |policy| is_worth_a_file(rows, seal.as_ref(), is_newest, (policy, MIN_NEW_ROWS));
        assert_eq!([is_worth(SealPolicy::Background), is_worth(SealPolicy::Everything)], want);
    }

    #[test]
    fn a_growing_segment_is_copied_when_it_has_grown_by_an_eighth() {
        check(0, None, true, [false, false]);
        check(511, None, true, [false, true]);
        check(512, None, true, [true, true]);
        check(1, None, false, [true, true]);
        check(8_000, Some(8_000), true, [false, false]);
        check(8_999, Some(8_000), true, [false, true]);
        check(9_000, Some(8_000), true, [true, true]);
        check(8_001, Some(8_000), false, [true, true]);
    }
}
