//! What a round of care did.

use std::path::PathBuf;
use std::time::Duration;

/// What a round of care did.
#[derive(Clone, Debug, Default)]
pub struct MaintenanceReport {
    /// The shards that were looked at.
    pub shards: Vec<ShardMaintenance>,
    /// Stretches of old candles that were forgotten, each a step of at most some thousand slots.
    pub forgotten: u64,
}

impl MaintenanceReport {
    /// Whether nothing had to be done.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.forgotten == 0 && self.shards.iter().all(|shard| shard.steps == 0 && !shard.rewritten)
    }

    /// How many bytes the files are smaller for it, their logs included.
    #[must_use]
    pub fn freed_bytes(&self) -> u64 {
        self.shards.iter().map(|shard| shard.bytes_before.saturating_sub(shard.bytes_after)).sum()
    }
}

/// What was done to one shard file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardMaintenance {
    /// Which file.
    pub file: PathBuf,
    /// Its size with its log before, in bytes.
    pub bytes_before: u64,
    /// The same after.
    pub bytes_after: u64,
    /// Free pages (of 4 KiB) in it before.
    pub free_pages_before: u64,
    /// The same after.
    pub free_pages_after: u64,
    /// Small steps in which its end was cut off.
    pub steps: u64,
    /// Whether it was made anew as a whole.
    pub rewritten: bool,
    /// How long commits to it had to wait at the most.
    pub longest_lock_hold: Duration,
}
