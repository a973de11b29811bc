//! The market as it was known at any moment: the one place where prints become bars.

pub(super) mod adjusted;
pub(super) mod bar;
mod cells;
pub(super) mod print;
mod split_dates;
pub(super) mod splits;
pub(super) mod stock;
mod universe;

use self::bar::Bar;
use self::cells::{Cell, Cells};
use self::print::Print;
use self::stock::{Lateness, Stock};
use self::universe::Universe;
use super::holidays::Sheet;
use super::moment::Moment;
use super::newyork::{self, NS_PER_MS};
use super::quota::Quota;
use super::seats::Seats;
use super::stage::Massive;
use crate::calendar::{DAY, MINUTE, SECOND};

/// A day is told to the end within so many ms of its end: the last prints come the next morning.
const DAY_SETTLES_MS: i64 = DAY / 4;

/// All that the look-alike of this venue remembers.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) stage: Massive,
    pub(crate) universe: Universe,
    pub(crate) quota: Quota,
    pub(crate) seats: Seats,
    /// The first day of the tape.
    pub(crate) first_day: i64,
    pub(crate) started_ms: i64,
    cells: Cells,
}

impl Exchange {
    pub(crate) fn new(seed: u64, stage: Massive, now_ms: i64) -> Self {
        Self {
            universe: Universe::new(seed, &stage, now_ms),
            first_day: newyork::day_of(now_ms) - i64::from(stage.history_days),
            stage,
            quota: Quota::default(),
            seats: Seats::default(),
            started_ms: now_ms,
            cells: Cells::default(),
        }
    }

    pub(crate) fn sheet(&self, day: i64) -> Sheet {
        Sheet::of(day, self.stage.hours)
    }

    /// The last day before `day` on which there was trading.
    pub(crate) fn open_day_before(&self, day: i64) -> i64 {
        (1..=15).map(|back| day - back).find(|day| self.sheet(*day).is_open()).unwrap_or(day - 1)
    }

    /// Hands over the prints of a minute that are known at `at_ms`, oldest first.
    pub(crate) fn minute(&self, stock: &Stock, at: Moment, at_ms: i64, mut each: impl FnMut(Print)) {
        if at.day < self.first_day {
            return;
        }
        let known_ns = at_ms.saturating_mul(NS_PER_MS).saturating_add(NS_PER_MS - 1);
        stock.minute(at, Lateness::of(&self.stage), |print| {
            if print.known_ns <= known_ns {
                each(print);
            }
        });
    }

    /// The minutes of a day in which something was printed, as known at `at_ms`.
    pub(crate) fn cells(&self, index: u32, day: i64, at_ms: i64) -> Vec<Cell> {
        let stock = self.universe.get(index);
        let whole = self.whole_day(index, day);
        let mut known = Vec::with_capacity(whole.len());
        for cell in whole.iter().take_while(|cell| cell.bar.start_ms <= at_ms) {
            if cell.settled_ms <= at_ms {
                known.push(*cell);
                continue;
            }
            let mut bar = Bar::empty(cell.bar.start_ms);
            let at = Moment::at(bar.start_ms, self.stage.hours);
            self.minute(stock, at, at_ms, |print| bar.add(&print));
            if bar.count > 0 {
                known.push(Cell { bar, ..*cell });
            }
        }
        known
    }

    fn whole_day(&self, index: u32, day: i64) -> std::sync::Arc<[Cell]> {
        self.cells.minutes((index, day), || self.fold_day(index, day))
    }

    /// All prints of a day folded into minutes, known or not.
    fn fold_day(&self, index: u32, day: i64) -> Vec<Cell> {
        let (stock, sheet) = (self.universe.get(index), self.sheet(day));
        let mut cells = Vec::new();
        if !sheet.is_open() || day < self.first_day {
            return cells;
        }
        for at in Moment::all(day, sheet) {
            let (mut bar, mut known_ns) = (Bar::empty(at.minute * MINUTE), 0);
            self.minute(stock, at, i64::MAX, |print| {
                bar.add(&print);
                known_ns = known_ns.max(print.known_ns);
            });
            if bar.count > 0 {
                // The millisecond that a print becomes known in still belongs to it.
                let settled_ms = known_ns.div_euclid(NS_PER_MS);
                cells.push(Cell { bar, session: at.session, settled_ms });
            }
        }
        cells
    }

    /// The bar of a day as known at `at_ms`, in the shares of that day; none without a price.
    ///
    /// Prices are those of the regular session, the volume is that of the whole day.
    pub(crate) fn day_bar(&self, index: u32, day: i64, at_ms: i64) -> Option<Bar> {
        if !self.sheet(day).is_open() || at_ms < newyork::midnight(day) {
            return None;
        }
        let fold = |cells: &[Cell]| {
            let mut bar = Bar::empty(newyork::midnight(day));
            for cell in cells {
                bar.append(&cell.bar, cell.session.counts_for_day());
            }
            bar
        };
        let is_settled = newyork::midnight(day + 1) + DAY_SETTLES_MS <= at_ms;
        let bar = if is_settled {
            // Not through the shelf of minutes: the whole market would push all else off it.
            self.cells.day((index, day), || fold(&self.fold_day(index, day)))
        } else {
            fold(&self.cells(index, day, at_ms))
        };
        bar.is_priced().then_some(bar)
    }

    /// The priced seconds of a minute as known at `at_ms`.
    pub(crate) fn seconds(&self, stock: &Stock, at: Moment, at_ms: i64) -> Vec<Bar> {
        let mut bars: Vec<Bar> = Vec::new();
        self.minute(stock, at, at_ms, |print| {
            let start_ms = print.sip_ns.div_euclid(SECOND * NS_PER_MS) * SECOND;
            if bars.last().is_none_or(|bar| bar.start_ms != start_ms) {
                bars.push(Bar::empty(start_ms));
            }
            if let Some(bar) = bars.last_mut() {
                bar.add(&print);
            }
        });
        bars.retain(Bar::is_priced);
        bars
    }

    /// The newest known print at or before `at_ms`, looking back a week.
    pub(crate) fn last_print(&self, index: u32, at_ms: i64) -> Option<Print> {
        self.last_print_since(index, at_ms, newyork::day_of(at_ms) - 7)
    }

    fn last_print_since(&self, index: u32, at_ms: i64, first_day: i64) -> Option<Print> {
        let stock = self.universe.get(index);
        (first_day.max(self.first_day)..=newyork::day_of(at_ms)).rev().find_map(|day| {
            let sheet = self.sheet(day);
            if !sheet.is_open() {
                return None;
            }
            Moment::all(day, sheet).rev().filter(|at| at.minute * MINUTE <= at_ms).find_map(|at| {
                let mut last = None;
                self.minute(stock, at, at_ms, |print| last = Some(print));
                last
            })
        })
    }
}
