//! The progress of a fetch, including what was known before it began.

use market_backbone_core::{CandlePart, CandleQuery, Grid, RangeSet, Selection};
use market_backbone_storage::QueryEstimate;

/// The progress of a fetch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The number of rows that have arrived, from any source.
    pub rows: u64,
    /// The number of requests sent to the venue.
    pub requests: u64,
    /// The amount that is there, including what was known before: a resumed fetch begins where it was.
    pub done: u64,
    /// The amount there will be: slots of a range, candles of a count (there may be fewer).
    pub total: u64,
}

impl Progress {
    /// Returns the share that is there, from 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.total == 0 { 1.0 } else { self.done as f64 / self.total as f64 }
    }
}

/// Counts the progress while parts arrive.
#[derive(Debug)]
pub(crate) struct ProgressTracker {
    query: CandleQuery,
    grid: Grid,
    known: u64,
    /// The ranges the venue has shown since, joined where they touch.
    covered: RangeSet,
    venue_rows: u64,
    pub(crate) progress: Progress,
}

impl ProgressTracker {
    pub(crate) fn new(query: CandleQuery, grid: Grid, survey: &QueryEstimate) -> Self {
        let progress = Progress { done: survey.known, total: survey.wanted, ..Progress::default() };
        Self { query, grid, known: survey.known, covered: RangeSet::new(), venue_rows: 0, progress }
    }

    /// Adds a part. Parts from this machine's own store were counted as known before.
    pub(crate) fn add_part(&mut self, part: &CandlePart) {
        self.progress.rows += part.candles.len() as u64;
        self.progress.requests += part.stats.requests;
        if part.stats.requests + part.stats.venue_rows + part.stats.shared_rows == 0 {
            return;
        }
        let new = match self.query.selection() {
            Selection::Last { .. } => {
                self.venue_rows += part.candles.len() as u64;
                self.venue_rows
            }
            Selection::Range(range) => {
                self.covered.extend(part.coverage.within(range).ranges());
                let slots = |range| self.grid.slots(self.query.series.timeframe, range);
                self.covered.iter().copied().map(slots).sum()
            }
        };
        self.progress.done = (self.known + new).min(self.progress.total);
    }

    /// Records that everything available is there.
    pub(crate) fn finish(&mut self) {
        self.progress.done = self.progress.total;
    }
}
