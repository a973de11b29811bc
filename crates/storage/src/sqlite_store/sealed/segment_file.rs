//! The file of a segment: written once, and read into columns that are there already.

use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::seal::SegmentSeal;
use super::segment_columns::{COLUMNS, ColumnSlots, SegmentColumns};
use super::segment_header::{self, CHUNK_ROWS, ChunkEntry};
use crate::sqlite_store::checksum;
use crate::sqlite_store::positioned_file::read_exact_at;

/// The bytes of one value.
const WIDTH: usize = size_of::<i64>();

/// The reason why a file cannot be used.
#[derive(Debug)]
pub(in crate::sqlite_store) enum SegmentFault {
    /// There is no such file.
    Missing,
    /// The file is not what its seal says.
    Damaged,
    /// The system cannot read it.
    Io(io::Error),
}

impl From<io::Error> for SegmentFault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::UnexpectedEof => Self::Damaged,
            _ => Self::Io(error),
        }
    }
}

impl std::fmt::Display for SegmentFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("it is missing"),
            Self::Damaged => f.write_str("it is not what was written"),
            Self::Io(error) => write!(f, "it cannot be read: {error}"),
        }
    }
}

/// An open file of a segment, whose header matches its seal.
#[derive(Debug)]
pub(in crate::sqlite_store) struct SegmentFile {
    file: File,
    index: Vec<ChunkEntry>,
    rows: usize,
    columns_at: usize,
}

impl SegmentFile {
    /// Writes the rows of a segment to a new file in `folder`, and returns the seal with the checksum.
    ///
    /// It appears under its name when it is complete. Nobody uses it before its seal is in the shard.
    pub(super) fn write(
        folder: &Path,
        name: &str,
        seal: SegmentSeal,
        columns: &SegmentColumns,
    ) -> io::Result<SegmentSeal> {
        let index: Vec<ChunkEntry> = (0..columns.len())
            .step_by(CHUNK_ROWS)
            .map(|from| {
                let rows = from..columns.len().min(from + CHUNK_ROWS);
                let times: &[i64] = &columns.times[rows.clone()];
                let figures = columns.figures.each_ref().map(|column| little_endian(&column[rows.clone()]));
                let [open, high, low, close, volume, turnover] = &figures;
                let parts = [&little_endian(times), open, high, low, close, volume, turnover];
                ChunkEntry { first: columns.times[from], sum: chunk_sum(parts.map(|part| part.as_ref())) }
            })
            .collect();
        let header = segment_header::encode(name, &seal, &index);
        let seal = SegmentSeal { sum: checksum::of_bytes(&header), ..seal };
        fs::create_dir_all(folder)?;
        let path = folder.join(seal.file_name());
        let draft = path.with_extension("new");
        let written = (|| {
            let mut file = File::create(&draft)?;
            file.write_all(&header)?;
            file.write_all(&vec![0; segment_header::columns_offset(name, columns.len()) - header.len()])?;
            file.write_all(&little_endian(&columns.times))?;
            for column in &columns.figures {
                file.write_all(&little_endian(column))?;
            }
            file.sync_data()?;
            fs::rename(&draft, &path)
        })();
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written.map(|()| seal)
    }

    /// Opens the file of a seal of the series `name`.
    pub(super) fn open(folder: &Path, name: &str, seal: &SegmentSeal) -> Result<Self, SegmentFault> {
        let rows = seal.rows as usize;
        let file = File::open(folder.join(seal.file_name()))?;
        if file.metadata()?.len() != segment_header::file_bytes(name, rows) {
            return Err(SegmentFault::Damaged);
        }
        let mut header = vec![0; segment_header::header_bytes(name, rows)];
        read_exact_at(&file, &mut header, 0)?;
        let index = segment_header::decode(name, seal, &header).ok_or(SegmentFault::Damaged)?;
        Ok(Self { file, index, rows, columns_at: segment_header::columns_offset(name, rows) })
    }

    /// Returns the number of rows that open before `moment`, in nanoseconds.
    pub(super) fn rows_before(&self, moment: i64) -> Result<usize, SegmentFault> {
        let Some(chunk) = self.index.partition_point(|chunk| chunk.first < moment).checked_sub(1) else {
            return Ok(0);
        };
        let rows = self.chunk_rows(chunk);
        let columns = self.read(rows.clone())?;
        Ok(rows.start + columns.times.partition_point(|time| *time < moment))
    }

    /// Reads some rows.
    pub(super) fn read(&self, rows: Range<usize>) -> Result<SegmentColumns, SegmentFault> {
        let mut columns = SegmentColumns::zeroed(rows.len());
        self.read_into(rows, columns.slots())?;
        Ok(columns)
    }

    /// Reads the rows from `rows.start` on, as many as there are in `into`, and verifies them.
    pub(super) fn read_into(
        &self,
        rows: Range<usize>,
        mut into: ColumnSlots<'_>,
    ) -> Result<(), SegmentFault> {
        if rows.len() != into.len() || rows.end > self.rows {
            return Err(SegmentFault::Damaged);
        }
        let mut at = rows.start;
        while at < rows.end {
            let chunk = at / CHUNK_ROWS;
            let whole = self.chunk_rows(chunk);
            if at == whole.start && whole.end <= rows.end {
                // As many whole chunks as there are, in one read of each column.
                let last = self.index.len().min(rows.end / CHUNK_ROWS).max(chunk + 1);
                let end = if rows.end == self.rows { self.rows } else { self.chunk_rows(last - 1).end };
                self.read_chunks(at..end, into.take_front(end - at))?;
                at = end;
            } else {
                let end = whole.end.min(rows.end);
                let mut columns = SegmentColumns::zeroed(whole.len());
                self.read_chunks(whole.clone(), columns.slots())?;
                into.take_front(end - at).copy_from(&columns, at - whole.start..end - whole.start);
                at = end;
            }
        }
        Ok(())
    }

    /// Reads whole chunks and verifies them.
    fn read_chunks(&self, rows: Range<usize>, mut into: ColumnSlots<'_>) -> Result<(), SegmentFault> {
        let first = rows.start / CHUNK_ROWS;
        let count = rows.len().div_ceil(CHUNK_ROWS);
        let mut sums = vec![[0; COLUMNS]; count];
        for (number, bytes) in into.bytes().into_iter().enumerate() {
            let at = self.columns_at + (number * self.rows + rows.start) * WIDTH;
            read_exact_at(&self.file, bytes, at as u64)?;
            // At once: what was just read is still in the processor's cache.
            for (sums, part) in sums.iter_mut().zip(bytes.chunks(CHUNK_ROWS * WIDTH)) {
                sums[number] = checksum::of_bytes(part);
            }
        }
        let are_right = sums.iter().zip(&self.index[first..]).all(|(sums, chunk)| combine(sums) == chunk.sum);
        if !are_right {
            return Err(SegmentFault::Damaged);
        }
        into.decode_little_endian();
        Ok(())
    }

    fn chunk_rows(&self, chunk: usize) -> Range<usize> {
        chunk * CHUNK_ROWS..self.rows.min((chunk + 1) * CHUNK_ROWS)
    }
}

/// Returns the path of the folder with the files of the shard at `shard`.
pub(super) fn folder_of(shard: &Path) -> PathBuf {
    shard.with_extension("sealed")
}

fn chunk_sum(parts: [&[u8]; COLUMNS]) -> i64 {
    combine(&parts.map(checksum::of_bytes))
}

fn combine(sums: &[i64; COLUMNS]) -> i64 {
    checksum::of_bytes(sums.map(i64::to_le_bytes).as_flattened())
}

/// Returns the bytes of a column as they are in a file.
fn little_endian<T: bytemuck::Pod>(column: &[T]) -> std::borrow::Cow<'_, [u8]> {
    let bytes: &[u8] = bytemuck::cast_slice(column);
    if cfg!(target_endian = "little") {
        return bytes.into();
    }
    bytes.chunks(WIDTH).flat_map(|value| value.iter().rev().copied()).collect::<Vec<u8>>().into()
}
