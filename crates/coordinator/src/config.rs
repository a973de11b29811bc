//! The settings of the coordinator.

use std::time::Duration;

/// The limits and retries of the coordinator for one query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CoordinatorConfig {
    /// The most pages of one query in flight at once, at least 1. More than the venue takes in a second gains
    /// nothing.
    pub in_flight: usize,
    /// The number of times a failed page is fetched again, in addition to the page source's own retries.
    pub page_retries: u32,
    /// The wait before a page is fetched again, multiplied by the number of its failures.
    pub retry_pause: Duration,
    /// The time after which a page counts as timed out. It is long, because a low-priority query may wait
    /// minutes for its permit.
    pub page_deadline: Duration,
}

market_backbone_core::setters!(CoordinatorConfig {
    in_flight: usize,
    page_retries: u32,
    retry_pause: Duration,
    page_deadline: Duration,
});

impl Default for CoordinatorConfig {
    fn default() -> Self {
        Self {
            in_flight: 16,
            page_retries: 2,
            retry_pause: Duration::from_millis(200),
            page_deadline: Duration::from_secs(300),
        }
    }
}
