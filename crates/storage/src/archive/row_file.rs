//! A file of rows in either format, behind one face: written as they come, read as many at a time as are wanted.

use std::fs::File;
use std::path::Path;

use market_backbone_core::{Candle, StoreError};

use super::csv_file::{CsvReader, CsvWriter, MAX_LINE};
#[cfg(feature = "parquet")]
use super::parquet_file::{ParquetReader, ParquetWriter};

/// The format of the rows of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ArchiveFormat {
    /// Text: `timestamp,open,high,low,close,volume,turnover,final`, every figure with as many digits as it needs and always
    /// with a decimal point.
    Csv,
    /// Parquet, which polars, pandas and DuckDB open as it is.
    #[cfg(feature = "parquet")]
    Parquet,
}

impl ArchiveFormat {
    /// The name, which is also how its files end.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            #[cfg(feature = "parquet")]
            Self::Parquet => "parquet",
        }
    }

    /// Whether its files must be what was written to the last byte before one may look into them.
    pub(super) const fn needs_digest(self) -> bool {
        match self {
            Self::Csv => false,
            #[cfg(feature = "parquet")]
            Self::Parquet => true,
        }
    }

    /// What a file of it begins and ends with, if all do.
    pub(super) const fn magic(self) -> &'static [u8] {
        match self {
            Self::Csv => b"",
            #[cfg(feature = "parquet")]
            Self::Parquet => b"PAR1",
        }
    }

    /// How many bytes a file of so many rows can have.
    pub(super) const fn max_bytes(self, rows: u64) -> u64 {
        match self {
            Self::Csv => rows.saturating_add(1).saturating_mul(MAX_LINE),
            // Seven columns of eight bytes, the dictionaries and heads of their pages, and the notes.
            #[cfg(feature = "parquet")]
            Self::Parquet => rows.saturating_mul(256).saturating_add(64 * 1024 * 1024),
        }
    }

    /// The format called `name`.
    pub(super) fn from_name(name: &str) -> Result<Self, String> {
        match name {
            "csv" => Ok(Self::Csv),
            #[cfg(feature = "parquet")]
            "parquet" => Ok(Self::Parquet),
            unknown => Err(format!("this build cannot read files of the format `{unknown}`")),
        }
    }
}

/// Rows on their way into a file.
pub(super) enum RowWriter {
    Csv(CsvWriter),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetWriter>),
}

impl RowWriter {
    pub(super) fn new(format: ArchiveFormat, path: &Path, file: File) -> Result<Self, StoreError> {
        match format {
            ArchiveFormat::Csv => CsvWriter::new(path, file).map(Self::Csv),
            #[cfg(feature = "parquet")]
            ArchiveFormat::Parquet => ParquetWriter::new(path, file).map(|it| Self::Parquet(Box::new(it))),
        }
    }

    /// Adds rows; they come oldest first.
    pub(super) fn write(&mut self, candles: &[Candle]) -> Result<(), StoreError> {
        match self {
            Self::Csv(writer) => writer.write(candles),
            #[cfg(feature = "parquet")]
            Self::Parquet(writer) => writer.write(candles),
        }
    }

    /// Ends the file and sees it to the disk. A format that has room for notes keeps them.
    pub(super) fn finish(self, notes: &[(&str, String)]) -> Result<(), StoreError> {
        match self {
            Self::Csv(writer) => {
                let _ = notes; // text has no room for them
                writer.finish()
            }
            #[cfg(feature = "parquet")]
            Self::Parquet(writer) => writer.finish(notes),
        }
    }
}

/// Rows on their way out of a file.
pub(super) enum RowReader {
    Csv(CsvReader),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetReader>),
}

impl RowReader {
    pub(super) fn open(format: ArchiveFormat, path: &Path, file: File) -> Result<Self, StoreError> {
        match format {
            ArchiveFormat::Csv => CsvReader::open(path, file).map(Self::Csv),
            #[cfg(feature = "parquet")]
            ArchiveFormat::Parquet => ParquetReader::open(path, file).map(|it| Self::Parquet(Box::new(it))),
        }
    }

    /// The next rows, at most `most`; none at the end.
    pub(super) fn next(&mut self, most: usize) -> Result<Vec<Candle>, StoreError> {
        match self {
            Self::Csv(reader) => reader.next(most),
            #[cfg(feature = "parquet")]
            Self::Parquet(reader) => reader.next(most),
        }
    }

    /// Where a reader of the file finds the row numbered `index` (from 0).
    pub(super) fn location(&self, index: u64) -> String {
        match self {
            Self::Csv(_) => format!("line {}", index + 2), // after the header
            #[cfg(feature = "parquet")]
            Self::Parquet(_) => format!("row {}", index + 1),
        }
    }
}
