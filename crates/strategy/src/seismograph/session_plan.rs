//! The sessions of a market: where its day and its average prices begin.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{Calendar, TimeRange, Timestamp};

/// The seconds of a day.
const DAY_SECS: i64 = 86_400;

/// The sessions of a venue's markets.
#[derive(Clone, Debug)]
pub enum SessionPlan {
    /// Trading never ends. A session is a day in UTC.
    RoundTheClock,
    /// The hours of the American stock exchanges, half days and holidays included.
    Exchange(Arc<Calendar>),
}

impl SessionPlan {
    /// Returns the session that `moment` lies in, or `None` if the market is closed.
    ///
    /// Before the opening, the regular hours and the hours after the close are sessions of their own.
    #[must_use]
    pub fn session(&self, moment: Timestamp) -> Option<TimeRange> {
        match self {
            Self::RoundTheClock => {
                let start = moment.as_secs().div_euclid(DAY_SECS) * DAY_SECS;
                let start = Timestamp::from_secs(start);
                TimeRange::new(start, start + Duration::from_secs(DAY_SECS.unsigned_abs())).ok()
            }
            Self::Exchange(calendar) => {
                let hours = calendar.hours(Calendar::day_of(moment))?;
                let parts = [(hours.begin, hours.open), (hours.open, hours.close), (hours.close, hours.end)];
                let mut ranges = parts.into_iter().filter_map(|(from, to)| TimeRange::new(from, to).ok());
                ranges.find(|range| range.contains(moment))
            }
        }
    }

    /// Returns the main session of the day of `moment`: the day in UTC, or the regular hours in New York.
    #[must_use]
    pub fn main_session(&self, moment: Timestamp) -> Option<TimeRange> {
        match self {
            Self::RoundTheClock => self.session(moment),
            Self::Exchange(calendar) => {
                let hours = calendar.hours(Calendar::day_of(moment))?;
                TimeRange::new(hours.open, hours.close).ok()
            }
        }
    }

    /// Returns whether the market has an opening, after which one has to wait.
    #[must_use]
    pub const fn has_opening(&self) -> bool {
        matches!(self, Self::Exchange(_))
    }
}
