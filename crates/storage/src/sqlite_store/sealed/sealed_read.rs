//! Reads from the sealed files: some blocks for the cache, or a long range straight into columns.

use std::ops::Range;
use std::sync::Arc;

use market_backbone_core::{Candle, ColumnPool, StoreError, StoredCandles, TimeRange, Timestamp};
use tokio::task::spawn_blocking;

use super::seal::SegmentSeal;
use super::seal_index::SealIndex;
use super::segment_columns::{ColumnSlots, SegmentColumns};
use super::segment_file::{SegmentFault, SegmentFile};
use super::tier::SealedTier;
use crate::sqlite_store::series_state::SeriesState;
use crate::sqlite_store::{SqliteStore, candle_table, fault};

/// The number of rows from which on two threads share a read.
const PARALLEL_READ: usize = 131_072;
/// The number of reads in which files were found bad, after which the tables alone are asked.
const MAX_ATTEMPTS: usize = 16;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// The rows of some blocks, newest first, and the oldest block that they have completely.
pub(in crate::sqlite_store) type BlockRows = (Vec<Candle>, i64);

/// Reads from the file of `seal` the newest `limit` rows of the blocks from `oldest` to `newest`, and the
/// whole block of the last of them.
pub(in crate::sqlite_store) fn read_blocks(
    tier: &SealedTier,
    series: &SeriesState,
    seal: &SegmentSeal,
    (oldest, newest): (i64, i64),
    limit: usize,
) -> Result<BlockRows, SegmentFault> {
    let grid = series.grid;
    let file = tier.open(&series.label, seal)?;
    let nanos = |ms: i64| ms.saturating_mul(NANOS_PER_MILLI);
    let first = file.rows_before(nanos(grid.start_ms(oldest)))?;
    let end = file.rows_before(nanos(grid.end_ms(newest)))?;
    let from = end.saturating_sub(limit).max(first);
    if from == first {
        return Ok((newest_first(&file.read(first..end)?), oldest));
    }
    // The block of the row at `from` begins at most 63 rows before.
    let reach = from.saturating_sub(crate::sqlite_store::block::SLOTS_PER_BLOCK).max(first);
    let mut rows = newest_first(&file.read(reach..end)?);
    let block = grid.block_of(rows[end - from - 1].open_time);
    rows.retain(|row| grid.block_of(row.open_time) >= block);
    Ok((rows, block))
}

fn newest_first(columns: &SegmentColumns) -> Vec<Candle> {
    columns.candles().rev().collect()
}

/// A part of a long read.
#[derive(Debug)]
enum ReadPiece {
    /// Rows from the table, oldest first.
    Rows(StoredCandles),
    /// Rows of a file.
    File(SegmentSeal, Arc<SegmentFile>, Range<usize>),
}

impl ReadPiece {
    fn rows(&self) -> usize {
        match self {
            Self::Rows(read) => read.candles.len(),
            Self::File(_, _, rows) => rows.len(),
        }
    }
}

/// A file that turned out to be bad.
type BadFile = (SegmentSeal, SegmentFault);

impl SqliteStore {
    /// Returns whether sealed files have many rows of a range.
    pub(in crate::sqlite_store) async fn is_mostly_sealed(
        &self,
        series: &Arc<SeriesState>,
        range: TimeRange,
    ) -> Result<bool, StoreError> {
        self.revalidate_unless_damaged(series).await?;
        let index = match series.seals() {
            Some(index) => index,
            None => match self.shard_of(series).await? {
                Some(shard) => self.load_seal_index(series, &shard).await?,
                None => return Ok(false),
            },
        };
        let (from_ms, to_ms) = candle_table::millis(range);
        let seals = index.overlapping(from_ms, to_ms);
        Ok(seals.iter().map(|seal| seal.rows as usize).sum::<usize>() >= self.long_read())
    }

    /// Returns the number of rows from which on a read goes around the cache of blocks.
    pub(in crate::sqlite_store) fn long_read(&self) -> usize {
        usize::try_from(self.seal_queue.config().min_rows).unwrap_or(usize::MAX)
    }

    /// Reads the newest `limit` rows of a long range from sealed files, and from the table what is not in
    /// any. `None` if no file would help.
    pub(in crate::sqlite_store) async fn read_sealed(
        &self,
        series: &Arc<SeriesState>,
        range: TimeRange,
        limit: usize,
    ) -> Result<Option<StoredCandles>, StoreError> {
        let long = self.long_read();
        if limit < long {
            return Ok(None);
        }
        for _ in 0..MAX_ATTEMPTS {
            let Some(shard) = self.shard_of(series).await? else { return Ok(None) };
            // Anew for each long read, which costs little beside it: seals that another process has added
            // are no commit.
            let index = self.load_seal_index(series, &shard).await?;
            let (from_ms, to_ms) = candle_table::millis(range);
            let seals = index.overlapping(from_ms, to_ms).to_vec();
            if seals.iter().map(|seal| seal.rows as usize).sum::<usize>() < long {
                return Ok(None);
            }
            let tier = Arc::clone(shard.sealed());
            let name = series.label.clone();
            let opened = spawn_blocking(move || open_files(&tier, &name, seals, range, limit)).await;
            let files = match opened.map_err(|error| fault::interrupted(&error))? {
                Ok(files) => files,
                Err((seal, fault)) => {
                    shard.drop_seal(series, &seal, &fault).await;
                    continue;
                }
            };
            drop(shard); // reading what is not sealed leases it again
            let pieces = self.pieces(series, &index, files, range, limit).await?;
            let pool = Arc::clone(&self.column_pool);
            match spawn_blocking(move || assemble(pieces, &pool))
                .await
                .map_err(|error| fault::interrupted(&error))?
            {
                Ok(read) => return Ok(read),
                Err((seal, fault)) => {
                    let Some(shard) = self.shard_of(series).await? else { return Ok(None) };
                    shard.drop_seal(series, &seal, &fault).await;
                }
            }
        }
        Ok(None)
    }

    /// Puts what the table has between the files between them; newest first, at most `limit` rows.
    async fn pieces(
        &self,
        series: &Arc<SeriesState>,
        index: &SealIndex,
        files: Vec<(SegmentSeal, SegmentFile, Range<usize>)>,
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<ReadPiece>, StoreError> {
        let mut pieces = Vec::with_capacity(files.len() + 2);
        let (mut to, mut left) = (range.to(), limit);
        for (seal, file, rows) in files {
            let newest = Timestamp::from_millis(seal.to_ms);
            if let Ok(gap) = TimeRange::new(newest.max(range.from()), to)
                && left > 0
                && index.may_have_rows_from(seal.to_ms)
            {
                let read = self.read_from_blocks(series, gap, left).await?;
                left -= read.candles.len();
                pieces.push(ReadPiece::Rows(read));
            }
            let rows = rows.start.max(rows.end.saturating_sub(left))..rows.end;
            left -= rows.len();
            to = Timestamp::from_millis(seal.from_ms);
            pieces.push(ReadPiece::File(seal, Arc::new(file), rows));
        }
        if let Ok(rest) = TimeRange::new(range.from(), to)
            && left > 0
        {
            pieces.push(ReadPiece::Rows(self.read_from_blocks(series, rest, left).await?));
        }
        Ok(pieces)
    }
}

/// Opens the files with the newest `limit` rows of `range`, newest first, and finds their rows in it.
fn open_files(
    tier: &SealedTier,
    name: &str,
    seals: Vec<SegmentSeal>,
    range: TimeRange,
    limit: usize,
) -> Result<Vec<(SegmentSeal, SegmentFile, Range<usize>)>, BadFile> {
    let mut files = Vec::with_capacity(seals.len());
    let mut left = limit;
    for seal in seals.into_iter().rev() {
        if left == 0 {
            break;
        }
        let opened = tier.open(name, &seal).and_then(|file| {
            let first = file.rows_before(range.from().as_nanos())?;
            let end = file.rows_before(range.to().as_nanos())?;
            Ok((file, first..end))
        });
        let (file, rows) = opened.map_err(|fault| (seal, fault))?;
        left = left.saturating_sub(rows.len());
        files.push((seal, file, rows));
    }
    Ok(files)
}

/// Copies all pieces, which come newest first, into one set of columns; `None` if they are out of order, which the
/// table has to answer for.
fn assemble(mut pieces: Vec<ReadPiece>, pool: &Arc<ColumnPool>) -> Result<Option<StoredCandles>, BadFile> {
    pieces.reverse();
    let rows = pieces.iter().map(ReadPiece::rows).sum();
    let mut columns = SegmentColumns::taken_from(pool, rows);
    let mut rest = columns.slots();
    let mut jobs: Vec<(&ReadPiece, Range<usize>, ColumnSlots<'_>)> = Vec::new();
    for piece in &pieces {
        match piece {
            ReadPiece::Rows(read) => rest.take_front(read.candles.len()).fill(&read.candles),
            ReadPiece::File(_, _, rows) => jobs.push((piece, rows.clone(), rest.take_front(rows.len()))),
        }
    }
    let run = |jobs: Vec<(&ReadPiece, Range<usize>, ColumnSlots<'_>)>| {
        for (piece, rows, slots) in jobs {
            if let ReadPiece::File(seal, file, _) = piece {
                file.read_into(rows, slots).map_err(|fault| (*seal, fault))?;
            }
        }
        Ok(())
    };
    if rows < PARALLEL_READ || jobs.len() < 2 {
        run(jobs)?;
    } else {
        let second = jobs.split_off(jobs.len() / 2);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| run(second));
            run(jobs).and(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })?;
    }
    let from_memory = pieces.iter().map(|piece| match piece {
        ReadPiece::Rows(read) => read.from_memory,
        ReadPiece::File(..) => 0,
    });
    let from_memory = from_memory.sum();
    drop(pieces);
    let candles = pool.columns((columns.times, columns.figures));
    Ok(candles.ok().map(|candles| StoredCandles { candles, from_memory }))
}
