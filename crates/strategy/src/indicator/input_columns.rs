//! The columns of a run of bars that a formula reads.

use std::ops::Range;

use market_backbone_core::CandleColumns;

use super::kernel::Formula;

/// The columns of a run of bars.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InputColumns<'a> {
    /// The chosen price source.
    pub(crate) real: &'a [f64],
    pub(crate) open: &'a [f64],
    pub(crate) high: &'a [f64],
    pub(crate) low: &'a [f64],
    pub(crate) close: &'a [f64],
    pub(crate) volume: &'a [f64],
}

impl<'a> InputColumns<'a> {
    /// Returns the rows `rows` of `bars`; `real` is the column of the source, as long as `bars`.
    pub(crate) fn of(bars: &'a CandleColumns, real: &'a [f64], rows: Range<usize>) -> Self {
        Self {
            real: &real[rows.clone()],
            open: &bars.opens()[rows.clone()],
            high: &bars.highs()[rows.clone()],
            low: &bars.lows()[rows.clone()],
            close: &bars.closes()[rows.clone()],
            volume: &bars.volumes()[rows],
        }
    }

    fn named(&self, input: &str) -> &'a [f64] {
        match input {
            "open" => self.open,
            "high" => self.high,
            "low" => self.low,
            "close" => self.close,
            "volume" => self.volume,
            _ => self.real,
        }
    }

    /// Returns whether every figure that `formula` reads is finite.
    pub(crate) fn are_finite_for(&self, formula: Formula) -> bool {
        formula.inputs().iter().all(|input| are_finite(self.named(input)))
    }
}

/// Returns whether all figures are finite. Sums of zeros are what a processor adds fastest, and one figure that is not
/// finite makes its sum not a number.
pub(super) fn are_finite(figures: &[f64]) -> bool {
    let (eights, rest) = figures.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for eight in eights {
        for (sum, figure) in sums.iter_mut().zip(eight) {
            *sum += figure * 0.0;
        }
    }
    sums.into_iter().sum::<f64>() == 0.0 && rest.iter().all(|figure| figure.is_finite())
}
