//! Timestamps and time ranges.
//!
//! There is one type for every moment, so that milliseconds, microseconds and nanoseconds cannot be mistaken
//! for each other. Nothing here reads a clock: times of other libraries are converted, never read.

mod conversions;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A moment in nanoseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest timestamp: the start of a range that reaches back to the beginning.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest timestamp: the end of a range without an end.
    pub const MAX: Self = Self(i64::MAX);
    /// The Unix epoch, 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// Returns the moment `nanos` nanoseconds after the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Returns the moment `millis` milliseconds after the epoch; saturates outside the years 1677 to 2262.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Returns the moment `secs` seconds after the epoch; saturates outside the years 1677 to 2262.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Returns the nanoseconds since the epoch.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Returns whole milliseconds since the epoch, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Returns whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// Returns this moment plus `duration`, saturating.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// Returns this moment minus `duration`, saturating.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// Returns the time from `earlier` to this moment; zero if this is not after `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// Writes RFC 3339 in UTC with as many decimals as needed: `2026-08-03T10:40:00Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::MIN => f.write_str("the beginning"),
            Self::MAX => f.write_str("the end"),
            Self(nanos) => match jiff::Timestamp::from_nanosecond(i128::from(nanos)) {
                Ok(moment) => moment.fmt(f),
                Err(_) => write!(f, "{nanos} ns"),
            },
        }
    }
}

/// Reads RFC 3339 (`2026-08-03T10:40:00Z`, `…+09:00`); a bare date means midnight UTC.
impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let unreadable = || TimeError::Unreadable(text.to_owned());
        let moment = match text.parse::<jiff::Timestamp>() {
            Ok(moment) => moment,
            Err(_) if text.len() == 10 => {
                let date = text.parse::<jiff::civil::Date>().map_err(|_| unreadable())?;
                date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| unreadable())?.timestamp()
            }
            Err(_) => return Err(unreadable()),
        };
        i64::try_from(moment.as_nanosecond()).map(Self).map_err(|_| unreadable())
    }
}

/// As [`Display`](fmt::Display): logs and failed assertions show a time, not a number of nanoseconds.
impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The reason why a moment or a time range is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// The text is neither an RFC 3339 time nor a date.
    #[error("cannot read `{0}` as a time; write it like 2026-08-03T10:40:00Z")]
    Unreadable(String),
    /// The range does not end after it begins.
    #[error("the range from {from} to {to} is empty or runs backwards")]
    Backwards {
        /// The start of the refused range.
        from: Timestamp,
        /// The end of the refused range.
        to: Timestamp,
    },
    /// The moment lies outside the years that a [`Timestamp`] can hold.
    #[error("the time {nanos} ns from 1970 is out of range; times from the years 1677 to 2262 can be held")]
    OutOfRange {
        /// The nanoseconds since the epoch.
        nanos: i128,
    },
}

/// A half-open time range: `from` belongs to it, `to` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeRange {
    // Invariant: from < to.
    from: Timestamp,
    to: Timestamp,
}

impl TimeRange {
    /// All of time: from [`Timestamp::MIN`] up to but without [`Timestamp::MAX`].
    pub const ALL: Self = Self { from: Timestamp::MIN, to: Timestamp::MAX };

    /// Returns the range from `from` up to but without `to`.
    ///
    /// # Errors
    ///
    /// [`TimeError::Backwards`] if `to` is not after `from`.
    pub fn new(from: Timestamp, to: Timestamp) -> Result<Self, TimeError> {
        if from < to { Ok(Self { from, to }) } else { Err(TimeError::Backwards { from, to }) }
    }

    /// Returns the start, which belongs to the range.
    #[must_use]
    pub const fn from(self) -> Timestamp {
        self.from
    }

    /// Returns the end, the first moment after the range.
    #[must_use]
    pub const fn to(self) -> Timestamp {
        self.to
    }

    /// Returns whether `moment` lies in the range.
    #[must_use]
    pub fn contains(self, moment: Timestamp) -> bool {
        self.from <= moment && moment < self.to
    }

    /// Returns the intersection of both ranges, or `None` if it is empty.
    #[must_use]
    pub fn intersect(self, other: Self) -> Option<Self> {
        Self::new(self.from.max(other.from), self.to.min(other.to)).ok()
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["2026-08-03T10:40:00Z", "2017-09-25T03:00:00.123456789Z"] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        }
        assert_eq!(
            "2026-08-03T19:40:00+09:00".parse::<Timestamp>().unwrap().to_string(),
            "2026-08-03T10:40:00Z"
        );
        assert_eq!("2026-08-03".parse::<Timestamp>().unwrap().to_string(), "2026-08-03T00:00:00Z");
    }

    #[test]
    fn a_moment_is_shown_as_a_time_when_debugged() {
        let moment: Timestamp = "2026-08-03T10:40:00.5Z".parse().unwrap();
        assert_eq!(format!("{moment:?}"), "2026-08-03T10:40:00.5Z");
        assert_eq!(format!("{:?}", Some(Timestamp::EPOCH)), "Some(1970-01-01T00:00:00Z)");
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        for text in ["", "yesterday", "2026-08-03T10:40:00", "1778570215005"] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimeError::Unreadable(text.to_owned())));
        }
    }

    #[test]
    fn a_range_ends_after_it_begins() {
        let (a, b) = (Timestamp::from_secs(1), Timestamp::from_secs(2));
        assert!(TimeRange::new(a, b).is_ok());
        assert_eq!(TimeRange::new(b, a), Err(TimeError::Backwards { from: b, to: a }));
        assert!(TimeRange::new(a, a).is_err());
    }
}
