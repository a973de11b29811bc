//! A time as people type it, and as this program writes it.

use std::str::FromStr;
use std::time::Duration;

use market_backbone::Timestamp;

use crate::exit::UsageError;

const DAY: Duration = Duration::from_secs(86_400);

/// A time on the command line. What it means may depend on what time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeArg {
    At(Timestamp),
    /// A moment so long before now.
    Ago(Duration),
    /// The last time at which the clock showed so long after midnight, UTC.
    TimeOfDay(Duration),
}

impl TimeArg {
    /// The moment that the option `name` means when it is `now`.
    ///
    /// # Errors
    ///
    /// If that lies ahead, by more than this machine's clock may be wrong.
    pub(crate) fn past(self, name: &str, now: Timestamp) -> Result<Timestamp, UsageError> {
        let moment = self.at(now);
        if moment > now.plus(DAY) {
            return Err(UsageError(format!("{name} {moment} lies in the future; name a time that has been")));
        }
        Ok(moment)
    }

    /// The moment that is meant when it is `now`.
    pub(crate) fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(moment) => moment,
            Self::Ago(length) => now.minus(length),
            Self::TimeOfDay(length) => {
                let midnight = now.minus(Duration::from_nanos(
                    now.as_nanos().rem_euclid(DAY.as_nanos() as i64).unsigned_abs(),
                ));
                let today = midnight.plus(length);
                if today <= now { today } else { today.minus(DAY) }
            }
        }
    }
}

impl FromStr for TimeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text == "now" {
            return Ok(Self::Ago(Duration::ZERO));
        }
        let read = ago(text).or_else(|| unix(text)).or_else(|| time_of_day(text)).or_else(|| calendar(text));
        read.ok_or_else(|| {
            format!(
                "cannot read `{text}` as a time; write it like 2026-08-03T10:40:00Z, 2026-08-03, \"2026-08-03 10:40\" (UTC), \
                 7d or 12h (so long ago), or Unix ms"
            )
        })
    }
}

/// `7d`, `12h`, `90s`, also `7d ago`.
fn ago(text: &str) -> Option<TimeArg> {
    let text = text.strip_suffix("ago").map_or(text, str::trim_end);
    super::duration(text).ok().map(TimeArg::Ago)
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970: as many digits as they have in this century.
fn unix(text: &str) -> Option<TimeArg> {
    let scale = match text.len() {
        10 => 1_000_000_000,
        13 => 1_000_000,
        16 => 1_000,
        19 => 1,
        _ => return None,
    };
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| text.parse::<i64>().ok())??;
    number.checked_mul(scale).map(Timestamp::from_nanos).map(TimeArg::At)
}

/// `03:00`, `03:00:12`, `03:00:12.345`.
fn time_of_day(text: &str) -> Option<TimeArg> {
    let is_clock = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'.');
    if !is_clock || text.as_bytes().get(2) != Some(&b':') {
        return None;
    }
    let moment: Timestamp = format!("1970-01-01T{text}Z").parse().ok()?;
    Some(TimeArg::TimeOfDay(moment.since(Timestamp::EPOCH)))
}

/// RFC 3339, a date, or a date and a time of UTC.
fn calendar(text: &str) -> Option<TimeArg> {
    let read = text.parse::<Timestamp>().or_else(|_| format!("{text}Z").parse::<Timestamp>());
    read.ok().map(TimeArg::At)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Result<String, String> {
        let now: Timestamp = "2026-11-28T09:30:00Z".parse().unwrap();
        text.parse::<TimeArg>().map(|time| time.at(now).to_string())
    }

    #[test]
    fn what_lies_ahead_is_no_past() {
        let now: Timestamp = "2026-11-28T09:30:00Z".parse().unwrap();
        let past = |text: &str| text.parse::<TimeArg>().unwrap().past("--from", now);
        assert!(past("7d").is_ok() && past("2026-11-28T10:30:00Z").is_ok(), "an hour may be the clock's");
        assert!(past("2030-01-01").unwrap_err().to_string().starts_with("--from 2030-01-01T00:00:00Z lies"));
    }

    #[track_caller]
    fn reads(text: &str, moment: &str) {
        assert_eq!(at(text).as_deref(), Ok(moment), "{text}");
    }

    #[test]
    fn a_time_can_be_typed_as_people_say_it() {
        reads("7d", "2026-11-21T09:30:00Z");
        reads("2w", "2026-11-14T09:30:00Z");
        reads("90m ago", "2026-11-28T08:00:00Z");
        reads("now", "2026-11-28T09:30:00Z");
        reads("2026-11-28", "2026-11-28T00:00:00Z");
        reads("2026-11-28 03:00", "2026-11-28T03:00:00Z");
        reads("2026-11-28T03:00:05", "2026-11-28T03:00:05Z");
        reads("2026-11-28 12:00+09:00", "2026-11-28T03:00:00Z");
        reads("03:00", "2026-11-28T03:00:00Z");
        reads("23:00", "2026-11-27T23:00:00Z");
    }

    #[test]
    fn what_this_program_writes_can_be_pasted_back() {
        reads("1778570160000", "2026-05-12T07:16:00Z");
        reads("1778570160000000001", "2026-05-12T07:16:00.000000001Z");
        reads("2026-05-12T07:16:00.5Z", "2026-05-12T07:16:00.5Z");
        reads("2026-11-20 09:30:00-05:00", "2026-11-20T14:30:00Z");
        reads("2026-11-20 14:30:00", "2026-11-20T14:30:00Z");
        reads("09:29:59.123", "2026-11-28T09:29:59.123Z");
    }

    #[test]
    fn what_is_no_time_is_refused_with_what_would_be() {
        for text in
            ["", "yesterday", "7", "7 days", "-7d", "25:00", "2026-13-01", "12345678901", "2026-11-28 3pm"]
        {
            let error = at(text).unwrap_err();
            assert!(error.contains(&format!("`{text}`")) && error.contains("7d"), "{error}");
        }
    }
}
