//! Massive's error responses, byte for byte: `error` for bad requests, `message` for the rest.

use http::{StatusCode, header};

use crate::json::JsonObject;
use crate::response::EmulatorResponse;

/// The reason why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MassiveApiError {
    /// A time that cannot be parsed: `from` or `to`.
    BadTime(&'static str),
    Backwards,
    /// Another parameter that cannot be parsed, in our own words.
    BadParameter(String),
    NoKey,
    UnknownKey,
    NotInPlan,
    NotInTimeframe,
    NoTicker,
    NoData,
    NoRoute,
    /// Too many requests in this minute; the next is accepted after so many seconds.
    Throttled(Option<i64>),
}

impl MassiveApiError {
    pub(crate) fn reply(&self, request_id: &str) -> EmulatorResponse {
        let error = |status, text: &str| answer(status, "ERROR", request_id, ("error", text));
        let message = |status, name, text: &str| answer(status, name, request_id, ("message", text));
        match self {
            Self::BadTime(name) => error(
                StatusCode::BAD_REQUEST,
                &format!(
                    "Could not parse the time parameter: '{name}'. Use YYYY-MM-DD or Unix MS Timestamps"
                ),
            ),
            Self::Backwards => error(
                StatusCode::BAD_REQUEST,
                "The parameter 'to' cannot be a time that occurs before 'from'",
            ),
            Self::BadParameter(why) => error(StatusCode::BAD_REQUEST, why),
            Self::NoKey => error(StatusCode::UNAUTHORIZED, "API Key was not provided"),
            Self::UnknownKey => error(StatusCode::UNAUTHORIZED, "Unknown API Key"),
            Self::NotInPlan => message(
                StatusCode::FORBIDDEN,
                "NOT_AUTHORIZED",
                "You are not entitled to this data. Please upgrade your plan at https://massive.com/pricing",
            ),
            Self::NotInTimeframe => message(
                StatusCode::FORBIDDEN,
                "NOT_AUTHORIZED",
                "Your plan doesn't include this data timeframe. Please upgrade your plan at https://massive.com/pricing",
            ),
            Self::NoTicker => message(StatusCode::NOT_FOUND, "NOT_FOUND", "Ticker not found."),
            Self::NoData => message(StatusCode::NOT_FOUND, "NOT_FOUND", "Data not found."),
            Self::NoRoute => EmulatorResponse::text(StatusCode::NOT_FOUND, "404 page not found"),
            Self::Throttled(seconds) => {
                let reply = error(
                    StatusCode::TOO_MANY_REQUESTS,
                    "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to continue. https://polygon.io/pricing",
                );
                match seconds {
                    Some(seconds) => reply.with(header::RETRY_AFTER, &seconds.to_string()),
                    None => reply,
                }
            }
        }
    }
}

fn answer(
    status: StatusCode,
    name: &str,
    request_id: &str,
    (key, text): (&'static str, &str),
) -> EmulatorResponse {
    let body = JsonObject::new().text("status", name).text("request_id", request_id).text(key, text).end();
    EmulatorResponse::json(status, body)
}
