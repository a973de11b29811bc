//! The limiter's settings.

use std::time::Duration;

use market_backbone_core::Priority;

/// The limiter's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimiterConfig {
    /// Added to each window, for clocks that count in milliseconds.
    pub margin: Duration,
    /// The time after which a lost request cannot arrive at the venue any more, counted from when it was
    /// given up.
    pub late_arrival_grace: Duration,
    /// True if measured round-trip times may shorten the wait (a few percent more requests).
    ///
    /// If not, a request is taken to have arrived when its response came, which needs no assumption about the
    /// network.
    pub trust_round_trips: bool,
    /// The number of requests of a group that may wait; one more is refused at once.
    pub queue: usize,
    /// The longest that a request may wait for its permit.
    pub max_wait: Duration,
    /// The longest that a LOW request may wait: it waits behind all others.
    pub max_wait_low: Duration,
    /// The time for which capacity stays reserved after a CRITICAL request, for the next one.
    pub reserve_for: Duration,
    /// The part of a window that is kept: one in this many.
    pub reserve_share: u32,
    /// The wait after which a HIGH request counts as starving.
    pub starving_high: Duration,
    /// The wait after which a NORMAL request counts as starving.
    pub starving_normal: Duration,
    /// The wait after which a LOW request counts as starving.
    pub starving_low: Duration,
    /// The share of permits for starving requests while there are any: one in this many.
    pub starving_every: u32,
    /// The round-trip time assumed in estimates until one has been measured.
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
    /// How long a request of this class may wait before it counts as starving; `None` for the first class,
    /// which nobody overtakes.
    pub(super) fn starvation_bound(&self, priority: Priority) -> Option<Duration> {
        match priority {
            Priority::Critical => None,
            Priority::High => Some(self.starving_high),
            Priority::Normal => Some(self.starving_normal),
            Priority::Low => Some(self.starving_low),
        }
    }

    /// How many of `allowed` requests are kept for CRITICAL; never all of them.
    pub(super) fn reserve(&self, allowed: u32) -> u32 {
        if allowed > 1 { (allowed / self.reserve_share.max(1)).clamp(1, allowed - 1) } else { 0 }
    }
}
