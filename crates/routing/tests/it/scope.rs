//! Shared budgets: all routers of a process on one venue, and the process before it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    CandlePageRequest, Clock, ManualClock, PageSource, Priority, RateLimitGroup, RateLimitRule, Series,
    SourceErrorKind, Timeframe, Timestamp,
};
use market_backbone_routing::{Endpoint, JournalConfig, Limiter, LimiterConfig, Router, RouterConfig};
use market_backbone_testkit::{PlainVenue, symbol};
use tokio::time::{Instant, sleep};

use crate::server::{Scripted, Server};

const GROUP: RateLimitGroup = RateLimitGroup("candles");
const LIMITS: &[RateLimitRule] = &[RateLimitRule::new(GROUP, 10, Duration::from_secs(1))];

fn open(scope: &str, file: &Path, clock: &Arc<ManualClock>) -> Limiter {
    let clock: Arc<ManualClock> = Arc::clone(clock);
    let journal = JournalConfig { path: file.to_owned(), clock, steady: None };
    Limiter::of_scope(scope, LIMITS, LimiterConfig::default(), Some(journal))
}

#[tokio::test(start_paused = true)]
async fn one_scope_is_one_budget_and_another_is_another() {
    let limiter = |scope| Limiter::of_scope(scope, LIMITS, LimiterConfig::default(), None);
    let (first, same, other) = (limiter("a@x"), limiter("a@x"), limiter("a@y"));
    for _ in 0..10 {
        first.acquire(GROUP, Priority::Normal).await.unwrap().answered();
    }
    let start = Instant::now();
    other.acquire(GROUP, Priority::Normal).await.unwrap().answered();
    assert!(start.elapsed().is_zero());
    same.acquire(GROUP, Priority::Normal).await.unwrap().answered();
    assert!(start.elapsed() > Duration::from_secs(1));
    drop((first, same));
    // Nobody used it any more: it begins anew.
    let start = Instant::now();
    limiter("a@x").acquire(GROUP, Priority::Normal).await.unwrap().answered();
    assert!(start.elapsed().is_zero());
}

#[tokio::test(start_paused = true)]
async fn a_process_started_at_once_waits_for_what_the_last_one_sent() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.sends");
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
    for pause in [0, 400, 990] {
        let killed = open("journal@x", &file, &clock);
        for _ in 0..10 {
            killed.acquire(GROUP, Priority::Normal).await.unwrap().answered();
        }
        drop(killed);
        sleep(Duration::from_millis(pause)).await;
        clock.advance(Duration::from_millis(pause));
        let start = Instant::now();
        let next = open("journal@x", &file, &clock);
        next.acquire(GROUP, Priority::Critical).await.unwrap().answered();
        let left = Duration::from_millis(1_003 - pause);
        assert!(left <= start.elapsed() && start.elapsed() < left + Duration::from_millis(2), "{pause}");
        drop(next);
        sleep(Duration::from_secs(5)).await;
        clock.advance(Duration::from_secs(5));
    }
}

#[tokio::test(start_paused = true)]
async fn a_ban_holds_for_the_next_process_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.sends");
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
    open("ban@x", &file, &clock).banned(Some(Duration::from_secs(60)));
    clock.advance(Duration::from_secs(20));
    let next = open("ban@x", &file, &clock);
    let refused = next.acquire(GROUP, Priority::Critical).await.unwrap_err();
    assert_eq!(refused.kind(), SourceErrorKind::Banned(Some(Duration::from_secs(40))));
    assert_eq!((next.metrics().bans, next.metrics().banned_for), (1, Some(Duration::from_secs(40))));
    sleep(Duration::from_secs(40)).await;
    next.acquire(GROUP, Priority::Critical).await.unwrap().answered();
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_minutes_is_told_to_all_who_ask_and_holds_for_the_next_process_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.sends");
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
    let limiter = open("pause@x", &file, &clock);
    limiter.throttled(GROUP, Some(Duration::from_secs(90)));
    let refused = limiter.acquire(GROUP, Priority::Low).await.unwrap_err();
    assert_eq!(refused.kind(), SourceErrorKind::Throttled(Some(Duration::from_secs(90))));
    assert!(refused.to_string().contains("until 1970-01-01T00:18:10Z, 90 s from now"), "{refused}");
    assert!(refused.to_string().ends_with(&file.display().to_string()), "{refused}");
    drop(limiter);
    clock.advance(Duration::from_secs(20));
    let next = open("pause@x", &file, &clock);
    let refused = next.acquire(GROUP, Priority::Critical).await.unwrap_err();
    assert_eq!(refused.kind(), SourceErrorKind::Throttled(Some(Duration::from_secs(70))));
    // What is left is less than a minute now: that is waited for.
    sleep(Duration::from_secs(20)).await;
    let start = Instant::now();
    next.acquire(GROUP, Priority::Critical).await.unwrap().answered();
    assert_eq!(start.elapsed(), Duration::from_secs(50));
}

#[tokio::test(start_paused = true)]
async fn many_answers_that_tell_of_one_ban_are_one_ban() {
    let limiter = Limiter::new(LIMITS);
    for _ in 0..5 {
        limiter.banned(Some(Duration::from_secs(60)));
    }
    assert_eq!(limiter.metrics().bans, 1);
    sleep(Duration::from_secs(60)).await;
    limiter.banned(Some(Duration::from_secs(60)));
    assert_eq!(limiter.metrics().bans, 2);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_used_is_done_without() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
    let limiter = open("broken@x", folder.path(), &clock); // a folder, not a file
    limiter.acquire(GROUP, Priority::Normal).await.unwrap().answered();
    assert_eq!(limiter.metrics().sends(), 1);
}

#[tokio::test]
async fn two_routers_of_a_process_share_the_budget_of_their_venue() {
    let server = Server::start(Scripted::new(200, "")).await;
    let folder = tempfile::tempdir().unwrap();
    let address = server.address;
    let endpoint = Endpoint::new(format!("http://{address}/"), format!("ws://{address}/socket"));
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::from_secs(1_785_753_630)));
    let config = RouterConfig::default().limits_dir(Some(folder.path().join("limits")));
    let start = || {
        Router::start(Arc::new(PlainVenue::limited()), &endpoint, Arc::clone(&clock), config.clone()).unwrap()
    };
    let (one, other) = (start(), start());
    let page =
        CandlePageRequest { series: Series::new(symbol("KRW-BTC"), Timeframe::M1), before: None, count: 1 };
    let ask = |router: &Router| {
        let (router, page) = (router.clone(), page.clone());
        async move { router.candle_page(&page, Priority::Normal).await.unwrap() }
    };
    futures::future::join_all((0..6).flat_map(|_| [ask(&one), ask(&other)])).await;
    let arrivals = server.arrivals();
    assert!(arrivals[10] - arrivals[0] >= Duration::from_secs(1), "{:?}", arrivals[10] - arrivals[0]);
    let files = std::fs::read_dir(folder.path().join("limits")).unwrap().map(|file| file.unwrap().path());
    assert_eq!(files.filter(|file| file.extension().is_some_and(|kind| kind == "sends")).count(), 1);
    one.shutdown().await;
    other.shutdown().await;
}
