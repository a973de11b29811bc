//! Replies that are failures.

use std::time::Duration;

use market_backbone_core::{
    BookRequest, Call, HttpCall, HttpReply, RateLimitGroup, SourceError, SourceErrorKind as Kind,
    TickerRequest, Timeframe, Venue,
};
use market_backbone_massive::MassivePlan;

use crate::{massive, page_of, symbol};

fn ask(call: &Call, status: u16, body: &str, headers: &[(String, String)]) -> Result<(), SourceError> {
    massive(MassivePlan::Basic).check(call, &HttpReply { status, headers, body: body.as_bytes() })
}

fn candles() -> Call {
    Call::Candles(page_of(Timeframe::M1, None, 200))
}

#[track_caller]
fn check(status: u16, body: &str, kind: Kind, words: &str) {
    let error = ask(&candles(), status, body, &[]).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn a_success_may_be_late_but_not_refused() {
    for good in [r#"{"status":"OK","results":[]}"#, r#"{"status":"DELAYED"}"#, r#"{"market":"open"}"#, "[]"] {
        assert!(ask(&candles(), 200, good, &[]).is_ok(), "{good}");
    }
    let plan = r#"{"status":"NOT_AUTHORIZED","request_id":"1","message":"You are not entitled to this data. Please upgrade your plan at https://massive.com/pricing"}"#;
    check(200, plan, Kind::Forbidden, "basic is configured");
    check(403, plan, Kind::Forbidden, "You are not entitled to this data");
    check(200, r#"{"status":"ERROR","error":"oops"}"#, Kind::BadRequest, "oops");
    check(200, "<html>maintenance</html>", Kind::Malformed, "maintenance");
}

#[test]
fn a_refusal_is_final_and_a_failure_is_not() {
    let time = r#"{"status":"ERROR","request_id":"1","error":"Could not parse the time parameter: 'from'. Use YYYY-MM-DD or Unix MS Timestamps"}"#;
    check(400, time, Kind::BadRequest, "Could not parse the time parameter");
    check(
        401,
        r#"{"status":"ERROR","error":"Unknown API Key"}"#,
        Kind::Unauthorized,
        "Unknown API Key; check MASSIVE_API_KEY",
    );
    check(
        404,
        r#"{"status":"NOT_FOUND","message":"Ticker not found."}"#,
        Kind::UnknownMarket,
        "unknown market AAPL",
    );
    check(404, "404 page not found", Kind::NoSuchRoute, "404 page not found");
    check(500, "<html>oops</html>", Kind::VenueFault, "status 500");
    check(503, "", Kind::VenueFault, "no reason given");
    check(302, "", Kind::Malformed, "status 302");
    let plan = ask(&candles(), 403, "", &[]).unwrap_err();
    assert!(!plan.is_transient());
    assert!(ask(&candles(), 502, "", &[]).unwrap_err().is_transient());
}

#[test]
fn how_long_to_stay_away_is_said_or_not() {
    let body = r#"{"status":"ERROR","error":"You've exceeded the maximum requests per minute"}"#;
    check(429, body, Kind::Throttled(None), "exceeded the maximum requests");
    check(429, "", Kind::Throttled(None), "no reason given");
    let header = [("retry-after".to_owned(), "17".to_owned())];
    let error = ask(&candles(), 429, body, &header).unwrap_err();
    assert_eq!(error.kind(), Kind::Throttled(Some(Duration::from_secs(17))));
}

#[test]
fn a_list_without_any_of_those_that_were_named_knows_none_of_them() {
    let none = r#"{"count":0,"status":"OK","tickers":[]}"#;
    let of = |codes: &[&str]| codes.iter().copied().map(symbol).collect::<Vec<_>>();
    let tickers = Call::Tickers(TickerRequest::Symbols(of(&["NOPE"])));
    assert_eq!(ask(&tickers, 200, none, &[]).unwrap_err().to_string(), "unknown market NOPE on massive");
    let books = Call::Books(BookRequest { symbols: of(&["NOPE", "NADA"]), depth: 1 });
    assert_eq!(ask(&books, 200, none, &[]).unwrap_err().kind(), Kind::UnknownMarket);
    assert!(ask(&Call::Tickers(TickerRequest::Quotes(vec!["USD".into()])), 200, none, &[]).is_ok());
    assert!(ask(&tickers, 200, r#"{"status":"OK","tickers":[{}]}"#, &[]).is_ok());
}

#[test]
fn a_day_without_a_session_is_an_answer() {
    let own = |path: &str| Call::VenueSpecific(HttpCall::new(RateLimitGroup("massive"), path, Vec::new()));
    let body = r#"{"status":"NOT_FOUND","request_id":"1","message":"Data not found."}"#;
    assert!(ask(&own("/v1/open-close/AAPL/2026-05-10"), 404, body, &[]).is_ok());
    let ticker = body.replace("Data", "Ticker");
    assert_eq!(
        ask(&own("/v1/open-close/NOPE/2026-05-11"), 404, &ticker, &[]).unwrap_err().kind(),
        Kind::UnknownMarket
    );
    assert_eq!(ask(&own("/v2/last/trade/NOPE"), 404, body, &[]).unwrap_err().kind(), Kind::UnknownMarket);
}

#[test]
fn the_key_is_in_no_message() {
    let error =
        ask(&candles(), 400, r#"{"status":"ERROR","error":"bad apiKey=test-key in url"}"#, &[]).unwrap_err();
    assert!(error.to_string().contains("apiKey=(hidden)"), "{error}");
    assert!(!format!("{error:?}").contains("test-key"));
}
