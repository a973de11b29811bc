//! What the limiter has seen, as a snapshot.

use std::time::Duration;

use market_backbone_core::RateLimitGroup;

/// The counters of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupMetrics {
    /// The group that is counted.
    pub group: RateLimitGroup,
    /// The number of permits granted.
    pub sends: u64,
    /// Requests waiting for a turn now.
    pub waiting: usize,
    /// The longest that any request has waited for its turn.
    pub longest_wait: Duration,
    /// The number of responses by which the venue said that we were too fast.
    pub throttled: u64,
    /// Requests of others on this address, as far as the venue's figures betray them.
    pub external: u64,
    /// The number of requests a window may hold now: the venue's limit, or less after the venue throttled us.
    pub allowed: u32,
}

/// The counters of the limiter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimiterMetrics {
    /// Group by group.
    pub groups: Vec<GroupMetrics>,
    /// The remaining time of the venue's ban, if there is one.
    pub banned_for: Option<Duration>,
    /// The number of bans, including one from an earlier run that still lasted.
    pub bans: u64,
}

impl LimiterMetrics {
    /// Returns the counters of `group`.
    #[must_use]
    pub fn group(&self, group: RateLimitGroup) -> Option<&GroupMetrics> {
        self.groups.iter().find(|found| found.group == group)
    }

    /// Turns given, all groups together.
    #[must_use]
    pub fn sends(&self) -> u64 {
        self.groups.iter().map(|group| group.sends).sum()
    }

    /// Times the venue has said that it was too much, in all groups.
    #[must_use]
    pub fn throttled(&self) -> u64 {
        self.groups.iter().map(|group| group.throttled).sum()
    }
}
