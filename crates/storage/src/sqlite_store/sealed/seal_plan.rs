//! The decision which segments get a file, and when they get another one.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use rusqlite::Connection;

use super::seal::{SegmentGrid, SegmentSeal};
use super::seal_table;
use crate::sqlite_store::series_state::SeriesState;

/// How eagerly segments get a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SealPolicy {
    /// The segments that are worth it: a growing one is copied again and again, so not for every row.
    Background,
    /// All segments with a row that is not in a file.
    Everything,
}

/// The number of new rows for which the newest segment is copied again.
pub(super) const MIN_NEW_ROWS: u64 = 512;
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

/// The blocks that a file leaves out of the oldest segment where old rows are deleted all the time: an eighth of it,
/// nearly six days of minutes. Until they are deleted, nothing touches the file.
const FORGOTTEN_BLOCKS: i64 = 128;

/// A segment that should get a file, and the first block in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlannedSegment {
    pub(super) segment: i64,
    pub(super) first_block: i64,
}

/// The segments that are looked at, and how.
#[derive(Clone, Debug)]
pub(super) struct SealPlan {
    /// The segments; `None` for all.
    pub(super) range: Option<RangeInclusive<i64>>,
    pub(super) policy: SealPolicy,
    /// The number of rows from which on a series gets files.
    pub(super) min_rows: u64,
    /// True if old rows are deleted all the time: then the beginning of the oldest segment gets no file.
    pub(super) forgets: bool,
}

/// Returns the segments of a series that should get a file, newest first.
pub(super) fn plan(
    conn: &mut Connection,
    series: &SeriesState,
    SealPlan { range, policy, min_rows, forgets }: SealPlan,
) -> Result<Vec<PlannedSegment>, rusqlite::Error> {
    let grid = SegmentGrid::new(series.grid);
    let (first, last) = match range {
        Some(range) => (grid.blocks(*range.start()).0, grid.blocks(*range.end()).1),
        None => (i64::MIN, i64::MAX),
    };
    let label = series.label.as_str();
    let moment = conn.transaction()?;
    let seals = seal_table::of_series(&moment, label)?;
    let (oldest, newest): (Option<i64>, Option<i64>) = moment
        .prepare_cached(
            "SELECT (SELECT MIN(block) FROM block_sum WHERE series = ?1), \
             (SELECT MAX(block) FROM block_sum WHERE series = ?1)",
        )?
        .query_row([label], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut counts: Vec<(PlannedSegment, i64)> = {
        let sql = format!(
            "SELECT block >> {}, SUM(rows) FROM block_sum \
             WHERE series = ?1 AND block BETWEEN ?2 AND ?3 GROUP BY 1 ORDER BY 1 DESC",
            SegmentGrid::SHIFT
        );
        let mut select = moment.prepare_cached(&sql)?;
        let planned = |segment| PlannedSegment { segment, first_block: grid.blocks(segment).0 };
        let counts = select.query_map((label, first, last), |row| Ok((planned(row.get(0)?), row.get(1)?)))?;
        counts.collect::<Result<_, _>>()?
    };
    let seal_of = |segment: i64| seals.iter().find(|seal| seal.segment == segment);
    let is_oldest = |segment: i64| oldest.is_some_and(|oldest| SegmentGrid::of_block(oldest) == segment);
    if let (Some(oldest), Some((planned, rows))) = (oldest, counts.last_mut())
        && forgets
        && is_oldest(planned.segment)
    {
        // A file that is there keeps its beginning.
        planned.first_block = match seal_of(planned.segment) {
            Some(seal) => series.grid.block_at(seal.from_ms),
            None => oldest.saturating_add(FORGOTTEN_BLOCKS),
        };
        let sql =
            "SELECT COALESCE(SUM(rows), 0) FROM block_sum WHERE series = ?1 AND block BETWEEN ?2 AND ?3";
        let kept = (label, planned.first_block, grid.blocks(planned.segment).1);
        *rows = moment.prepare_cached(sql)?.query_row(kept, |row| row.get(0))?;
    }
    let counted: i64 = counts.iter().map(|(_, rows)| rows).sum();
    let is_large = !seals.is_empty() || counted.unsigned_abs() >= min_rows || {
        let sql = "SELECT COALESCE(SUM(rows), 0) FROM block_sum WHERE series = ?1";
        moment.prepare_cached(sql)?.query_row([label], |row| row.get::<_, i64>(0))?.unsigned_abs() >= min_rows
    };
    moment.finish()?;
    let is_newest = |segment: i64| newest.is_some_and(|newest| SegmentGrid::of_block(newest) == segment);
    let how = (policy, MIN_NEW_ROWS.min(min_rows));
    let worth = |(planned, rows): &&(PlannedSegment, i64)| {
        let PlannedSegment { segment, .. } = *planned;
        is_worth_a_file(rows.unsigned_abs(), seal_of(segment), is_newest(segment), how)
    };
    Ok(counts.iter().filter(|_| is_large).filter(worth).map(|(planned, _)| *planned).collect())
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
