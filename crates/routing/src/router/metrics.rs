//! What the router has done, as a snapshot.

use std::sync::atomic::Ordering::Relaxed;

use market_backbone_core::ClockReading;

use super::RouterInner;
use crate::limiter::LimiterMetrics;
use crate::live::LiveMetrics;
use crate::route_choice::RouteReason;

/// The counters of the router.
#[derive(Clone, Debug)]
pub struct RouterMetrics {
    /// HTTP requests sent, repeats included.
    pub requests: u64,
    /// Repeats among them.
    pub retries: u64,
    /// Repeats forgone because too many requests had failed lately.
    pub gave_up: u64,
    /// Tickers and books of answers that were stamped in the future, and left out. Those of the socket are counted there.
    pub future: u64,
    /// Turns: for each group how many, how long was waited, how often the venue complained; and any ban.
    pub limiter: LimiterMetrics,
    /// The number of times each reason for a route was given; reasons that never occurred are left out.
    pub decisions: Vec<(RouteReason, u64)>,
    /// Channels followed because they are asked for often.
    pub followed: usize,
    /// The counters of the socket session.
    pub live: LiveMetrics,
    /// The offset between the venue's clock and this machine's.
    pub clock: ClockReading,
}

impl RouterInner {
    pub(super) fn metrics(&self) -> RouterMetrics {
        let figures = self.rest.stats();
        RouterMetrics {
            requests: figures.requests.load(Relaxed),
            retries: figures.retries.load(Relaxed),
            gave_up: figures.gave_up.load(Relaxed),
            future: figures.future.load(Relaxed),
            limiter: self.limiter.metrics(),
            decisions: self.reason_counts.counts(),
            followed: self.chooser.followed(),
            live: self.hub.metrics(),
            clock: self.time.clock().reading(),
        }
    }
}
