//! The settings of live feeds.

use std::time::Duration;

/// The delays, retries and limits of live feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContinuityConfig {
    pub(crate) allowed_lateness: Duration,
    pub(crate) first_event_timeout: Duration,
    pub(crate) page_lag: Duration,
    pub(crate) heal_timeout: Duration,
    pub(crate) recheck_after: Duration,
    pub(crate) join_timeout: Duration,
    pub(crate) join_pause_cap: Duration,
    pub(crate) quiet_period: Duration,
    pub(crate) max_future_skew: Duration,
    pub(crate) retry_pause: Duration,
    pub(crate) retry_pause_cap: Duration,
    pub(crate) in_flight: usize,
    pub(crate) backlog: usize,
    pub(crate) audit_delay: Duration,
    pub(crate) bar_grace: Duration,
}

market_backbone_core::setters!(ContinuityConfig {
    /// The most a trade may arrive later than its neighbours, in venue time, and still be recognized as new.
    /// The ids of this period are remembered, and are part of a cursor.
    #[getter(get_allowed_lateness)]
    allowed_lateness: Duration,
    /// The time for which a feed from the past waits for a channel's first live event before it fetches the
    /// history. The history is fetched up to that event, and once more if the event comes later.
    #[getter(get_first_event_timeout)]
    first_event_timeout: Duration,
    /// The delay with which the venue shows a trade on its pages after its socket. The pages are fetched after
    /// this wait.
    #[getter(get_page_lag)]
    page_lag: Duration,
    /// The time for which a venue that does not answer is asked repeatedly before the missing events count as
    /// lost.
    #[getter(get_heal_timeout)]
    heal_timeout: Duration,
    /// The time after which the events fetched for a gap are fetched again in another way: a page may lack its
    /// middle.
    #[getter(get_recheck_after)]
    recheck_after: Duration,
    /// The time for which the pages are fetched again while they do not join the live trades; after it the gap
    /// is lost.
    #[getter(get_join_timeout)]
    join_timeout: Duration,
    /// The longest pause between two such fetches; the first is `retry_pause`.
    #[getter(get_join_pause_cap)]
    join_pause_cap: Duration,
    /// The time for which a silence after or within a gap is not believed before the market counts as quiet.
    /// Longer than the delay of pages.
    #[getter(get_quiet_period)]
    quiet_period: Duration,
    /// The most an event may be stamped ahead of the clock; later ones are dropped, unless the others agree
    /// with them.
    #[getter(get_max_future_skew)]
    max_future_skew: Duration,
    /// The first pause before a page is fetched again. It doubles with each failure.
    #[getter(get_retry_pause)]
    retry_pause: Duration,
    /// The longest pause before a page is fetched again.
    #[getter(get_retry_pause_cap)]
    retry_pause_cap: Duration,
    /// The number of channels of one feed whose past is fetched at once, at least 1.
    #[getter(get_in_flight)]
    in_flight: usize,
    /// The most trades of one channel that are held until they are in order; older ones are lost.
    #[getter(get_backlog)]
    backlog: usize,
    /// The time after a ticker within which its trades may arrive before they count as missing. Less than
    /// `allowed_lateness`.
    #[getter(get_audit_delay)]
    audit_delay: Duration,
    /// The time after the end of a bar at which the clock closes it, if no later bar has. The last states of a bar may
    /// arrive that late.
    #[getter(get_bar_grace)]
    bar_grace: Duration,
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
