//! How the recorder goes about it.

use std::time::Duration;

use market_backbone_core::BuilderRules;

/// How the recorder goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecorderConfig {
    /// Slots in messages to the writer that may wait; what does not fit stays unknown, and is counted.
    pub queue_capacity: usize,
    /// How often slots that are over are handed to the writer.
    pub tick_interval: Duration,
    /// How long after the end of a slot its candle is written, if something of a later slot has been heard: what was
    /// heard then shows that the connection stood. At least the venue's settling time, unless it corrects what it sends
    /// live.
    pub settle_delay: Duration,
    /// How long after its end it is written if nothing was heard since: a connection can be dead for so long before
    /// anybody notices. At least the venue's own time for that, and a little more.
    pub silence_timeout: Duration,
    /// How far our clock and the venue's may be apart.
    pub clock_slack: Duration,
    /// How late trades may come; see [`BuilderRules`].
    pub allowed_lateness: Duration,
    /// How often, at most, the venue is asked to confirm a series, one page each time; `None` for never.
    pub confirm_interval: Option<Duration>,
    /// How long after a slot's end, beyond the settling time, the venue is asked about it.
    pub confirm_delay: Duration,
    /// Questions to confirm that are under way at the same time.
    pub max_concurrent_confirms: usize,
    /// The longest that one of them may take.
    pub confirm_timeout: Duration,
    /// How often a commit that failed is tried again; then what was in it stays unknown.
    pub commit_retries: u32,
    /// How long to wait before that; twice as long each further time.
    pub retry_backoff: Duration,
    /// How long to wait at most for what is under way when everything ends.
    pub shutdown_timeout: Duration,
}

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
        BuilderRules {
            allowed_lateness: self.allowed_lateness,
            reports_quiet: true,
            ..BuilderRules::default()
        }
    }
}
