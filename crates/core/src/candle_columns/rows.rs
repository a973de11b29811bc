//! The rows of columns, one after the other.

use std::{iter::FusedIterator, ops::Range};

use super::{CandleColumns, buffers::ColumnBuffers};
use crate::Candle;

/// The candles of [`CandleColumns`], oldest first.
#[derive(Clone, Debug)]
pub struct CandleRows<'a> {
    buffers: &'a ColumnBuffers,
    rows: Range<usize>,
}

impl<'a> CandleRows<'a> {
    pub(super) const fn new(buffers: &'a ColumnBuffers, rows: Range<usize>) -> Self {
        Self { buffers, rows }
    }
}

/// The candles of [`CandleColumns`] that nobody needs any more, oldest first.
#[derive(Clone, Debug)]
pub struct OwnedCandleRows {
    columns: CandleColumns,
    rows: Range<usize>,
}

macro_rules! rows_of {
    ($rows:ty, $own:ident, $buffers:expr) => {
        impl Iterator for $rows {
            type Item = Candle;

            fn next(&mut self) -> Option<Candle> {
                let $own = self;
                $own.rows.next().map(|row| $buffers.row(row))
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                self.rows.size_hint()
            }

            fn nth(&mut self, passed: usize) -> Option<Candle> {
                let $own = self;
                $own.rows.nth(passed).map(|row| $buffers.row(row))
            }
        }

        impl DoubleEndedIterator for $rows {
            fn next_back(&mut self) -> Option<Candle> {
                let $own = self;
                $own.rows.next_back().map(|row| $buffers.row(row))
            }
        }

        impl ExactSizeIterator for $rows {}
        impl FusedIterator for $rows {}
    };
}

rows_of!(CandleRows<'_>, own, own.buffers);
rows_of!(OwnedCandleRows, own, own.columns.buffers);

impl<'a> IntoIterator for &'a CandleColumns {
    type Item = Candle;
    type IntoIter = CandleRows<'a>;

    fn into_iter(self) -> CandleRows<'a> {
        self.iter()
    }
}

impl IntoIterator for CandleColumns {
    type Item = Candle;
    type IntoIter = OwnedCandleRows;

    fn into_iter(self) -> OwnedCandleRows {
        let rows = self.start..self.end;
        OwnedCandleRows { columns: self, rows }
    }
}
