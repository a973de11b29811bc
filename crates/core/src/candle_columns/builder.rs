//! Builds columns of candles row by row, from runs of other columns, or from whole lists.

use super::{CandleColumns, buffers::ColumnBuffers};
use crate::{Candle, Timestamp};

/// The reason why lists are not columns of candles.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ColumnsError {
    /// A column is longer or shorter than the open times.
    #[error("the column {column} has {len} rows where the open times have {rows}")]
    Length {
        /// The name of the column.
        column: &'static str,
        /// The length of the column.
        len: usize,
        /// The number of open times.
        rows: usize,
    },
    /// A candle does not open later than the one before it.
    #[error("the candle in row {row} opens at {open_time}, which is not after the one before it")]
    Order {
        /// The row of the candle, counted from 0.
        row: usize,
        /// The open time of the candle.
        open_time: Timestamp,
    },
}

const FIGURES: [&str; 6] = ["open", "high", "low", "close", "volume", "turnover"];

fn check_lengths(rows: usize, lengths: [usize; 6]) -> Result<(), ColumnsError> {
    let lengths = FIGURES.into_iter().zip(lengths);
    let error = |(column, len)| ColumnsError::Length { column, len, rows };
    lengths.into_iter().find(|(_, len)| *len != rows).map_or(Ok(()), |wrong| Err(error(wrong)))
}

fn check_order(before: Option<i64>, open_times: &[i64], first_row: usize) -> Result<(), ColumnsError> {
    let is_after = before.zip(open_times.first()).is_none_or(|(before, first)| before < *first);
    if is_after && open_times.is_sorted_by(|one, next| one < next) {
        return Ok(());
    }
    let wrong = open_times.windows(2).position(|pair| pair[0] >= pair[1]);
    let nth = wrong.filter(|_| is_after).map_or(0, |nth| nth + 1);
    Err(ColumnsError::Order { row: first_row + nth, open_time: Timestamp::from_nanos(open_times[nth]) })
}

/// Builds [`CandleColumns`] in memory that nobody else holds yet.
#[derive(Debug, Default)]
pub struct CandleColumnsBuilder {
    buffers: ColumnBuffers,
}

impl CandleColumnsBuilder {
    /// Returns a builder with space for `rows` candles.
    #[must_use]
    pub fn with_capacity(rows: usize) -> Self {
        Self { buffers: ColumnBuffers::with_capacity(rows) }
    }

    /// Returns the number of candles so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.buffers.len()
    }

    /// Returns whether there is no candle so far.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a candle.
    pub fn push(&mut self, candle: &Candle) {
        self.buffers.push(candle);
    }

    /// Appends `columns`, column by column.
    pub fn append(&mut self, columns: &CandleColumns) {
        self.buffers.append(&columns.buffers, columns.start..columns.end);
    }

    /// Appends final candles, given as their open times in Unix nanoseconds and as open, high, low, close, volume
    /// and turnover.
    ///
    /// # Errors
    ///
    /// Returns an error, and appends nothing, if the columns differ in length, or if the open times do not rise
    /// strictly from the last appended one on.
    pub fn append_final(&mut self, open_times_ns: &[i64], figures: [&[f64]; 6]) -> Result<(), ColumnsError> {
        check_lengths(open_times_ns.len(), figures.map(<[f64]>::len))?;
        check_order(self.buffers.open_time.last().copied(), open_times_ns, self.len())?;
        self.buffers.append_final(open_times_ns, figures);
        Ok(())
    }

    /// Returns the columns.
    #[must_use]
    pub fn finish(self) -> CandleColumns {
        CandleColumns::of(self.buffers)
    }
}

impl CandleColumns {
    /// Returns columns of final candles without copying the lists: open times in Unix nanoseconds, and open, high,
    /// low, close, volume and turnover.
    ///
    /// # Errors
    ///
    /// Returns an error if the lists differ in length, or if the open times do not rise strictly.
    pub fn from_final(open_times_ns: Vec<i64>, figures: [Vec<f64>; 6]) -> Result<Self, ColumnsError> {
        check_lengths(open_times_ns.len(), figures.each_ref().map(Vec::len))?;
        check_order(None, &open_times_ns, 0)?;
        Ok(Self::of(ColumnBuffers::of_final(open_times_ns, figures)))
    }
}

impl FromIterator<Candle> for CandleColumns {
    fn from_iter<I: IntoIterator<Item = Candle>>(candles: I) -> Self {
        let candles = candles.into_iter();
        let mut columns = CandleColumnsBuilder::with_capacity(candles.size_hint().0);
        candles.for_each(|candle| columns.push(&candle));
        columns.finish()
    }
}

impl<'a> FromIterator<&'a Candle> for CandleColumns {
    fn from_iter<I: IntoIterator<Item = &'a Candle>>(candles: I) -> Self {
        candles.into_iter().copied().collect()
    }
}

impl From<Vec<Candle>> for CandleColumns {
    fn from(candles: Vec<Candle>) -> Self {
        candles.into_iter().collect()
    }
}

impl From<&[Candle]> for CandleColumns {
    fn from(candles: &[Candle]) -> Self {
        candles.iter().collect()
    }
}

impl<const N: usize> From<[Candle; N]> for CandleColumns {
    fn from(candles: [Candle; N]) -> Self {
        candles.into_iter().collect()
    }
}
