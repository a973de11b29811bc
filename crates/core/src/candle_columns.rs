//! Candles as columns: one contiguous list for each figure, shared without a copy.

#[cfg(feature = "arrow")]
mod arrow;
mod buffers;
mod builder;
mod compare;
mod cut;
mod merge;
mod pool;
mod rows;

use std::sync::Arc;

use self::buffers::ColumnBuffers;
pub use self::{
    builder::{CandleColumnsBuilder, ColumnsError},
    pool::{ColumnMemory, ColumnPool},
    rows::{CandleRows, OwnedCandleRows},
};
use crate::{Candle, Timestamp};

/// Candles, each figure in a column of its own, for answers, indicators and data frames.
///
/// A clone and a [slice](Self::slice) share the columns of the original. A change copies what is shared first.
/// A row is a [`Candle`] that is put together when it is read. A candle takes 56 bytes. That not all are final
/// costs nothing: the few exceptions are listed beside the columns.
///
/// ```
/// use market_backbone_core::{Candle, CandleColumns, Timestamp};
///
/// let candle = |minute: i64, close: f64| Candle {
///     open_time: Timestamp::from_secs(minute * 60),
///     open: 1.0, high: 9.0, low: 0.5, close, volume: 2.0, turnover: 3.0, is_final: true,
/// };
/// let candles: CandleColumns = [candle(0, 4.0), candle(1, 5.0), candle(2, 6.0)].into();
/// assert_eq!(candles.closes(), [4.0, 5.0, 6.0]);
/// assert_eq!(candles.slice(1..).closes(), [5.0, 6.0]);
/// assert_eq!(candles.last().map(|newest| newest.close), Some(6.0));
/// ```
#[derive(Clone, Default)]
pub struct CandleColumns {
    buffers: Arc<ColumnBuffers>,
    // Invariant: start <= end <= buffers.len().
    start: usize,
    end: usize,
}

impl CandleColumns {
    /// Returns columns without a row.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns columns without a row, with space for `rows` of them.
    #[must_use]
    pub fn with_capacity(rows: usize) -> Self {
        CandleColumnsBuilder::with_capacity(rows).finish()
    }

    fn of(buffers: ColumnBuffers) -> Self {
        let end = buffers.len();
        Self { buffers: Arc::new(buffers), start: 0, end }
    }

    /// Returns the number of candles.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Returns whether there is no candle.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Returns the candle in row `row`, counted from the oldest.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<Candle> {
        (row < self.len()).then(|| self.buffers.row(self.start + row))
    }

    /// Returns the oldest candle.
    #[must_use]
    pub fn first(&self) -> Option<Candle> {
        self.get(0)
    }

    /// Returns the newest candle, which may be the forming one.
    #[must_use]
    pub fn last(&self) -> Option<Candle> {
        self.get(self.len().checked_sub(1)?)
    }

    /// Returns whether `candle` is one of these.
    #[must_use]
    pub fn contains(&self, candle: &Candle) -> bool {
        self.iter().any(|row| row == *candle)
    }

    /// Returns the candles one after the other, oldest first.
    #[must_use]
    pub fn iter(&self) -> CandleRows<'_> {
        CandleRows::new(&self.buffers, self.start..self.end)
    }

    /// Returns the candles as a list of rows.
    #[must_use]
    pub fn to_vec(&self) -> Vec<Candle> {
        self.iter().collect()
    }

    /// Returns the moments at which the slots begin, in Unix nanoseconds.
    #[must_use]
    pub fn open_times_ns(&self) -> &[i64] {
        &self.buffers.open_time[self.start..self.end]
    }

    /// Returns the first prices, in the quote currency.
    #[must_use]
    pub fn opens(&self) -> &[f64] {
        &self.buffers.open[self.start..self.end]
    }

    /// Returns the highest prices, in the quote currency.
    #[must_use]
    pub fn highs(&self) -> &[f64] {
        &self.buffers.high[self.start..self.end]
    }

    /// Returns the lowest prices, in the quote currency.
    #[must_use]
    pub fn lows(&self) -> &[f64] {
        &self.buffers.low[self.start..self.end]
    }

    /// Returns the last prices, in the quote currency.
    #[must_use]
    pub fn closes(&self) -> &[f64] {
        &self.buffers.close[self.start..self.end]
    }

    /// Returns the amounts traded, in the base currency.
    #[must_use]
    pub fn volumes(&self) -> &[f64] {
        &self.buffers.volume[self.start..self.end]
    }

    /// Returns the amounts traded, in the quote currency.
    #[must_use]
    pub fn turnovers(&self) -> &[f64] {
        &self.buffers.turnover[self.start..self.end]
    }

    /// Returns whether the candle in row `row` will not change any more. A row that does not exist will not.
    #[must_use]
    pub fn is_final(&self, row: usize) -> bool {
        row >= self.len() || self.buffers.is_final(self.start + row)
    }

    /// Returns whether no candle will change any more.
    #[must_use]
    pub fn are_all_final(&self) -> bool {
        self.not_final().is_empty()
    }

    /// Returns the rows that may still change, counted in the buffers.
    fn not_final(&self) -> &[usize] {
        self.buffers.not_final_within(self.start..self.end)
    }

    /// Returns whether the open times are strictly rising, as those of every answer are.
    #[must_use]
    pub fn is_rising(&self) -> bool {
        self.open_times_ns().is_sorted_by(|one, next| one < next)
    }

    /// Returns the row of the candle that opens at `open_time`, or else the row before which it would be. The
    /// candles must be in the order of their open times.
    ///
    /// # Errors
    ///
    /// Returns the row before which a candle of that time belongs if there is none.
    pub fn search(&self, open_time: Timestamp) -> Result<usize, usize> {
        self.open_times_ns().binary_search(&open_time.as_nanos())
    }

    /// Returns the number of candles that open before `moment`. The candles must be in the order of their open
    /// times.
    #[must_use]
    pub fn rows_before(&self, moment: Timestamp) -> usize {
        self.open_times_ns().partition_point(|open_time| *open_time < moment.as_nanos())
    }

    /// Makes the buffers this value's alone, ending with its last row.
    fn own(&mut self) -> &mut ColumnBuffers {
        if Arc::get_mut(&mut self.buffers).is_none() {
            *self = Self::of(self.buffers.copied(self.start..self.end));
        }
        let buffers = Arc::make_mut(&mut self.buffers);
        buffers.truncate(self.end);
        buffers
    }

    /// Appends a candle.
    pub fn push(&mut self, candle: Candle) {
        self.own().push(&candle);
        self.end += 1;
    }

    /// Puts `candle` into row `row` and returns the candle that was there. A row that does not exist is not added.
    pub fn replace(&mut self, row: usize, candle: Candle) -> Option<Candle> {
        let replaced = self.get(row)?;
        self.own();
        let place = self.start + row; // owning may have moved the start
        self.own().replace(place, &candle);
        Some(replaced)
    }

    /// Removes the newest candle and returns it.
    pub fn pop(&mut self) -> Option<Candle> {
        let newest = self.last()?;
        self.end -= 1;
        Some(newest)
    }

    /// Appends the candles of `later`, column by column. Nothing is copied if `self` is empty, or if `later`
    /// follows `self` in the same buffers.
    pub fn append(&mut self, later: &Self) {
        if self.is_empty() {
            *self = later.clone();
        } else if !self.grow_into(later) {
            self.own().append(&later.buffers, later.start..later.end);
            self.end += later.len();
        }
    }
}

impl Extend<Candle> for CandleColumns {
    fn extend<I: IntoIterator<Item = Candle>>(&mut self, candles: I) {
        let candles = candles.into_iter();
        let buffers = self.own();
        buffers.reserve(candles.size_hint().0);
        candles.for_each(|candle| buffers.push(&candle));
        self.end = buffers.len();
    }
}

#[cfg(test)]
mod tests;
