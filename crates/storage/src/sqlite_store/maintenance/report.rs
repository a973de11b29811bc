//! The results of a round of maintenance.

use std::path::PathBuf;
use std::time::Duration;

/// The results of a round of maintenance.
#[derive(Clone, Debug, Default)]
pub struct MaintenanceReport {
    /// The shards that were checked.
    pub shards: Vec<ShardMaintenance>,
    /// The number of deleted ranges of old candles, each a step of at most some thousand slots.
    pub forgotten: u64,
}

impl MaintenanceReport {
    /// Returns whether there was nothing to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.forgotten == 0 && self.shards.iter().all(|shard| shard.steps == 0 && !shard.rewritten)
    }

    /// Returns how many bytes the files shrank by, their logs included.
    #[must_use]
    pub fn freed_bytes(&self) -> u64 {
        self.shards.iter().map(|shard| shard.bytes_before.saturating_sub(shard.bytes_after)).sum()
    }
}

/// The results of the maintenance of one shard file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardMaintenance {
    /// The path of the file.
    pub file: PathBuf,
    /// The size of the file with its log before, in bytes.
    pub bytes_before: u64,
    /// The size of the file with its log after, in bytes.
    pub bytes_after: u64,
    /// The number of free pages (of 4 KiB) before.
    pub free_pages_before: u64,
    /// The number of free pages after.
    pub free_pages_after: u64,
    /// The number of small steps in which the file was shortened.
    pub steps: u64,
    /// True if the file was rewritten as a whole.
    pub rewritten: bool,
    /// The longest that commits to the file had to wait.
    pub longest_lock_hold: Duration,
}
