//! The holidays of the New York Stock Exchange by its own rules, from the year 2000 on.
//!
//! A holiday that falls on a Sunday is observed on the following Monday, one that falls on a Saturday on the
//! preceding Friday. New Year's Day on a Saturday is not observed at all, because that Friday ends the year.

use crate::Day;

const MONDAY: i8 = 1;
const THURSDAY: i8 = 4;
const FRIDAY: i8 = 5;

/// The days on which the exchange stayed closed without a rule: attacks, storms, mourning.
const UNSCHEDULED_CLOSURES: [(i16, i8, i8); 10] = [
    (2001, 9, 11),
    (2001, 9, 12),
    (2001, 9, 13),
    (2001, 9, 14),
    (2004, 6, 11),
    (2007, 1, 2),
    (2012, 10, 29),
    (2012, 10, 30),
    (2018, 12, 5),
    (2025, 1, 9),
];

/// Returns whether nobody trades on `day`.
pub(super) fn is_closed(day: Day) -> bool {
    is_weekend(day) || is_holiday(day) || UNSCHEDULED_CLOSURES.contains(&(day.year(), day.month(), day.day()))
}

/// Returns whether the exchange closes at 13:00 on `day`. `day` must not be a day on which it is closed.
pub(super) fn is_half_day(day: Day) -> bool {
    let before_a_weekday = (MONDAY..FRIDAY).contains(&day.weekday());
    match (day.month(), day.day()) {
        (7, 3) | (12, 24) => before_a_weekday,
        (11, 23..=29) => day.weekday() == FRIDAY,
        _ => false,
    }
}

fn is_weekend(day: Day) -> bool {
    !(MONDAY..=FRIDAY).contains(&day.weekday())
}

fn is_holiday(day: Day) -> bool {
    let year = day.year();
    let fixed = |month, number| Day::new(year, month, number).is_some_and(|date| day == observed(date));
    match day.month() {
        1 => new_year(day) || (year >= 1998 && nth(day, MONDAY, 3)),
        2 => nth(day, MONDAY, 3),
        3 | 4 => good_friday(year) == Some(day),
        5 => nth_last(day, MONDAY),
        6 => year >= 2022 && fixed(6, 19),
        7 => fixed(7, 4),
        9 => nth(day, MONDAY, 1),
        11 => nth(day, THURSDAY, 4),
        12 => fixed(12, 25),
        _ => false,
    }
}

/// Returns the day on which a holiday that falls on `date` is observed.
fn observed(date: Day) -> Day {
    match date.weekday() {
        0 => date.plus(1),
        6 => date.plus(-1),
        _ => date,
    }
}

fn new_year(day: Day) -> bool {
    day.day() == 1 || (day.day() == 2 && day.weekday() == MONDAY)
}

fn nth(day: Day, weekday: i8, number: i8) -> bool {
    day.weekday() == weekday && (day.day() - 1) / 7 + 1 == number
}

fn nth_last(day: Day, weekday: i8) -> bool {
    day.weekday() == weekday && day.plus(7).month() != day.month()
}

/// Returns Good Friday, two days before Easter. Easter is computed with the algorithm of Meeus, Jones and
/// Butcher.
fn good_friday(year: i16) -> Option<Day> {
    let year = i32::from(year);
    let (golden, century, rest) = (year % 19, year / 100, year % 100);
    let moon_drift = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - moon_drift + 15) % 30;
    let to_sunday = (32 + 2 * (century % 4) + 2 * (rest / 4) - epact - rest % 4) % 7;
    let late = (golden + 11 * epact + 22 * to_sunday) / 451;
    let sum = epact + to_sunday - 7 * late + 114;
    let (month, day) = (sum / 31, sum % 31 + 1);
    let easter = Day::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?)?;
    Some(easter.plus(-2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days_of(year: i16, keep: impl Fn(Day) -> bool) -> Vec<String> {
        let first = Day::new(year, 1, 1).unwrap();
        let days = (0..366).map(|ahead| first.plus(ahead)).take_while(|day| day.year() == year);
        days.filter(|day| keep(*day)).map(|day| day.to_string()[5..].to_owned()).collect()
    }

    #[track_caller]
    fn check(year: i16, closed: &str, half: &str) {
        let holidays = days_of(year, |day| is_closed(day) && !is_weekend(day));
        assert_eq!(holidays.join(" "), closed);
        assert_eq!(days_of(year, |day| !is_closed(day) && is_half_day(day)).join(" "), half);
    }

    #[test]
    fn the_holidays_are_those_that_the_exchange_kept() {
        check(2012, "01-02 01-16 02-20 04-06 05-28 07-04 09-03 10-29 10-30 11-22 12-25", "07-03 11-23 12-24");
        check(2015, "01-01 01-19 02-16 04-03 05-25 07-03 09-07 11-26 12-25", "11-27 12-24");
        check(2021, "01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24", "11-26");
        check(2022, "01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26", "11-25");
        check(2024, "01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25", "07-03 11-29 12-24");
        check(2025, "01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25", "07-03 11-28 12-24");
        check(2026, "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25", "11-27 12-24");
    }
}
