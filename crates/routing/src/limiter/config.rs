//! The settings of a limiter.

use std::time::Duration;

use market_backbone_core::Priority;

/// The settings of a limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimiterConfig {
    pub(crate) margin: Duration,
    pub(crate) late_arrival_grace: Duration,
    pub(crate) trust_round_trips: bool,
    pub(crate) queue: usize,
    pub(crate) max_wait: Duration,
    pub(crate) max_wait_low: Duration,
    pub(crate) reserve_for: Duration,
    pub(crate) reserve_share: u32,
    pub(crate) starving_high: Duration,
    pub(crate) starving_normal: Duration,
    pub(crate) starving_low: Duration,
    pub(crate) starving_every: u32,
    pub(crate) assumed_round_trip: Duration,
}

market_backbone_core::setters!(LimiterConfig {
    /// The time added to each window, for venues that count in milliseconds.
    #[getter(get_margin)]
    margin: Duration,
    /// The time after it was given up in which a request may still arrive at the venue.
    #[getter(get_late_arrival_grace)]
    late_arrival_grace: Duration,
    /// True if measured round trips may shorten the wait (a few percent more requests).
    ///
    /// If not, a request is taken to have arrived when it was answered, which needs no assumption about the
    /// network.
    #[getter(get_trust_round_trips)]
    trust_round_trips: bool,
    /// The number of requests of a group that may wait; one more is refused at once.
    #[getter(get_queue)]
    queue: usize,
    /// The longest time that a request may wait for its permit.
    #[getter(get_max_wait)]
    max_wait: Duration,
    /// The longest time that a LOW request may wait: it waits behind all others.
    #[getter(get_max_wait_low)]
    max_wait_low: Duration,
    /// The time after a CRITICAL request for which a reserve for the next is kept.
    #[getter(get_reserve_for)]
    reserve_for: Duration,
    /// The part of a window that is reserved: one in this many.
    #[getter(get_reserve_share)]
    reserve_share: u32,
    /// The time after which a HIGH request counts as starving.
    #[getter(get_starving_high)]
    starving_high: Duration,
    /// The time after which a NORMAL request counts as starving.
    #[getter(get_starving_normal)]
    starving_normal: Duration,
    /// The time after which a LOW request counts as starving.
    #[getter(get_starving_low)]
    starving_low: Duration,
    /// The share of the permits that starving requests get: one in this many.
    #[getter(get_starving_every)]
    starving_every: u32,
    /// The round-trip time used in estimates before one was measured.
    #[getter(get_assumed_round_trip)]
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
