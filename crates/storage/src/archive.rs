//! Copies of a store in files, which another machine can take in and both can prove to be the same.
//!
//! An archive is a folder: one file of rows for each series, CSV or Parquet, and `_manifest.json`, which says
//! of each what is known of it (with who proved it, and when) and the [`ContentHash`]. The format of the
//! files does not enter the hash: a CSV archive and a Parquet archive of the same data have the same.
//!
//! ```text
//! archive/
//!   _manifest.json          the last to be written; pandas, pyarrow, DuckDB and Spark pass over such a name
//!   data/source=upbit/symbol=KRW-BTC/timeframe=1m/candles.parquet
//! ```
//!
//! `data` holds rows and nothing else, for polars opens a folder only if all its files end alike. Archives of older
//! versions, which are flat and whose manifest is `manifest.json`, are taken in as well.
//!
//! What rows were before they were corrected is not in an archive, nor in the hash: it is what one store has seen, and
//! whoever takes an archive in sees its rows for the first time.
//!
//! Times in the manifest are RFC 3339; a stretch without `from` reaches back to the beginning.

mod atomic_file;
mod checked_file;
mod content_hash;
mod coverage_record;
mod csv_file;
mod export;
mod fault;
mod file_digest;
mod import;
mod manifest;
#[cfg(feature = "parquet")]
mod parquet_columns;
#[cfg(feature = "parquet")]
mod parquet_file;
#[cfg(feature = "parquet")]
mod parquet_view;
mod partition_path;
mod plausibility;
mod row_file;
mod staging;

pub use atomic_file::AtomicFile;
pub use content_hash::{ContentHash, ContentHashError};
pub use export::{ExportOptions, export_archive};
pub use import::{check_archive_calendars, import_archive, import_archive_as, import_archive_of};
pub use manifest::{ArchivedSeries, Manifest};
#[cfg(feature = "parquet")]
pub use parquet_view::{ParquetViewWriter, write_parquet};
pub use partition_path::file_stem;
pub use row_file::ArchiveFormat;
