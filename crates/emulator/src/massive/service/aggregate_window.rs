//! The range of time that a bar of a timespan covers: New York's calendar from a day on, multiples of UTC
//! below.
//!
//! The trading hours do not matter.

use crate::calendar::{Date, HOUR, MINUTE, SECOND};
use crate::massive::new_york::{day_of, midnight};

/// The timespans of aggregates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AggregateTimespan {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// The unit from which bars of a timespan are built, and which `limit` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BaseUnit {
    Second,
    Minute,
    Day,
}

/// A multiple of a timespan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AggregateWindow {
    pub(crate) multiplier: i64,
    pub(crate) timespan: AggregateTimespan,
}

impl AggregateTimespan {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "second" => Self::Second,
            "minute" => Self::Minute,
            "hour" => Self::Hour,
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "quarter" => Self::Quarter,
            "year" => Self::Year,
            _ => return None,
        })
    }

    pub(crate) const fn base(self) -> BaseUnit {
        match self {
            Self::Second => BaseUnit::Second,
            Self::Minute | Self::Hour => BaseUnit::Minute,
            Self::Day | Self::Week | Self::Month | Self::Quarter | Self::Year => BaseUnit::Day,
        }
    }
}

impl AggregateWindow {
    /// Returns the first ms of the window that contains `ms`, and the first ms after it.
    pub(crate) fn around(self, ms: i64) -> (i64, i64) {
        let day = day_of(ms);
        let within = |unit: i64| {
            // Multiples of UTC, in summer and in winter: four hours begin at 00:00Z, 04:00Z and so on,
            // whatever New York's clocks show, and continue through its midnight. Seen in cursors of the
            // venue for whole hours; that lengths which do not divide a day are counted from 1970 is a guess.
            let length = unit * self.multiplier;
            let start = ms.div_euclid(length) * length;
            (start, start + length)
        };
        let days = |first: i64, next: i64| (midnight(first), midnight(next));
        let months = |length: i64| {
            let date = Date::from_days(day);
            let month = (date.year * 12 + date.month - 1).div_euclid(length) * length;
            let first = |month: i64| {
                Date { year: month.div_euclid(12), month: month.rem_euclid(12) + 1, day: 1 }.days()
            };
            days(first(month), first(month + length))
        };
        match self.timespan {
            AggregateTimespan::Second => within(SECOND),
            AggregateTimespan::Minute => within(MINUTE),
            AggregateTimespan::Hour => within(HOUR),
            AggregateTimespan::Day => {
                let first = day.div_euclid(self.multiplier) * self.multiplier;
                days(first, first + self.multiplier)
            }
            AggregateTimespan::Week => {
                // Day -4 was a Sunday.
                let length = 7 * self.multiplier;
                let first = (day + 4).div_euclid(length) * length - 4;
                days(first, first + length)
            }
            AggregateTimespan::Month => months(self.multiplier),
            AggregateTimespan::Quarter => months(3 * self.multiplier),
            AggregateTimespan::Year => months(12 * self.multiplier),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::massive::new_york::{date_text, parse_day};

    #[track_caller]
    fn check(multiplier: i64, span: &str, date: &str, hour: i64, want: [&str; 2], hours: i64) {
        let window = AggregateWindow { multiplier, timespan: AggregateTimespan::parse(span).unwrap() };
        let (from, to) = window.around(midnight(parse_day(date).unwrap()) + hour * HOUR);
        assert_eq!([from, to].map(|ms| date_text(day_of(ms))), want, "{multiplier} {span}");
        assert_eq!((to - from) / HOUR, hours, "{multiplier} {span}");
    }

    #[test]
    fn windows_follow_new_yorks_calendar() {
        check(1, "day", "2026-03-08", 12, ["2026-03-08", "2026-03-09"], 23);
        check(1, "day", "2026-11-01", 12, ["2026-11-01", "2026-11-02"], 25);
        check(1, "week", "2026-11-04", 3, ["2026-11-01", "2026-11-08"], 7 * 24 + 1);
        check(1, "month", "2026-02-28", 23, ["2026-02-01", "2026-03-01"], 28 * 24);
        check(1, "quarter", "2026-02-28", 0, ["2026-01-01", "2026-04-01"], 90 * 24 - 1);
        check(1, "year", "2026-02-28", 0, ["2026-01-01", "2027-01-01"], 365 * 24);
    }

    #[test]
    fn hours_are_multiples_of_utc_on_both_sides_of_both_changes_of_the_clock() {
        // Midnight in New York is 05:00Z until 2026-03-08 and from 2026-11-02 on, 04:00Z in between.
        for date in ["2026-03-06", "2026-03-08", "2026-03-09", "2026-10-30", "2026-11-01", "2026-11-02"] {
            let from = midnight(parse_day(date).unwrap());
            for hours in [1, 2, 4, 12] {
                let window = AggregateWindow { multiplier: hours, timespan: AggregateTimespan::Hour };
                for minute in 0..25 * 60 {
                    let ms = from + minute * MINUTE;
                    let (start, end) = window.around(ms);
                    assert_eq!((start % (hours * HOUR), end - start), (0, hours * HOUR), "{date} {hours}");
                    assert!(start <= ms && ms < end, "{date} {hours}");
                }
            }
        }
    }
}
