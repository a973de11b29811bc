//! The slots of one timeframe: the grid with a fixed timeframe, so that no call can mix two of them.

use market_backbone_core::{Grid, TimeRange, Timeframe, Timestamp};

/// The slots of one timeframe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotGrid {
    grid: Grid,
    timeframe: Timeframe,
}

impl SlotGrid {
    pub(crate) const fn new(grid: Grid, timeframe: Timeframe) -> Self {
        Self { grid, timeframe }
    }

    pub(crate) fn floor(self, moment: Timestamp) -> Timestamp {
        self.grid.floor(self.timeframe, moment)
    }

    pub(crate) fn ceil(self, moment: Timestamp) -> Timestamp {
        self.grid.ceil(self.timeframe, moment)
    }

    pub(crate) fn close(self, open: Timestamp) -> Timestamp {
        self.grid.close(self.timeframe, open)
    }

    /// Returns the open time `slots` slots before `moment`.
    pub(crate) fn back(self, moment: Timestamp, slots: u64) -> Timestamp {
        self.grid.step(self.timeframe, moment, -i64::try_from(slots).unwrap_or(i64::MAX))
    }

    /// Returns the open time `slots` slots after `moment`.
    pub(crate) fn ahead(self, moment: Timestamp, slots: u64) -> Timestamp {
        self.grid.step(self.timeframe, moment, i64::try_from(slots).unwrap_or(i64::MAX))
    }

    pub(crate) fn count(self, range: TimeRange) -> u64 {
        self.grid.slots(self.timeframe, range)
    }

    /// Returns the range from open time to open time that holds the same slots as `range`, or `None` if it
    /// holds none.
    pub(crate) fn align(self, range: TimeRange) -> Option<TimeRange> {
        TimeRange::new(self.ceil(range.from()), self.ceil(range.to())).ok()
    }
}
