//! What of a commit is kept: the same rule for every store, so that none can be taught a falsehood.

use market_backbone_core::{Candle, Coverage, Series, StoreError, StoreErrorKind, TimeRange, Timestamp};

/// Rows and their proof, fit to be stored.
#[derive(Debug)]
pub(crate) struct Batch {
    // Invariant: all final, all figures finite, all open times on whole milliseconds.
    pub(crate) candles: Vec<Candle>,
    pub(crate) coverage: Coverage,
}

impl Batch {
    /// Leaves out candles that are not final, and what is said to be proven from the first of them on:
    /// a slot that is covered and has no row means that nothing traded in it, which would be untrue.
    pub(crate) fn accept(
        series: &Series,
        candles: &[Candle],
        coverage: &Coverage,
    ) -> Result<Self, StoreError> {
        let settled = candles.iter().filter(|candle| !candle.is_final).map(|candle| candle.open_time).min();
        let coverage = match settled.map(|end| TimeRange::new(Timestamp::MIN, end)) {
            Some(Ok(before)) => coverage.within(before),
            Some(Err(_)) => Coverage::empty(),
            None => coverage.clone(),
        };
        let candles: Vec<_> = candles.iter().filter(|candle| candle.is_final).copied().collect();
        match candles.iter().find(|candle| !is_storable(candle)) {
            Some(candle) => Err(StoreError::new(
                StoreErrorKind::Database,
                format!(
                    "the candle of {series} at {} has impossible figures and is not stored",
                    candle.open_time
                ),
            )),
            None => Ok(Self { candles, coverage }),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.candles.is_empty() && self.coverage.spans().is_empty()
    }
}

/// Whether a table can hold it and give the same back. Whether its figures are plausible is the adapter's to say.
fn is_storable(candle: &Candle) -> bool {
    let Candle { open_time, open, high, low, close, volume, turnover, .. } = *candle;
    let whole = Timestamp::from_millis(open_time.as_millis()) == open_time;
    whole && [open, high, low, close, volume, turnover].into_iter().all(f64::is_finite)
}
