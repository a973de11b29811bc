//! A clock that nobody sets: the time since the machine was started.

use market_backbone_core::{Clock, Timestamp};

/// The time since the machine was started, as Linux tells it; it goes on while the machine sleeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct BootClock;

impl BootClock {
    /// This clock, on systems that have it.
    pub(super) fn find() -> Option<Self> {
        since_boot().map(|_| Self)
    }
}

impl Clock for BootClock {
    /// Should it ever fail, nothing has a positive age by it, and so the wall's clock alone counts.
    fn now(&self) -> Timestamp {
        since_boot().unwrap_or(Timestamp::EPOCH)
    }
}

/// The time since this machine was started, which nobody sets, where the system tells it.
#[must_use]
pub fn since_boot() -> Option<Timestamp> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let (seconds, hundredths) = text.split_whitespace().next()?.split_once('.')?;
    let millis: i64 = hundredths.parse::<i64>().ok()?.checked_mul(10)?;
    seconds.parse::<i64>().ok()?.checked_mul(1_000)?.checked_add(millis).map(Timestamp::from_millis)
}
