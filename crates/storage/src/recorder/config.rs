//! The settings of the recorder.

use std::time::Duration;

use market_backbone_core::BuilderRules;

/// The settings of the recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecorderConfig {
    pub(crate) queue_capacity: usize,
    pub(crate) tick_interval: Duration,
    pub(crate) settle_delay: Duration,
    pub(crate) silence_timeout: Duration,
    pub(crate) clock_slack: Duration,
    pub(crate) allowed_lateness: Duration,
    pub(crate) confirm_interval: Option<Duration>,
    pub(crate) confirm_delay: Duration,
    pub(crate) max_concurrent_confirms: usize,
    pub(crate) confirm_timeout: Duration,
    pub(crate) commit_retries: u32,
    pub(crate) retry_backoff: Duration,
    pub(crate) shutdown_timeout: Duration,
}

market_backbone_core::setters!(RecorderConfig {
    /// The capacity of the queue to the writer, in slots; what does not fit stays unknown, and is counted.
    #[getter(get_queue_capacity)]
    queue_capacity: usize,
    /// The interval at which finished slots are passed to the writer.
    #[getter(get_tick_interval)]
    tick_interval: Duration,
    /// The time after the end of a slot when its candle is written, if an event of a later slot has arrived.
    ///
    /// Such an event shows that the connection was alive. At least the venue's finality delay, unless the
    /// venue revises what it sends live.
    #[getter(get_settle_delay)]
    settle_delay: Duration,
    /// The time after the end of a slot when its candle is written if no event has arrived since.
    ///
    /// A connection can be dead for so long before anybody notices. At least the venue's own time for that,
    /// and a little more.
    #[getter(get_silence_timeout)]
    silence_timeout: Duration,
    /// The largest expected offset between our clock and the venue's.
    #[getter(get_clock_slack)]
    clock_slack: Duration,
    /// The largest delay with which trades may arrive; see [`BuilderRules`].
    #[getter(get_allowed_lateness)]
    allowed_lateness: Duration,
    /// The shortest interval between two requests that confirm a series, one page each; `None` for never.
    #[getter(get_confirm_interval)]
    confirm_interval: Option<Duration>,
    /// The time after the end of a slot, beyond the finality delay, when the venue is asked about it.
    #[getter(get_confirm_delay)]
    confirm_delay: Duration,
    /// The largest number of concurrent requests for confirmation.
    #[getter(get_max_concurrent_confirms)]
    max_concurrent_confirms: usize,
    /// The longest that one of them may take.
    #[getter(get_confirm_timeout)]
    confirm_timeout: Duration,
    /// The number of retries of a failed commit; after the last, its slots stay unknown.
    #[getter(get_commit_retries)]
    commit_retries: u32,
    /// The wait before the first retry; each further wait is twice as long.
    #[getter(get_retry_backoff)]
    retry_backoff: Duration,
    /// The longest wait at shutdown for work in flight.
    #[getter(get_shutdown_timeout)]
    shutdown_timeout: Duration,
});

impl Default for RecorderConfig {
    fn default() -> Self {
        Self {
            queue_capacity: 4_096,
            tick_interval: Duration::from_millis(500),
            settle_delay: Duration::from_secs(3),
            silence_timeout: Duration::from_secs(30),
            clock_slack: Duration::from_secs(1),
            allowed_lateness: Duration::from_secs(60),
            confirm_interval: Some(Duration::from_secs(300)),
            confirm_delay: Duration::from_secs(5),
            max_concurrent_confirms: 2,
            confirm_timeout: Duration::from_secs(60),
            commit_retries: 5,
            retry_backoff: Duration::from_secs(1),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

impl RecorderConfig {
    pub(super) fn rules(&self) -> BuilderRules {
        BuilderRules::default().allowed_lateness(self.allowed_lateness).reports_quiet(true)
    }
}
