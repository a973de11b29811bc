//! The bounded cache of a market's tape.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustc_hash::FxHashMap;

use super::{PriceExtremes, TapeBar, TapeTrade};

/// The number of minutes of trades kept for the live feeds and the newest pages.
const RECENT_MINUTES: usize = 8;
/// The number of one-minute bars kept in all markets together: about 300 MB.
const BAR_BUDGET: usize = 3_000_000;
/// The number of bars a market may keep when others have spent the budget: enough to page through its
/// history.
const BAR_FLOOR: usize = 3 * 1_440;
/// The cost of a day without trades, in bars.
const EMPTY_DAY: usize = 16;

/// The finished folds of one market.
///
/// Day bars are kept for good (a hundred bytes a day). Minute bars are kept until the budget of all markets
/// is spent; then the least recently used days are evicted.
#[derive(Debug)]
pub(crate) struct TapeCache {
    budget: BarCacheBudget,
    recent: VecDeque<(i64, Arc<[TapeTrade]>)>,
    minutes: FxHashMap<i64, (u64, Arc<[TapeBar]>)>,
    days: FxHashMap<i64, Option<TapeBar>>,
    extremes: Option<(i64, i64, Option<PriceExtremes>)>,
    spent: usize,
    uses: u64,
}

/// The number of bars that all markets keep together.
#[derive(Clone, Debug, Default)]
pub(crate) struct BarCacheBudget(Arc<AtomicUsize>);

impl TapeCache {
    pub(crate) fn new(budget: BarCacheBudget) -> Self {
        Self {
            budget,
            recent: VecDeque::new(),
            minutes: FxHashMap::default(),
            days: FxHashMap::default(),
            extremes: None,
            spent: 0,
            uses: 0,
        }
    }

    pub(crate) fn recent(&self, minute: i64) -> Option<Arc<[TapeTrade]>> {
        self.recent.iter().find(|(at, _)| *at == minute).map(|(_, trades)| Arc::clone(trades))
    }

    pub(crate) fn remember(&mut self, minute: i64, trades: &Arc<[TapeTrade]>) {
        if self.recent.len() == RECENT_MINUTES {
            self.recent.pop_front();
        }
        self.recent.push_back((minute, Arc::clone(trades)));
    }

    pub(crate) fn minutes(&mut self, day: i64) -> Option<Arc<[TapeBar]>> {
        self.uses += 1;
        let (used, bars) = self.minutes.get_mut(&day)?;
        *used = self.uses;
        Some(Arc::clone(bars))
    }

    pub(crate) fn store_minutes(&mut self, day: i64, bars: &Arc<[TapeBar]>) {
        self.uses += 1;
        if self.minutes.insert(day, (self.uses, Arc::clone(bars))).is_none() {
            self.spent += cost(bars);
            self.budget.0.fetch_add(cost(bars), Ordering::Relaxed);
        }
        while self.spent > BAR_FLOOR && self.budget.0.load(Ordering::Relaxed) > BAR_BUDGET {
            let Some(oldest) = self.minutes.iter().min_by_key(|(_, (used, _))| *used).map(|(day, _)| *day)
            else {
                return;
            };
            if let Some((_, bars)) = self.minutes.remove(&oldest) {
                self.spent -= cost(&bars);
                self.budget.0.fetch_sub(cost(&bars), Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn day(&self, day: i64) -> Option<Option<TapeBar>> {
        self.days.get(&day).copied()
    }

    pub(crate) fn store_day(&mut self, day: i64, bar: Option<TapeBar>) {
        self.days.insert(day, bar);
    }

    pub(crate) fn extremes(&self, from_day: i64, to_day: i64) -> Option<Option<PriceExtremes>> {
        let (from, to, found) = self.extremes?;
        ((from, to) == (from_day, to_day)).then_some(found)
    }

    pub(crate) fn store_extremes(&mut self, from_day: i64, to_day: i64, found: Option<PriceExtremes>) {
        self.extremes = Some((from_day, to_day, found));
    }
}

fn cost(bars: &[TapeBar]) -> usize {
    bars.len() + EMPTY_DAY
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::TakerSide;

    fn full_day(day: i64) -> Arc<[TapeBar]> {
        let trade = TapeTrade { time_ms: day, id: 0, price_e8: 1, size_e8: 1, side: TakerSide::Buy };
        vec![TapeBar::of(day, &trade); 1_440].into()
    }

    #[test]
    fn the_least_used_days_make_room() {
        let budget = BarCacheBudget::default();
        let (mut first, mut second) = (TapeCache::new(budget.clone()), TapeCache::new(budget.clone()));
        for day in 0..3_000 {
            first.store_minutes(day, &full_day(day));
            assert!(first.minutes(0).is_some(), "day 0 is used all the time");
        }
        assert!(first.minutes(1).is_none() && first.minutes(2_999).is_some());
        for day in 0..100 {
            second.store_minutes(day, &full_day(day));
        }
        assert!(second.minutes(99).is_some() && second.minutes(98).is_some(), "everyone keeps a little");
        assert!(budget.0.load(Ordering::Relaxed) < BAR_BUDGET + 2 * BAR_FLOOR);
    }
}
