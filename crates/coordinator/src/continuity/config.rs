//! The settings of live feeds.

use std::time::Duration;

/// The delays, retries and limits of live feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContinuityConfig {
    /// The most a trade may arrive later than its neighbours, in venue time, and still be recognized as new.
    /// The ids of this period are remembered, and are part of a cursor.
    pub allowed_lateness: Duration,
    /// The time for which a feed from the past waits for a channel's first live event before it fetches the
    /// history. The history is fetched up to that event, and once more if the event comes later.
    pub first_event_timeout: Duration,
    /// The delay with which the venue shows a trade on its pages after its socket. The pages are fetched after
    /// this wait.
    pub page_lag: Duration,
    /// The time for which a venue that does not answer is asked repeatedly before the missing events count as
    /// lost.
    pub heal_timeout: Duration,
    /// The time after which the events fetched for a gap are fetched again in another way: a page may lack its
    /// middle.
    pub recheck_after: Duration,
    /// The time for which the pages are fetched again while they do not join the live trades; after it the gap
    /// is lost.
    pub join_timeout: Duration,
    /// The longest pause between two such fetches; the first is `retry_pause`.
    pub join_pause_cap: Duration,
    /// The time for which a silence after or within a gap is not believed before the market counts as quiet.
    /// Longer than the delay of pages.
    pub quiet_period: Duration,
    /// The most an event may be stamped ahead of the clock; later ones are dropped, unless the others agree
    /// with them.
    pub max_future_skew: Duration,
    /// The first pause before a page is fetched again. It doubles with each failure.
    pub retry_pause: Duration,
    /// The longest pause before a page is fetched again.
    pub retry_pause_cap: Duration,
    /// The number of channels of one feed whose past is fetched at once, at least 1.
    pub in_flight: usize,
    /// The most trades of one channel that are held until they are in order; older ones are lost.
    pub backlog: usize,
    /// The time after a ticker within which its trades may arrive before they count as missing. Less than
    /// `allowed_lateness`.
    pub audit_delay: Duration,
    /// The time after the end of a bar at which the clock closes it, if no later bar has. The last states of a bar may
    /// arrive that late.
    pub bar_grace: Duration,
}

market_backbone_core::setters!(ContinuityConfig {
    allowed_lateness: Duration,
    first_event_timeout: Duration,
    page_lag: Duration,
    heal_timeout: Duration,
    recheck_after: Duration,
    join_timeout: Duration,
    join_pause_cap: Duration,
    quiet_period: Duration,
    max_future_skew: Duration,
    retry_pause: Duration,
    retry_pause_cap: Duration,
    in_flight: usize,
    backlog: usize,
    audit_delay: Duration,
});

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
