//! Arithmetic with durations, and conversions from and to the time types of other libraries.

use std::convert::Infallible;
use std::ops::{Add, AddAssign, Bound, RangeBounds, Sub, SubAssign};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{TimeError, TimeRange, Timestamp};

/// Saturates at [`Timestamp::MAX`].
impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        self.plus(duration)
    }
}

/// Saturates at [`Timestamp::MIN`].
impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        self.minus(duration)
    }
}

impl AddAssign<Duration> for Timestamp {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl SubAssign<Duration> for Timestamp {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

/// Reads RFC 3339 or a date, as [`FromStr`](std::str::FromStr) does.
impl TryFrom<&str> for Timestamp {
    type Error = TimeError;

    fn try_from(text: &str) -> Result<Self, TimeError> {
        text.parse()
    }
}

/// Reads RFC 3339 or a date, as [`FromStr`](std::str::FromStr) does.
impl TryFrom<String> for Timestamp {
    type Error = TimeError;

    fn try_from(text: String) -> Result<Self, TimeError> {
        text.parse()
    }
}

/// Refuses moments outside the years 1677 to 2262.
impl TryFrom<SystemTime> for Timestamp {
    type Error = TimeError;

    fn try_from(time: SystemTime) -> Result<Self, TimeError> {
        let nanos = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i128::try_from(after.as_nanos()),
            Err(before) => i128::try_from(before.duration().as_nanos()).map(|nanos| -nanos),
        };
        from_nanos(nanos.unwrap_or(i128::MAX))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(moment: Timestamp) -> Self {
        let distance = Duration::from_nanos(moment.as_nanos().unsigned_abs());
        if moment < Timestamp::EPOCH { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
    }
}

/// Refuses moments outside the years 1677 to 2262.
impl TryFrom<jiff::Timestamp> for Timestamp {
    type Error = TimeError;

    fn try_from(time: jiff::Timestamp) -> Result<Self, TimeError> {
        from_nanos(time.as_nanosecond())
    }
}

/// Refuses moments outside the years 1677 to 2262.
impl TryFrom<jiff::Zoned> for Timestamp {
    type Error = TimeError;

    fn try_from(time: jiff::Zoned) -> Result<Self, TimeError> {
        time.timestamp().try_into()
    }
}

/// Every moment fits: the years 1677 to 2262 lie within those of `jiff`.
impl From<Timestamp> for jiff::Timestamp {
    fn from(moment: Timestamp) -> Self {
        Self::from_nanosecond(i128::from(moment.as_nanos())).unwrap_or(Self::MAX)
    }
}

/// Supports callers that are generic over what converts to a [`Timestamp`]: a timestamp itself always does.
impl From<Infallible> for TimeError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

fn from_nanos(nanos: i128) -> Result<Timestamp, TimeError> {
    i64::try_from(nanos).map(Timestamp::from_nanos).map_err(|_| TimeError::OutOfRange { nanos })
}

impl RangeBounds<Timestamp> for TimeRange {
    fn start_bound(&self) -> Bound<&Timestamp> {
        Bound::Included(&self.from)
    }

    fn end_bound(&self) -> Bound<&Timestamp> {
        Bound::Excluded(&self.to)
    }
}

impl TimeRange {
    /// Returns the range of anything that bounds times: `a..b`, `a..`, `..b` or `a..=b` of [`Timestamp`],
    /// [`SystemTime`], `jiff` types or RFC 3339 text. A missing bound is [`Timestamp::MIN`] or
    /// [`Timestamp::MAX`].
    ///
    /// # Errors
    ///
    /// [`TimeError`] if a bound is not a time, or the range is empty or runs backwards.
    pub fn of_bounds<T>(bounds: impl RangeBounds<T>) -> Result<Self, TimeError>
    where
        T: TryInto<Timestamp, Error: Into<TimeError>> + Clone,
    {
        const TICK: Duration = Duration::from_nanos(1);
        let read = |bound: &T| bound.clone().try_into().map_err(Into::into);
        let from = match bounds.start_bound() {
            Bound::Included(from) => read(from)?,
            Bound::Excluded(from) => read(from)? + TICK,
            Bound::Unbounded => Timestamp::MIN,
        };
        let to = match bounds.end_bound() {
            Bound::Included(to) => read(to)? + TICK,
            Bound::Excluded(to) => read(to)?,
            Bound::Unbounded => Timestamp::MAX,
        };
        Self::new(from, to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Timestamp = Timestamp::from_nanos(1_778_570_215_005_000_001);

    #[test]
    fn sums_saturate() {
        let second = Duration::from_secs(1);
        assert_eq!(MOMENT + second - second, MOMENT);
        assert_eq!((Timestamp::MAX + second, Timestamp::MIN - second), (Timestamp::MAX, Timestamp::MIN));
        let mut moved = MOMENT;
        moved += second;
        moved -= second;
        assert_eq!(moved, MOMENT);
    }

    #[test]
    fn moments_of_other_libraries_go_there_and_back() {
        for moment in [MOMENT, Timestamp::EPOCH, Timestamp::from_nanos(-1), Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(Timestamp::try_from(SystemTime::from(moment)), Ok(moment));
            let other = jiff::Timestamp::from(moment);
            assert_eq!(Timestamp::try_from(other), Ok(moment));
            assert_eq!(Timestamp::try_from(other.to_zoned(jiff::tz::TimeZone::UTC)), Ok(moment));
        }
        let far = UNIX_EPOCH + Duration::from_secs(20_000_000_000);
        let refused = Timestamp::try_from(far).unwrap_err().to_string();
        assert!(refused.contains("1677 to 2262"), "{refused}");
        assert!(Timestamp::try_from(UNIX_EPOCH - Duration::from_secs(20_000_000_000)).is_err());
    }

    #[test]
    fn a_range_is_read_from_whatever_bounds_it() {
        let want = TimeRange::new("2026-08-03".parse().unwrap(), "2026-08-04".parse().unwrap());
        assert_eq!(TimeRange::of_bounds("2026-08-03".."2026-08-04T00:00:00Z"), want);
        let want = want.unwrap();
        assert_eq!(TimeRange::of_bounds(want), Ok(want));
        assert_eq!(
            TimeRange::of_bounds(SystemTime::from(want.from())..SystemTime::from(want.to())),
            Ok(want)
        );
        let zoned = jiff::Timestamp::from(want.from()).to_zoned(jiff::tz::TimeZone::UTC);
        assert_eq!(TimeRange::of_bounds(zoned..).map(TimeRange::to), Ok(Timestamp::MAX));
        assert_eq!(
            TimeRange::of_bounds(..=want.from()).map(TimeRange::to),
            Ok(want.from() + Duration::from_nanos(1))
        );
        assert!(matches!(TimeRange::of_bounds("soon".."2026-08-04"), Err(TimeError::Unreadable(_))));
        assert!(matches!(TimeRange::of_bounds(want.to()..want.from()), Err(TimeError::Backwards { .. })));
    }
}
