//! The time since boot, a clock that nobody sets.

use market_backbone_core::{Clock, Timestamp};

/// The time since boot, as Linux reports it. It goes on while the machine sleeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct BootClock;

impl BootClock {
    /// Returns this clock on systems that have it.
    pub(super) fn find() -> Option<Self> {
        since_boot().map(|_| Self)
    }
}

impl Clock for BootClock {
    /// Returns the epoch if the system call fails: then nothing has a positive age by it, and the wall clock
    /// decides.
    fn now(&self) -> Timestamp {
        since_boot().unwrap_or(Timestamp::EPOCH)
    }
}

/// Returns the time since this machine was booted, which nobody sets, where the system reports it.
#[must_use]
pub fn since_boot() -> Option<Timestamp> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let (seconds, hundredths) = text.split_whitespace().next()?.split_once('.')?;
    let millis: i64 = hundredths.parse::<i64>().ok()?.checked_mul(10)?;
    seconds.parse::<i64>().ok()?.checked_mul(1_000)?.checked_add(millis).map(Timestamp::from_millis)
}
