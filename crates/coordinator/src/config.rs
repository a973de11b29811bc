//! How hard the coordinator works for one query.

use std::time::Duration;

/// How hard the coordinator works for one query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoordinatorConfig {
    /// Pages of one query under way at once. More than the venue takes in a second buys nothing. At least 1.
    pub in_flight: usize,
    /// How often a page that failed is asked again, on top of what the page source itself repeats.
    pub page_retries: u32,
    /// How long to wait before asking a page again, times how often it has failed.
    pub retry_pause: Duration,
    /// After this long a page counts as timed out. Long: a patient query may wait its turn for minutes.
    pub page_deadline: Duration,
}

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
