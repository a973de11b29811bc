//! Between what bounds a venue's clock is ahead of this machine's.

use std::time::Duration;

use crate::Timestamp;

/// The bounds of the venue's lead over the machine's clock, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OffsetBounds {
    pub(super) from: i64,
    pub(super) to: i64,
}

impl OffsetBounds {
    /// Returns what a date shows that was written between two moments of the machine's clock, or `None` if that
    /// clock was set in between.
    pub(super) fn from_date(date: Timestamp, sent: Timestamp, received: Timestamp) -> Option<Self> {
        let second = Duration::from_secs(1);
        let ahead = |of: Timestamp, than: Timestamp| of.as_nanos().saturating_sub(than.as_nanos());
        let bounds = Self { from: ahead(date, received), to: ahead(date.plus(second), sent) };
        (sent <= received).then_some(bounds)
    }
}
