//! Days, weeks and months of UTC, and the formats of instants that venues use.

/// The milliseconds in a second.
pub(crate) const SECOND: i64 = 1_000;
/// The milliseconds in a minute.
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// The milliseconds in an hour.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// The milliseconds in a day.
pub(crate) const DAY: i64 = 24 * HOUR;

/// A calendar date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
}

impl Date {
    /// Returns the date of a day counted from 1970-01-01 (Howard Hinnant's `civil_from_days`).
    pub(crate) const fn from_days(days: i64) -> Self {
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + (month <= 2) as i64;
        Self { year, month, day: doy - (153 * mp + 2) / 5 + 1 }
    }

    /// Returns the number of days since 1970-01-01.
    pub(crate) const fn days(self) -> i64 {
        let year = self.year - (self.month <= 2) as i64;
        let era = year.div_euclid(400);
        let yoe = year.rem_euclid(400);
        let mp = (self.month + 9) % 12;
        let doy = (153 * mp + 2) / 5 + self.day - 1;
        era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
    }

    /// Returns whether the date exists in the calendar.
    fn exists(self) -> bool {
        1 <= self.month && self.month <= 12 && 1 <= self.day && self == Self::from_days(self.days())
    }
}

/// Formats the date of an instant in ms as `yyyy-MM-dd`.
pub(crate) fn date(ms: i64) -> String {
    let Date { year, month, day } = Date::from_days(ms.div_euclid(DAY));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Formats the time of an instant in ms as `HH:mm:ss`.
pub(crate) fn time(ms: i64) -> String {
    let second = ms.rem_euclid(DAY) / SECOND;
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

/// Formats an instant in ms as `yyyy-MM-ddTHH:mm:ss`.
pub(crate) fn stamp(ms: i64) -> String {
    format!("{}T{}", date(ms), time(ms))
}

/// Formats an instant in ms as HTTP does: `Thu, 06 Aug 2026 13:14:15 GMT`.
pub(crate) fn http_date(ms: i64) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let days = ms.div_euclid(DAY);
    let Date { year, month, day } = Date::from_days(days);
    // 1970-01-01 was a Thursday.
    let weekday = WEEKDAYS[days.rem_euclid(7) as usize];
    let month = MONTHS[(month - 1).rem_euclid(12) as usize];
    format!("{weekday}, {day:02} {month} {year:04} {} GMT", time(ms))
}

/// Reads `yyyy-MM-dd[T ]HH:mm:ss[.fff][Z|±HH:mm]`; without an offset it is UTC.
pub(crate) fn parse_instant(text: &str) -> Option<i64> {
    let (day, rest) = (text.get(..10)?, text.get(11..)?);
    if !matches!(text.as_bytes().get(10), Some(b'T' | b' ')) {
        return None;
    }
    let mut parts = day.split('-');
    let year = digits(parts.next()?, 4)?;
    let date = Date { year, month: digits(parts.next()?, 2)?, day: digits(parts.next()?, 2)? };
    if parts.next().is_some() || !date.exists() {
        return None;
    }
    let within = parse_time_of_day(rest.get(..8)?)?;
    let (fraction, zone) = split_fraction(rest.get(8..)?)?;
    Some(date.days() * DAY + within + fraction - parse_offset(zone)?)
}

/// Reads `HH:mm:ss` or `HHmmss` as ms since midnight.
pub(crate) fn parse_time_of_day(text: &str) -> Option<i64> {
    let compact: String = if text.len() == 8 {
        let bytes = text.as_bytes();
        (bytes[2] == b':' && bytes[5] == b':').then(|| text.replace(':', ""))?
    } else {
        text.to_owned()
    };
    digits(&compact, 6)?;
    let (hour, minute, second) =
        (digits(&compact[..2], 2)?, digits(&compact[2..4], 2)?, digits(&compact[4..], 2)?);
    (hour < 24 && minute < 60 && second < 60).then_some(hour * HOUR + minute * MINUTE + second * SECOND)
}

fn split_fraction(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let mut padded = rest[..end.min(3)].to_owned();
    if padded.is_empty() {
        return None;
    }
    while padded.len() < 3 {
        padded.push('0');
    }
    Some((padded.parse().ok()?, &rest[end..]))
}

fn parse_offset(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first() {
        None | Some(b'Z') if zone.len() <= 1 => return Some(0),
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return None,
    };
    let (hour, minute) = zone.get(1..)?.split_once(':')?;
    Some(sign * (digits(hour, 2)? * HOUR + digits(minute, 2)? * MINUTE))
}

fn digits(text: &str, len: usize) -> Option<i64> {
    (text.len() == len && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_survive_the_round_trip() {
        for days in (-1_000_000..1_000_000).step_by(997) {
            assert_eq!(Date::from_days(days).days(), days);
        }
        assert_eq!(stamp(1_785_580_800_000), "2026-08-01T10:40:00");
    }

    #[test]
    fn every_spelling_of_an_instant_is_read() {
        let want = Some(1_785_580_800_000);
        for text in [
            "2026-08-01T10:40:00Z",
            "2026-08-01T10:40:00",
            "2026-08-01 10:40:00",
            "2026-08-01T10:40:00.000Z",
            "2026-08-01T19:40:00+09:00",
            "2026-08-01T08:40:00-02:00",
        ] {
            assert_eq!(parse_instant(text), want, "{text}");
        }
    }

    #[test]
    fn nonsense_is_no_instant() {
        for text in [
            "",
            "2026-08-01",
            "2026-08-01T19:40:00 09:00",
            "2026-02-30T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-08-01T25:00:00Z",
            "2026-08-01T10:40:00.Z",
            "2026-08-01T10:40:00+0900",
            "1785580800000",
            "가나다라마바사아자차",
        ] {
            assert_eq!(parse_instant(text), None, "{text}");
        }
    }
}
