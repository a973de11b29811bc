//! Distinguishes answers from failures, and classifies the failures.
//!
//! The status of the reply and the one in the body need not agree: a refusal can come with a 200, and `DELAYED`
//! is a success. A request that the plan does not include gets an explanation and is never repeated. No message
//! contains the key.

use std::time::Duration;

use market_backbone_core::{
    Call, HttpReply, Secret, SourceError, SourceErrorKind as Kind, Symbol, TickerRequest,
};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::capabilities::MassivePlan;
use crate::wire::Envelope;

/// The most characters of a body that a message may repeat.
const EXCERPT_CHARS: usize = 160;
/// The longest wait that is believed; a longer one is a mistake in the reply.
const MAX_WAIT: Duration = Duration::from_secs(86_400);

pub(crate) fn check(
    call: &Call,
    reply: &HttpReply<'_>,
    (plan, key): (MassivePlan, &Secret),
) -> Result<(), SourceError> {
    let (kind, message) = match reply.status {
        200 => match error_status_in_ok_reply(reply.body)? {
            None => return check_found(call, reply.body),
            Some(status) => classify_body_status(&status, &error_text(reply.body), plan, call),
        },
        404 if is_no_data_reply(call, reply.body) => return Ok(()),
        status => classify_http_status(status, reply, plan, call),
    };
    Err(SourceError::new(kind, redacted(&message, key)))
}

/// Removes the key from the venue's words.
pub(crate) fn redacted(words: &str, key: &Secret) -> String {
    match key.reveal() {
        "" => words.to_owned(),
        key => words.replace(key, "(hidden)"),
    }
}

/// Returns the error for a body that is not what Massive sends.
pub(crate) fn malformed(body: &[u8]) -> SourceError {
    let message = format!("cannot read massive's answer `{}`", excerpt(body));
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

/// Returns whether "no data" is a valid answer to the call: the day had no session.
fn is_no_data_reply(call: &Call, body: &[u8]) -> bool {
    let asks_a_day = matches!(call, Call::VenueSpecific(call) if call.path.starts_with("/v1/open-close/"));
    asks_a_day && error_text(body) == "Data not found."
}

/// Returns the error status in the body of a reply that was successful by its HTTP status.
fn error_status_in_ok_reply(body: &[u8]) -> Result<Option<String>, SourceError> {
    let body = body.trim_ascii();
    if body.first() == Some(&b'[') {
        return Ok(None);
    }
    let envelope: Envelope<'_> =
        serde_json::from_slice(body).map_err(|error| malformed(body).with_source(error))?;
    let status = envelope.status.unwrap_or_default();
    Ok(matches!(&*status, "NOT_AUTHORIZED" | "ERROR" | "NOT_FOUND").then(|| status.into_owned()))
}

/// Checks that a list is not empty. Unknown markets are left out of a list; an empty list means that none
/// exists.
fn check_found(call: &Call, body: &[u8]) -> Result<(), SourceError> {
    #[derive(Deserialize)]
    struct TickerList {
        #[serde(default)]
        tickers: Option<Vec<IgnoredAny>>,
    }
    let asks_for_some = match call {
        Call::Tickers(TickerRequest::Symbols(_)) => true,
        Call::Books(request) => request.symbols.len() > 1,
        _ => false,
    };
    let none = |listed: TickerList| listed.tickers.is_none_or(|tickers| tickers.is_empty());
    if asks_for_some && serde_json::from_slice(body).is_ok_and(none) {
        return Err(SourceError::new(Kind::UnknownMarket, unknown_market(call)));
    }
    Ok(())
}

fn classify_body_status(status: &str, words: &str, plan: MassivePlan, call: &Call) -> (Kind, String) {
    match status {
        "NOT_AUTHORIZED" => not_in_plan(words, plan),
        "NOT_FOUND" => (Kind::UnknownMarket, unknown_market(call)),
        _ => (Kind::BadRequest, format!("massive refused the request: {words}")),
    }
}

fn classify_http_status(
    status: u16,
    reply: &HttpReply<'_>,
    plan: MassivePlan,
    call: &Call,
) -> (Kind, String) {
    let words = error_text(reply.body);
    match status {
        401 => {
            (Kind::Unauthorized, format!("massive does not accept this key: {words}; check MASSIVE_API_KEY"))
        }
        403 => not_in_plan(&words, plan),
        404 if is_json(reply.body) => (Kind::UnknownMarket, format!("{}: {words}", unknown_market(call))),
        404 => (Kind::NoSuchRoute, format!("massive has no such route: {words}")),
        429 => (Kind::Throttled(retry_after(reply)), format!("massive asks to slow down: {words}")),
        400..=499 => (Kind::BadRequest, format!("massive refused the request: {words}")),
        500..=599 => (Kind::VenueFault, format!("massive failed with status {status}: {words}")),
        _ => (Kind::Malformed, format!("massive answered with status {status}: {words}")),
    }
}

fn not_in_plan(words: &str, plan: MassivePlan) -> (Kind, String) {
    let message = format!(
        "this is not in the plan that the key belongs to ({plan} is configured), and asking again will not change \
         that: {words}"
    );
    (Kind::Forbidden, message)
}

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

/// Returns the venue's words, or as much of the body as may be shown.
fn error_text(body: &[u8]) -> String {
    match serde_json::from_slice::<Envelope<'_>>(body) {
        Ok(Envelope { error: Some(said), .. } | Envelope { error: None, message: Some(said), .. }) => {
            excerpt(said.as_bytes())
        }
        _ if body.trim_ascii().is_empty() => "no reason given".to_owned(),
        _ => excerpt(body),
    }
}

/// Returns `unknown market NOPE on massive`; of several markets, the venue does not say which.
fn unknown_market(call: &Call) -> String {
    match markets(call) {
        [only] => format!("unknown market {only} on massive"),
        [first, second] => format!("unknown market on massive: {first} or {second}"),
        [first, second, rest @ ..] => {
            format!("unknown market on massive: {first}, {second} or one of {} others", rest.len())
        }
        [] => "massive has no data for this request".to_owned(),
    }
}

fn markets(call: &Call) -> &[Symbol] {
    match call {
        Call::Candles(request) => std::slice::from_ref(&request.series.symbol),
        Call::Trades(request) => std::slice::from_ref(&request.symbol),
        Call::Tickers(TickerRequest::Symbols(symbols)) | Call::PriceIncrements(symbols) => symbols,
        Call::Books(request) => &request.symbols,
        Call::Tickers(TickerRequest::Quotes(_)) | Call::Markets | Call::VenueSpecific(_) => &[],
    }
}

/// Returns how long to wait, where the venue says so; it does not always.
fn retry_after(reply: &HttpReply<'_>) -> Option<Duration> {
    let seconds = reply.header("retry-after").and_then(|value| value.trim().parse().ok());
    seconds.map(Duration::from_secs).map(|wait| wait.min(MAX_WAIT))
}
