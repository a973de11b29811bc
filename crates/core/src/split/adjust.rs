//! Adjusts candles for splits. Candles that straddle a split are computed from shorter ones.

use std::collections::BTreeMap;

use super::SplitHistory;
use crate::derivation::aggregate;
use crate::{
    Candle, CandleColumnsBuilder, CandleSet, Dispute, Grid, RejectedRow, Slot, TimeRange, Timeframe,
    Timestamp,
};

/// A candle that straddles a split: one part of it was traded in old shares, one in new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StraddlingCandle {
    /// The slot of the candle.
    pub slot: TimeRange,
    /// The timeframe of the candles it has to be computed from: the longest that no split falls into.
    pub component_timeframe: Timeframe,
}

/// The split-adjusted candles of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct AdjustedCandles {
    /// The candles that could be adjusted.
    pub set: CandleSet,
    /// The open times of the candles that could not be adjusted, because parts of them are unknown or a split is
    /// impossible. They are left out, their slots are unknown, and the set lists them among the
    /// [rejected](CandleSet::rejected).
    pub unadjustable: Vec<Timestamp>,
}

impl CandleSet {
    /// Returns the candles that splits fall into: weeks, months and years, and hours across the venue's midnight.
    #[must_use]
    pub fn straddling_splits(&self, splits: &SplitHistory, grid: Grid) -> Vec<StraddlingCandle> {
        let timeframe = self.series.timeframe;
        let mut found: Vec<StraddlingCandle> = Vec::new();
        for moment in splits.moments() {
            let open = grid.floor(timeframe, moment);
            let is_here = self.candles.search(open).is_ok();
            let Ok(slot) = TimeRange::new(open, grid.close(timeframe, open)) else { continue };
            if open == moment || !is_here {
                continue;
            }
            let fits = |parts: &Timeframe| *parts < timeframe && grid.is_open_time(*parts, moment);
            let longest = [Timeframe::D1, Timeframe::H1, Timeframe::M1].into_iter().find(fits);
            let parts = longest.unwrap_or(Timeframe::S1);
            match found.last_mut() {
                Some(last) if last.slot == slot => {
                    last.component_timeframe = last.component_timeframe.min(parts)
                }
                _ => found.push(StraddlingCandle { slot, component_timeframe: parts }),
            }
        }
        found
    }

    /// Returns the answer in shares as they are after all `splits`. Turnover is money and stays.
    ///
    /// `parts` holds the shorter candles of those that [straddle a split](Self::straddling_splits), by the open
    /// time of the longer one. A straddling candle is returned if every part of it is known, or if the parts add
    /// up to it as it was traded. Of one that is not final, parts that had not ended by `now` may be missing. The
    /// others are left out.
    #[must_use]
    pub fn adjusted(
        mut self,
        splits: &SplitHistory,
        grid: Grid,
        parts: &BTreeMap<Timestamp, Self>,
        now: Timestamp,
    ) -> AdjustedCandles {
        let straddling = self.straddling_splits(splits, grid);
        let mut adjusted = CandleColumnsBuilder::with_capacity(self.candles.len());
        let mut untold = Vec::new();
        for whole in std::mem::take(&mut self.candles) {
            let open = whole.open_time;
            let candle = match straddling.binary_search_by_key(&open, |one| one.slot.from()) {
                Err(_) => splits.ratio(open).map(|ratio| ratio.apply(&whole)),
                Ok(nth) => {
                    let bar = StraddlingBar { whole: &whole, slot: straddling[nth].slot, grid, now };
                    let parts = parts.get(&open).and_then(|parts| bar.components(parts));
                    if parts.as_ref().is_some_and(|parts| parts.are_disputed) {
                        self.coverage.add_dispute(Dispute { range: bar.slot, earlier: None, later: None });
                    }
                    parts.and_then(|parts| bar.adjusted(&parts.rows, splits))
                }
            };
            match candle {
                Some(candle) => adjusted.push(&candle),
                None => untold.push(open),
            }
        }
        for open in &untold {
            if let Ok(slot) = TimeRange::new(*open, grid.close(self.series.timeframe, *open)) {
                self.coverage.remove(slot);
            }
            let is_straddled = straddling.binary_search_by_key(open, |one| one.slot.from()).is_ok();
            self.rejected.push(RejectedRow {
                market: self.series.symbol.code().to_owned(),
                slot: Some(*open),
                reason: if is_straddled { UNKNOWN_COMPONENTS } else { INVALID_SPLIT }.to_owned(),
            });
        }
        if let Some(range) = splits.disputed_range() {
            self.coverage.add_dispute(Dispute { range, earlier: None, later: None });
        }
        self.candles = adjusted.finish();
        AdjustedCandles { set: self, unadjustable: untold }
    }
}

/// The reason why a candle cannot be adjusted.
const UNKNOWN_COMPONENTS: &str =
    "a split falls into it, and its parts are not known or the split is impossible";
const INVALID_SPLIT: &str = "a later split is impossible, so it cannot be adjusted to today's shares";

/// A candle that straddles a split, as it was traded.
struct StraddlingBar<'a> {
    whole: &'a Candle,
    slot: TimeRange,
    grid: Grid,
    now: Timestamp,
}

/// The shorter candles of a bar, none of which is missing.
struct BarComponents {
    rows: Vec<Candle>,
    are_disputed: bool,
}

impl StraddlingBar<'_> {
    /// Returns all parts of the bar that have any trade, or `None` if some may be missing.
    fn components(&self, parts: &CandleSet) -> Option<BarComponents> {
        let timeframe = parts.series.timeframe;
        let (mut rows, mut are_disputed, mut are_known) = (Vec::new(), false, true);
        let mut open = self.slot.from();
        while open < self.slot.to() {
            let close = self.grid.close(timeframe, open);
            match parts.slot(open) {
                Slot::Present(row) => rows.push(row),
                Slot::Disputed(Some(row)) => {
                    rows.push(row);
                    are_disputed = true;
                }
                Slot::Empty => {}
                Slot::Unknown if !self.whole.is_final && self.now < close => {}
                Slot::Disputed(None) | Slot::Unknown => are_known = false,
            }
            open = close;
        }
        // A bar without any part contradicts what is known about its parts.
        let are_all = !rows.is_empty() && (are_known || self.is_sum_of(&rows));
        are_all.then_some(BarComponents { rows, are_disputed })
    }

    /// Returns whether these rows add up to the bar as it was traded.
    fn is_sum_of(&self, rows: &[Candle]) -> bool {
        let prices = |candle: &Candle| [candle.open, candle.high, candle.low, candle.close].map(f64::to_bits);
        aggregate(self.slot.from(), rows).is_some_and(|sum| {
            let volume = self.whole.volume;
            prices(&sum) == prices(self.whole) && (sum.volume - volume).abs() <= 1e-9 * volume
        })
    }

    /// Computes the bar from its parts, each in new shares.
    fn adjusted(&self, rows: &[Candle], splits: &SplitHistory) -> Option<Candle> {
        let ratios = rows.iter().map(|row| splits.ratio(row.open_time)).collect::<Option<Vec<_>>>()?;
        let first = ratios.first()?;
        if ratios.iter().all(|ratio| ratio == first) {
            // All trades were on one side of the split, which falls into the slot but not between the trades.
            return Some(first.apply(self.whole));
        }
        let adjusted: Vec<Candle> = rows.iter().zip(&ratios).map(|(row, ratio)| ratio.apply(row)).collect();
        let sum = aggregate(self.slot.from(), &adjusted)?;
        Some(Candle { turnover: self.whole.turnover, is_final: self.whole.is_final, ..sum })
    }
}
