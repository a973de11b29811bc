//! A permit in time, or an error with the wait it would have taken.

use std::time::Duration;

use market_backbone_core::{Priority, RateLimitGroup, RateLimitRule, SourceErrorKind};
use market_backbone_routing::Limiter;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

const GROUP: RateLimitGroup = RateLimitGroup("candles");

fn limiter(max: u32) -> Limiter {
    Limiter::new(&[RateLimitRule::new(GROUP, max, Duration::from_secs(1))])
}

fn secs(secs: f64) -> Duration {
    Duration::from_secs_f64(secs)
}

async fn send(limiter: &Limiter, priority: Priority) {
    limiter.acquire(GROUP, priority).await.unwrap().answered();
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_served_in_time_learns_at_once_how_long_it_would_take() {
    let limiter = limiter(10);
    let mut flood = JoinSet::new();
    for _ in 0..100 {
        let limiter = limiter.clone();
        flood.spawn(async move { send(&limiter, Priority::Normal).await });
    }
    sleep(Duration::from_millis(5)).await;
    let start = Instant::now();
    let refused = limiter.acquire_within(GROUP, Priority::Low, secs(3.0)).await.unwrap_err();
    assert!(start.elapsed().is_zero());
    let SourceErrorKind::DeadlineExceeded { estimated } = refused.kind() else { panic!("{refused:?}") };
    // Behind ninety, ten of whom can go each second.
    assert!(secs(9.9) < estimated && estimated < secs(10.1), "{estimated:?}");
    limiter.acquire_within(GROUP, Priority::Low, secs(10.1)).await.unwrap().answered();
    assert!(start.elapsed() <= secs(10.1), "{:?}", start.elapsed());
    flood.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_more_urgent_than_the_line_is_not_told_to_wait_for_it() {
    let limiter = limiter(10);
    let mut flood = JoinSet::new();
    for _ in 0..1_000 {
        let limiter = limiter.clone();
        flood.spawn(async move { send(&limiter, Priority::Low).await });
    }
    sleep(secs(2.5)).await;
    let start = Instant::now();
    limiter.acquire_within(GROUP, Priority::Critical, secs(1.1)).await.unwrap().answered();
    assert!(start.elapsed() < secs(1.1), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_promise_that_somebody_more_urgent_breaks_is_reported_in_time() {
    let limiter = limiter(1);
    send(&limiter, Priority::Normal).await;
    let start = Instant::now();
    let mut patient = JoinSet::new();
    patient.spawn({
        let limiter = limiter.clone();
        async move { limiter.acquire_within(GROUP, Priority::Low, secs(1.5)).await.map(drop) }
    });
    tokio::task::yield_now().await;
    for _ in 0..3 {
        let limiter = limiter.clone();
        patient.spawn(async move {
            send(&limiter, Priority::Critical).await;
            Ok(())
        });
    }
    let first_two = [patient.join_next().await, patient.join_next().await];
    let refused = first_two.into_iter().flatten().find_map(|outcome| outcome.unwrap().err()).unwrap();
    assert_eq!(start.elapsed(), secs(1.5));
    let SourceErrorKind::DeadlineExceeded { estimated } = refused.kind() else { panic!("{refused:?}") };
    assert!(estimated > secs(3.5), "{estimated:?}");
    patient.join_all().await;
}
