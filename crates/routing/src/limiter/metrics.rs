//! What the limiter has seen, as a snapshot.

use std::time::Duration;

use market_backbone_core::RateLimitGroup;

/// What one group has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupMetrics {
    /// Which group.
    pub group: RateLimitGroup,
    /// Turns given.
    pub sends: u64,
    /// Requests waiting for a turn now.
    pub waiting: usize,
    /// The longest that any request has waited for its turn.
    pub longest_wait: Duration,
    /// How often the venue said that we were too quick.
    pub throttled: u64,
    /// Requests of others on this address, as far as the venue's figures betray them.
    pub external: u64,
    /// How many requests a window may hold now: the venue's figure, or less after it has complained.
    pub allowed: u32,
}

/// What the limiter has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimiterMetrics {
    /// Group by group.
    pub groups: Vec<GroupMetrics>,
    /// How much longer the venue shuts us out, if it does.
    pub banned_for: Option<Duration>,
    /// How often it has shut us out, an earlier run's ban that still lasted included.
    pub bans: u64,
}

impl LimiterMetrics {
    /// What `group` has seen.
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
