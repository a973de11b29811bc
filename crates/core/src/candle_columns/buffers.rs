//! The memory behind columns of candles.

use std::{ops::Range, sync::Weak};

use super::pool::{ColumnMemory, ColumnPool};
use crate::{Candle, Timestamp};

/// The columns, all of the same length, and the rows that may still change.
#[derive(Clone, Debug, Default)]
pub(super) struct ColumnBuffers {
    pub(super) open_time: Vec<i64>,
    pub(super) open: Vec<f64>,
    pub(super) high: Vec<f64>,
    pub(super) low: Vec<f64>,
    pub(super) close: Vec<f64>,
    pub(super) volume: Vec<f64>,
    pub(super) turnover: Vec<f64>,
    // Rising. It is empty or holds the newest row, except where parts of an answer have not been joined yet.
    not_final: Vec<usize>,
    // Where the memory goes when the last user is gone, if anywhere.
    pub(super) pool: Weak<ColumnPool>,
}

impl ColumnBuffers {
    pub(super) fn with_capacity(rows: usize) -> Self {
        let figures = || Vec::with_capacity(rows);
        Self {
            open_time: Vec::with_capacity(rows),
            open: figures(),
            high: figures(),
            low: figures(),
            close: figures(),
            volume: figures(),
            turnover: figures(),
            not_final: Vec::new(),
            pool: Weak::new(),
        }
    }

    /// Returns buffers of these columns, which are of the same length, with final candles only.
    pub(super) fn of_final(open_time: Vec<i64>, figures: [Vec<f64>; 6]) -> Self {
        let [open, high, low, close, volume, turnover] = figures;
        let (not_final, pool) = (Vec::new(), Weak::new());
        Self { open_time, open, high, low, close, volume, turnover, not_final, pool }
    }

    /// Returns the memory to `pool` when the last user is gone.
    pub(super) fn return_to(&mut self, pool: Weak<ColumnPool>) {
        self.pool = pool;
    }

    /// Takes the memory away, which leaves nothing.
    pub(super) fn take_memory(&mut self) -> ColumnMemory {
        (std::mem::take(&mut self.open_time), self.figures_mut().map(std::mem::take))
    }

    pub(super) const fn len(&self) -> usize {
        self.open_time.len()
    }

    pub(super) const fn capacity(&self) -> usize {
        self.open_time.capacity()
    }

    fn figures(&self) -> [&Vec<f64>; 6] {
        [&self.open, &self.high, &self.low, &self.close, &self.volume, &self.turnover]
    }

    fn figures_mut(&mut self) -> [&mut Vec<f64>; 6] {
        let Self { open, high, low, close, volume, turnover, .. } = self;
        [open, high, low, close, volume, turnover]
    }

    pub(super) fn reserve(&mut self, rows: usize) {
        self.open_time.reserve(rows);
        self.figures_mut().into_iter().for_each(|figure| figure.reserve(rows));
    }

    pub(super) fn row(&self, row: usize) -> Candle {
        Candle {
            open_time: Timestamp::from_nanos(self.open_time[row]),
            open: self.open[row],
            high: self.high[row],
            low: self.low[row],
            close: self.close[row],
            volume: self.volume[row],
            turnover: self.turnover[row],
            is_final: self.is_final(row),
        }
    }

    pub(super) fn is_final(&self, row: usize) -> bool {
        self.not_final.is_empty() || self.not_final.binary_search(&row).is_err()
    }

    /// Returns those of the rows that may still change.
    pub(super) fn not_final_within(&self, rows: Range<usize>) -> &[usize] {
        let from = self.not_final.partition_point(|row| *row < rows.start);
        let to = self.not_final.partition_point(|row| *row < rows.end);
        &self.not_final[from..to]
    }

    pub(super) fn push(&mut self, candle: &Candle) {
        let Candle { open_time, open, high, low, close, volume, turnover, is_final } = *candle;
        if !is_final {
            self.not_final.push(self.len());
        }
        self.open_time.push(open_time.as_nanos());
        self.open.push(open);
        self.high.push(high);
        self.low.push(low);
        self.close.push(close);
        self.volume.push(volume);
        self.turnover.push(turnover);
    }

    pub(super) fn replace(&mut self, row: usize, candle: &Candle) {
        let Candle { open_time, open, high, low, close, volume, turnover, is_final } = *candle;
        match self.not_final.binary_search(&row) {
            Ok(nth) if is_final => {
                self.not_final.remove(nth);
            }
            Err(nth) if !is_final => self.not_final.insert(nth, row),
            Ok(_) | Err(_) => {}
        }
        self.open_time[row] = open_time.as_nanos();
        let figures = [open, high, low, close, volume, turnover];
        for (column, figure) in self.figures_mut().into_iter().zip(figures) {
            column[row] = figure;
        }
    }

    /// Appends final candles, column by column. The columns are of the same length.
    pub(super) fn append_final(&mut self, open_time: &[i64], figures: [&[f64]; 6]) {
        self.open_time.extend_from_slice(open_time);
        for (mine, theirs) in self.figures_mut().into_iter().zip(figures) {
            mine.extend_from_slice(theirs);
        }
    }

    /// Appends `rows` of `other`.
    pub(super) fn append(&mut self, other: &Self, rows: Range<usize>) {
        let before = self.len();
        let shifted = other.not_final_within(rows.clone()).iter().map(|row| row - rows.start + before);
        self.not_final.extend(shifted);
        let figures = other.figures().map(|figure| &figure[rows.clone()]);
        self.append_final(&other.open_time[rows.clone()], figures);
    }

    /// Returns a copy of `rows` alone.
    pub(super) fn copied(&self, rows: Range<usize>) -> Self {
        let mut copy = Self::with_capacity(rows.len());
        copy.append(self, rows);
        copy
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        self.open_time.truncate(rows);
        self.figures_mut().into_iter().for_each(|figure| figure.truncate(rows));
        while self.not_final.pop_if(|row| *row >= rows).is_some() {}
    }
}
