//! The trading calendar of the American stock exchanges: the exchange's own rules, overridden by what a venue
//! reports.

mod holidays;

use std::collections::BTreeMap;

use jiff::civil::time;

use crate::grid::new_york;
use crate::{Day, Session, Timestamp};

/// The time for which trading goes on after the exchanges have closed.
const AFTER_HOURS_SECS: i64 = 4 * 3_600;

/// The hours of a trading day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayHours {
    /// The start of trading: 04:00 in New York.
    pub begin: Timestamp,
    /// The opening of the exchanges: 09:30 in New York.
    pub open: Timestamp,
    /// The close of the exchanges: 16:00 in New York, or 13:00 on a half day.
    pub close: Timestamp,
    /// The end of trading, four hours after the close.
    pub end: Timestamp,
}

impl DayHours {
    /// Returns the session at `moment`, which need not lie in this day.
    #[must_use]
    pub fn session(&self, moment: Timestamp) -> Session {
        if moment < self.begin || self.end <= moment {
            Session::Closed
        } else if moment < self.open {
            Session::Pre
        } else if moment < self.close {
            Session::Regular
        } else {
            Session::After
        }
    }

    fn with_close_at(day: Day, close: Timestamp) -> Self {
        let at = |hour: i8, minute: i8| {
            Timestamp::from_secs(new_york::unix_secs(day.date().to_datetime(time(hour, minute, 0, 0))))
        };
        let end = Timestamp::from_secs(close.as_secs().saturating_add(AFTER_HOURS_SECS));
        Self { begin: at(4, 0), open: at(9, 30), close, end }
    }

    fn with_close_hour(day: Day, hour: i8) -> Self {
        let close = new_york::unix_secs(day.date().to_datetime(time(hour, 0, 0, 0)));
        Self::with_close_at(day, Timestamp::from_secs(close))
    }
}

/// A venue's report about one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DayOverride {
    Closed,
    ClosesAt(Timestamp),
}

/// The days and hours of the American stock exchanges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    // Days that a venue reported. Every other day follows the rules.
    overrides: BTreeMap<Day, DayOverride>,
}

impl Calendar {
    /// Returns the exchange's own rules, with the unscheduled days on which it stayed closed.
    #[must_use]
    pub const fn new() -> Self {
        Self { overrides: BTreeMap::new() }
    }

    /// Records that nobody trades on `day`.
    pub fn mark_closed(&mut self, day: Day) {
        self.overrides.insert(day, DayOverride::Closed);
    }

    /// Records that the exchanges close early on `day`.
    pub fn mark_early_close(&mut self, day: Day, close: Timestamp) {
        self.overrides.insert(day, DayOverride::ClosesAt(close));
    }

    /// Returns the day in New York at `moment`.
    #[must_use]
    pub fn day_of(moment: Timestamp) -> Day {
        Day::of(new_york::local_time(moment.as_secs()).date())
    }

    /// Returns the moment at which `day` begins in New York.
    #[must_use]
    pub fn midnight(day: Day) -> Timestamp {
        Timestamp::from_secs(new_york::midnight(day.date()))
    }

    /// Returns the hours of `day`, or `None` if nobody trades on it.
    #[must_use]
    pub fn hours(&self, day: Day) -> Option<DayHours> {
        match self.overrides.get(&day) {
            Some(DayOverride::Closed) => None,
            Some(DayOverride::ClosesAt(close)) => Some(DayHours::with_close_at(day, *close)),
            None if holidays::is_closed(day) => None,
            None if holidays::is_half_day(day) => Some(DayHours::with_close_hour(day, 13)),
            None => Some(DayHours::with_close_hour(day, 16)),
        }
    }

    /// Returns the session at `moment`.
    #[must_use]
    pub fn session(&self, moment: Timestamp) -> Session {
        self.hours(Self::day_of(moment)).map_or(Session::Closed, |hours| hours.session(moment))
    }

    /// Returns the last trading day before `day`, or `None` if there is none in the year before it.
    #[must_use]
    pub fn trading_day_before(&self, day: Day) -> Option<Day> {
        (1..=366).map(|back| day.plus(-back)).find(|day| self.hours(*day).is_some())
    }

    /// Returns the first trading day after `day`, or `None` if there is none in the year after it.
    #[must_use]
    pub fn trading_day_after(&self, day: Day) -> Option<Day> {
        (1..=366).map(|ahead| day.plus(ahead)).find(|day| self.hours(*day).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(moment: &str, session: Session) {
        assert_eq!(Calendar::new().session(at(moment)), session);
    }

    #[test]
    fn a_day_has_three_sessions_and_a_night() {
        check("2026-11-20T08:59:59Z", Session::Closed);
        check("2026-11-20T09:00:00Z", Session::Pre);
        check("2026-11-20T14:29:59Z", Session::Pre);
        check("2026-11-20T14:30:00Z", Session::Regular);
        check("2026-11-20T20:59:59Z", Session::Regular);
        check("2026-11-20T21:00:00Z", Session::After);
        check("2026-11-21T00:59:59Z", Session::After);
        check("2026-11-21T01:00:00Z", Session::Closed);
        check("2026-11-21T15:00:00Z", Session::Closed);
        // In summer New York is an hour closer to UTC.
        check("2026-07-20T13:30:00Z", Session::Regular);
        check("2026-07-20T20:00:00Z", Session::After);
    }

    #[test]
    fn a_half_day_ends_early() {
        check("2026-11-27T17:59:59Z", Session::Regular);
        check("2026-11-27T18:00:00Z", Session::After);
        check("2026-11-27T22:00:00Z", Session::Closed);
    }

    #[test]
    fn what_the_venue_says_goes_before_the_rules() {
        let mut calendar = Calendar::new();
        calendar.mark_closed(day("2026-11-20"));
        calendar.mark_early_close(day("2026-11-23"), at("2026-11-23T19:00:00Z"));
        assert_eq!(calendar.session(at("2026-11-20T15:00:00Z")), Session::Closed);
        assert_eq!(calendar.session(at("2026-11-23T19:00:00Z")), Session::After);
        assert_eq!(calendar.trading_day_before(day("2026-11-23")), Some(day("2026-11-19")));
        assert_eq!(calendar.trading_day_after(day("2026-11-25")), Some(day("2026-11-27")));
    }
}
