//! Layer 3: stores final candles and their coverage, and fetches from upstream only what is unknown.
//!
//! [`StoredSource`] is the read path: it answers a query from a [`CandleStore`] where the ledger says that
//! the store knows, fetches the rest from another source, and commits each piece, rows and coverage together,
//! the moment it arrives. The stores are `SqliteStore` (feature `sqlite`), a folder of shard files with one table
//! for each series, `PostgresStore` (feature `postgres`), a database that machines share, and [`MemoryStore`],
//! which is not persistent. Each keeps earlier versions of corrected rows, and can be asked what it held at an
//! earlier moment. One `StoredSource` may wrap another: the near store, then the shared one, then the venue.
//!
//! [`export_archive`] copies a store into files with its coverage, [`import_archive`] reads them, and the
//! [`ContentHash`] proves that two stores hold the same.
//!
//! [`Recorder`] stores the candles of live feeds.
//!
//! What never happens here: a candle that is not final is stored; a range is called known without proof from
//! upstream; a file is silently deleted or repaired.
//!
//! [`CandleStore`]: market_backbone_core::CandleStore

mod archive;
mod as_of;
mod batch;
mod clock_aware_source;
mod commit_plan;
mod derived_source;
mod gap_query;
mod grid_lookup;
mod integrity_check;
mod invalid_rows;
mod ledger_compaction;
mod memory_store;
mod origin_codec;
#[cfg(feature = "postgres")]
mod postgres_store;
mod recorder;
mod remote_store;
mod revision;
#[cfg(feature = "sqlite")]
mod sqlite_store;
mod stored_source;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod unclaimed_source;
mod universe;

pub use archive::{
    ArchiveFormat, ArchivedSeries, AtomicFile, ContentHash, ContentHashError, ExportOptions, Manifest,
    check_archive_calendars, export_archive, file_stem, import_archive, import_archive_as, import_archive_of,
};
#[cfg(feature = "parquet")]
pub use archive::{ParquetViewWriter, write_parquet};
pub use clock_aware_source::ClockAwareSource;
pub use derived_source::{DerivedSource, QueryEstimate};
pub use grid_lookup::GridLookup;
pub use integrity_check::{Finding, IntegrityIssue, IssueLocation, RepairPlan, check_integrity};
pub use memory_store::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres_store::{DatabaseSeries, DatabaseStats, DatabaseTable, PostgresConfig, PostgresStore};
pub use recorder::{Recorder, RecorderConfig, RecorderMetrics, Recording};
pub use remote_store::{RemoteStore, RemoteStoreState};
#[cfg(feature = "sqlite")]
pub use sqlite_store::{
    MaintenanceConfig, MaintenanceReport, Retention, SealReport, SealingConfig, SeriesStats,
    ShardMaintenance, ShardStats, SqliteStore, StoreConfig, StoreStats,
};
pub use stored_source::StoredSource;
pub use universe::{
    ParseUniverseError, UniverseEntry, UniverseKind, UniverseStore, UnknownUniverse, read_universes,
    resolve_universe,
};
