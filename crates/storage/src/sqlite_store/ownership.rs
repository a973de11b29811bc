//! What a write transaction finds before it changes anything: the ledger and the rows, as far as they match
//! their checksums.
//!
//! Data that does not match is neither used nor given a new checksum: it is deleted in the same transaction,
//! so that its range is unknown from then on and will be fetched again.

use std::collections::BTreeMap;

use market_backbone_core::{Candle, Coverage};
use sqlx::sqlite::SqliteConnection;

use super::checksum_table::{self, BlockChecksum, SeriesChecksum};
use super::series_state::SeriesState;
use super::verified_rows::{self, VerifiedRows};
use super::{candle_table, checksum, ledger_table, revision_table, sealed};

/// The number of rows read at once where a whole series is read: many more than a block can have.
pub(super) const ROWS_PER_READ: usize = 16_384;

/// A series in a write transaction.
#[derive(Debug)]
pub(super) struct SeriesOwnership {
    /// The ledger on disk, to find what has to be changed in it.
    pub(super) on_disk: Coverage,
    /// The known part of it.
    pub(super) known: Coverage,
    checksum: SeriesChecksum,
}

/// A ledger read from disk.
#[derive(Debug)]
pub(super) enum LedgerRead {
    /// The ledger is as it was written.
    Valid(Coverage),
    /// The ledger is not as it was written, or cannot be read.
    Damaged,
}

/// Reads the ledger of a series. The caller must prevent concurrent writes.
pub(super) async fn read_ledger(conn: &mut SqliteConnection, label: &str) -> Result<LedgerRead, sqlx::Error> {
    let seal = checksum_table::series_checksum(conn, label).await?;
    verify_ledger(conn, label, seal).await
}

async fn verify_ledger(
    conn: &mut SqliteConnection,
    label: &str,
    seal: Option<SeriesChecksum>,
) -> Result<LedgerRead, sqlx::Error> {
    let known = match ledger_table::load(conn, label).await {
        Ok(known) => known,
        Err(error) if is_decode_error(&error) => return Ok(LedgerRead::Damaged),
        Err(error) => return Err(error),
    };
    let is_valid = match seal {
        Some(seal) => seal.ledger == checksum::of_ledger(label, &known)?,
        None => known.is_empty() || checksum_table::lacks_checksums(conn, label).await?,
    };
    Ok(if is_valid { LedgerRead::Valid(known) } else { LedgerRead::Damaged })
}

/// Returns whether something was read that nobody wrote, in a file that is structurally valid.
pub(super) fn is_decode_error(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Protocol(_))
}

impl SeriesOwnership {
    /// Reads the ledger, and empties one that does not match its checksum.
    pub(super) async fn load(conn: &mut SqliteConnection, series: &SeriesState) -> Result<Self, sqlx::Error> {
        let label = series.label.as_str();
        let seal = checksum_table::series_checksum(conn, label).await?;
        let known = match verify_ledger(conn, label, seal).await? {
            LedgerRead::Valid(known) => known,
            LedgerRead::Damaged => {
                tracing::warn!(series = label, "its ledger is damaged on disk; it will be fetched again");
                series.report_damage();
                ledger_table::delete_all(conn, label).await?;
                Coverage::empty()
            }
        };
        let seal = match seal {
            Some(seal) => seal,
            None => {
                let blocks = checksum_table::count(conn, label, (i64::MIN, i64::MAX)).await?;
                SeriesChecksum { blocks, ..SeriesChecksum::default() }
            }
        };
        Ok(Self { on_disk: known.clone(), known, checksum: seal })
    }

    /// Reads the rows of some blocks; those that do not match are deleted, with their coverage.
    pub(super) async fn load_blocks(
        &mut self,
        conn: &mut SqliteConnection,
        series: &SeriesState,
        blocks: (i64, i64),
    ) -> Result<VerifiedRows, sqlx::Error> {
        let mut found = verified_rows::read(conn, series, blocks, usize::MAX).await?;
        for block in std::mem::take(&mut found.damaged) {
            let Some(stretch) = series.grid.time_range(block) else { continue };
            tracing::warn!(series = series.label, %stretch, "candles are damaged on disk; they will be fetched again");
            series.report_damage();
            sealed::delete_within(conn, series, stretch).await?;
            candle_table::delete(conn, &series.table, stretch).await?;
            revision_table::delete(conn, &series.label, stretch).await?;
            self.delete_block_checksums(conn, &series.label, (block, block)).await?;
            if found.sums.remove(&block).is_none() && !found.lacks_checksums {
                self.checksum.blocks -= 1; // it had one, which was lost
            }
            self.known.remove(stretch);
        }
        Ok(found)
    }

    /// Writes the checksums of blocks with their current rows; `before` are the old ones.
    pub(super) async fn put_block_checksums(
        &mut self,
        conn: &mut SqliteConnection,
        label: &str,
        before: &BTreeMap<i64, BlockChecksum>,
        now: &BTreeMap<i64, BlockChecksum>,
    ) -> Result<(), sqlx::Error> {
        for (block, sum) in now {
            self.checksum.blocks += i64::from(sum.rows > 0) - i64::from(before.contains_key(block));
        }
        checksum_table::put(conn, label, now).await
    }

    /// Adds the checksum of every block without one, from its rows, and records that all have theirs.
    pub(super) async fn add_missing_checksums(
        &mut self,
        conn: &mut SqliteConnection,
        series: &SeriesState,
    ) -> Result<(), sqlx::Error> {
        let mut rest = Some(series.grid.all());
        while let Some((oldest, newest)) = rest {
            let found = verified_rows::read(conn, series, (oldest, newest), ROWS_PER_READ).await?;
            let mut sums = checksums_after(series, &found.rows, &found.rows);
            sums.retain(|block, _| !found.sums.contains_key(block));
            self.put_block_checksums(conn, &series.label, &BTreeMap::new(), &sums).await?;
            rest = (found.oldest > oldest).then(|| (oldest, found.oldest - 1));
        }
        checksum_table::set_complete(conn, &series.label).await
    }

    /// Deletes the checksums of blocks whose rows are gone.
    pub(super) async fn delete_block_checksums(
        &mut self,
        conn: &mut SqliteConnection,
        label: &str,
        blocks: (i64, i64),
    ) -> Result<(), sqlx::Error> {
        self.checksum.blocks -= checksum_table::count(conn, label, blocks).await?;
        checksum_table::delete(conn, label, blocks).await
    }

    /// Writes the new ledger with its checksum.
    pub(super) async fn save_ledger(
        mut self,
        conn: &mut SqliteConnection,
        label: &str,
        known: &Coverage,
    ) -> Result<(), sqlx::Error> {
        ledger_table::replace(conn, label, &self.on_disk, known).await?;
        self.checksum.ledger = checksum::of_ledger(label, known)?;
        checksum_table::put_series_checksum(conn, label, self.checksum).await
    }
}

/// Returns the checksums of the blocks that contain `written` rows, once those have replaced the rows that
/// were `found`.
pub(super) fn checksums_after(
    series: &SeriesState,
    found: &[Candle],
    written: &[Candle],
) -> BTreeMap<i64, BlockChecksum> {
    let block = |row: &Candle| series.grid.block_of(row.open_time);
    let mut blocks: BTreeMap<i64, BTreeMap<i64, Candle>> = BTreeMap::new();
    for row in written {
        blocks.entry(block(row)).or_default();
    }
    // The found rows first, so that the written ones replace them.
    for row in found.iter().chain(written) {
        if let Some(rows) = blocks.get_mut(&block(row)) {
            rows.insert(row.open_time.as_millis(), *row);
        }
    }
    let sum = |rows: &BTreeMap<i64, Candle>| BlockChecksum {
        rows: rows.len() as i64,
        sum: checksum::of_rows(&series.label, rows.values()),
    };
    blocks.iter().map(|(block, rows)| (*block, sum(rows))).collect()
}
