//! Parameters, times and cursors in this venue's spelling.

use axum::extract::Query;
use http::Uri;

use super::api_error::MassiveApiError;
use crate::massive::new_york::{self, NS_PER_MS};

/// The parameters of a request; those of a cursor replace all others.
#[derive(Debug)]
pub(crate) struct MassiveQueryParams(Vec<(String, String)>);

impl MassiveQueryParams {
    pub(crate) fn of(uri: &Uri) -> Self {
        let asked = Self(Query::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default());
        let cursor =
            asked.get("cursor").and_then(decode).and_then(|text| format!("/?{text}").parse::<Uri>().ok());
        match cursor {
            Some(cursor) => Self(Query::try_from_uri(&cursor).map(|Query(pairs)| pairs).unwrap_or_default()),
            None => asked,
        }
    }

    /// Returns the value of a parameter; empty counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let named = self.0.iter().find(|(given, _)| given == name);
        named.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(crate) fn flag(&self, name: &str, default: bool) -> bool {
        self.get(name).map_or(default, |text| text.eq_ignore_ascii_case("true"))
    }

    /// Returns a count from 1 on; more than `most` is silently cut to that.
    pub(crate) fn limit(&self, default: usize, most: usize) -> Result<usize, MassiveApiError> {
        let Some(text) = self.get("limit") else { return Ok(default) };
        match text.parse::<usize>() {
            Ok(limit) if limit > 0 => Ok(limit.min(most)),
            _ => Err(MassiveApiError::BadParameter(format!("limit: {text:?} is not a positive integer"))),
        }
    }

    /// Returns whether the newest comes first.
    pub(crate) fn descends(&self, name: &str, default: bool) -> Result<bool, MassiveApiError> {
        match self.get(name) {
            None => Ok(default),
            Some("asc") => Ok(false),
            Some("desc") => Ok(true),
            Some(other) => {
                Err(MassiveApiError::BadParameter(format!("{name}: {other:?} is neither asc nor desc")))
            }
        }
    }

    /// Returns the first ns, and the first ns after the last, that filters on `name` allow.
    pub(crate) fn range_ns(&self, name: &'static str) -> Result<(i64, i64), MassiveApiError> {
        let (mut from, mut to) = (0, i64::MAX);
        for suffix in ["", ".gte", ".gt", ".lte", ".lt"] {
            let Some(text) = self.get(&format!("{name}{suffix}")) else { continue };
            let (start, end) = span_ns(text).ok_or(MassiveApiError::BadTime(name))?;
            let (at_least, below) = match suffix {
                ".gte" => (start, i64::MAX),
                ".gt" => (end, i64::MAX),
                ".lte" => (0, end),
                ".lt" => (0, start),
                _ => (start, end),
            };
            (from, to) = (from.max(at_least), to.min(below));
        }
        Ok((from, to))
    }
}

/// Returns the range in ns of a time: a whole New York day, or one ns.
fn span_ns(text: &str) -> Option<(i64, i64)> {
    if let Some(day) = new_york::parse_day(text) {
        return Some((new_york::midnight(day) * NS_PER_MS, new_york::midnight(day + 1) * NS_PER_MS));
    }
    let ns = text.parse::<i64>().ok().or_else(|| new_york::parse_stamp_ns(text))?;
    Some((ns, ns.checked_add(1)?))
}

/// Returns the first and the last ms of a time in a path: a whole New York day, or one ms.
pub(crate) fn span_ms(text: &str) -> Option<(i64, i64)> {
    if let Some(day) = new_york::parse_day(text) {
        return Some((new_york::midnight(day), new_york::midnight(day + 1) - 1));
    }
    let ms = text.parse::<i64>().ok().filter(|ms| (0..=4_102_444_800_000).contains(ms))?;
    Some((ms, ms))
}

/// Encodes a query string as a cursor: unpadded base64url.
pub(crate) fn encode(pairs: &[(&str, String)]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let text = pairs.iter().map(|(name, value)| format!("{name}={}", escaped(value)));
    let text = text.collect::<Vec<_>>().join("&");
    let mut out = String::new();
    for three in text.as_bytes().chunks(3) {
        let bits =
            three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for at in 0..=three.len() {
            out.push(char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
    out
}

fn decode(cursor: &str) -> Option<String> {
    let (mut out, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for byte in cursor.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xFF) as u8);
        }
    }
    String::from_utf8(out).ok()
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_spelled_as_the_venue_does() {
        let pairs = [("limit", "5".to_owned()), ("sort", "asc".to_owned())];
        assert_eq!(encode(&pairs), "bGltaXQ9NSZzb3J0PWFzYw");
        let stamp = "2022-05-10T14:11:12.690661189Z";
        let cursor = encode(&[("ap", "1".to_owned()), ("timestamp.lte", stamp.to_owned())]);
        let uri: Uri = format!("/v3/trades/AAPL?limit=9&cursor={cursor}").parse().unwrap();
        let parameters = MassiveQueryParams::of(&uri);
        assert_eq!((parameters.get("timestamp.lte"), parameters.get("limit")), (Some(stamp), None));
    }

    #[test]
    fn filters_take_days_stamps_and_nanoseconds() {
        let range = |query: &str| {
            MassiveQueryParams::of(&format!("/?{query}").parse().unwrap()).range_ns("timestamp")
        };
        let day = (1_785_988_800_000_000_000, 1_786_075_200_000_000_000);
        assert_eq!(range("timestamp=2026-08-06"), Ok(day));
        assert_eq!(range("timestamp.gte=2026-08-06&timestamp.lt=2026-08-07"), Ok(day));
        assert_eq!(range("timestamp.gt=5&timestamp.lte=9"), Ok((6, 10)));
        assert_eq!(range("timestamp.gte=today"), Err(MassiveApiError::BadTime("timestamp")));
    }
}
