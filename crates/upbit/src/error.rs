//! Distinguishes answers from failures, and classifies the failures.
//!
//! A successful answer is a bare list. Everything else is an object, a line of text, a page of HTML or nothing
//! at all. Errors of the market-data service carry their status as a number in `name`, those of the gateway
//! before it a word. That, not the wording, distinguishes an unknown market from an unknown route.

use std::time::Duration;

use market_backbone_core::{Call, HttpReply, SourceError, SourceErrorKind as Kind, Symbol, TickerRequest};

use crate::naming::UPBIT;
use crate::wire::{ErrorBody, ErrorName};

/// The most characters of a body that a message may repeat.
const EXCERPT_CHARS: usize = 120;
/// The longest wait that is believed; a longer one is a mistake in the reply.
const MAX_WAIT: Duration = Duration::from_secs(30 * 86_400);

pub(crate) fn check(call: &Call, reply: &HttpReply<'_>) -> Result<(), SourceError> {
    if reply.status == 200 {
        return check_list(call, reply.body);
    }
    let (name, words) = error_detail(reply.body);
    let (kind, message) = match reply.status {
        404 if is_unknown_market(name.as_ref(), call) => (Kind::UnknownMarket, unknown_market(call)),
        404 => (Kind::NoSuchRoute, format!("upbit has no such route: {words}")),
        418 => (Kind::Banned(retry_after(reply, &words)), format!("upbit has banned this address: {words}")),
        429 => (Kind::Throttled(retry_after(reply, &words)), format!("upbit asks to slow down: {words}")),
        401 => (Kind::Unauthorized, format!("upbit does not accept the key: {words}; check it")),
        403 => (Kind::Forbidden, format!("upbit does not permit this request: {words}")),
        400..=499 => (Kind::BadRequest, format!("upbit refused the request: {words}")),
        503 => (Kind::Maintenance, "upbit is not available, perhaps for maintenance".to_owned()),
        status @ 500..=599 if mentions_maintenance(&words) => {
            (Kind::Maintenance, format!("upbit is under maintenance (status {status})"))
        }
        status @ 500..=599 => (Kind::VenueFault, format!("upbit failed with status {status}: {words}")),
        status => (Kind::Malformed, format!("upbit answered with status {status}: {words}")),
    };
    Err(SourceError::new(kind, message))
}

/// Returns the error for a body that is not what Upbit sends.
pub(crate) fn malformed(body: &[u8]) -> SourceError {
    let message = format!("cannot read upbit's answer `{}`", excerpt(body));
    SourceError::new(Kind::Malformed, message)
}

/// Returns at most [`EXCERPT_CHARS`] characters of a body, on one line.
pub(crate) fn excerpt(body: &[u8]) -> String {
    // A character has at most four bytes, so this many bytes always hold enough of them.
    let head = String::from_utf8_lossy(&body[..body.len().min(4 * EXCERPT_CHARS)]);
    let line = head.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut text: String = line.chars().filter(|c| !c.is_control()).take(EXCERPT_CHARS).collect();
    if text.len() < line.len() || body.len() > 4 * EXCERPT_CHARS {
        text.push('…');
    }
    text
}

fn check_list(call: &Call, body: &[u8]) -> Result<(), SourceError> {
    let body = body.trim_ascii();
    match call {
        // This was seen once in place of the 404.
        Call::Tickers(TickerRequest::Symbols(_)) if body == b"[]" => {
            Err(SourceError::new(Kind::UnknownMarket, unknown_market(call)))
        }
        _ if body.first() == Some(&b'[') => Ok(()),
        _ => Err(malformed(body)),
    }
}

/// Returns the venue's name for the error, and its words or as much of the body as may be shown.
fn error_detail(body: &[u8]) -> (Option<ErrorName>, String) {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(ErrorBody { error }) => {
            let words =
                error.message.as_deref().map_or_else(|| excerpt(body), |said| excerpt(said.as_bytes()));
            (error.name, words)
        }
        Err(_) if body.trim_ascii().is_empty() => (None, "no reason given".to_owned()),
        Err(_) => (None, excerpt(body)),
    }
}

fn is_unknown_market(name: Option<&ErrorName>, call: &Call) -> bool {
    matches!(name, Some(ErrorName::Status(404))) && !call.symbols().is_empty()
}

/// Returns `unknown market KRW-NOPE on upbit`; of several markets, the venue does not say which.
fn unknown_market(call: &Call) -> String {
    let markets = call.symbols();
    let source = markets.first().map_or(UPBIT, Symbol::venue).without_address();
    match markets {
        [only] => format!("unknown market {only} on {source}"),
        [first, second] => format!("unknown market on {source}: {first} or {second}"),
        [first, second, rest @ ..] => {
            format!("unknown market on {source}: {first}, {second} or one of {} others", rest.len())
        }
        [] => format!("unknown market on {source}"),
    }
}

fn mentions_maintenance(words: &str) -> bool {
    words.contains("점검") || words.to_ascii_lowercase().contains("maintenance")
}

/// Returns how long to wait, from the header or else from the words.
fn retry_after(reply: &HttpReply<'_>, words: &str) -> Option<Duration> {
    let header =
        reply.header("retry-after").and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
    header.or_else(|| wait_in_text(words)).map(|wait| wait.min(MAX_WAIT))
}

/// Returns the first number in `words` that is followed by a unit of time.
fn wait_in_text(words: &str) -> Option<Duration> {
    let mut rest = words;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let number = &rest[start..];
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        let (digits, after) = number.split_at(end);
        if let Some(unit) = unit_secs(after.trim_start())
            && let Ok(count) = digits.parse::<u64>()
        {
            return Some(Duration::from_secs(count.saturating_mul(unit)));
        }
        rest = after;
    }
    None
}

fn unit_secs(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 6] =
        [("sec", 1), ("초", 1), ("min", 60), ("분", 60), ("hour", 3_600), ("시간", 3_600)];
    UNITS.into_iter().find(|(name, _)| text.starts_with(name)).map(|(_, secs)| secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_found_in_words() {
        let check = |words: &str, secs: Option<u64>| {
            assert_eq!(wait_in_text(words), secs.map(Duration::from_secs), "{words}");
        };
        check("blocked for 60 seconds", Some(60));
        check("error 418: blocked for 5 minutes", Some(300));
        check("30초 동안 차단되었습니다.", Some(30));
        check("blocked", None);
        check("99999999999999999999999 seconds", None);
    }

    #[test]
    fn an_excerpt_is_short_and_one_line() {
        let page = "<html>\r\n <body>\t점검 중입니다 ".repeat(400);
        let text = excerpt(page.as_bytes());
        assert_eq!(text.chars().count(), EXCERPT_CHARS + 1);
        assert!(!text.contains('\n'), "{text}");
        assert_eq!(excerpt(b"short"), "short");
        assert!(excerpt(&[0xff; 999]).chars().count() <= EXCERPT_CHARS + 1);
    }
}
