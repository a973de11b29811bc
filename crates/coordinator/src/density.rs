//! The density of a series: an estimate of the share of slots with a candle. It plans pages and decides nothing
//! else.

use std::sync::{Mutex, PoisonError};

use market_backbone_core::{CandlePage, Series, TimeRange};
use rustc_hash::FxHashMap;

use crate::slot_grid::SlotGrid;

/// The number of series that are remembered. Beyond it an arbitrary one is forgotten, which costs one probe.
const REMEMBERED: usize = 4_096;

/// The share of slots that have a candle, above 0 and at most 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Density(f64);

impl Density {
    /// The density at which nearly every slot has a candle.
    pub(crate) const FULL: Self = Self(1.0);
    /// The density from which pages are requested in parallel: at worst one in twenty is wasted.
    const DENSE: f64 = 0.95;
    /// The safety factor: a page of a thin series shows its density to about 7 %, and this is three times that.
    const CAUTION: f64 = 0.8;

    /// Returns the density that a page shows, the slots after its newest row included, or `None` if it shows
    /// nothing.
    pub(crate) fn observed_in(page: &CandlePage, slots: SlotGrid) -> Option<Self> {
        let covered = page.proof.covered?;
        let end = page.proof.absent_after.map_or(covered.to(), |absent| absent.to().max(covered.to()));
        let shown = TimeRange::new(covered.from(), end).ok()?;
        let rows = page.candles.iter().filter(|candle| covered.contains(candle.open_time)).count();
        Self::of(rows as f64 / slots.count(shown) as f64)
    }

    pub(crate) fn of(share: f64) -> Option<Self> {
        (share.is_finite() && share > 0.0).then(|| Self(share.min(1.0)))
    }

    /// Returns the older estimate, corrected by what was seen since: half of each.
    pub(crate) fn corrected(older: Option<Self>, seen: Self) -> Self {
        older.map_or(seen, |older| Self((older.0 + seen.0) / 2.0))
    }

    pub(crate) fn is_dense(self) -> bool {
        self.0 >= Self::DENSE
    }

    /// Returns whether so few slots lack a candle that none of a page's does.
    pub(crate) fn is_full(self) -> bool {
        self.0 > 0.999
    }

    /// Returns the number of slots in which to look for `rows` rows. It is rather too small: a shortfall costs
    /// another round trip, while looking too far costs a page. In a dense series the estimate is nearly
    /// certain.
    pub(crate) fn slots_for(self, rows: u64) -> u64 {
        if self.is_dense() { rows } else { (rows as f64 / self.0 * Self::CAUTION).ceil() as u64 }
    }

    /// Returns the number of rows that `slots` slots are likely to have.
    pub(crate) fn rows_in(self, slots: u64) -> f64 {
        slots as f64 * self.0
    }
}

/// The latest estimate for each series.
#[derive(Debug, Default)]
pub(crate) struct DensityCache {
    by_series: Mutex<FxHashMap<Series, Density>>,
}

impl DensityCache {
    pub(crate) fn get(&self, series: &Series) -> Option<Density> {
        self.by_series.lock().unwrap_or_else(PoisonError::into_inner).get(series).copied()
    }

    pub(crate) fn remember(&self, series: &Series, density: Density) {
        let mut known = self.by_series.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED
            && !known.contains_key(series)
            && let Some(forgotten) = known.keys().next().cloned()
        {
            known.remove(&forgotten);
        }
        known.insert(series.clone(), density);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{Symbol, Timeframe, VenueId};

    #[test]
    fn the_memory_is_bounded() {
        let densities = DensityCache::default();
        let series = |number: usize| {
            let symbol = Symbol::new(VenueId::new("test"), &format!("M{number}")).unwrap();
            Series::new(symbol, Timeframe::M1)
        };
        for number in 0..REMEMBERED + 10 {
            densities.remember(&series(number), Density::FULL);
        }
        assert_eq!(densities.by_series.lock().unwrap().len(), REMEMBERED);
        assert_eq!(densities.get(&series(REMEMBERED + 9)), Some(Density::FULL));
    }

    #[test]
    fn a_dense_series_is_looked_for_in_as_many_slots_as_rows() {
        assert_eq!(Density::FULL.slots_for(20_000), 20_000);
        assert_eq!(Density::of(0.98).unwrap().slots_for(20_000), 20_000);
        assert_eq!(Density::of(0.04).unwrap().slots_for(100), 2_000);
        assert_eq!(Density::of(0.0), None);
    }
}
