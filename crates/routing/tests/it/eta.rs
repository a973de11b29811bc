//! The limiter's estimate of a number of requests is the time they take.

use std::time::Duration;

use futures::future::join_all;
use market_backbone_core::{Priority, RateLimitGroup, RateLimitRule};
use market_backbone_routing::Limiter;
use tokio::time::{Instant, sleep};

const GROUP: RateLimitGroup = RateLimitGroup("candles");

fn limiter() -> Limiter {
    Limiter::new(&[RateLimitRule::new(GROUP, 10, Duration::from_secs(1))])
}

/// Sends so many at once, each answered after `trip`; returns how long that took.
async fn send(limiter: &Limiter, requests: u64, trip: Duration) -> Duration {
    let started = Instant::now();
    let one = || async {
        let permit = limiter.acquire(GROUP, Priority::Normal).await.unwrap();
        sleep(trip).await;
        permit.answered();
    };
    join_all((0..requests).map(|_| one())).await;
    started.elapsed()
}

#[track_caller]
fn assert_near(said: Duration, took: Duration) {
    let off = said.abs_diff(took);
    assert!(off <= took / 50 + Duration::from_millis(5), "said {said:?}, took {took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_said_is_what_it_takes() {
    for trip in [5, 40, 150].map(Duration::from_millis) {
        for requests in [1, 10, 11, 20, 35, 100, 333] {
            let limiter = limiter();
            // So that the round trip is known; then the log is empty again.
            send(&limiter, 5, trip).await;
            sleep(Duration::from_secs(3)).await;
            let said = limiter.eta(GROUP, Priority::Normal, requests).unwrap();
            assert!(said.measured && said.round_trip == trip);
            assert_near(said.takes, send(&limiter, requests, trip).await);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_just_now_is_taken_into_account() {
    let limiter = limiter();
    let trip = Duration::from_millis(40);
    send(&limiter, 64, trip).await;
    for requests in [1, 7, 25] {
        let said = limiter.eta(GROUP, Priority::Normal, requests).unwrap();
        assert_near(said.takes, send(&limiter, requests, trip).await);
    }
}

#[tokio::test(start_paused = true)]
async fn before_anything_was_sent_the_round_trip_is_assumed_and_nothing_is_sent() {
    let limiter = limiter();
    let said = limiter.eta(GROUP, Priority::Normal, 100).unwrap();
    assert!(!said.measured);
    assert_eq!(limiter.metrics().sends(), 0);
    // Half of the round trip is taken to be saved, for a network of average variation.
    let took = send(&limiter, 100, said.round_trip).await;
    assert!(said.takes.abs_diff(took) <= took / 40, "said {:?}, took {took:?}", said.takes);
    assert_eq!(limiter.eta(RateLimitGroup("other"), Priority::Normal, 1), None);
    assert_eq!(limiter.eta(GROUP, Priority::Normal, 0).unwrap().takes, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_complaint_of_the_venue_makes_it_longer() {
    let limiter = limiter();
    let before = limiter.eta(GROUP, Priority::Normal, 100).unwrap().takes;
    limiter.throttled(GROUP, None);
    let after = limiter.eta(GROUP, Priority::Normal, 100).unwrap().takes;
    assert!(after > before + Duration::from_secs(1), "{before:?} {after:?}");
}
