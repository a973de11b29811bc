//! Reads rows from disk together with their checksums, in one statement, and returns only those that match.
//!
//! One statement, so that rows and checksums are of one moment: if they were read one after the other, a
//! commit between the two would look like damage.

use std::collections::BTreeMap;

use market_backbone_core::Candle;
use rusqlite::Connection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row};

use super::block::BlockGrid;
use super::candle_table;
use super::checksum;
use super::checksum_table::{self, BlockChecksum};
use super::series_state::SeriesState;

/// The verified content of some blocks of a series.
#[derive(Debug, Default)]
pub(super) struct VerifiedRows {
    /// The rows of blocks that match, newest first.
    pub(super) rows: Vec<Candle>,
    /// The checksums of all blocks with rows, whether they match or not.
    pub(super) sums: BTreeMap<i64, BlockChecksum>,
    /// The blocks whose rows are not those that were written.
    pub(super) damaged: Vec<i64>,
    /// True if an older version wrote the series: blocks without a checksum are accepted.
    pub(super) lacks_checksums: bool,
    /// The oldest block that is covered completely.
    pub(super) oldest: i64,
}

/// Reads the blocks from `oldest` to `newest`, newest first, and stops when it has `limit` rows; a block that
/// was cut off is left out.
pub(super) async fn read(
    conn: &mut SqliteConnection,
    series: &SeriesState,
    (oldest, newest): (i64, i64),
    limit: usize,
) -> Result<VerifiedRows, sqlx::Error> {
    let grid = series.grid;
    let (from, to) = (grid.start_ms(oldest), grid.end_ms(newest));
    let limit_bound = i64::try_from(limit).unwrap_or(i64::MAX);
    // The checksums of the blocks in which rows were read; of all blocks, if there are no more rows than
    // these: then a block with a checksum but without rows is found.
    let sql = format!(
        "SELECT * FROM (
             SELECT timestamp, open, high, low, close, volume, turnover, 0 AS kind FROM {table}
             WHERE timestamp >= ?1 AND timestamp < ?2 ORDER BY timestamp DESC LIMIT ?3)
         UNION ALL
         SELECT block, sum, rows, 0, 0, 0, 0, 1 FROM block_sum
         WHERE series = ?4 AND block <= ?6 AND block >= (
             SELECT CASE WHEN COUNT(*) < ?3 THEN ?5 ELSE (MIN(timestamp) - ((MIN(timestamp) % ?7) + ?7) % ?7) / ?7 END
             FROM (SELECT timestamp FROM {table}
                   WHERE timestamp >= ?1 AND timestamp < ?2 ORDER BY timestamp DESC LIMIT ?3))
         UNION ALL
         SELECT 0, 0, 0, 0, 0, 0, 0, 2 FROM unsealed WHERE series = ?4",
        table = series.table,
    );
    let read = sqlx::query(AssertSqlSafe(sql))
        .bind(from)
        .bind(to)
        .bind(limit_bound)
        .bind(series.label.as_str())
        .bind(oldest)
        .bind(newest)
        .bind(grid.width_ms())
        .fetch_all(conn)
        .await?;
    let mut found = VerifiedRows { oldest, ..VerifiedRows::default() };
    for row in &read {
        match row.try_get_unchecked::<i64, _>(7)? {
            0 => found.rows.push(candle_table::candle_lossy(row)?),
            1 => {
                let sum = BlockChecksum { sum: row.try_get_unchecked(1)?, rows: row.try_get_unchecked(2)? };
                found.sums.insert(row.try_get_unchecked(0)?, sum);
            }
            _ => found.lacks_checksums = true,
        }
    }
    if found.rows.len() >= limit {
        found.drop_last_block(grid);
    }
    found.verify(series);
    Ok(found)
}

/// Reads the blocks from `oldest` to `newest` like [`read`], with a direct connection, and stops with the
/// block in which it has `limit` rows.
pub(super) fn read_direct(
    conn: &mut Connection,
    series: &SeriesState,
    (oldest, newest): (i64, i64),
    limit: usize,
) -> Result<VerifiedRows, rusqlite::Error> {
    let grid = series.grid;
    let mut found = VerifiedRows { oldest, ..VerifiedRows::default() };
    // One transaction, so that rows and checksums are of one moment.
    let moment = conn.transaction()?;
    {
        let sql = format!(
            "SELECT timestamp, open, high, low, close, volume, turnover FROM {} \
             WHERE timestamp >= ?1 AND timestamp < ?2 ORDER BY timestamp DESC",
            series.table
        );
        let mut select = moment.prepare_cached(&sql)?;
        let mut rows = select.query((grid.start_ms(oldest), grid.end_ms(newest)))?;
        let mut block = i64::MAX;
        while let Some(row) = rows.next()? {
            let candle = candle_table::candle_direct(row)?;
            if found.rows.len() >= limit && grid.block_of(candle.open_time) != block {
                found.oldest = block;
                break;
            }
            block = grid.block_of(candle.open_time);
            found.rows.push(candle);
        }
        found.sums = checksum_table::read_direct(&moment, &series.label, (found.oldest, newest))?;
        found.lacks_checksums = checksum_table::lacks_checksums_direct(&moment, &series.label)?;
    }
    moment.finish()?;
    found.verify(series);
    Ok(found)
}

impl VerifiedRows {
    /// Removes the last block, which may have more rows.
    fn drop_last_block(&mut self, grid: BlockGrid) {
        let Some(last) = self.rows.last().map(|row| grid.block_of(row.open_time)) else { return };
        self.rows.retain(|row| grid.block_of(row.open_time) > last);
        self.sums.retain(|block, _| *block > last);
        self.oldest = last.saturating_add(1);
    }

    fn verify(&mut self, series: &SeriesState) {
        let grid = series.grid;
        let mut unmatched: BTreeMap<i64, BlockChecksum> = self.sums.clone();
        // Rows out of order come from a broken B-tree, whatever their checksums.
        let in_order = |group: &[Candle]| group.is_sorted_by(|a, b| a.open_time > b.open_time);
        for group in self.rows.chunk_by(|a, b| grid.block_of(a.open_time) == grid.block_of(b.open_time)) {
            let block = grid.block_of(group[0].open_time);
            let is_right = match unmatched.remove(&block) {
                Some(said) => said == block_checksum(&series.label, group),
                None => self.lacks_checksums && !self.sums.contains_key(&block),
            };
            if !is_right || !in_order(group) {
                self.damaged.push(block);
            }
        }
        // The block has a checksum, but no rows.
        self.damaged.extend(unmatched.into_keys());
        self.damaged.sort_unstable();
        self.damaged.dedup();
        let damaged = &self.damaged;
        self.rows.retain(|row| damaged.binary_search(&grid.block_of(row.open_time)).is_err());
    }
}

/// Returns the checksum of a block with these rows, newest first.
pub(super) fn block_checksum(label: &str, newest_first: &[Candle]) -> BlockChecksum {
    BlockChecksum {
        rows: newest_first.len() as i64,
        sum: checksum::of_rows(label, newest_first.iter().rev()),
    }
}
