//! The rules for what a commit stores: the same for every store, so that none stores a false statement.

use std::time::Duration;

use market_backbone_core::{
    Candle, Coverage, Series, StoreError, StoreErrorKind, TimeRange, Timeframe, Timestamp,
};

/// Rows and their coverage, checked and ready to be stored.
#[derive(Debug)]
pub(crate) struct Batch {
    // Invariant: strictly rising, all final, all values finite, all open times on whole milliseconds.
    pub(crate) candles: Vec<Candle>,
    pub(crate) coverage: Coverage,
    /// The shortest possible slot of the series.
    pub(crate) slot: Duration,
}

impl Batch {
    /// Removes candles that are not final, and the coverage from the first of them on.
    ///
    /// A covered slot without a row means that nothing traded in it, which would be false. Of two final
    /// candles of one slot, the later one in the list counts.
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
        let candles = in_order(candles.iter().filter(|candle| candle.is_final).copied().collect());
        match candles.iter().find(|candle| !is_storable(candle)) {
            Some(candle) => Err(StoreError::new(
                StoreErrorKind::Database,
                format!(
                    "the candle of {series} at {} has invalid values and is not stored",
                    candle.open_time
                ),
            )),
            None => Ok(Self { candles, coverage, slot: shortest_slot(series.timeframe) }),
        }
    }

    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn is_empty(&self) -> bool {
        self.candles.is_empty() && self.coverage.is_empty()
    }

    /// Returns the ranges in which stored data must be compared with the batch: its coverage and claims, and
    /// the slots of rows without coverage.
    pub(crate) fn affected_ranges(&self) -> Vec<TimeRange> {
        let mut affected = self.coverage.known();
        affected.extend(self.coverage.claims().iter().map(|claim| claim.range));
        let unproven = self.candles.iter().filter(|candle| !self.coverage.is_known(candle.open_time));
        affected.extend(unproven.filter_map(|candle| self.slot_of(candle.open_time)));
        affected.into_vec()
    }

    /// Returns the slot that opens at `open_time`, as far as no grid can have another open time in it.
    pub(crate) fn slot_of(&self, open_time: Timestamp) -> Option<TimeRange> {
        TimeRange::new(open_time, open_time.plus(self.slot)).ok()
    }
}

fn in_order(mut candles: Vec<Candle>) -> Vec<Candle> {
    candles.sort_by_key(|candle| candle.open_time); // stable: the later of two stays later
    candles.dedup_by(|later, kept| {
        let same = later.open_time == kept.open_time;
        if same {
            *kept = *later;
        }
        same
    });
    candles
}

/// Returns the shortest slot, because a store does not know its venues' grids. At a change of clocks, a slot
/// of hours may be one hour shorter.
fn shortest_slot(timeframe: Timeframe) -> Duration {
    const HOUR: i64 = 3_600;
    let secs = match timeframe {
        Timeframe::Month => 28 * 24 * HOUR - HOUR,
        Timeframe::Year => 365 * 24 * HOUR - HOUR,
        other => other.fixed_secs().map_or(1, |secs| if secs > HOUR { secs - HOUR } else { secs }),
    };
    Duration::from_secs(secs.unsigned_abs())
}

/// Returns whether a table can store the candle and return it unchanged. Whether its values are plausible is
/// for the adapter to check.
fn is_storable(candle: &Candle) -> bool {
    let Candle { open_time, open, high, low, close, volume, turnover, .. } = *candle;
    let whole = Timestamp::from_millis(open_time.as_millis()) == open_time;
    whole && [open, high, low, close, volume, turnover].into_iter().all(f64::is_finite)
}
