//! A bounded cache of finished minutes and days of all stocks.
//!
//! A cell says from when on all its prints are known, so one cell serves every "now" after that; only the few
//! minutes with late prints still to come are folded anew.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::unadjusted_bar::UnadjustedBar;
use crate::massive::trading_calendar::StockSession;

/// The number of minute cells kept, of all stocks together: about 90 MB.
const MINUTE_BUDGET: usize = 600_000;
/// The number of day bars kept: about 25 MB.
const DAY_BUDGET: usize = 200_000;

/// A minute with prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StockMinute {
    pub(crate) bar: UnadjustedBar,
    pub(crate) session: StockSession,
    /// The time from which every print of the minute is known, in ms.
    pub(crate) final_ms: i64,
}

type StockDayKey = (u32, i64);

#[derive(Debug, Default)]
struct StockBarCacheState {
    minutes: FxHashMap<StockDayKey, (u64, Arc<[StockMinute]>)>,
    minute_count: usize,
    days: FxHashMap<StockDayKey, UnadjustedBar>,
    uses: u64,
}

/// The cache, by stock and day.
#[derive(Debug, Default)]
pub(crate) struct StockBarCache(Mutex<StockBarCacheState>);

impl StockBarCache {
    /// Returns the minutes of a day, made by `fold` where they are not cached.
    pub(crate) fn minutes(
        &self,
        key: StockDayKey,
        fold: impl FnOnce() -> Vec<StockMinute>,
    ) -> Arc<[StockMinute]> {
        let known = self.with(|shelves| {
            shelves.uses += 1;
            let (used, cells) = shelves.minutes.get_mut(&key)?;
            *used = shelves.uses;
            Some(Arc::clone(cells))
        });
        if let Some(cells) = known {
            return cells;
        }
        let made: Arc<[StockMinute]> = fold().into();
        self.with(|shelves| {
            shelves.make_room(made.len());
            shelves.minute_count += made.len();
            if let Some((_, old)) = shelves.minutes.insert(key, (shelves.uses, Arc::clone(&made))) {
                shelves.minute_count -= old.len();
            }
        });
        made
    }

    /// Returns the bar of a day that no longer changes, made by `fold` where it is not cached.
    pub(crate) fn day(&self, key: StockDayKey, fold: impl FnOnce() -> UnadjustedBar) -> UnadjustedBar {
        if let Some(bar) = self.with(|shelves| shelves.days.get(&key).copied()) {
            return bar;
        }
        let bar = fold();
        self.with(|shelves| {
            if shelves.days.len() >= DAY_BUDGET {
                shelves.days.clear();
            }
            shelves.days.insert(key, bar);
        });
        bar
    }

    fn with<T>(&self, act: impl FnOnce(&mut StockBarCacheState) -> T) -> T {
        // Only finished values are stored, so a panic elsewhere cannot have left half of one.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl StockBarCacheState {
    /// Evicts half of the days, the least recently used ones, when there is no room for `more` cells.
    fn make_room(&mut self, more: usize) {
        if self.minute_count + more <= MINUTE_BUDGET || self.minutes.is_empty() {
            return;
        }
        let mut uses: Vec<u64> = self.minutes.values().map(|(used, _)| *used).collect();
        let middle = uses.len() / 2;
        let (_, median, _) = uses.select_nth_unstable(middle);
        let median = *median;
        self.minutes.retain(|_, (used, _)| *used > median);
        self.minute_count = self.minutes.values().map(|(_, cells)| cells.len()).sum();
    }
}
