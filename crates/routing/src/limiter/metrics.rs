//! The figures of a limiter, as a snapshot.

use std::time::Duration;

use market_backbone_core::RateLimitGroup;

/// The figures of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupMetrics {
    /// The name of the group.
    pub group: RateLimitGroup,
    /// The number of permits given.
    pub sends: u64,
    /// The weight of those requests together; the same number where no request has a weight.
    pub weight: u64,
    /// The number of requests that wait for a permit now.
    pub waiting: usize,
    /// The longest time that any request has waited for its permit.
    pub longest_wait: Duration,
    /// The number of times that the venue refused a request as one too many.
    pub throttled: u64,
    /// The weight that others on this address used, as far as the venue's figures betray it.
    pub external: u64,
    /// The weight that a window may hold now: the venue's figure, or less after it has complained. Of several rules, the
    /// smallest.
    pub allowed: u32,
}

/// The figures of a limiter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimiterMetrics {
    /// The figures of each group.
    pub groups: Vec<GroupMetrics>,
    /// The time for which the venue still shuts this address out, if it does.
    pub banned_for: Option<Duration>,
    /// The number of times that it did, including a ban of an earlier run that still lasted.
    pub bans: u64,
}

impl LimiterMetrics {
    /// Returns the figures of `group`.
    #[must_use]
    pub fn group(&self, group: RateLimitGroup) -> Option<&GroupMetrics> {
        self.groups.iter().find(|found| found.group == group)
    }

    /// Returns the number of permits given, in all groups.
    #[must_use]
    pub fn sends(&self) -> u64 {
        self.groups.iter().map(|group| group.sends).sum()
    }

    /// Returns the number of requests that the venue refused as one too many, in all groups.
    #[must_use]
    pub fn throttled(&self) -> u64 {
        self.groups.iter().map(|group| group.throttled).sum()
    }
}
