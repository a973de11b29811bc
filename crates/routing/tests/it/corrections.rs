//! Reports of the venue correct the count, downwards only.

use std::time::Duration;

use market_backbone_core::{Priority, RateLimitGroup, RateLimitRule, SourceErrorKind};
use market_backbone_routing::Limiter;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

const CANDLES: RateLimitGroup = RateLimitGroup("candles");
const TRADES: RateLimitGroup = RateLimitGroup("trades");

fn limiter() -> Limiter {
    let window = Duration::from_secs(1);
    Limiter::new(&[RateLimitRule::new(CANDLES, 10, window), RateLimitRule::new(TRADES, 10, window)])
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

async fn send(limiter: &Limiter, group: RateLimitGroup) {
    limiter.acquire(group, Priority::Normal).await.unwrap().answered();
}

/// Returns how many permits are granted at once.
async fn at_once(limiter: &Limiter) -> u64 {
    let before = limiter.metrics().sends();
    let mut asking = JoinSet::new();
    for _ in 0..20 {
        let limiter = limiter.clone();
        asking.spawn(async move { send(&limiter, CANDLES).await });
    }
    sleep(ms(5)).await;
    limiter.metrics().sends() - before
}

#[tokio::test(start_paused = true)]
async fn what_others_use_of_the_budget_is_not_used_again() {
    let limiter = limiter();
    let permit = limiter.acquire(CANDLES, Priority::Normal).await.unwrap();
    limiter.observe(&permit, CANDLES, 5);
    permit.answered();
    assert_eq!(limiter.metrics().group(CANDLES).unwrap().external, 4);
    assert_eq!(at_once(&limiter).await, 5);
}

#[tokio::test(start_paused = true)]
async fn more_than_we_know_of_is_never_believed() {
    let limiter = limiter();
    for _ in 0..4 {
        let permit = limiter.acquire(CANDLES, Priority::Normal).await.unwrap();
        limiter.observe(&permit, CANDLES, 9);
        permit.answered();
    }
    assert_eq!(at_once(&limiter).await, 6);
}

#[tokio::test(start_paused = true)]
async fn our_own_requests_are_not_taken_for_those_of_others() {
    let limiter = limiter();
    let mut permits = Vec::new();
    for _ in 0..10 {
        permits.push(limiter.acquire(CANDLES, Priority::Normal).await.unwrap());
    }
    sleep(ms(40)).await;
    // Answers overtake each other: the first sent was the last to be counted.
    for (left, permit) in permits.into_iter().enumerate() {
        limiter.observe(&permit, CANDLES, u32::try_from(left).unwrap());
        permit.answered();
        sleep(ms(3)).await;
    }
    assert_eq!(limiter.metrics().group(CANDLES).unwrap().external, 0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_pauses_its_group_alone_and_makes_it_modest() {
    let limiter = limiter();
    let permit = limiter.acquire(CANDLES, Priority::Normal).await.unwrap();
    limiter.throttled(CANDLES, None);
    permit.answered();
    let start = Instant::now();
    send(&limiter, TRADES).await;
    assert!(start.elapsed().is_zero());
    send(&limiter, CANDLES).await;
    assert!(ms(1_000) <= start.elapsed() && start.elapsed() < ms(1_010), "{:?}", start.elapsed());
    sleep(ms(1_500)).await;
    assert_eq!(at_once(&limiter).await, 8);
    let metrics = limiter.metrics();
    assert_eq!(metrics.group(CANDLES).unwrap().throttled, 1);
    assert_eq!(metrics.group(CANDLES).unwrap().allowed, 8);
    sleep(ms(20_000)).await;
    assert_eq!(at_once(&limiter).await, 10);
}

#[tokio::test(start_paused = true)]
async fn the_venue_says_how_long_to_pause() {
    let limiter = limiter();
    limiter.throttled(CANDLES, Some(Duration::from_secs(7)));
    let start = Instant::now();
    send(&limiter, CANDLES).await;
    assert!(ms(7_000) <= start.elapsed() && start.elapsed() < ms(7_010), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_ban_stops_everything_at_once_even_those_who_wait() {
    let limiter = limiter();
    let mut permits = Vec::new();
    for _ in 0..10 {
        permits.push(limiter.acquire(CANDLES, Priority::Normal).await.unwrap());
    }
    let mut waiting = JoinSet::new();
    waiting.spawn({
        let limiter = limiter.clone();
        async move { limiter.acquire(CANDLES, Priority::Critical).await.map(drop) }
    });
    tokio::task::yield_now().await;
    let start = Instant::now();
    limiter.banned(Some(Duration::from_secs(60)));
    permits.into_iter().for_each(market_backbone_routing::Permit::answered);
    assert!(matches!(
        waiting.join_next().await.unwrap().unwrap().unwrap_err().kind(),
        SourceErrorKind::Banned(Some(_))
    ));
    let refused = limiter.acquire(TRADES, Priority::Critical).await.unwrap_err();
    assert_eq!(refused.kind(), SourceErrorKind::Banned(Some(Duration::from_secs(60))));
    assert!(start.elapsed().is_zero());
    sleep(Duration::from_secs(60)).await;
    send(&limiter, TRADES).await;
    assert_eq!(limiter.metrics().sends(), 11);
    assert_eq!(limiter.metrics().banned_for, None);
}

#[tokio::test(start_paused = true)]
async fn a_ban_of_unknown_length_lasts_ten_minutes() {
    let limiter = limiter();
    limiter.banned(None);
    assert_eq!(limiter.metrics().banned_for, Some(Duration::from_secs(600)));
}

#[tokio::test(start_paused = true)]
async fn a_group_is_busy_while_it_sends_and_for_a_window_after() {
    let limiter = limiter();
    assert!(!limiter.busy(CANDLES));
    send(&limiter, CANDLES).await;
    assert!(limiter.busy(CANDLES) && !limiter.busy(TRADES));
    sleep(ms(1_001)).await;
    assert!(!limiter.busy(CANDLES));
}
