//! Which stretch of time a bar of some timespan covers: windows of New York's calendar.

use crate::calendar::{Date, HOUR, MINUTE, SECOND};
use crate::massive::newyork::{day_of, midnight};

/// The timespans of aggregates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timespan {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// What bars of a timespan are put together from, and `limit` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    Second,
    Minute,
    Day,
}

/// So many of a timespan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) multiplier: i64,
    pub(crate) timespan: Timespan,
}

impl Timespan {
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

    pub(crate) const fn base(self) -> Base {
        match self {
            Self::Second => Base::Second,
            Self::Minute | Self::Hour => Base::Minute,
            Self::Day | Self::Week | Self::Month | Self::Quarter | Self::Year => Base::Day,
        }
    }
}

impl Window {
    /// First and first-after-last ms of the window that `ms` lies in.
    pub(crate) fn around(self, ms: i64) -> (i64, i64) {
        let day = day_of(ms);
        let within = |unit: i64| {
            // Counted from midnight: five minutes begin at :00 and :05, odd multiples start anew each day.
            let (from, length) = (midnight(day), unit * self.multiplier);
            let start = from + (ms - from).div_euclid(length) * length;
            (start, (start + length).min(midnight(day + 1)))
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
            Timespan::Second => within(SECOND),
            Timespan::Minute => within(MINUTE),
            Timespan::Hour => within(HOUR),
            Timespan::Day => {
                let first = day.div_euclid(self.multiplier) * self.multiplier;
                days(first, first + self.multiplier)
            }
            Timespan::Week => {
                // Day -4 was a Sunday.
                let length = 7 * self.multiplier;
                let first = (day + 4).div_euclid(length) * length - 4;
                days(first, first + length)
            }
            Timespan::Month => months(self.multiplier),
            Timespan::Quarter => months(3 * self.multiplier),
            Timespan::Year => months(12 * self.multiplier),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::massive::newyork::{date_text, parse_day};

    #[track_caller]
    fn check(multiplier: i64, span: &str, date: &str, hour: i64, want: [&str; 2], hours: i64) {
        let window = Window { multiplier, timespan: Timespan::parse(span).unwrap() };
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
        check(4, "hour", "2026-08-06", 9, ["2026-08-06", "2026-08-06"], 4);
        check(330, "minute", "2026-08-06", 23, ["2026-08-06", "2026-08-07"], 2);
    }
}
