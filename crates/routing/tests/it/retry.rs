//! What is retried, what is not, and the cost of every attempt.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    CandlePageRequest, ManualClock, PageSource, Priority, Series, SourceErrorKind, Timeframe, Timestamp,
};
use market_backbone_routing::{Endpoint, HttpConfig, RetryConfig, Router, RouterConfig};
use market_backbone_testkit::{PlainVenue, symbol};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::server::{Scripted, Server};

fn now() -> Timestamp {
    "2026-08-03T10:40:30Z".parse().unwrap()
}

fn router(address: &str, config: RouterConfig) -> Router {
    let endpoint = Endpoint::new(format!("http://{address}"), format!("ws://{address}/socket"));
    Router::start(Arc::new(PlainVenue::limited()), &endpoint, Arc::new(ManualClock::new(now())), config)
        .unwrap()
}

fn quick() -> RouterConfig {
    let retry = RetryConfig::default().base(Duration::from_millis(4));
    RouterConfig::default().retry(retry)
}

fn page() -> CandlePageRequest {
    CandlePageRequest { series: Series::new(symbol("KRW-BTC"), Timeframe::M1), before: None, count: 200 }
}

fn fine() -> Scripted {
    Scripted::new(200, "60 1.5")
}

#[tokio::test]
async fn a_failure_that_may_pass_is_asked_again_and_counted() {
    let server = Server::start(fine()).await;
    let cut = Scripted { cut: true, ..fine() };
    server.then([Scripted::new(500, "<html>"), cut, Scripted::new(200, "60 1.5 cut short")]);
    let router = router(&server.address.to_string(), quick());
    let page = router.candle_page(&page(), Priority::Normal).await.unwrap();
    assert_eq!((page.attempts, page.candles.len()), (4, 1));
    let metrics = router.metrics();
    assert_eq!((metrics.requests, metrics.retries, metrics.limiter.sends()), (4, 3, 4));
    router.shutdown().await;
}

#[tokio::test]
async fn tries_end() {
    let server = Server::start(Scripted::new(500, "")).await;
    let router = router(&server.address.to_string(), quick());
    let error = router.candle_page(&page(), Priority::Normal).await.unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::VenueFault);
    assert_eq!(error.venue(), Some(market_backbone_testkit::PLAIN));
    assert_eq!(server.asked().len(), 4);
    router.shutdown().await;
}

#[tokio::test]
async fn a_refusal_is_final() {
    let server = Server::start(Scripted::new(404, "")).await;
    let router = router(&server.address.to_string(), quick());
    let error = router.candle_page(&page(), Priority::Normal).await.unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::UnknownMarket);
    assert_eq!(server.asked().len(), 1);
    router.shutdown().await;
}

#[tokio::test]
async fn after_a_ban_nothing_is_sent_at_all() {
    let server = Server::start(Scripted::new(418, "").header("retry-after", "60")).await;
    let router = router(&server.address.to_string(), quick());
    for _ in 0..3 {
        let error = router.candle_page(&page(), Priority::Critical).await.unwrap_err();
        assert!(matches!(error.kind(), SourceErrorKind::Banned(Some(_))), "{error:?}");
        assert!(router.markets(Priority::Critical).await.is_err());
    }
    assert_eq!(server.asked().len(), 1);
    assert!(router.metrics().limiter.banned_for.is_some());
    router.shutdown().await;
}

#[tokio::test]
async fn a_throttled_request_waits_out_the_window() {
    let server = Server::start(fine()).await;
    server.then([Scripted::new(429, "Too many API requests.")]);
    let router = router(&server.address.to_string(), quick());
    let start = Instant::now();
    let page = router.candle_page(&page(), Priority::Normal).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(page.attempts, 2);
    assert_eq!(router.metrics().limiter.group(PlainVenue::CANDLES).unwrap().throttled, 1);
    router.shutdown().await;
}

#[tokio::test]
async fn repeats_are_limited_by_a_budget_that_all_share() {
    let server = Server::start(Scripted::new(500, "")).await;
    let retry = quick().get_retry().budget_per_second(0);
    let router = router(&server.address.to_string(), quick().retry(retry));
    assert!(router.candle_page(&page(), Priority::Normal).await.is_err());
    assert_eq!(server.asked().len(), 1);
    // Two answers that were fine pay for one repeat.
    server.otherwise(fine());
    for _ in 0..2 {
        router.candle_page(&page(), Priority::Normal).await.unwrap();
    }
    server.otherwise(Scripted::new(500, ""));
    assert!(router.candle_page(&page(), Priority::Normal).await.is_err());
    assert_eq!(server.asked().len(), 5);
    assert_eq!(router.metrics().gave_up, 2);
    router.shutdown().await;
}

#[tokio::test]
async fn one_failure_in_five_harms_nobody() {
    let server = Server::start(fine()).await;
    let script = (0..60).map(|i| if i % 5 == 2 { Scripted::new(503, "") } else { fine() });
    server.then(script);
    let router = router(&server.address.to_string(), quick());
    let request = page();
    for _ in 0..20 {
        router.candle_page(&request, Priority::Normal).await.unwrap();
    }
    assert_eq!(router.metrics().gave_up, 0);
    router.shutdown().await;
}

#[tokio::test]
async fn a_try_has_its_own_time() {
    let server = Server::start(fine()).await;
    server.then([Scripted { after: Duration::from_secs(30), ..fine() }]);
    let http = HttpConfig::default().timeout(Duration::from_millis(200));
    let router = router(&server.address.to_string(), quick().http(http));
    let page = router.candle_page(&page(), Priority::Normal).await;
    // The first try, on first contact, is one of three.
    assert_eq!(page.unwrap().attempts, 2);
    router.shutdown().await;
}

#[tokio::test]
async fn a_wrong_address_is_found_out_quickly() {
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let router = router(&nobody, RouterConfig::default());
    let start = Instant::now();
    let error = router.candle_page(&page(), Priority::Normal).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_millis(1_500), "{:?}", start.elapsed());
    assert_eq!(error.kind(), SourceErrorKind::Unreachable);
    let text = error.to_string();
    assert!(text.starts_with(&format!("cannot reach {nobody}; check the network or --rest-url")), "{text}");
    assert!(text.to_lowercase().contains("connection refused"), "{text}");
    assert_eq!(router.metrics().requests, 3);
    router.shutdown().await;
}

#[tokio::test]
async fn a_body_without_end_is_refused() {
    let server = Server::start(Scripted::new(200, &"60 1.5\n".repeat(1_000))).await;
    let http = HttpConfig::default().max_body(1_000);
    let router = router(&server.address.to_string(), quick().http(http));
    let error = router.candle_page(&page(), Priority::Normal).await.unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Malformed);
    router.shutdown().await;
}

#[tokio::test]
async fn shutting_down_ends_what_waits() {
    let server = Server::start(Scripted { after: Duration::from_secs(30), ..fine() }).await;
    let router = router(&server.address.to_string(), quick());
    let mut waiting = JoinSet::new();
    waiting.spawn({
        let router = router.clone();
        async move { router.candle_page(&page(), Priority::Normal).await }
    });
    while server.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    router.shutdown().await;
    assert_eq!(waiting.join_next().await.unwrap().unwrap().unwrap_err().kind(), SourceErrorKind::Closed);
    assert_eq!(
        router.candle_page(&page(), Priority::Normal).await.unwrap_err().kind(),
        SourceErrorKind::Closed
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_real_connection_no_second_holds_too_many() {
    let server = Server::start(Scripted { after: Duration::from_millis(40), ..fine() }).await;
    let router = router(&server.address.to_string(), RouterConfig::default());
    let start = Instant::now();
    let request = page();
    let pages = (0..40).map(|_| router.candle_page(&request, Priority::Normal));
    futures::future::try_join_all(pages).await.unwrap();
    println!("40 requests, 40 ms: {:?}; floor 3.04 s", start.elapsed());
    let mut arrivals = server.arrivals();
    arrivals.sort();
    assert_eq!(arrivals.len(), 40);
    for window in arrivals.windows(11) {
        let apart = window[10] - window[0];
        assert!(apart >= Duration::from_secs(1), "{apart:?}");
    }
    router.shutdown().await;
}
