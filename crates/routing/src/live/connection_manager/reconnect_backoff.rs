//! The wait before the next connection.

use std::time::Duration;

use market_backbone_core::Backoff;

use crate::live::config::ReconnectConfig;

/// The exponential backoff; see [`ReconnectConfig`].
#[derive(Debug)]
pub(super) struct ReconnectBackoff {
    config: ReconnectConfig,
    failures: u32,
    /// True if a connection that delivered but did not last was replaced at once; the next such one waits.
    retried_immediately: bool,
    /// The time a connection must live after an eviction to prove that there is room for it.
    eviction_probation: Option<Duration>,
}

impl ReconnectBackoff {
    pub(super) fn new(config: ReconnectConfig) -> Self {
        Self { config, failures: 0, retried_immediately: false, eviction_probation: None }
    }

    /// Returns the wait after a connection that had delivered and `lived` this long.
    pub(super) fn after_delivery(&mut self, lived: Duration) -> Duration {
        if self.eviction_probation.is_some_and(|wait| lived < wait) {
            return self.after_failure();
        }
        self.eviction_probation = None;
        let steady = lived >= self.config.stable_after;
        if !steady && self.retried_immediately {
            return self.after_failure();
        }
        self.retried_immediately = !steady;
        self.failures = 0;
        self.config.max_immediate_delay.mul_f64(fastrand::f64())
    }

    /// Returns the wait after another connection evicted ours.
    ///
    /// It is at least what the venue asks for, and grows however well the next connection begins: two
    /// programs that evict each other would do so for ever.
    pub(super) fn after_eviction(&mut self, wait: Duration) -> Duration {
        let ladder = self.after_failure();
        self.eviction_probation = Some(wait.max(self.config.stable_after));
        let longer = 1.0 + self.config.jitter.clamp(0.0, 1.0) * fastrand::f64();
        ladder.max(wait.mul_f64(longer))
    }

    /// Returns the wait after a failure.
    pub(super) fn after_failure(&mut self) -> Duration {
        let config = &self.config;
        let jitter = config.jitter.clamp(0.0, 1.0);
        let backoff = Backoff::new(config.initial_delay, config.max_delay)
            .multiplier(config.multiplier)
            .spread(1.0 - jitter, 1.0 + jitter);
        let delay = backoff.delay(self.failures, fastrand::f64());
        self.failures = self.failures.saturating_add(1);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn within(wait: Duration, from: f64, to: f64) {
        let secs = wait.as_secs_f64();
        assert!((from..=to).contains(&secs), "{secs}");
    }

    #[test]
    fn waits_grow_to_the_cap_and_never_end() {
        let mut backoff = ReconnectBackoff::new(ReconnectConfig::default());
        within(backoff.after_failure(), 4.0, 6.0);
        within(backoff.after_failure(), 8.0, 12.0);
        within(backoff.after_failure(), 16.0, 24.0);
        within(backoff.after_failure(), 32.0, 48.0);
        for _ in 0..5_000 {
            within(backoff.after_failure(), 48.0, 60.0);
        }
    }

    #[test]
    fn a_connection_that_delivered_is_replaced_at_once_and_starts_the_ladder_anew() {
        let mut backoff = ReconnectBackoff::new(ReconnectConfig::default());
        for _ in 0..3 {
            backoff.after_failure();
        }
        within(backoff.after_delivery(Duration::from_secs(5)), 0.0, 0.25);
        within(backoff.after_failure(), 4.0, 6.0);
    }

    #[test]
    fn an_eviction_is_not_forgotten_by_a_connection_that_begins_well() {
        let mut backoff = ReconnectBackoff::new(ReconnectConfig::default());
        let wait = Duration::from_secs(60);
        within(backoff.after_eviction(wait), 60.0, 72.0);
        within(backoff.after_delivery(Duration::from_secs(5)), 8.0, 12.0);
        within(backoff.after_eviction(wait), 60.0, 72.0);
        within(backoff.after_delivery(Duration::from_secs(61)), 0.0, 0.25);
        within(backoff.after_failure(), 4.0, 6.0);
    }

    #[test]
    fn connections_that_keep_breaking_soon_after_the_first_value_do_not_hammer_the_venue() {
        let mut backoff = ReconnectBackoff::new(ReconnectConfig::default());
        let soon = Duration::from_millis(10);
        within(backoff.after_delivery(soon), 0.0, 0.25);
        within(backoff.after_delivery(soon), 4.0, 6.0);
        within(backoff.after_delivery(soon), 8.0, 12.0);
        within(backoff.after_delivery(Duration::from_secs(5)), 0.0, 0.25);
        within(backoff.after_delivery(soon), 0.0, 0.25);
    }
}
