//! The settings of a limiter.

use std::time::Duration;

use market_backbone_core::Priority;

/// The settings of a limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimiterConfig {
    /// The time added to each window, for venues that count in milliseconds.
    pub margin: Duration,
    /// The time after it was given up in which a request may still arrive at the venue.
    pub late_arrival_grace: Duration,
    /// True if measured round trips may shorten the wait (a few percent more requests).
    ///
    /// If not, a request is taken to have arrived when it was answered, which needs no assumption about the
    /// network.
    pub trust_round_trips: bool,
    /// The number of requests of a group that may wait; one more is refused at once.
    pub queue: usize,
    /// The longest time that a request may wait for its permit.
    pub max_wait: Duration,
    /// The longest time that a LOW request may wait: it waits behind all others.
    pub max_wait_low: Duration,
    /// The time after a CRITICAL request for which a reserve for the next is kept.
    pub reserve_for: Duration,
    /// The part of a window that is reserved: one in this many.
    pub reserve_share: u32,
    /// The time after which a HIGH request counts as starving.
    pub starving_high: Duration,
    /// The time after which a NORMAL request counts as starving.
    pub starving_normal: Duration,
    /// The time after which a LOW request counts as starving.
    pub starving_low: Duration,
    /// The share of the permits that starving requests get: one in this many.
    pub starving_every: u32,
    /// The round-trip time used in estimates before one was measured.
    pub assumed_round_trip: Duration,
}

market_backbone_core::setters!(LimiterConfig {
    margin: Duration,
    late_arrival_grace: Duration,
    trust_round_trips: bool,
    queue: usize,
    max_wait: Duration,
    max_wait_low: Duration,
    reserve_for: Duration,
    reserve_share: u32,
    starving_high: Duration,
    starving_normal: Duration,
    starving_low: Duration,
    starving_every: u32,
    assumed_round_trip: Duration,
});

impl Default for LimiterConfig {
    fn default() -> Self {
        Self {
            margin: Duration::from_millis(3),
            late_arrival_grace: Duration::from_millis(500),
            trust_round_trips: true,
            queue: 10_000,
            max_wait: Duration::from_secs(120),
            max_wait_low: Duration::from_secs(3_600),
            reserve_for: Duration::from_secs(10),
            reserve_share: 5,
            starving_high: Duration::from_secs(1),
            starving_normal: Duration::from_secs(2),
            starving_low: Duration::from_secs(5),
            starving_every: 10,
            assumed_round_trip: Duration::from_millis(50),
        }
    }
}

impl LimiterConfig {
    /// Returns the time after which a request of this priority counts as starving; `None` for CRITICAL, which nothing
    /// overtakes.
    pub(super) fn starvation_bound(&self, priority: Priority) -> Option<Duration> {
        match priority {
            Priority::Critical => None,
            Priority::High => Some(self.starving_high),
            Priority::Normal => Some(self.starving_normal),
            Priority::Low => Some(self.starving_low),
        }
    }

    /// Returns how much of `allowed` is reserved for CRITICAL; never all of it.
    pub(super) fn reserve(&self, allowed: u32) -> u32 {
        if allowed > 1 { (allowed / self.reserve_share.max(1)).clamp(1, allowed - 1) } else { 0 }
    }
}
