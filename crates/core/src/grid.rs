//! Where candles begin and end.
//!
//! Arithmetic on open times happens here and nowhere else. A candle's slot follows from the calendar, never
//! from the time of its last trade (which may lie after its end) and never from row counts (slots without a
//! trade have no row).

pub(crate) mod new_york;

use jiff::civil::{Date, date};

use crate::{TimeRange, Timeframe, Timestamp};

const DAY: i64 = 86_400;
/// The day number of 1970-01-05, the first Monday after the epoch.
const FIRST_MONDAY: i64 = 4;
/// The day number of 1970-01-04, the first Sunday after the epoch.
const FIRST_SUNDAY: i64 = 3;
/// The number of whole days on either side of the epoch that a timestamp can hold.
const LAST_DAY: i64 = 106_750;

/// The calendar by which a venue cuts its candles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Grid {
    /// UTC: days at 00:00, three days counted from 1970-01-01, weeks on Monday, months on the 1st.
    #[default]
    Utc,
    /// New York: days at 00:00 local time, so that they have 23 to 25 hours; weeks on Sunday, months on the 1st.
    /// Shorter slots begin on multiples of UTC, in winter too, and run through New York's midnight and all clock
    /// changes.
    NewYork,
}

impl Grid {
    /// Returns the open time of the slot that holds `moment`.
    #[must_use]
    pub fn floor(self, timeframe: Timeframe, moment: Timestamp) -> Timestamp {
        if moment == Timestamp::MIN || moment == Timestamp::MAX {
            return moment;
        }
        let secs = moment.as_secs();
        Timestamp::from_secs(match self.fixed_secs(timeframe) {
            Some(step) => secs - secs.rem_euclid(step),
            None => self.period_start(self.period_number(timeframe, secs), timeframe),
        })
    }

    /// Returns the open time of the first slot that begins at or after `moment`.
    #[must_use]
    pub fn ceil(self, timeframe: Timeframe, moment: Timestamp) -> Timestamp {
        let floor = self.floor(timeframe, moment);
        if floor == moment { floor } else { self.step(timeframe, floor, 1) }
    }

    /// Returns the open time `slots` slots after the slot that holds `moment`, or before it if negative.
    #[must_use]
    pub fn step(self, timeframe: Timeframe, moment: Timestamp, slots: i64) -> Timestamp {
        if moment == Timestamp::MIN || moment == Timestamp::MAX {
            return moment;
        }
        let secs = moment.as_secs();
        Timestamp::from_secs(match self.fixed_secs(timeframe) {
            Some(step) => (secs - secs.rem_euclid(step)).saturating_add(step.saturating_mul(slots)),
            None => self.period_start(self.period_number(timeframe, secs).saturating_add(slots), timeframe),
        })
    }

    /// Returns the end of the slot that opened at `open`, which is the next slot's open time.
    #[must_use]
    pub fn close(self, timeframe: Timeframe, open: Timestamp) -> Timestamp {
        self.step(timeframe, open, 1)
    }

    /// Returns the number of slots that open within `range`.
    #[must_use]
    pub fn slots(self, timeframe: Timeframe, range: TimeRange) -> u64 {
        let from = self.ceil(timeframe, range.from()).as_secs();
        let to = self.ceil(timeframe, range.to()).as_secs();
        let slots = match self.fixed_secs(timeframe) {
            Some(step) => to.saturating_sub(from) / step,
            None => self.period_number(timeframe, to) - self.period_number(timeframe, from),
        };
        u64::try_from(slots).unwrap_or(0)
    }

    /// Returns whether a slot opens exactly at `moment`.
    #[must_use]
    pub fn is_open_time(self, timeframe: Timeframe, moment: Timestamp) -> bool {
        self.floor(timeframe, moment) == moment
    }

    /// Returns whether a slot opens at each of these moments, in Unix nanoseconds.
    ///
    /// Much faster than asking for each where they follow each other without gaps.
    #[must_use]
    pub fn are_open_times(self, timeframe: Timeframe, moments: &[i64]) -> bool {
        let Some(step) = self.fixed_secs(timeframe).and_then(|secs| secs.checked_mul(1_000_000_000)) else {
            return moments.iter().all(|moment| self.is_open_time(timeframe, Timestamp::from_nanos(*moment)));
        };
        let mut next = None;
        for moment in moments {
            if next != Some(*moment) && moment % step != 0 {
                return false;
            }
            next = moment.checked_add(step);
        }
        true
    }

    /// Returns the length of slots that are all equally long and aligned with the epoch. These need no calendar,
    /// and nearly all slots are of this kind, in New York too.
    fn fixed_secs(self, timeframe: Timeframe) -> Option<i64> {
        let days = self == Self::NewYork && matches!(timeframe, Timeframe::D1 | Timeframe::D3);
        if days || timeframe == Timeframe::W1 { None } else { timeframe.fixed_secs() }
    }

    /// Returns the number of the day, week, month (since year 0) or year that holds the second `secs`.
    fn period_number(self, timeframe: Timeframe, secs: i64) -> i64 {
        let day = match self {
            Self::Utc => secs.div_euclid(DAY),
            Self::NewYork => day_number(new_york::local_time(secs).date()),
        };
        match timeframe {
            Timeframe::D3 => day.div_euclid(3),
            Timeframe::W1 => (day - self.first_week_day_number()).div_euclid(7),
            Timeframe::Month => {
                let day = date_of_day_number(day);
                i64::from(day.year()) * 12 + i64::from(day.month()) - 1
            }
            Timeframe::Year => i64::from(date_of_day_number(day).year()),
            _ => day,
        }
    }

    /// Returns the second at which the numbered day, week, month or year begins.
    fn period_start(self, period: i64, timeframe: Timeframe) -> i64 {
        let first = |year: i64, month: i64| {
            let year = i16::try_from(year.clamp(1678, 2261)).unwrap_or(1970);
            day_number(date(year, i8::try_from(month).unwrap_or(1), 1))
        };
        let day = match timeframe {
            Timeframe::D3 => period.saturating_mul(3),
            Timeframe::W1 => period.saturating_mul(7).saturating_add(self.first_week_day_number()),
            Timeframe::Month => first(period.div_euclid(12), period.rem_euclid(12) + 1),
            Timeframe::Year => first(period, 1),
            _ => period,
        };
        let day = day.clamp(-LAST_DAY, LAST_DAY);
        match self {
            Self::Utc => day * DAY,
            Self::NewYork => new_york::midnight(date_of_day_number(day)),
        }
    }

    const fn first_week_day_number(self) -> i64 {
        match self {
            Self::Utc => FIRST_MONDAY,
            Self::NewYork => FIRST_SUNDAY,
        }
    }
}

/// Returns the number of days since the epoch.
fn day_number(day: Date) -> i64 {
    i64::from((day - date(1970, 1, 1)).get_days())
}

fn date_of_day_number(day: i64) -> Date {
    let days = i32::try_from(day).unwrap_or(0);
    date(1970, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap_or(date(1970, 1, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(grid: Grid, frame: Timeframe, moment: &str, floor: &str, next: &str) {
        assert_eq!(grid.floor(frame, at(moment)), at(floor));
        assert_eq!(grid.close(frame, at(floor)), at(next));
        assert_eq!(grid.step(frame, at(next), -1), at(floor));
    }

    #[test]
    fn slots_begin_where_the_calendar_says() {
        let check = |frame, moment, floor, next| check(Grid::Utc, frame, moment, floor, next);
        check(Timeframe::M1, "2026-08-03T10:40:59.999Z", "2026-08-03T10:40:00Z", "2026-08-03T10:41:00Z");
        check(Timeframe::H4, "2026-08-03T10:40:00Z", "2026-08-03T08:00:00Z", "2026-08-03T12:00:00Z");
        check(Timeframe::D1, "2026-08-03T23:59:59Z", "2026-08-03", "2026-08-04");
        check(Timeframe::H12, "2026-08-03T23:59:59Z", "2026-08-03T12:00:00Z", "2026-08-04");
        check(Timeframe::H8, "2026-08-03T23:59:59Z", "2026-08-03T16:00:00Z", "2026-08-04");
        // Day 20,667 after the epoch, and 20,667 = 3 * 6,889.
        check(Timeframe::D3, "2026-08-04T23:59:59Z", "2026-08-02", "2026-08-05");
        check(Timeframe::W1, "2026-08-09T23:59:59Z", "2026-08-03", "2026-08-10");
        check(Timeframe::Month, "2024-02-29T12:00:00Z", "2024-02-01", "2024-03-01");
        check(Timeframe::Month, "2023-12-31T12:00:00Z", "2023-12-01", "2024-01-01");
        check(Timeframe::Year, "2024-02-29T12:00:00Z", "2024-01-01", "2025-01-01");
    }

    #[test]
    fn new_york_cuts_its_days_at_its_own_midnight() {
        let check = |frame, moment, floor, next| check(Grid::NewYork, frame, moment, floor, next);
        check(Timeframe::M1, "2026-08-03T10:40:59.999Z", "2026-08-03T10:40:00Z", "2026-08-03T10:41:00Z");
        // Shorter slots follow UTC, in summer and in winter, and run through New York's midnight.
        check(Timeframe::H4, "2026-11-20T05:30:00Z", "2026-11-20T04:00:00Z", "2026-11-20T08:00:00Z");
        check(Timeframe::H4, "2026-07-20T05:30:00Z", "2026-07-20T04:00:00Z", "2026-07-20T08:00:00Z");
        check(Timeframe::H4, "2026-11-01T06:30:00Z", "2026-11-01T04:00:00Z", "2026-11-01T08:00:00Z");
        check(Timeframe::D1, "2026-11-20T04:59:59Z", "2026-11-19T05:00:00Z", "2026-11-20T05:00:00Z");
        check(Timeframe::D1, "2026-07-20T12:00:00Z", "2026-07-20T04:00:00Z", "2026-07-21T04:00:00Z");
        check(Timeframe::W1, "2026-11-21T23:00:00Z", "2026-11-15T05:00:00Z", "2026-11-22T05:00:00Z");
        check(Timeframe::Month, "2026-04-01T03:59:59Z", "2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z");
        check(Timeframe::Year, "2026-12-31T23:59:59Z", "2026-01-01T05:00:00Z", "2027-01-01T05:00:00Z");
    }

    #[test]
    fn the_days_on_which_new_york_changes_its_clock_have_23_and_25_hours() {
        let day = |open: &str, close: &str, hours: i64| {
            check(Grid::NewYork, Timeframe::D1, open, open, close);
            let range = TimeRange::new(at(open), at(close)).unwrap();
            assert_eq!(Grid::NewYork.slots(Timeframe::H1, range), hours.unsigned_abs(), "{open}");
            assert_eq!(Grid::NewYork.slots(Timeframe::D1, range), 1, "{open}");
        };
        day("2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z", 23);
        day("2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z", 25);
        // The clock change of 2005 was in April, between a Friday and a Monday whose bars at the venue are known.
        let bars = [1_112_331_600_000, 1_112_587_200_000].map(Timestamp::from_millis);
        assert!(bars.iter().all(|bar| Grid::NewYork.is_open_time(Timeframe::D1, *bar)));
        assert_eq!(Grid::NewYork.slots(Timeframe::D1, TimeRange::new(bars[0], bars[1]).unwrap()), 3);
    }

    /// Every hour of three years is checked: both kinds of clock change and a leap day are among them.
    #[test]
    fn floor_ceil_step_and_slots_agree_at_every_hour() {
        let (begin, end) = (at("2023-01-01").as_secs() / 3_600, at("2026-01-01").as_secs() / 3_600);
        for grid in [Grid::Utc, Grid::NewYork] {
            use Timeframe::{D1, D3, H2, H4, H6, H8, H12, Month, W1, Year};
            for frame in [H2, H4, H6, H8, H12, D1, D3, W1, Month, Year] {
                let origin = grid.floor(frame, Timestamp::from_secs(begin * 3_600));
                let (mut open, mut number) = (origin, 0);
                for hour in begin..end {
                    let moment = Timestamp::from_secs(hour * 3_600);
                    let close = grid.close(frame, open);
                    if close <= moment {
                        (open, number) = (close, number + 1);
                        assert_eq!(grid.ceil(frame, moment), moment, "{grid:?} {frame} {moment}");
                        assert_eq!(grid.step(frame, origin, number), open, "{grid:?} {frame} {moment}");
                        assert_eq!(grid.step(frame, moment, -number), origin, "{grid:?} {frame} {moment}");
                        let range = TimeRange::new(origin, moment).unwrap();
                        assert_eq!(
                            grid.slots(frame, range),
                            number.unsigned_abs(),
                            "{grid:?} {frame} {moment}"
                        );
                    }
                    assert_eq!(grid.floor(frame, moment), open, "{grid:?} {frame} {moment}");
                    if moment != open {
                        assert_eq!(grid.ceil(frame, moment), grid.close(frame, open), "{grid:?} {frame}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_ends_of_time_are_no_trap() {
        for grid in [Grid::Utc, Grid::NewYork] {
            for frame in Timeframe::ALL {
                for nanos in [i64::MIN, i64::MIN + 1, 0, i64::MAX - 1, i64::MAX] {
                    let moment = Timestamp::from_nanos(nanos);
                    let _ = (grid.floor(frame, moment), grid.ceil(frame, moment));
                    let _ = (grid.step(frame, moment, i64::MAX), grid.step(frame, moment, i64::MIN));
                }
                let always = TimeRange::new(Timestamp::MIN, Timestamp::MAX).unwrap();
                assert!(grid.slots(frame, always) > 100, "{grid:?} {frame}");
            }
        }
    }

    #[test]
    fn times_before_the_epoch_round_down_too() {
        assert_eq!(Grid::Utc.floor(Timeframe::M1, Timestamp::from_secs(-1)), Timestamp::from_secs(-60));
    }

    #[test]
    fn counts_the_slots_that_open_in_a_range() {
        let range = |a, b| TimeRange::new(at(a), at(b)).unwrap();
        let minutes = range("2026-08-03T10:40:00Z", "2026-08-03T10:43:00Z");
        assert_eq!(Grid::Utc.slots(Timeframe::M1, minutes), 3);
        let inside = range("2026-08-03T10:40:01Z", "2026-08-03T10:42:59Z");
        assert_eq!(Grid::Utc.slots(Timeframe::M1, inside), 2);
        assert_eq!(Grid::Utc.slots(Timeframe::Month, range("2023-11-15", "2024-02-02")), 3);
    }
}
