//! The splits of the standard stocks: dates follow from the day of the start.

use crate::calendar::Date;
use crate::massive::new_york::{date_text, nth_weekday, weekday};
use crate::massive::scenario::SplitSpec;
use crate::massive::trading_calendar::{DayKind, day_kind};

/// The well-known stock that was split, and into how many.
const SPLIT: (&str, u32) = ("NVDA", 10);
/// The age of that split in days: it was on the first full day this long before the start.
const SPLIT_DAYS_AGO: i64 = 40;

/// The time at which a made-up stock was split.
#[derive(Clone, Copy, Debug)]
enum SplitTiming {
    /// The n-th day (0 for Sunday) of the week that began so many weeks before this one.
    Week(i64, i64),
    /// The n-th occurrence of a day of the week in the month before the last.
    InMonth(i64, i64),
    /// The first day of that month.
    First,
    /// The last day of that month.
    Last,
}

/// The splits of the first made-up stocks, one for each kind of bar that a split can fall into: on each
/// weekday, reverse ones, two in one week and in one month, on the ends of a month.
const MADE_UP: [&[(SplitTiming, u32, u32)]; 12] = [
    &[(SplitTiming::Week(5, 1), 1, 2)],
    &[(SplitTiming::Week(6, 2), 1, 3)],
    &[(SplitTiming::Week(7, 3), 2, 3)],
    &[(SplitTiming::Week(8, 4), 1, 7)],
    &[(SplitTiming::Week(9, 5), 1, 20)],
    &[(SplitTiming::Week(5, 1), 8, 1)],
    &[(SplitTiming::Week(6, 3), 15, 1)],
    &[(SplitTiming::Week(7, 5), 3, 1)],
    &[(SplitTiming::InMonth(3, 2), 1, 4), (SplitTiming::InMonth(4, 4), 1, 5)],
    &[(SplitTiming::Week(5, 2), 10, 1), (SplitTiming::Week(5, 4), 1, 25)],
    &[(SplitTiming::First, 1, 6)],
    &[(SplitTiming::Last, 9, 2)],
];

/// Returns the splits of a well-known stock.
pub(super) fn of_known(ticker: &str, today: i64) -> Vec<SplitSpec> {
    if ticker != SPLIT.0 {
        return Vec::new();
    }
    let latest = today - SPLIT_DAYS_AGO;
    let day = (0..10).map(|back| latest - back).find(|day| day_kind(*day) == DayKind::Full);
    vec![SplitSpec::new(&date_text(day.unwrap_or(latest)), 1, SPLIT.1)]
}

/// Returns the splits of the n-th made-up stock.
pub(super) fn of_made_up(n: u64, today: i64) -> Vec<SplitSpec> {
    let splits = usize::try_from(n).ok().and_then(|n| MADE_UP.get(n)).copied().unwrap_or_default();
    splits.iter().map(|(when, from, to)| SplitSpec::new(&date_text(when.day(today)), *from, *to)).collect()
}

impl SplitTiming {
    fn day(self, today: i64) -> i64 {
        let Date { year, month, .. } = Date::from_days(today);
        let months = year * 12 + month - 1 - 2;
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
        match self {
            Self::Week(back, on) => today - weekday(today) - 7 * back + on,
            Self::InMonth(on, nth) => nth_weekday(year, month, on, nth),
            Self::First => Date { year, month, day: 1 }.days(),
            Self::Last => {
                let next = months + 1;
                Date { year: next.div_euclid(12), month: next.rem_euclid(12) + 1, day: 1 }.days() - 1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::massive::new_york::parse_day;

    #[test]
    fn every_weekday_has_a_split_and_a_month_has_two() {
        let today = parse_day("2026-11-28").unwrap();
        let dates = |n| of_made_up(n, today).iter().map(|split| split.date.clone()).collect::<Vec<_>>();
        let on = |n| weekday(parse_day(&dates(n)[0]).unwrap());
        assert_eq!([0, 1, 2, 3, 4].map(on), [1, 2, 3, 4, 5]);
        assert_eq!(dates(8), ["2026-09-09", "2026-09-24"]);
        assert_eq!(dates(9), ["2026-10-20", "2026-10-22"]);
        assert_eq!([dates(10), dates(11)], [["2026-09-01"], ["2026-09-30"]]);
        assert_eq!(dates(12), [""; 0]);
        assert_eq!(of_known("NVDA", today), [SplitSpec::new("2026-10-19", 1, 10)]);
    }
}
