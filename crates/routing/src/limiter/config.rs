//! The limiter's settings.

use std::time::Duration;

use market_backbone_core::Priority;

/// The limiter's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimiterConfig {
    /// Added to each window, for clocks that count in milliseconds.
    pub margin: Duration,
    /// How long after it was given up a request may still arrive at the venue.
    pub late_arrival_grace: Duration,
    /// Whether what round trips last may shorten the wait (a few percent more requests). If not, a request is
    /// taken to have arrived when it was answered, which needs no assumption about the network.
    pub trust_round_trips: bool,
    /// How many requests of a group may wait; one more is refused at once.
    pub queue: usize,
    /// How long a request may wait for its turn.
    pub max_wait: Duration,
    /// How long a LOW one may: it waits behind everybody, and nobody waits for it.
    pub max_wait_low: Duration,
    /// How long after a CRITICAL request the reserve for the next is kept.
    pub reserve_for: Duration,
    /// The part of a window that is kept: one in this many.
    pub reserve_share: u32,
    /// After this long a HIGH request counts as starving.
    pub starving_high: Duration,
    /// After this long a NORMAL request counts as starving.
    pub starving_normal: Duration,
    /// After this long a LOW request counts as starving.
    pub starving_low: Duration,
    /// While somebody starves, every turn of this number is theirs.
    pub starving_every: u32,
    /// What a round trip is taken to last in estimates, before one has been measured.
    pub assumed_round_trip: Duration,
}

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
