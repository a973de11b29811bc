//! How many of a series' slots have a candle: a guess that plans pages and decides nothing.

use std::sync::{Mutex, PoisonError};

use market_backbone_core::{CandlePage, Series, TimeRange};
use rustc_hash::FxHashMap;

use crate::slot_grid::SlotGrid;

/// How many series are remembered. Beyond that an arbitrary one is forgotten, at the price of one probe.
const REMEMBERED: usize = 4_096;

/// The share of slots that have a candle, above 0 and at most 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Density(f64);

impl Density {
    /// As good as every slot has a candle.
    pub(crate) const FULL: Self = Self(1.0);
    /// From here on pages are asked blindly, side by side: at worst one in twenty is wasted.
    const DENSE: f64 = 0.95;
    /// A page of a thin series tells its density to about 7 %; three times that is on the safe side.
    const CAUTION: f64 = 0.8;

    /// What a page shows of it, the slots after its newest row included; `None` if it shows nothing.
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

    /// The older guess, corrected by what was seen since: half of each.
    pub(crate) fn corrected(older: Option<Self>, seen: Self) -> Self {
        older.map_or(seen, |older| Self((older.0 + seen.0) / 2.0))
    }

    pub(crate) fn is_dense(self) -> bool {
        self.0 >= Self::DENSE
    }

    /// Whether so few slots lack a candle that none of a page's does.
    pub(crate) fn is_full(self) -> bool {
        self.0 > 0.999
    }

    /// In how many slots to look for `rows` rows. Rather too few: what falls short is asked next, at the price of a
    /// round trip, where looking too far costs a page. Where it is dense the guess is as good as certain.
    pub(crate) fn slots_for(self, rows: u64) -> u64 {
        if self.is_dense() { rows } else { (rows as f64 / self.0 * Self::CAUTION).ceil() as u64 }
    }

    /// How many rows `slots` slots are likely to have.
    pub(crate) fn rows_in(self, slots: u64) -> f64 {
        slots as f64 * self.0
    }
}

/// The last guess for each series.
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
