//! The trading calendar: closed days, half days, and the sessions of the others.

use super::new_york::{last_weekday, nth_weekday, weekday};
use super::scenario::ExchangeHours;
use crate::calendar::Date;

/// The minutes of a day at which sessions change.
const PRE: i64 = 4 * 60;
const OPEN: i64 = 9 * 60 + 30;
const HALF_CLOSE: i64 = 13 * 60;
const CLOSE: i64 = 16 * 60;
const END: i64 = 20 * 60;

/// The kind of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DayKind {
    Full,
    /// A half day, which closes at 13:00, and its name.
    Half(&'static str),
    /// A closed day, and its name.
    Holiday(&'static str),
    Weekend,
}

/// The session of a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StockSession {
    Pre,
    Regular,
    After,
    /// The time between an early close and the usual one: a few prints still come.
    AfterEarlyClose,
    /// Outside regular hours, on an exchange that never closes.
    Overnight,
    Closed,
}

impl StockSession {
    /// Returns whether its prices count for the day's bar.
    pub(crate) const fn counts_for_day(self) -> bool {
        matches!(self, Self::Regular | Self::Overnight)
    }
}

/// Returns the kind of a New York day.
pub(crate) const fn day_kind(day: i64) -> DayKind {
    if matches!(weekday(day), 0 | 6) {
        return DayKind::Weekend;
    }
    if let Some(name) = holiday(day) {
        return DayKind::Holiday(name);
    }
    let Date { year, month, day: of_month } = Date::from_days(day);
    if month == 11 && day == nth_weekday(year, 11, 4, 4) + 1 {
        return DayKind::Half("Thanksgiving");
    }
    // The day before, where that is a weekday and the holiday itself one too.
    match (month, of_month, weekday(day)) {
        (7, 3, 1..=4) => DayKind::Half("Independence Day"),
        (12, 24, 1..=4) => DayKind::Half("Christmas"),
        _ => DayKind::Full,
    }
}

const fn holiday(day: i64) -> Option<&'static str> {
    let Date { year, month, day: of_month } = Date::from_days(day);
    let of_the_month = match month {
        1 if day == nth_weekday(year, 1, 1, 3) => Some("Martin Luther King, Jr. Day"),
        2 if day == nth_weekday(year, 2, 1, 3) => Some("Washington's Birthday"),
        5 if day == last_weekday(year, 5, 1) => Some("Memorial Day"),
        9 if day == nth_weekday(year, 9, 1, 1) => Some("Labor Day"),
        11 if day == nth_weekday(year, 11, 4, 4) => Some("Thanksgiving"),
        _ => None,
    };
    if of_the_month.is_some() {
        return of_the_month;
    }
    if day == easter(year) - 2 {
        return Some("Good Friday");
    }
    // New Year's Day on a Saturday is not observed at all: the Friday belongs to another year.
    if month == 1 && is_observed(day, Date { year, month: 1, day: 1 }.days()) {
        return Some("New Years Day");
    }
    if year >= 2022 && is_observed(day, Date { year, month: 6, day: 19 }.days()) {
        return Some("Juneteenth");
    }
    if is_observed(day, Date { year, month: 7, day: 4 }.days()) {
        return Some("Independence Day");
    }
    if is_observed(day, Date { year, month: 12, day: 25 }.days()) {
        return Some("Christmas");
    }
    match (year, month, of_month) {
        (2018, 12, 5) | (2025, 1, 9) => Some("National Day of Mourning"),
        _ => None,
    }
}

/// Returns whether a holiday of a fixed date is observed on `day`: Saturday's on Friday, Sunday's on Monday.
const fn is_observed(day: i64, date: i64) -> bool {
    let kept = match weekday(date) {
        6 => date - 1,
        0 => date + 1,
        _ => date,
    };
    day == kept
}

/// Returns Easter Sunday of a year (the anonymous Gregorian computus).
const fn easter(year: i64) -> i64 {
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    Date { year, month: n / 31, day: n % 31 + 1 }.days()
}

/// The sessions of one day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DaySchedule {
    kind: DayKind,
    hours: ExchangeHours,
}

impl DaySchedule {
    pub(crate) const fn of(day: i64, hours: ExchangeHours) -> Self {
        Self { kind: day_kind(day), hours }
    }

    /// Returns whether anything is traded on the day.
    pub(crate) const fn is_open(self) -> bool {
        !matches!(self.hours, ExchangeHours::NewYork) || matches!(self.kind, DayKind::Full | DayKind::Half(_))
    }

    /// Returns the session of a minute counted from midnight.
    ///
    /// Clocks change on Sundays only, so on trading days the minutes since midnight are the local time.
    pub(crate) const fn session(self, minute: i64) -> StockSession {
        let close = match self.kind {
            DayKind::Full => CLOSE,
            DayKind::Half(_) => HALF_CLOSE,
            // No minute is before both.
            DayKind::Holiday(_) | DayKind::Weekend => 0,
        };
        let is_regular = OPEN <= minute && minute < close;
        match self.hours {
            _ if is_regular => StockSession::Regular,
            ExchangeHours::AlwaysRegular => StockSession::Regular,
            ExchangeHours::Always => StockSession::Overnight,
            ExchangeHours::NewYork if close == 0 || minute < PRE || minute >= END => StockSession::Closed,
            ExchangeHours::NewYork if minute < OPEN => StockSession::Pre,
            ExchangeHours::NewYork if minute < CLOSE => StockSession::AfterEarlyClose,
            ExchangeHours::NewYork => StockSession::After,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::new_york::{date_text, parse_day};
    use super::*;

    fn named(year: i64) -> (Vec<String>, Vec<String>) {
        let first = Date { year, month: 1, day: 1 }.days();
        let (mut closed, mut half) = (Vec::new(), Vec::new());
        for day in first..first + 366 {
            if Date::from_days(day).year == year {
                match day_kind(day) {
                    DayKind::Holiday(_) => closed.push(date_text(day)[5..].to_owned()),
                    DayKind::Half(_) => half.push(date_text(day)[5..].to_owned()),
                    DayKind::Full | DayKind::Weekend => {}
                }
            }
        }
        (closed, half)
    }

    #[track_caller]
    fn check(year: i64, closed: &[&str], half: &[&str]) {
        let (are_closed, are_half) = named(year);
        assert_eq!(are_closed, closed, "{year}");
        assert_eq!(are_half, half, "{year}");
    }

    #[test]
    fn the_published_calendars_come_out() {
        check(
            2022,
            &["01-17", "02-21", "04-15", "05-30", "06-20", "07-04", "09-05", "11-24", "12-26"],
            &["11-25"],
        );
        check(
            2024,
            &["01-01", "01-15", "02-19", "03-29", "05-27", "06-19", "07-04", "09-02", "11-28", "12-25"],
            &["07-03", "11-29", "12-24"],
        );
        check(
            2026,
            &["01-01", "01-19", "02-16", "04-03", "05-25", "06-19", "07-03", "09-07", "11-26", "12-25"],
            &["11-27", "12-24"],
        );
    }

    #[test]
    fn a_half_day_ends_at_one() {
        let sheet = DaySchedule::of(parse_day("2026-11-27").unwrap(), ExchangeHours::NewYork);
        let at = |hour: i64, minute: i64| sheet.session(hour * 60 + minute);
        assert_eq!(
            [at(3, 59), at(4, 0), at(9, 30), at(12, 59), at(13, 0), at(16, 0), at(20, 0)],
            [
                StockSession::Closed,
                StockSession::Pre,
                StockSession::Regular,
                StockSession::Regular,
                StockSession::AfterEarlyClose,
                StockSession::After,
                StockSession::Closed
            ]
        );
        assert!(!DaySchedule::of(parse_day("2026-11-26").unwrap(), ExchangeHours::NewYork).is_open());
        assert!(DaySchedule::of(parse_day("2026-11-26").unwrap(), ExchangeHours::Always).is_open());
        let holiday = DaySchedule::of(parse_day("2026-11-26").unwrap(), ExchangeHours::AlwaysRegular);
        assert!(holiday.is_open() && holiday.session(3 * 60) == StockSession::Regular);
    }
}
