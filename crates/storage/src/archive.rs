//! Copies a store into files that another machine can import; both can prove that the content is the same.
//!
//! An archive is a folder with one file of rows for each series, CSV or Parquet, and `_manifest.json`, which
//! holds the coverage of each series (with its provenance) and the [`ContentHash`]. The format of the files
//! does not enter the hash: a CSV archive and a Parquet archive of the same data have the same hash.
//!
//! ```text
//! archive/
//!   _manifest.json          the last to be written; pandas, pyarrow, DuckDB and Spark pass over such a name
//!   data/source=upbit/symbol=KRW-BTC/timeframe=1m/candles.parquet
//! ```
//!
//! `data` holds rows and nothing else, because polars opens a folder only if all its files have the same
//! extension. Archives of older versions, which are flat and whose manifest is `manifest.json`, can be
//! imported as well.
//!
//! Earlier versions of rows are neither in an archive nor in the hash: they are what one store has observed,
//! and the importing store sees the rows for the first time.
//!
//! Times in the manifest are RFC 3339; a range without `from` reaches back to the beginning.

#[cfg(feature = "arrow")]
mod arrow_columns;
#[cfg(feature = "arrow")]
mod arrow_view;
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

#[cfg(feature = "arrow")]
pub use arrow_view::{ArrowViewWriter, write_arrow};
pub use atomic_file::AtomicFile;
pub use content_hash::{ContentHash, ContentHashError};
pub use export::{ExportOptions, export_archive};
pub use import::{check_archive_calendars, import_archive, import_archive_as, import_archive_of};
pub use manifest::{ArchivedSeries, Manifest};
#[cfg(feature = "parquet")]
pub use parquet_view::{ParquetViewWriter, write_parquet};
pub use partition_path::file_stem;
pub use row_file::ArchiveFormat;
