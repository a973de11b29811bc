//! Compares columns of candles with each other and with rows, and shows them.

use std::fmt;

use super::CandleColumns;
use crate::Candle;

impl fmt::Debug for CandleColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq for CandleColumns {
    fn eq(&self, other: &Self) -> bool {
        let exceptions = |columns: &Self| -> Vec<usize> {
            columns.not_final().iter().map(|row| row - columns.start).collect()
        };
        self.open_times_ns() == other.open_times_ns()
            && self.opens() == other.opens()
            && self.highs() == other.highs()
            && self.lows() == other.lows()
            && self.closes() == other.closes()
            && self.volumes() == other.volumes()
            && self.turnovers() == other.turnovers()
            && exceptions(self) == exceptions(other)
    }
}

impl PartialEq<[Candle]> for CandleColumns {
    fn eq(&self, rows: &[Candle]) -> bool {
        self.len() == rows.len() && self.iter().zip(rows).all(|(mine, theirs)| mine == *theirs)
    }
}

impl PartialEq<&[Candle]> for CandleColumns {
    fn eq(&self, rows: &&[Candle]) -> bool {
        *self == **rows
    }
}

impl PartialEq<Vec<Candle>> for CandleColumns {
    fn eq(&self, rows: &Vec<Candle>) -> bool {
        *self == **rows
    }
}

impl<const N: usize> PartialEq<[Candle; N]> for CandleColumns {
    fn eq(&self, rows: &[Candle; N]) -> bool {
        *self == rows[..]
    }
}

impl PartialEq<CandleColumns> for [Candle] {
    fn eq(&self, columns: &CandleColumns) -> bool {
        *columns == *self
    }
}

impl PartialEq<CandleColumns> for &[Candle] {
    fn eq(&self, columns: &CandleColumns) -> bool {
        *columns == **self
    }
}

impl PartialEq<CandleColumns> for Vec<Candle> {
    fn eq(&self, columns: &CandleColumns) -> bool {
        *columns == **self
    }
}

impl<const N: usize> PartialEq<CandleColumns> for [Candle; N] {
    fn eq(&self, columns: &CandleColumns) -> bool {
        *columns == self[..]
    }
}
