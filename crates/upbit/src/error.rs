//! Distinguishes answers from failures, and classifies the failures.
//!
//! A successful answer is a bare list. Everything else is an object, a line of text, a page of HTML or nothing
//! at all. Errors of the market-data service carry their status as a number in `name`, those of the gateway
//! before it a word. That, not the wording, distinguishes an unknown market from an unknown route.

use std::time::Duration;

use market_backbone_core::{Call, HttpReply, SourceError, SourceErrorKind as Kind, Symbol, TickerRequest};
use market_backbone_venue_kit::{self as venue_kit, excerpt, malformed};

use crate::naming::{UPBIT, VENUE};
use crate::wire::{ErrorBody, ErrorName};

/// A longer wait than this is a mistake in the reply.
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

fn check_list(call: &Call, body: &[u8]) -> Result<(), SourceError> {
    let body = body.trim_ascii();
    match call {
        // This was seen once in place of the 404.
        Call::Tickers(TickerRequest::Symbols(_)) if body == b"[]" => {
            Err(SourceError::new(Kind::UnknownMarket, unknown_market(call)))
        }
        _ if body.first() == Some(&b'[') => Ok(()),
        _ => Err(malformed(VENUE, body)),
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

/// Names the markets that it may be: Upbit does not say which.
fn unknown_market(call: &Call) -> String {
    let markets = call.symbols();
    let source = markets.first().map_or(UPBIT, Symbol::venue).without_address();
    venue_kit::unknown_market(markets, &source.to_string())
}

fn mentions_maintenance(words: &str) -> bool {
    words.contains("점검") || words.to_ascii_lowercase().contains("maintenance")
}

/// Returns how long to wait, from the header or else from the words.
fn retry_after(reply: &HttpReply<'_>, words: &str) -> Option<Duration> {
    venue_kit::retry_after(reply).or_else(|| wait_in_text(words)).map(|wait| wait.min(MAX_WAIT))
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
}
