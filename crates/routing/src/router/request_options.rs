//! The options of a request for a live value.

use std::time::Duration;

use market_backbone_core::{Priority, RequestCost, SourceError, SourceErrorKind};
use tokio::time::timeout;

use super::RouterInner;

/// The options of a request for a live value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestOptions {
    priority: Priority,
    max_age: Option<Duration>,
    timeout: Option<Duration>,
}

impl RequestOptions {
    /// Returns these options with another `priority`.
    #[must_use]
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Returns these options with another `max_age`: the largest age of an acceptable value.
    ///
    /// An older one is requested anew, even if the venue may have no newer one.
    #[must_use]
    pub const fn max_age(mut self, max_age: Option<Duration>) -> Self {
        self.max_age = max_age;
        self
    }

    /// Returns these options with another `timeout`: the longest acceptable wait.
    ///
    /// A reply that would take longer is refused at once, as far as that can be estimated.
    #[must_use]
    pub const fn timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = timeout;
        self
    }

    /// Returns the [`priority`](Self::priority) of these options.
    #[must_use]
    pub const fn get_priority(&self) -> Priority {
        self.priority
    }

    /// Returns the [`max_age`](Self::max_age) of these options.
    #[must_use]
    pub const fn get_max_age(&self) -> Option<Duration> {
        self.max_age
    }

    /// Returns the [`timeout`](Self::timeout) of these options.
    #[must_use]
    pub const fn get_timeout(&self) -> Option<Duration> {
        self.timeout
    }
}

impl From<Priority> for RequestOptions {
    fn from(priority: Priority) -> Self {
        Self { priority, ..Self::default() }
    }
}

impl RouterInner {
    /// Runs `asking` within the timeout; it needs `requests` requests of `group`.
    ///
    /// Dropping the future gives up its place in the queue, or the requests in flight.
    pub(super) async fn with_timeout<T>(
        &self,
        terms: RequestOptions,
        (cost, requests): (RequestCost, u64),
        asking: impl Future<Output = Result<T, SourceError>>,
    ) -> Result<T, SourceError> {
        let Some(within) = terms.timeout else { return asking.await };
        let takes = || self.limiter.eta(cost, terms.priority, requests).map_or(within, |found| found.takes);
        let would_take = takes();
        if would_take > within {
            return Err(self.too_late(within, would_take));
        }
        match timeout(within, asking).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(self.too_late(within, within + takes())),
        }
    }

    fn too_late(&self, within: Duration, would_take: Duration) -> SourceError {
        let (took, allowed) = (would_take.as_millis(), within.as_millis());
        let message = format!("the answer would take about {took} ms, {allowed} ms were allowed");
        SourceError::new(SourceErrorKind::DeadlineExceeded { estimated: would_take }, message)
            .at_venue(self.venue.capabilities().venue)
    }
}
