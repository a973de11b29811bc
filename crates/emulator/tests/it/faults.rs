//! Faults: each one goes wrong in its own way, and only when asked to.

use std::io::Read as _;

use flate2::read::GzDecoder;
use market_backbone_emulator::{Emulator, Faults, Scenario};

use crate::client::{get, post, raw_get, request, scenario, start};

const PATH: &str = "/v1/market/all";

#[tokio::test]
async fn an_html_page_comes_with_its_status() {
    let venue = start(&["KRW-BTC"]).await;
    venue.set_faults(Faults { html: 1.0, ..Faults::default() });
    let answer = raw_get(&venue, PATH).await;
    assert_eq!((answer.status, answer.header("content-type")), (502, Some("text/html")));
    assert!(answer.text().starts_with("<html>"));
    assert_eq!(venue.report().faulted, 1);
}

#[tokio::test]
async fn a_cut_body_is_shorter_than_declared() {
    let venue = Emulator::start(Scenario::default()).await.unwrap();
    let whole = raw_get(&venue, PATH).await;
    venue.set_faults(Faults { cut: 1.0, ..Faults::default() });
    let cut = raw_get(&venue, PATH).await;
    assert_eq!(cut.status, 200);
    assert_eq!(cut.header("content-length"), Some(whole.body.len().to_string().as_str()));
    assert_eq!(cut.body, whole.body[..whole.body.len() / 2]);
}

#[tokio::test]
async fn a_reset_leaves_no_answer() {
    let venue = start(&["KRW-BTC"]).await;
    venue.set_faults(Faults { reset: 1.0, ..Faults::default() });
    let error = request(&venue, "GET", PATH, "\r\n").await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    assert_eq!(venue.report().group("market").accepted, 1, "the request itself had arrived");
}

#[tokio::test]
async fn an_undeserved_429_looks_like_any_other() {
    let venue = start(&["KRW-BTC"]).await;
    venue.set_faults(Faults { throttle: 1.0, ..Faults::default() });
    let answer = raw_get(&venue, PATH).await;
    assert_eq!((answer.status, answer.text()), (429, "Too many API requests."));
    assert_eq!(venue.report().rejected(), 0, "the limiter had nothing against it");
}

#[tokio::test]
async fn latency_delays_every_answer_but_the_back_doors() {
    let venue = start(&["KRW-BTC"]).await;
    venue.set_faults(Faults { latency_ms: 80, jitter_ms: 10, ..Faults::default() });
    let started = tokio::time::Instant::now();
    raw_get(&venue, PATH).await;
    assert!(started.elapsed().as_millis() >= 80);
    venue.set_faults(Faults { latency_ms: 3_600_000, ..Faults::default() });
    assert_eq!(raw_get(&venue, "/__admin/report").await.status, 200);
}

#[tokio::test]
async fn which_call_fails_is_repeatable() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let faulty = Faults { html: 0.2, throttle: 0.2, ..Faults::default() };
        let venue = Emulator::start(Scenario { faults: faulty, ..scenario(&["KRW-BTC"]) }).await.unwrap();
        let mut statuses = Vec::new();
        for path in [PATH, "/v1/ticker?markets=KRW-BTC", "/v1/orderbook?markets=KRW-BTC"] {
            for _ in 0..10 {
                statuses.push(raw_get(&venue, path).await.status);
            }
        }
        assert!(
            statuses.contains(&200) && statuses.contains(&502) && statuses.contains(&429),
            "{statuses:?}"
        );
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn faults_are_changed_and_cleared_through_the_back_door() {
    let from_start = Faults { latency_ms: 1, ..Faults::default() };
    let venue = Emulator::start(Scenario { faults: from_start, ..scenario(&["KRW-BTC"]) }).await.unwrap();
    let changed = post(&venue, "/__admin/faults", r#"{"html":1}"#).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(venue.faults(), Faults { html: 1.0, ..from_start });
    assert_eq!(raw_get(&venue, PATH).await.status, 502);
    let report: market_backbone_emulator::EmulatorReport =
        serde_json::from_slice(&raw_get(&venue, "/__admin/report").await.body).unwrap();
    assert_eq!(report, venue.report());
    assert_eq!(report.group("market").asked, 1);

    assert_eq!(post(&venue, "/__admin/reset", "").await.status, 200);
    assert_eq!((venue.faults(), venue.report().asked()), (from_start, 0));

    for wrong in ["", "[]", r#"{"htlm":1}"#, r#"{"html":"often"}"#] {
        assert_eq!(post(&venue, "/__admin/faults", wrong).await.status, 400, "{wrong}");
    }
    assert_eq!(venue.faults(), from_start);
    assert_eq!(raw_get(&venue, "/__admin/nope").await.status, 404);
}

#[tokio::test]
async fn a_body_is_compressed_for_those_who_ask() {
    let venue = start(&["KRW-BTC"]).await;
    let path = "/v1/candles/minutes/1?market=KRW-BTC&count=50";
    let plain = get(&venue, path).await;
    assert_eq!(plain.header("content-encoding"), None);
    let packed = request(&venue, "GET", path, "Accept-Encoding: br, gzip;q=0.9\r\n\r\n").await.unwrap();
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() < plain.body.len() / 2);
    let mut unpacked = Vec::new();
    GzDecoder::new(packed.body.as_slice()).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
    let refused = request(&venue, "GET", path, "Accept-Encoding: gzip;q=0\r\n\r\n").await.unwrap();
    assert_eq!(refused.header("content-encoding"), None);
}
