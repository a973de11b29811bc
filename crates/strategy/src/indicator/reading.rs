//! The answer of an indicator about a bar.

use super::kernel::FormulaValues;

/// The values of an indicator at a bar, or the reason why there are none.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    pub(super) values: FormulaValues,
    pub(super) outputs: u8,
    pub(super) chosen: u8,
    pub(super) flags: u8,
}

impl Reading {
    pub(super) const WARMING: u8 = 1;
    pub(super) const FLAT: u8 = 2;
    pub(super) const SETTLING: u8 = 4;
    pub(super) const AFTER_HOLE: u8 = 8;

    /// Returns the chosen output (`signal` of `macd(12, 26, 9).signal`), or `None` where there is no value: while the
    /// indicator is [warming](Self::is_warming), or where the formula has none for this bar.
    #[inline]
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.get(usize::from(self.chosen))
    }

    /// Returns the output at `place` in the order of [`outputs`](super::IndicatorSpec::outputs).
    #[inline]
    #[must_use]
    pub fn get(&self, place: usize) -> Option<f64> {
        let value = self.values.get(place);
        (place < usize::from(self.outputs) && !self.is_warming() && value.is_finite()).then_some(value)
    }

    /// Returns whether fewer bars have been seen than a value needs.
    #[inline]
    #[must_use]
    pub const fn is_warming(&self) -> bool {
        self.flags & Self::WARMING != 0
    }

    /// Returns whether prices stood still where the formula divides by their movement, so that the value is a convention: 50
    /// for an RSI, 0 for most others.
    #[inline]
    #[must_use]
    pub const fn is_flat(&self) -> bool {
        self.flags & Self::FLAT != 0
    }

    /// Returns whether the value still remembers at which bar the computation began.
    #[inline]
    #[must_use]
    pub const fn is_settling(&self) -> bool {
        self.flags & Self::SETTLING != 0
    }

    /// Returns whether the indicator is warming or settling because an unknown slot made it begin anew.
    #[inline]
    #[must_use]
    pub const fn is_after_hole(&self) -> bool {
        self.flags & Self::AFTER_HOLE != 0
    }
}

/// Two readings are equal if they say the same. What stands in the place of a missing value does not count.
impl PartialEq for Reading {
    fn eq(&self, other: &Self) -> bool {
        let said = |reading: &Self| (reading.outputs, reading.chosen, reading.flags);
        said(self) == said(other)
            && (0..usize::from(self.outputs)).all(|place| self.get(place) == other.get(place))
    }
}
