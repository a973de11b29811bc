//! The settings of the coordinator.

use std::time::Duration;

/// The limits and retries of the coordinator for one query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoordinatorConfig {
    pub(crate) in_flight: usize,
    pub(crate) page_retries: u32,
    pub(crate) retry_pause: Duration,
    pub(crate) page_deadline: Duration,
}

market_backbone_core::setters!(CoordinatorConfig {
    /// The most pages of one query in flight at once, at least 1. More than the venue takes in a second gains
    /// nothing.
    #[getter(get_in_flight)]
    in_flight: usize,
    /// The number of times a failed page is fetched again, in addition to the page source's own retries.
    #[getter(get_page_retries)]
    page_retries: u32,
    /// The wait before a page is fetched again, multiplied by the number of its failures.
    #[getter(get_retry_pause)]
    retry_pause: Duration,
    /// The time after which a page counts as timed out. It is long, because a low-priority query may wait
    /// minutes for its permit.
    #[getter(get_page_deadline)]
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
