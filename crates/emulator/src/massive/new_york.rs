//! Days of New York: their start and length, and the formats of instants there.
//!
//! A day here is a number: days of the New York calendar since 1970-01-01. The rules of daylight saving are
//! written out, so that the emulator and the code that it tests do not read the same tables.

use crate::calendar::{self, DAY, Date, HOUR};

/// The nanoseconds in a millisecond.
pub(crate) const NS_PER_MS: i64 = 1_000_000;

/// Returns the New York day of an instant in ms.
pub(crate) fn day_of(ms: i64) -> i64 {
    (ms + offset_ms(ms)).div_euclid(DAY)
}

/// Returns the start of a New York day, in ms.
pub(crate) const fn midnight(day: i64) -> i64 {
    let (from, to) = summer(Date::from_days(day).year);
    // The clocks change at two in the morning: the day of the change still begins on the old time.
    let hours = if from < day && day <= to { 4 } else { 5 };
    day * DAY + hours * HOUR
}

/// Returns the offset of New York's clocks from UTC: minus four or minus five hours, in ms.
pub(crate) const fn offset_ms(ms: i64) -> i64 {
    let (from, to) = summer(Date::from_days((ms - 5 * HOUR).div_euclid(DAY)).year);
    let is_summer = from * DAY + 7 * HOUR <= ms && ms < to * DAY + 6 * HOUR;
    if is_summer { -4 * HOUR } else { -5 * HOUR }
}

/// Returns the first and the last day of daylight saving.
const fn summer(year: i64) -> (i64, i64) {
    if year >= 2007 {
        (nth_weekday(year, 3, 0, 2), nth_weekday(year, 11, 0, 1))
    } else {
        (nth_weekday(year, 4, 0, 1), last_weekday(year, 10, 0))
    }
}

/// Returns the day of the week, 0 for Sunday to 6 for Saturday.
pub(crate) const fn weekday(day: i64) -> i64 {
    (day + 4).rem_euclid(7)
}

/// Returns the `n`th occurrence of a day of the week in a month, as a day.
pub(crate) const fn nth_weekday(year: i64, month: i64, wanted: i64, n: i64) -> i64 {
    let first = Date { year, month, day: 1 }.days();
    first + (wanted - weekday(first)).rem_euclid(7) + (n - 1) * 7
}

/// Returns the last occurrence of a day of the week in a month, as a day.
pub(crate) const fn last_weekday(year: i64, month: i64, wanted: i64) -> i64 {
    let last = Date { year, month: month + 1, day: 1 }.days() - 1;
    last - (weekday(last) - wanted).rem_euclid(7)
}

/// Formats a day as `yyyy-MM-dd`.
pub(crate) fn date_text(day: i64) -> String {
    calendar::date(day * DAY)
}

/// Parses `yyyy-MM-dd` as a day.
pub(crate) fn parse_day(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let mut digits = |len: usize| {
        let part = parts.next()?;
        (part.len() == len && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<i64>().ok())?
    };
    let date = Date { year: digits(4)?, month: digits(2)?, day: digits(2)? };
    let is_real = parts.next().is_none()
        && (1..=12).contains(&date.month)
        && 1 <= date.day
        && date == Date::from_days(date.days());
    is_real.then(|| date.days())
}

/// Formats an instant in ms as `yyyy-MM-ddTHH:mm:ss-05:00`.
pub(crate) fn stamp(ms: i64) -> String {
    let offset = offset_ms(ms);
    format!("{}-{:02}:00", calendar::stamp(ms + offset), -offset / HOUR)
}

/// Formats an instant in ns as `yyyy-MM-ddTHH:mm:ss.nnnnnnnnnZ`.
pub(crate) fn stamp_ns(ns: i64) -> String {
    let (ms, rest) = (ns.div_euclid(NS_PER_MS), ns.rem_euclid(1_000 * NS_PER_MS));
    format!("{}.{rest:09}Z", calendar::stamp(ms))
}

/// Parses RFC 3339 to the nanosecond.
pub(crate) fn parse_stamp_ns(text: &str) -> Option<i64> {
    let whole_ms = calendar::parse_instant(text)?.div_euclid(1_000) * 1_000;
    let mut nanos = String::new();
    if let Some(rest) = text.get(19..).and_then(|rest| rest.strip_prefix('.')) {
        nanos.extend(rest.chars().take_while(char::is_ascii_digit).take(9));
    }
    whole_ms.checked_mul(NS_PER_MS)?.checked_add(format!("{nanos:0<9}").parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_at_midnight_in_new_york() {
        for (date, ms) in [
            // Both from an official sample: the clocks went forward in between.
            ("2005-04-01", 1_112_331_600_000),
            ("2005-04-04", 1_112_587_200_000),
            ("2008-03-09", 1_205_038_800_000),
            ("2008-03-10", 1_205_121_600_000),
            ("2024-01-09", 1_704_776_400_000),
        ] {
            let day = parse_day(date).unwrap();
            assert_eq!((midnight(day), day_of(ms), day_of(ms - 1)), (ms, day, day - 1), "{date}");
            assert_eq!(date_text(day), date);
        }
    }

    #[test]
    fn days_have_23_24_or_25_hours() {
        let lengths: Vec<i64> =
            (20_454..20_454 + 365).map(|day| (midnight(day + 1) - midnight(day)) / HOUR).collect();
        assert_eq!(lengths.iter().filter(|hours| **hours == 23).count(), 1);
        assert_eq!(lengths.iter().filter(|hours| **hours == 25).count(), 1);
        assert_eq!(lengths.iter().sum::<i64>(), 365 * 24);
    }

    #[test]
    fn nanoseconds_survive_the_round_trip() {
        for ns in [0, 1_652_191_872_690_661_189, 1_517_562_000_016_036_581] {
            assert_eq!(parse_stamp_ns(&stamp_ns(ns)), Some(ns));
        }
        assert_eq!(stamp_ns(1_652_191_872_690_661_189), "2022-05-10T14:11:12.690661189Z");
        assert_eq!(stamp(1_605_047_857_000), "2020-11-10T17:37:37-05:00");
        assert_eq!(parse_day("2026-02-29"), None);
    }
}
