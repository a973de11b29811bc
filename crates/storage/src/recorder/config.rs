//! How the recorder goes about it.

use std::time::Duration;

use market_backbone_core::BuilderRules;

/// How the recorder goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecorderConfig {
    /// Slots in messages to the writer that may wait; what does not fit stays unknown, and is counted.
    pub inbox: usize,
    /// How often slots that are over are handed to the writer.
    pub tick: Duration,
    /// How long after the end of a slot its candle is written, if something of a later slot has been heard: what was
    /// heard then shows that the connection stood. At least the venue's settling time, unless it corrects what it sends
    /// live.
    pub settle: Duration,
    /// How long after its end it is written if nothing was heard since: a connection can be dead for so long before
    /// anybody notices. At least the venue's own time for that, and a little more.
    pub silence: Duration,
    /// How far our clock and the venue's may be apart.
    pub clock_slack: Duration,
    /// How late trades may come; see [`BuilderRules`].
    pub late: Duration,
    /// How often, at most, the venue is asked to confirm a series, one page each time; `None` for never.
    pub confirm_every: Option<Duration>,
    /// How long after a slot's end, beyond the settling time, the venue is asked about it.
    pub confirm_after: Duration,
    /// Questions to confirm that are under way at the same time.
    pub confirms_at_once: usize,
    /// The longest that one of them may take.
    pub confirm_within: Duration,
    /// How often a commit that failed is tried again; then what was in it stays unknown.
    pub commit_retries: u32,
    /// How long to wait before that; twice as long each further time.
    pub retry_pause: Duration,
    /// How long to wait at most for what is under way when everything ends.
    pub shutdown_within: Duration,
}

impl Default for RecorderConfig {
    fn default() -> Self {
        Self {
            inbox: 4_096,
            tick: Duration::from_millis(500),
            settle: Duration::from_secs(3),
            silence: Duration::from_secs(30),
            clock_slack: Duration::from_secs(1),
            late: Duration::from_secs(60),
            confirm_every: Some(Duration::from_secs(300)),
            confirm_after: Duration::from_secs(5),
            confirms_at_once: 2,
            confirm_within: Duration::from_secs(60),
            commit_retries: 5,
            retry_pause: Duration::from_secs(1),
            shutdown_within: Duration::from_secs(10),
        }
    }
}

impl RecorderConfig {
    pub(super) fn rules(&self) -> BuilderRules {
        BuilderRules { late: self.late, tells_quiet: true, ..BuilderRules::default() }
    }
}
