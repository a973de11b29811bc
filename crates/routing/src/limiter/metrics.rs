//! A snapshot of a limiter's counters.

use std::time::Duration;

use market_backbone_core::RateLimitGroup;

/// The counters of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupMetrics {
    /// The name of the group.
    pub group: RateLimitGroup,
    /// The number of permits granted.
    pub sends: u64,
    /// The total weight of those requests; the same number where no request has a weight.
    pub weight: u64,
    /// The number of requests that wait for a permit now.
    pub waiting: usize,
    /// The longest time that any request has waited for its permit.
    pub longest_wait: Duration,
    /// The number of requests that the venue throttled.
    pub throttled: u64,
    /// The weight that others on this address used, as far as the venue's reports show it.
    pub external: u64,
    /// The weight that a window may hold now: the venue's limit, or less after the venue throttled us. Of
    /// several rules, the smallest.
    pub allowed: u32,
}

/// The counters of a limiter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimiterMetrics {
    /// The counters of each group.
    pub groups: Vec<GroupMetrics>,
    /// The remaining time of the venue's ban, if there is one.
    pub banned_for: Option<Duration>,
    /// The number of bans, including one of an earlier run that still lasted.
    pub bans: u64,
}

impl LimiterMetrics {
    /// Returns the counters of `group`.
    #[must_use]
    pub fn group(&self, group: RateLimitGroup) -> Option<&GroupMetrics> {
        self.groups.iter().find(|found| found.group == group)
    }

    /// Returns the number of permits granted, in all groups.
    #[must_use]
    pub fn sends(&self) -> u64 {
        self.groups.iter().map(|group| group.sends).sum()
    }

    /// Returns the number of requests that the venue throttled, in all groups.
    #[must_use]
    pub fn throttled(&self) -> u64 {
        self.groups.iter().map(|group| group.throttled).sum()
    }
}
