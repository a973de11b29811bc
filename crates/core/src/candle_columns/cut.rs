//! Cuts columns of candles, without a copy where what is left is contiguous.

use std::{
    ops::{Bound, Range, RangeBounds},
    sync::Arc,
};

use super::{CandleColumns, CandleColumnsBuilder};
use crate::{Candle, TimeRange};

impl CandleColumns {
    /// Returns the rows in `rows`, which share the columns with these. What lies beyond the last row is left out.
    #[must_use]
    pub fn slice(&self, rows: impl RangeBounds<usize>) -> Self {
        let Range { start, end } = self.clamped(rows);
        Self { buffers: Arc::clone(&self.buffers), start: self.start + start, end: self.start + end }
    }

    fn clamped(&self, rows: impl RangeBounds<usize>) -> Range<usize> {
        let end = match rows.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => self.len(),
        };
        let end = end.min(self.len());
        let start = match rows.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        start.min(end)..end
    }

    /// Returns the rows of the candles that open in `range`. The candles must be in the order of their open times.
    #[must_use]
    pub fn rows_within(&self, range: TimeRange) -> Range<usize> {
        let start = self.rows_before(range.from());
        start..self.rows_before(range.to()).max(start)
    }

    /// Returns the candles that open in `range`, which share the columns with these. The candles must be in the
    /// order of their open times.
    #[must_use]
    pub fn within(&self, range: TimeRange) -> Self {
        self.slice(self.rows_within(range))
    }

    /// Keeps only the rows in `rows`.
    pub fn keep(&mut self, rows: impl RangeBounds<usize>) {
        let Range { start, end } = self.clamped(rows);
        (self.start, self.end) = (self.start + start, self.start + end);
    }

    /// Keeps only the oldest `rows` candles.
    pub fn truncate(&mut self, rows: usize) {
        self.keep(..rows);
    }

    /// Keeps only the newest `rows` candles.
    pub fn keep_last(&mut self, rows: usize) {
        self.keep(self.len().saturating_sub(rows)..);
    }

    /// Removes every candle.
    pub fn clear(&mut self) {
        self.end = self.start;
    }

    /// Keeps only the candles for which `keeps` is true. They are copied only if what is left has a hole.
    pub fn retain(&mut self, mut keeps: impl FnMut(&Candle) -> bool) {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for (row, candle) in self.iter().enumerate() {
            match runs.last_mut() {
                _ if !keeps(&candle) => {}
                Some(run) if run.end == row => run.end = row + 1,
                _ => runs.push(row..row + 1),
            }
        }
        match &runs[..] {
            [] => self.clear(),
            [run] => self.keep(run.clone()),
            runs => {
                let rows = runs.iter().map(ExactSizeIterator::len).sum();
                let mut left = CandleColumnsBuilder::with_capacity(rows);
                runs.iter().for_each(|run| left.append(&self.slice(run.clone())));
                *self = left.finish();
            }
        }
    }

    /// Returns whether these rows keep much more in memory than all who share it can be using: more than twice as many
    /// rows as if each of them had as many as these.
    #[must_use]
    pub fn keeps_unused_rows(&self) -> bool {
        let shared_by = Arc::strong_count(&self.buffers);
        self.len().saturating_mul(shared_by).saturating_mul(2) < self.buffers.len()
    }

    /// Copies the rows if the columns are longer than they need to be.
    ///
    /// A small cut of a large answer keeps all of that answer in memory. Call this before such a cut is kept for
    /// long.
    pub fn shrink_to_fit(&mut self) {
        if self.len() < self.buffers.capacity() {
            *self = Self::of(self.buffers.copied(self.start..self.end));
        }
    }
}
