//! The columns of candles on their way between a table, a file and the caller.

use std::ops::Range;

use market_backbone_core::{Candle, CandleColumns, ColumnPool, Timestamp};

/// The number of columns: the open time and six figures.
pub(super) const COLUMNS: usize = 7;

/// Seven columns of the same length, oldest row first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::sqlite_store) struct SegmentColumns {
    /// The open times, in nanoseconds.
    pub(in crate::sqlite_store) times: Vec<i64>,
    /// Open, high, low, close, volume and turnover.
    pub(in crate::sqlite_store) figures: [Vec<f64>; COLUMNS - 1],
}

impl SegmentColumns {
    /// Creates columns of `rows` zeros, to be filled from files.
    pub(super) fn zeroed(rows: usize) -> Self {
        Self { times: vec![0; rows], figures: std::array::from_fn(|_| vec![0.0; rows]) }
    }

    /// Takes columns of `rows` values from `pool`, to be filled from files.
    pub(super) fn taken_from(pool: &ColumnPool, rows: usize) -> Self {
        let (times, figures) = pool.take(rows);
        Self { times, figures }
    }

    pub(in crate::sqlite_store) fn len(&self) -> usize {
        self.times.len()
    }

    pub(super) fn push(&mut self, candle: &Candle) {
        self.times.push(candle.open_time.as_nanos());
        for (column, figure) in self.figures.iter_mut().zip(figures(candle)) {
            column.push(figure);
        }
    }

    pub(super) fn candle(&self, row: usize) -> Candle {
        let [open, high, low, close, volume, turnover] = &self.figures;
        Candle {
            open_time: Timestamp::from_nanos(self.times[row]),
            open: open[row],
            high: high[row],
            low: low[row],
            close: close[row],
            volume: volume[row],
            turnover: turnover[row],
            is_final: true,
        }
    }

    pub(super) fn candles(&self) -> impl DoubleEndedIterator<Item = Candle> + ExactSizeIterator {
        (0..self.len()).map(|row| self.candle(row))
    }

    /// Returns all rows, to be written to.
    pub(super) fn slots(&mut self) -> ColumnSlots<'_> {
        ColumnSlots { times: &mut self.times, figures: self.figures.each_mut().map(Vec::as_mut_slice) }
    }
}

/// Adjacent rows of columns that are being filled.
#[derive(Debug)]
pub(super) struct ColumnSlots<'a> {
    times: &'a mut [i64],
    figures: [&'a mut [f64]; COLUMNS - 1],
}

impl<'a> ColumnSlots<'a> {
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// Takes the first `rows` of them away.
    pub(super) fn take_front(&mut self, rows: usize) -> Self {
        let (times, rest) = std::mem::take(&mut self.times).split_at_mut(rows);
        self.times = rest;
        let figures = self.figures.each_mut().map(|column| {
            let (front, rest) = std::mem::take(column).split_at_mut(rows);
            *column = rest;
            front
        });
        Self { times, figures }
    }

    /// Copies `candles`, as many as there are here.
    pub(super) fn fill(&mut self, candles: &CandleColumns) {
        self.times.copy_from_slice(candles.open_times_ns());
        let figures = [
            candles.opens(),
            candles.highs(),
            candles.lows(),
            candles.closes(),
            candles.volumes(),
            candles.turnovers(),
        ];
        for (column, from) in self.figures.iter_mut().zip(figures) {
            column.copy_from_slice(from);
        }
    }

    /// Copies `rows` of `other`, as many as there are here.
    pub(super) fn copy_from(&mut self, other: &SegmentColumns, rows: Range<usize>) {
        self.times.copy_from_slice(&other.times[rows.clone()]);
        for (column, from) in self.figures.iter_mut().zip(&other.figures) {
            column.copy_from_slice(&from[rows.clone()]);
        }
    }

    /// Returns each column as bytes: the open times first.
    pub(super) fn bytes(&mut self) -> [&mut [u8]; COLUMNS] {
        let [open, high, low, close, volume, turnover] = self.figures.each_mut();
        [
            bytemuck::must_cast_slice_mut(self.times),
            bytemuck::must_cast_slice_mut(open),
            bytemuck::must_cast_slice_mut(high),
            bytemuck::must_cast_slice_mut(low),
            bytemuck::must_cast_slice_mut(close),
            bytemuck::must_cast_slice_mut(volume),
            bytemuck::must_cast_slice_mut(turnover),
        ]
    }

    /// Turns what was read from a file, which is little-endian, into numbers of this machine.
    pub(super) fn decode_little_endian(&mut self) {
        if cfg!(target_endian = "big") {
            self.times.iter_mut().for_each(|time| *time = i64::from_le(*time));
            for figure in self.figures.iter_mut().flat_map(|column| column.iter_mut()) {
                *figure = f64::from_bits(u64::from_le(figure.to_bits()));
            }
        }
    }
}

fn figures(candle: &Candle) -> [f64; COLUMNS - 1] {
    let Candle { open, high, low, close, volume, turnover, .. } = *candle;
    [open, high, low, close, volume, turnover]
}
