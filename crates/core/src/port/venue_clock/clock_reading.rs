//! What has been measured of the difference between two clocks.

use std::time::Duration;

/// The measured difference between a venue's clock and this machine's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockReading {
    /// The lead of the venue's clock over this machine's, in milliseconds; negative if it is behind.
    pub offset_ms: i64,
    /// The error bound of the lead, or `None` as long as nothing was measured.
    pub uncertainty: Option<Duration>,
    /// The number of observations.
    pub samples: u64,
    /// The number of times one of the two clocks was found to have been set, or may have been.
    pub steps: u64,
}
