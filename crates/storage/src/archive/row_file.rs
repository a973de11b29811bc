//! A file of rows in either format, behind one interface: written as they come, read as many at a time as
//! wanted.

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
    /// The CSV format: `timestamp,open,high,low,close,volume,turnover,final`, every value with as many digits
    /// as it needs and always with a decimal point.
    Csv,
    /// The Parquet format, which polars, pandas and DuckDB open directly.
    #[cfg(feature = "parquet")]
    Parquet,
}

impl ArchiveFormat {
    /// Returns the name, which is also the extension of its files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            #[cfg(feature = "parquet")]
            Self::Parquet => "parquet",
        }
    }

    /// Returns whether a file must be proven unchanged before it is parsed.
    pub(super) const fn needs_digest(self) -> bool {
        match self {
            Self::Csv => false,
            #[cfg(feature = "parquet")]
            Self::Parquet => true,
        }
    }

    /// Returns the bytes with which all files of the format begin and end, if there are any.
    pub(super) const fn magic(self) -> &'static [u8] {
        match self {
            Self::Csv => b"",
            #[cfg(feature = "parquet")]
            Self::Parquet => b"PAR1",
        }
    }

    /// Returns the largest size of a file with so many rows, in bytes.
    pub(super) const fn max_bytes(self, rows: u64) -> u64 {
        match self {
            Self::Csv => rows.saturating_add(1).saturating_mul(MAX_LINE),
            // Seven columns of eight bytes, the dictionaries and headers of their pages, and the metadata.
            #[cfg(feature = "parquet")]
            Self::Parquet => rows.saturating_mul(256).saturating_add(64 * 1024 * 1024),
        }
    }

    /// Returns the format called `name`.
    pub(super) fn from_name(name: &str) -> Result<Self, String> {
        match name {
            "csv" => Ok(Self::Csv),
            #[cfg(feature = "parquet")]
            "parquet" => Ok(Self::Parquet),
            unknown => Err(format!("this build cannot read files of the format `{unknown}`")),
        }
    }
}

/// A writer of rows to a file.
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

    /// Adds rows, oldest first.
    pub(super) fn write(&mut self, candles: &[Candle]) -> Result<(), StoreError> {
        match self {
            Self::Csv(writer) => writer.write(candles),
            #[cfg(feature = "parquet")]
            Self::Parquet(writer) => writer.write(candles),
        }
    }

    /// Finishes the file and syncs it to the disk. Formats with room for metadata keep `notes`.
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

/// A reader of rows from a file.
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

    /// Returns the next rows, at most `most`; none at the end.
    pub(super) fn next(&mut self, most: usize) -> Result<Vec<Candle>, StoreError> {
        match self {
            Self::Csv(reader) => reader.next(most),
            #[cfg(feature = "parquet")]
            Self::Parquet(reader) => reader.next(most),
        }
    }

    /// Returns where a reader of the file finds the row numbered `index` (from 0).
    pub(super) fn location(&self, index: u64) -> String {
        match self {
            Self::Csv(_) => format!("line {}", index + 2), // after the header
            #[cfg(feature = "parquet")]
            Self::Parquet(_) => format!("row {}", index + 1),
        }
    }
}
