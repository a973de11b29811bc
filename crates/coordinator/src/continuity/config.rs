//! How patient and how eager feeds are.

use std::time::Duration;

/// How patient and how eager feeds are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContinuityConfig {
    /// How much later than its neighbours a trade may arrive, in the venue's time, and still be told from one that was
    /// delivered. The ids of this stretch are remembered, and are what a cursor holds.
    pub allowed_lateness: Duration,
    /// At the beginning of a feed from the past, how long a channel's first live event is waited for before its history
    /// is fetched. It is fetched up to what is live, and once more when the first event comes later.
    pub first_event_timeout: Duration,
    /// How much later than on its socket the venue may show a trade on its pages. So long is waited before they are read.
    pub page_lag: Duration,
    /// How long a venue that does not answer is asked again and again before what is missing counts as lost.
    pub heal_timeout: Duration,
    /// What was fetched for a gap is asked for once more, in another way, after this long: a page may lack its middle.
    pub recheck_after: Duration,
    /// How long the pages are asked again where what they show does not join what was heard; then the gap is lost.
    pub join_timeout: Duration,
    /// The longest pause between two such questions; the first is `retry_pause`.
    pub join_pause_cap: Duration,
    /// How long a silence after or within a gap is doubted before the market counts as quiet. Longer than pages are late.
    pub quiet_period: Duration,
    /// An event that is stamped further ahead of the clock than this is dropped, unless the others agree with it.
    pub max_future_skew: Duration,
    /// The pause before a page is asked again for the first time; it doubles each time, up to `retry_pause_cap`.
    pub retry_pause: Duration,
    /// The longest pause before a page is asked again.
    pub retry_pause_cap: Duration,
    /// Channels of one feed whose past is fetched at once. At least 1.
    pub in_flight: usize,
    /// The most trades of one channel that are held until they are in order; older ones are lost.
    pub backlog: usize,
    /// How long after a ticker its trades may arrive before they count as missing. Less than `settling`.
    pub audit_delay: Duration,
    /// The time after the end of a bar at which the clock closes it, if no later bar has. The last states of a bar may
    /// arrive that late.
    pub bar_grace: Duration,
}

impl Default for ContinuityConfig {
    fn default() -> Self {
        Self {
            allowed_lateness: Duration::from_secs(60),
            first_event_timeout: Duration::from_secs(3),
            page_lag: Duration::from_millis(500),
            heal_timeout: Duration::from_secs(600),
            recheck_after: Duration::from_secs(1),
            join_timeout: Duration::from_secs(60),
            join_pause_cap: Duration::from_secs(4),
            quiet_period: Duration::from_secs(10),
            max_future_skew: Duration::from_secs(5),
            retry_pause: Duration::from_millis(500),
            retry_pause_cap: Duration::from_secs(15),
            in_flight: 32,
            backlog: 1_000_000,
            audit_delay: Duration::from_secs(2),
            bar_grace: Duration::from_secs(2),
        }
    }
}
