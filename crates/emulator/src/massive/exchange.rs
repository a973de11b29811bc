//! The market as it was known at any moment: the one place where prints become bars.

pub(super) mod adjusted_bar;
pub(super) mod print;
mod split_dates;
pub(super) mod splits;
pub(super) mod stock;
mod stock_bar_cache;
pub(super) mod unadjusted_bar;
mod universe;

use self::print::StockPrint;
use self::stock::{EmulatedStock, Lateness};
use self::stock_bar_cache::{StockBarCache, StockMinute};
use self::unadjusted_bar::UnadjustedBar;
use self::universe::StockUniverse;
use super::account_connections::AccountConnections;
use super::new_york::{self, NS_PER_MS};
use super::quota::Quota;
use super::scenario::StocksScenario;
use super::trading_calendar::DaySchedule;
use super::trading_minute::TradingMinute;
use crate::calendar::{DAY, MINUTE, SECOND};

/// The time after the end of a day when all of it is known, in ms: the last prints come the next morning.
const DAY_SETTLES_MS: i64 = DAY / 4;

/// The state of the emulated exchange.
#[derive(Debug)]
pub(crate) struct StockExchange {
    pub(crate) scenario: StocksScenario,
    pub(crate) universe: StockUniverse,
    pub(crate) quota: Quota,
    pub(crate) connections: AccountConnections,
    /// The first day of the tape.
    pub(crate) first_day: i64,
    pub(crate) started_ms: i64,
    bar_cache: StockBarCache,
}

impl StockExchange {
    pub(crate) fn new(seed: u64, stage: StocksScenario, now_ms: i64) -> Self {
        Self {
            universe: StockUniverse::new(seed, &stage, now_ms),
            first_day: new_york::day_of(now_ms) - i64::from(stage.history_days),
            scenario: stage,
            quota: Quota::default(),
            connections: AccountConnections::default(),
            started_ms: now_ms,
            bar_cache: StockBarCache::default(),
        }
    }

    pub(crate) fn schedule(&self, day: i64) -> DaySchedule {
        DaySchedule::of(day, self.scenario.hours)
    }

    /// Returns the last trading day before `day`.
    pub(crate) fn open_day_before(&self, day: i64) -> i64 {
        (1..=15).map(|back| day - back).find(|day| self.schedule(*day).is_open()).unwrap_or(day - 1)
    }

    /// Calls back with the prints of a minute that are known at `at_ms`, oldest first.
    pub(crate) fn minute(
        &self,
        stock: &EmulatedStock,
        at: TradingMinute,
        at_ms: i64,
        mut each: impl FnMut(StockPrint),
    ) {
        if at.day < self.first_day {
            return;
        }
        let known_ns = at_ms.saturating_mul(NS_PER_MS).saturating_add(NS_PER_MS - 1);
        stock.minute(at, Lateness::of(&self.scenario), |print| {
            if print.known_ns <= known_ns {
                each(print);
            }
        });
    }

    /// Returns the minutes of a day with prints, as known at `at_ms`.
    pub(crate) fn minutes(&self, index: u32, day: i64, at_ms: i64) -> Vec<StockMinute> {
        let stock = self.universe.get(index);
        let whole = self.whole_day(index, day);
        let mut known = Vec::with_capacity(whole.len());
        for cell in whole.iter().take_while(|cell| cell.bar.start_ms <= at_ms) {
            if cell.final_ms <= at_ms {
                known.push(*cell);
                continue;
            }
            let mut bar = UnadjustedBar::empty(cell.bar.start_ms);
            let at = TradingMinute::at(bar.start_ms, self.scenario.hours);
            self.minute(stock, at, at_ms, |print| bar.add(&print));
            if bar.count > 0 {
                known.push(StockMinute { bar, ..*cell });
            }
        }
        known
    }

    fn whole_day(&self, index: u32, day: i64) -> std::sync::Arc<[StockMinute]> {
        self.bar_cache.minutes((index, day), || self.fold_day(index, day))
    }

    /// Folds all prints of a day into minutes, known or not.
    fn fold_day(&self, index: u32, day: i64) -> Vec<StockMinute> {
        let (stock, sheet) = (self.universe.get(index), self.schedule(day));
        let mut cells = Vec::new();
        if !sheet.is_open() || day < self.first_day {
            return cells;
        }
        for at in TradingMinute::all(day, sheet) {
            let (mut bar, mut known_ns) = (UnadjustedBar::empty(at.minute * MINUTE), 0);
            self.minute(stock, at, i64::MAX, |print| {
                bar.add(&print);
                known_ns = known_ns.max(print.known_ns);
            });
            if bar.count > 0 {
                // The millisecond in which a print becomes known still belongs to it.
                let settled_ms = known_ns.div_euclid(NS_PER_MS);
                cells.push(StockMinute { bar, session: at.session, final_ms: settled_ms });
            }
        }
        cells
    }

    /// Returns the bar of a day as known at `at_ms`, in the shares of that day; `None` without a price.
    ///
    /// Prices are those of the regular session, the volume is that of the whole day.
    pub(crate) fn day_bar(&self, index: u32, day: i64, at_ms: i64) -> Option<UnadjustedBar> {
        if !self.schedule(day).is_open() || at_ms < new_york::midnight(day) {
            return None;
        }
        let fold = |cells: &[StockMinute]| {
            let mut bar = UnadjustedBar::empty(new_york::midnight(day));
            for cell in cells {
                bar.append(&cell.bar, cell.session.counts_for_day());
            }
            bar
        };
        let is_settled = new_york::midnight(day + 1) + DAY_SETTLES_MS <= at_ms;
        let bar = if is_settled {
            // Not through the cache of minutes: the whole market would evict everything else.
            self.bar_cache.day((index, day), || fold(&self.fold_day(index, day)))
        } else {
            fold(&self.minutes(index, day, at_ms))
        };
        bar.is_priced().then_some(bar)
    }

    /// Returns the priced seconds of a minute as known at `at_ms`.
    pub(crate) fn seconds(&self, stock: &EmulatedStock, at: TradingMinute, at_ms: i64) -> Vec<UnadjustedBar> {
        let mut bars: Vec<UnadjustedBar> = Vec::new();
        self.minute(stock, at, at_ms, |print| {
            let start_ms = print.sip_ns.div_euclid(SECOND * NS_PER_MS) * SECOND;
            if bars.last().is_none_or(|bar| bar.start_ms != start_ms) {
                bars.push(UnadjustedBar::empty(start_ms));
            }
            if let Some(bar) = bars.last_mut() {
                bar.add(&print);
            }
        });
        bars.retain(UnadjustedBar::is_priced);
        bars
    }

    /// Returns the newest known print at or before `at_ms`, at most a week back.
    pub(crate) fn last_print(&self, index: u32, at_ms: i64) -> Option<StockPrint> {
        self.last_print_since(index, at_ms, new_york::day_of(at_ms) - 7)
    }

    fn last_print_since(&self, index: u32, at_ms: i64, first_day: i64) -> Option<StockPrint> {
        let stock = self.universe.get(index);
        (first_day.max(self.first_day)..=new_york::day_of(at_ms)).rev().find_map(|day| {
            let sheet = self.schedule(day);
            if !sheet.is_open() {
                return None;
            }
            TradingMinute::all(day, sheet).rev().filter(|at| at.minute * MINUTE <= at_ms).find_map(|at| {
                let mut last = None;
                self.minute(stock, at, at_ms, |print| last = Some(print));
                last
            })
        })
    }
}
