//! A calendar day without a time zone.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::Date;

/// A calendar day. The moment at which it begins depends on the time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// Returns the given day; `month` and `day` count from 1. Returns `None` if there is no such day.
    #[must_use]
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        Date::new(year, month, day).ok().map(Self)
    }

    /// Returns the calendar year.
    #[must_use]
    pub fn year(self) -> i16 {
        self.0.year()
    }

    /// Returns the month, from 1.
    #[must_use]
    pub fn month(self) -> i8 {
        self.0.month()
    }

    /// Returns the day of the month, from 1.
    #[must_use]
    pub fn day(self) -> i8 {
        self.0.day()
    }

    /// Returns the day of the week: 0 for Sunday to 6 for Saturday.
    #[must_use]
    pub fn weekday(self) -> i8 {
        self.0.weekday().to_sunday_zero_offset()
    }

    /// Returns the day `days` days later, or earlier if negative; saturates at the ends of the calendar.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days.days()))
    }

    pub(crate) const fn of(date: Date) -> Self {
        Self(date)
    }

    pub(crate) const fn date(self) -> Date {
        self.0
    }
}

/// Writes `2026-08-03`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

/// An error for a text that names no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read `{0}` as a day; write it like 2026-08-03")]
pub struct DayError(String);

/// Reads what [`Display`](fmt::Display) writes, and nothing else.
impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let unreadable = || DayError(text.chars().take(40).collect());
        if text.len() != 10 {
            return Err(unreadable());
        }
        text.parse().map(Self).map_err(|_| unreadable())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_reads_as_it_is_written() {
        let day: Day = "2026-11-20".parse().unwrap();
        assert_eq!((day.year(), day.month(), day.day(), day.weekday()), (2026, 11, 20, 5));
        assert_eq!(day.to_string(), "2026-11-20");
        assert_eq!(day.plus(11).to_string(), "2026-12-01");
        for text in ["", "2026-11-31", "2026-11-20T00:00:00", "today"] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }
}
