//! A minute of New York: of which day, which minute of it, and in which session.

use super::holidays::{Session, Sheet};
use super::newyork;
use super::stage::Hours;
use crate::calendar::MINUTE;

/// A minute of a day, with what is to be known about it to make its prints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) day: i64,
    /// Minutes since the epoch.
    pub(crate) minute: i64,
    /// Minutes since New York's midnight.
    pub(crate) of_day: i64,
    pub(crate) session: Session,
}

impl Moment {
    /// All minutes of a day, closed ones included.
    pub(crate) fn all(day: i64, sheet: Sheet) -> impl DoubleEndedIterator<Item = Self> {
        let (from, to) = (newyork::midnight(day) / MINUTE, newyork::midnight(day + 1) / MINUTE);
        (from..to).map(move |minute| {
            let of_day = minute - from;
            Self { day, minute, of_day, session: sheet.session(of_day) }
        })
    }

    /// The minute that an instant in ms lies in.
    pub(crate) fn at(ms: i64, hours: Hours) -> Self {
        let day = newyork::day_of(ms);
        let minute = ms.div_euclid(MINUTE);
        let of_day = minute - newyork::midnight(day) / MINUTE;
        Self { day, minute, of_day, session: Sheet::of(day, hours).session(of_day) }
    }
}
