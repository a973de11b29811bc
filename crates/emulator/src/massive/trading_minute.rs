//! A minute of New York: its day, its number in the day, and its session.

use super::new_york;
use super::scenario::ExchangeHours;
use super::trading_calendar::{DaySchedule, StockSession};
use crate::calendar::MINUTE;

/// A minute of a day, with what is needed to make its prints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TradingMinute {
    pub(crate) day: i64,
    /// The minutes since the epoch.
    pub(crate) minute: i64,
    /// The minutes since New York's midnight.
    pub(crate) minute_of_day: i64,
    pub(crate) session: StockSession,
}

impl TradingMinute {
    /// Returns all minutes of a day, closed ones included.
    pub(crate) fn all(day: i64, sheet: DaySchedule) -> impl DoubleEndedIterator<Item = Self> {
        let (from, to) = (new_york::midnight(day) / MINUTE, new_york::midnight(day + 1) / MINUTE);
        (from..to).map(move |minute| {
            let of_day = minute - from;
            Self { day, minute, minute_of_day: of_day, session: sheet.session(of_day) }
        })
    }

    /// Returns the minute that contains an instant in ms.
    pub(crate) fn at(ms: i64, hours: ExchangeHours) -> Self {
        let day = new_york::day_of(ms);
        let minute = ms.div_euclid(MINUTE);
        let of_day = minute - new_york::midnight(day) / MINUTE;
        Self { day, minute, minute_of_day: of_day, session: DaySchedule::of(day, hours).session(of_day) }
    }
}
