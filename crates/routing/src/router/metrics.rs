//! A snapshot of the router's counters.

use std::sync::atomic::Ordering::Relaxed;

use market_backbone_core::ClockReading;

use super::RouterInner;
use crate::limiter::LimiterMetrics;
use crate::live::LiveMetrics;
use crate::route_choice::RouteReason;

/// The counters of the router.
#[derive(Clone, Debug)]
pub struct RouterMetrics {
    /// The number of HTTP requests sent, retries included.
    pub requests: u64,
    /// The number of retries among them.
    pub retries: u64,
    /// The number of retries given up because too many requests had failed lately.
    pub gave_up: u64,
    /// The number of tickers and books of replies left out because of timestamps in the future. Those of the
    /// socket are counted there.
    pub future: u64,
    /// The counters of the rate limiter, by group, and the state of a ban.
    pub limiter: LimiterMetrics,
    /// The number of times each reason for a route was given; reasons that never occurred are left out.
    pub decisions: Vec<(RouteReason, u64)>,
    /// The number of channels followed because they are requested often.
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
