//! Upbit's error responses, byte for byte.

use http::StatusCode;

use crate::limiter::BanBody;
use crate::response::EmulatorResponse;

/// The reason why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpbitApiError {
    MissingParameter,
    TypeMismatch,
    InvalidValue,
    BadUnit,
    UnknownMarket,
    NoRoute,
    Throttled,
}

impl UpbitApiError {
    pub(crate) fn reply(self) -> EmulatorResponse {
        let quotation = |code: u16, message: &str| {
            let body = format!(r#"{{"error":{{"name":{code},"message":"{message}"}}}}"#);
            EmulatorResponse::json(StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST), body)
        };
        match self {
            Self::MissingParameter => {
                quotation(400, "Missing request parameter error. Check the required parameters!")
            }
            Self::TypeMismatch => quotation(400, "Type mismatch error. Check the parameters type!"),
            Self::InvalidValue => quotation(400, "Invalid parameter. Check the given value!"),
            Self::BadUnit => quotation(400, "specified unit is not valid."),
            Self::UnknownMarket => quotation(404, "Code not found"),
            Self::NoRoute => EmulatorResponse::json(
                StatusCode::NOT_FOUND,
                r#"{"error":{"name":"not_found","message":"no Route matched with those values"}}"#.to_owned(),
            ),
            Self::Throttled => {
                EmulatorResponse::text(StatusCode::TOO_MANY_REQUESTS, "Too many API requests.")
            }
        }
    }
}

/// Returns the answer to a banned address. No real one was ever published: the words are ours.
pub(crate) fn banned(body: BanBody, seconds: u64) -> EmulatorResponse {
    let message = format!("Too many API requests. Your access is blocked for {seconds} seconds");
    match body {
        BanBody::Json => EmulatorResponse::json(
            StatusCode::IM_A_TEAPOT,
            format!(r#"{{"error":{{"name":418,"message":"{message}"}}}}"#),
        ),
        BanBody::Text => EmulatorResponse::text(StatusCode::IM_A_TEAPOT, &message),
        BanBody::Empty => EmulatorResponse::text(StatusCode::IM_A_TEAPOT, ""),
    }
}
