//! Where candles begin and end.
//!
//! Arithmetic on open times happens here and nowhere else: a candle's slot follows from the calendar,
//! never from the time of its last trade (which may lie after its end) and never from row counts
//! (slots without a trade have no row).

use jiff::civil::{Date, date};

use crate::{TimeRange, Timeframe, Timestamp};

const DAY: i64 = 86_400;
/// 1970-01-05, the first Monday after the epoch.
const FIRST_MONDAY: i64 = 4 * DAY;

/// The calendar by which a venue cuts its candles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Grid {
    /// UTC: days at 00:00, weeks on Monday, months on the 1st.
    #[default]
    Utc,
}

impl Grid {
    /// The open time of the slot that holds `moment`.
    #[must_use]
    pub fn floor(self, timeframe: Timeframe, moment: Timestamp) -> Timestamp {
        if moment == Timestamp::MIN || moment == Timestamp::MAX {
            return moment;
        }
        let secs = moment.as_secs();
        Timestamp::from_secs(match timeframe.fixed_secs() {
            Some(step) if timeframe == Timeframe::W1 => secs - (secs - FIRST_MONDAY).rem_euclid(step),
            Some(step) => secs - secs.rem_euclid(step),
            None => first_of(period_of(timeframe, secs), timeframe),
        })
    }

    /// The open time of the first slot that begins at or after `moment`.
    #[must_use]
    pub fn ceil(self, timeframe: Timeframe, moment: Timestamp) -> Timestamp {
        let floor = self.floor(timeframe, moment);
        if floor == moment { floor } else { self.step(timeframe, floor, 1) }
    }

    /// The open time `slots` slots after the slot that holds `moment` (before it, where negative).
    #[must_use]
    pub fn step(self, timeframe: Timeframe, moment: Timestamp, slots: i64) -> Timestamp {
        if moment == Timestamp::MIN || moment == Timestamp::MAX {
            return moment;
        }
        let open = self.floor(timeframe, moment).as_secs();
        Timestamp::from_secs(match timeframe.fixed_secs() {
            Some(step) => open.saturating_add(step.saturating_mul(slots)),
            None => first_of(period_of(timeframe, open).saturating_add(slots), timeframe),
        })
    }

    /// When the slot that opened at `open` ends: the next slot's open time.
    #[must_use]
    pub fn close(self, timeframe: Timeframe, open: Timestamp) -> Timestamp {
        self.step(timeframe, open, 1)
    }

    /// How many slots open within `range`.
    #[must_use]
    pub fn slots(self, timeframe: Timeframe, range: TimeRange) -> u64 {
        let from = self.ceil(timeframe, range.from());
        let to = self.ceil(timeframe, range.to());
        let slots = match timeframe.fixed_secs() {
            Some(step) => to.as_secs().saturating_sub(from.as_secs()) / step,
            None => period_of(timeframe, to.as_secs()) - period_of(timeframe, from.as_secs()),
        };
        u64::try_from(slots).unwrap_or(0)
    }

    /// Whether a slot opens exactly at `moment`.
    #[must_use]
    pub fn is_open_time(self, timeframe: Timeframe, moment: Timestamp) -> bool {
        self.floor(timeframe, moment) == moment
    }
}

/// The number of the month (since year 0) or of the year that holds the second `secs`.
fn period_of(timeframe: Timeframe, secs: i64) -> i64 {
    let day = civil_day(secs);
    match timeframe {
        Timeframe::Month => i64::from(day.year()) * 12 + i64::from(day.month()) - 1,
        _ => i64::from(day.year()),
    }
}

/// The second at which the numbered month or year begins.
fn first_of(period: i64, timeframe: Timeframe) -> i64 {
    let (year, month) = match timeframe {
        Timeframe::Month => (period.div_euclid(12), period.rem_euclid(12) + 1),
        _ => (period, 1),
    };
    let year = i16::try_from(year.clamp(1678, 2261)).unwrap_or(1970);
    let first = date(year, i8::try_from(month).unwrap_or(1), 1);
    i64::from((first - date(1970, 1, 1)).get_days()) * DAY
}

fn civil_day(secs: i64) -> Date {
    let days = i32::try_from(secs.div_euclid(DAY)).unwrap_or(0);
    date(1970, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap_or(date(1970, 1, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(frame: Timeframe, moment: &str, floor: &str, next: &str) {
        assert_eq!(Grid::Utc.floor(frame, at(moment)), at(floor));
        assert_eq!(Grid::Utc.close(frame, at(floor)), at(next));
        assert_eq!(Grid::Utc.step(frame, at(next), -1), at(floor));
    }

    #[test]
    fn slots_begin_where_the_calendar_says() {
        check(Timeframe::M1, "2026-08-03T10:40:59.999Z", "2026-08-03T10:40:00Z", "2026-08-03T10:41:00Z");
        check(Timeframe::H4, "2026-08-03T10:40:00Z", "2026-08-03T08:00:00Z", "2026-08-03T12:00:00Z");
        check(Timeframe::D1, "2026-08-03T23:59:59Z", "2026-08-03", "2026-08-04");
        check(Timeframe::W1, "2026-08-09T23:59:59Z", "2026-08-03", "2026-08-10");
        check(Timeframe::Month, "2024-02-29T12:00:00Z", "2024-02-01", "2024-03-01");
        check(Timeframe::Month, "2023-12-31T12:00:00Z", "2023-12-01", "2024-01-01");
        check(Timeframe::Year, "2024-02-29T12:00:00Z", "2024-01-01", "2025-01-01");
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
