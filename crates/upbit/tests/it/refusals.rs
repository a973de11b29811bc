//! The meaning of failed replies.

use std::time::Duration;

use market_backbone_core::{
    Call, HttpReply, SourceError, SourceErrorKind as Kind, TickerRequest, Timeframe, Venue,
};
use market_backbone_upbit::{UPBIT, Upbit};

use crate::{page_of, symbol};

fn candles() -> Call {
    Call::Candles(page_of(Timeframe::M1, None))
}

fn reply(call: &Call, status: u16, headers: &[(&str, &str)], body: &str) -> Result<(), SourceError> {
    let headers: Vec<_> =
        headers.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Upbit::new().check(call, &HttpReply { status, headers: &headers, body: body.as_bytes() })
}

#[track_caller]
fn check(status: u16, headers: &[(&str, &str)], body: &str, kind: Kind) -> String {
    let error = reply(&candles(), status, headers, body).unwrap_err();
    assert_eq!((error.kind(), error.venue()), (kind, Some(UPBIT)), "{status} {body}");
    error.to_string()
}

#[test]
fn a_list_is_an_answer_and_nothing_else_is() {
    assert!(reply(&candles(), 200, &[], " [{}]").is_ok());
    assert!(reply(&candles(), 200, &[], "[]").is_ok());
    for body in ["", "{}", "<html>점검</html>", r#"{"error":{"name":400,"message":"x"}}"#, "null"] {
        check(200, &[], body, Kind::Malformed);
    }
}

#[test]
fn an_unknown_market_is_named() {
    let body = r#"{"error":{"name":404,"message":"Code not found"}}"#;
    assert_eq!(check(404, &[], body, Kind::UnknownMarket), "unknown market KRW-BTC on upbit");
    let many = |codes: &[&str]| {
        let call = Call::Tickers(TickerRequest::Symbols(codes.iter().map(|code| symbol(code)).collect()));
        reply(&call, 404, &[], body).unwrap_err().to_string()
    };
    assert_eq!(many(&["KRW-A", "KRW-B"]), "unknown market on upbit: KRW-A or KRW-B");
    assert_eq!(
        many(&["KRW-A", "KRW-B", "KRW-C"]),
        "unknown market on upbit: KRW-A, KRW-B or one of 1 others"
    );
}

#[test]
fn no_ticker_of_a_named_market_means_that_it_is_unknown() {
    let call = Call::Tickers(TickerRequest::Symbols(vec![symbol("KRW-NOPE")]));
    let error = reply(&call, 200, &[], "[]").unwrap_err();
    assert_eq!(error.to_string(), "unknown market KRW-NOPE on upbit");
    let all = Call::Tickers(TickerRequest::Quotes(vec!["IDR".to_owned()]));
    assert!(reply(&all, 200, &[], "[]").is_ok());
}

#[test]
fn an_unrouted_path_is_told_from_an_unknown_market() {
    let body = r#"{"error":{"name":"not_found","message":"no Route matched with those values"}}"#;
    assert!(check(404, &[], body, Kind::NoSuchRoute).contains("no Route matched"));
    check(404, &[], "<html>404</html>", Kind::NoSuchRoute);
    let code = r#"{"error":{"name":404,"message":"Code not found"}}"#;
    assert_eq!(reply(&Call::Markets, 404, &[], code).unwrap_err().kind(), Kind::NoSuchRoute);
}

#[test]
fn a_refusal_carries_the_venues_words() {
    let body = r#"{"error":{"message":"Invalid parameter. Check the given value!","name":400}}"#;
    let text = check(400, &[], body, Kind::BadRequest);
    assert_eq!(text, "upbit refused the request: Invalid parameter. Check the given value!");
    check(400, &[], "", Kind::BadRequest);
    check(401, &[], r#"{"error":{"name":"jwt","message":null}}"#, Kind::Unauthorized);
    check(403, &[], r#"{"error":{"name":"no_authorization_ip","message":null}}"#, Kind::Forbidden);
}

#[test]
fn too_many_requests_may_come_as_text_json_or_nothing() {
    check(429, &[], "Too many API requests.", Kind::Throttled(None));
    check(429, &[], r#"{"error":{"name":"too_many_requests","message":"x"}}"#, Kind::Throttled(None));
    check(429, &[], "", Kind::Throttled(None));
    let two = Kind::Throttled(Some(Duration::from_secs(2)));
    check(429, &[("retry-after", " 2 ")], "Too many API requests.", two);
    check(429, &[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")], "", Kind::Throttled(None));
}

#[test]
fn a_ban_says_for_how_long_where_it_does() {
    let minute = Kind::Banned(Some(Duration::from_secs(60)));
    check(418, &[], r#"{"error":{"name":418,"message":"blocked for 60 seconds"}}"#, minute);
    check(418, &[], "Too many requests. You are blocked for 1 minute.", minute);
    check(418, &[("retry-after", "60")], "", minute);
    check(418, &[], "", Kind::Banned(None));
    check(418, &[], "I'm a teapot", Kind::Banned(None));
    let longest = Kind::Banned(Some(Duration::from_secs(30 * 86_400)));
    check(418, &[("retry-after", "18446744073709551615")], "", longest);
}

#[test]
fn a_venue_that_fails_is_told_from_one_that_is_closed() {
    check(500, &[], "<html><h1>Internal Server Error</h1></html>", Kind::VenueFault);
    check(502, &[], "", Kind::VenueFault);
    check(503, &[], "<html></html>", Kind::Maintenance);
    check(500, &[], "<html>서버 점검 중입니다</html>", Kind::Maintenance);
    check(302, &[], "", Kind::Malformed);
}

#[test]
fn a_message_never_repeats_a_whole_body() {
    for status in [200, 302, 400, 404, 418, 429, 500] {
        let error = reply(&candles(), status, &[], &"<p>\n".repeat(10_000)).unwrap_err();
        assert!(error.to_string().chars().count() < 200, "{error}");
    }
}
