//! Decides whether and when to retry.
//!
//! A retry is safe because every request we send is a GET: it only reads. It is not free: more requests do
//! not help a venue that is down. So all requests share a budget of retries, and a retry needs a permit like
//! any other request.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use market_backbone_core::{Backoff, SourceError, SourceErrorKind};
use tokio::time::{Sleep, sleep};
use tower::retry::Policy;
use tower::retry::budget::{Budget, TpsBudget};

use super::request::VenueRequest;
use crate::http_stats::HttpStats;

/// The settings of retries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryConfig {
    pub(crate) max_attempts: u32,
    pub(crate) base: Duration,
    pub(crate) cap: Duration,
    pub(crate) budget_ratio: f32,
    pub(crate) budget_per_second: u32,
    pub(crate) first_contact_attempts: u32,
}

market_backbone_core::setters!(RetryConfig {
    /// The number of attempts for one request, the first included.
    #[getter(get_max_attempts)]
    max_attempts: u32,
    /// The wait before the first retry; it doubles with each.
    #[getter(get_base)]
    base: Duration,
    /// The longest single wait. If the venue asks for a longer one, the request fails.
    #[getter(get_cap)]
    cap: Duration,
    /// The number of retries allowed for each successful reply: 0.5 is one for two. A venue that fails one
    /// request in five needs a quarter.
    #[getter(get_budget_ratio)]
    budget_ratio: f32,
    /// The number of retries allowed each second even if nothing succeeds.
    #[getter(get_budget_per_second)]
    budget_per_second: u32,
    /// The number of attempts while the venue has never answered: a wrong address should be reported quickly.
    #[getter(get_first_contact_attempts)]
    first_contact_attempts: u32,
});

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            base: Duration::from_millis(150),
            cap: Duration::from_secs(10),
            budget_ratio: 0.5,
            budget_per_second: 5,
            first_contact_attempts: 3,
        }
    }
}

/// The retry policy; clones share one budget.
#[derive(Clone)]
pub(crate) struct RetryPolicy {
    config: RetryConfig,
    budget: Arc<TpsBudget>,
    stats: Arc<HttpStats>,
}

impl RetryPolicy {
    pub(crate) fn new(config: RetryConfig, figures: Arc<HttpStats>) -> Self {
        let ratio = config.budget_ratio.clamp(0.0, 1_000.0);
        let budget = TpsBudget::new(Duration::from_secs(10), config.budget_per_second, ratio);
        Self { config, budget: Arc::new(budget), stats: figures }
    }

    /// Returns how long to wait before the attempt after number `attempt`; `None` to give up.
    fn wait(&self, attempt: u32, error: &SourceError) -> Option<Duration> {
        // These come from our own queue: a request that has waited two minutes in it is not helped by waiting
        // again.
        let ours =
            matches!(error.kind(), SourceErrorKind::Overloaded | SourceErrorKind::DeadlineExceeded { .. });
        if !error.is_transient() || ours {
            return None;
        }
        let first_contact = !self.stats.contacted.load(Relaxed);
        let tries = if first_contact { self.config.first_contact_attempts } else { self.config.max_attempts };
        if attempt >= tries.min(self.config.max_attempts) {
            return None;
        }
        let backoff = Backoff::new(self.config.base, self.config.cap).spread(0.5, 1.0);
        let jittered = backoff.delay(attempt.saturating_sub(1), fastrand::f64());
        match error.kind() {
            SourceErrorKind::Throttled(Some(asked)) if asked > self.config.cap => None,
            SourceErrorKind::Throttled(Some(asked)) => Some(jittered.max(asked)),
            _ => Some(jittered),
        }
    }
}

impl<T> Policy<VenueRequest, T, SourceError> for RetryPolicy {
    type Future = Sleep;

    fn retry(&mut self, request: &mut VenueRequest, result: &mut Result<T, SourceError>) -> Option<Sleep> {
        let Err(error) = result else {
            self.budget.deposit();
            return None;
        };
        let wait = self.wait(request.attempt, error)?;
        if !self.budget.withdraw() {
            self.stats.gave_up.fetch_add(1, Relaxed);
            tracing::warn!(%error, "no retry: too many requests have failed lately");
            return None;
        }
        tracing::debug!(%error, attempt = request.attempt, ?wait, path = request.http.path, "asking again");
        self.stats.retries.fetch_add(1, Relaxed);
        request.attempt += 1;
        Some(sleep(wait))
    }

    fn clone_request(&mut self, request: &VenueRequest) -> Option<VenueRequest> {
        Some(request.clone())
    }
}

impl fmt::Debug for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy").field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(contacted: bool) -> RetryPolicy {
        let figures = Arc::new(HttpStats::default());
        figures.contacted.store(contacted, Relaxed);
        RetryPolicy::new(RetryConfig::default(), figures)
    }

    fn error(kind: SourceErrorKind) -> SourceError {
        SourceError::new(kind, "x")
    }

    #[test]
    fn what_asking_again_cannot_help_is_final() {
        let again = policy(true);
        for kind in [
            SourceErrorKind::Banned(Some(Duration::ZERO)),
            SourceErrorKind::BadRequest,
            SourceErrorKind::UnknownMarket,
            SourceErrorKind::Overloaded,
            SourceErrorKind::DeadlineExceeded { estimated: Duration::ZERO },
        ] {
            assert_eq!(again.wait(1, &error(kind)), None, "{kind:?}");
        }
    }

    #[test]
    fn waits_grow_and_end() {
        let again = policy(true);
        let wait = |attempt| again.wait(attempt, &error(SourceErrorKind::VenueFault));
        for (attempt, most) in [(1, 150), (2, 300), (3, 600)] {
            let most = Duration::from_millis(most);
            let wait = wait(attempt).unwrap();
            assert!(most / 2 <= wait && wait <= most, "{wait:?}");
        }
        assert_eq!(wait(4), None);
    }

    #[test]
    fn a_venue_that_never_answered_is_given_up_on_quickly() {
        let again = policy(false);
        let waits: Vec<_> =
            (1..=3).map_while(|attempt| again.wait(attempt, &error(SourceErrorKind::Unreachable))).collect();
        assert_eq!(waits.len(), 2);
        assert!(waits.iter().sum::<Duration>() < Duration::from_millis(500));
    }

    #[test]
    fn the_venue_says_how_long_to_wait_within_reason() {
        let again = policy(true);
        let wait = |secs| again.wait(1, &error(SourceErrorKind::Throttled(Some(Duration::from_secs(secs)))));
        assert_eq!(wait(3), Some(Duration::from_secs(3)));
        assert_eq!(wait(3_600), None);
    }
}
