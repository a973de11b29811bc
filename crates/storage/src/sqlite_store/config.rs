//! The settings of the store: its place, its limits, and its maintenance.

use std::path::{Path, PathBuf};
use std::time::Duration;

use market_backbone_core::Timeframe;

/// The place of a [`SqliteStore`](crate::SqliteStore) and its resource limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    pub(crate) dir: PathBuf,
    pub(crate) tables_per_shard: u32,
    pub(crate) open_shards: usize,
    pub(crate) cache_bytes: u64,
    pub(crate) max_shard_bytes: Option<u64>,
    pub(crate) maintenance: MaintenanceConfig,
    pub(crate) sealing: SealingConfig,
}

market_backbone_core::setters!(StoreConfig {
    /// The data folder; created if it does not exist.
    #[getter(get_dir -> &Path)]
    dir: PathBuf,
    /// The number of tables in one file.
    ///
    /// SQLite reads the whole schema when it opens a file, and adds a table in time proportional to it:
    /// thousands of tables are slow, a few hundred are not.
    #[getter(get_tables_per_shard)]
    tables_per_shard: u32,
    /// The number of shard files that stay open. Each takes up to five connections and three threads.
    #[getter(get_open_shards)]
    open_shards: usize,
    /// The size of the cache of recent candles, in bytes; 0 for none.
    #[getter(get_cache_bytes)]
    cache_bytes: u64,
    /// The largest size of a shard file, in bytes. `None`: as large as the disk allows.
    ///
    /// A commit beyond it is refused as if the disk were full.
    #[getter(get_max_shard_bytes)]
    max_shard_bytes: Option<u64>,
    /// The settings of file maintenance.
    #[getter(get_maintenance -> &MaintenanceConfig)]
    maintenance: MaintenanceConfig,
    /// The settings of the sealed files, from which long ranges are read.
    #[getter(get_sealing)]
    sealing: SealingConfig,
});

impl StoreConfig {
    /// Creates settings for a store in `dir` with the default sizes.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            tables_per_shard: 64,
            open_shards: 64,
            cache_bytes: 64 * 1024 * 1024,
            max_shard_bytes: None,
            maintenance: MaintenanceConfig::default(),
            sealing: SealingConfig::default(),
        }
    }
}

/// The settings of sealing, which copies what is old into files of columns.
///
/// They take about as much space again as the tables. Nothing is in them alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealingConfig {
    pub(crate) enabled: bool,
    pub(crate) rest: Duration,
    pub(crate) min_rows: u64,
}

market_backbone_core::setters!(SealingConfig {
    /// Whether sealed files are read and written; without them, every read goes to the tables.
    #[getter(is_enabled)]
    enabled: bool,
    /// The time without a write after which a range is sealed.
    #[getter(get_rest)]
    rest: Duration,
    /// The number of candles from which on a series is worth a file, and a read is made without the cache.
    #[getter(get_min_rows)]
    min_rows: u64,
});

impl Default for SealingConfig {
    fn default() -> Self {
        Self { enabled: true, rest: Duration::from_secs(2), min_rows: 2_048 }
    }
}

/// The settings of maintenance, which gives back free space and deletes old data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaintenanceConfig {
    pub(crate) every: Option<Duration>,
    pub(crate) quiet: Duration,
    pub(crate) rewrite_below: u64,
    pub(crate) retain: Vec<Retention>,
}

market_backbone_core::setters!(MaintenanceConfig {
    /// The interval between two rounds of maintenance; `None` for never.
    #[getter(get_every)]
    every: Option<Duration>,
    /// The time without a write after which a file may be rewritten as a whole.
    #[getter(get_quiet)]
    quiet: Duration,
    /// The size, in bytes, above which a file is never rewritten automatically.
    ///
    /// A rewrite would take too long, and as much space again. Larger files only shrink in small steps.
    #[getter(get_rewrite_below)]
    rewrite_below: u64,
    /// The retention rules; series without a rule are kept for ever.
    #[getter(get_retain -> &[Retention])]
    retain: Vec<Retention>,
});

impl Default for MaintenanceConfig {
    fn default() -> Self {
        Self {
            every: Some(Duration::from_secs(600)),
            quiet: Duration::from_secs(30),
            rewrite_below: 256 * 1024 * 1024,
            retain: Vec::new(),
        }
    }
}

/// A rule for how much of the series of one timeframe is kept.
///
/// Counted back from the newest known range of a series and not from the current time, so that a wrong clock
/// deletes nothing, and a market that is no longer listed keeps its last range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub(crate) timeframe: Timeframe,
    pub(crate) keep: Duration,
}

impl Retention {
    /// Creates the rule that of each series of `timeframe` the last `keep` is kept.
    #[must_use]
    pub const fn new(timeframe: Timeframe, keep: Duration) -> Self {
        Self { timeframe, keep }
    }

    /// Returns the timeframe of the series.
    #[must_use]
    pub const fn timeframe(&self) -> Timeframe {
        self.timeframe
    }

    /// Returns the length of the range that is kept.
    #[must_use]
    pub const fn keep(&self) -> Duration {
        self.keep
    }
}
