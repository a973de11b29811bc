//! Where the store lives and how much it may take.

use std::path::PathBuf;

/// Where a [`SqliteStore`](crate::SqliteStore) lives and how much it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// The data folder; made if it is not there.
    pub dir: PathBuf,
    /// How many tables go into one file. SQLite reads the whole schema when it opens a file, and adds a
    /// table in time proportional to it, so thousands are slow; a few hundred are not.
    pub tables_per_shard: u32,
    /// How many shard files stay open. Each takes up to three connections and as many threads.
    pub open_shards: usize,
    /// How many bytes of recent candles are kept in memory; 0 for none.
    pub cache_bytes: u64,
    /// The size that no shard file grows beyond, in bytes; a commit that would is refused as if the disk
    /// were full. `None`: as large as the disk allows.
    pub max_shard_bytes: Option<u64>,
}

impl StoreConfig {
    /// A store in `dir` with the usual sizes.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            tables_per_shard: 200,
            open_shards: 64,
            cache_bytes: 64 * 1024 * 1024,
            max_shard_bytes: None,
        }
    }
}
