//! The order of requests: which go first, which wait, and none starves.

use std::time::Duration;

use market_backbone_core::{Priority, RateLimitGroup, RateLimitRule, SourceErrorKind};
use market_backbone_routing::{Limiter, LimiterConfig};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

const GROUP: RateLimitGroup = RateLimitGroup("candles");

fn limiter(max: u32, config: LimiterConfig) -> Limiter {
    Limiter::with_config(&[RateLimitRule::new(GROUP, max, Duration::from_secs(1))], config)
}

fn secs(secs: f64) -> Duration {
    Duration::from_secs_f64(secs)
}

/// Takes a permit and is answered at once.
async fn send(limiter: &Limiter, priority: Priority) {
    limiter.acquire(GROUP, priority).await.unwrap().answered();
}

/// Queues a request of each of `priorities`, in this order, and returns the order in which they are served.
async fn order(limiter: &Limiter, priorities: &[Priority]) -> Vec<usize> {
    let mut waiting = JoinSet::new();
    for (number, priority) in priorities.iter().copied().enumerate() {
        let limiter = limiter.clone();
        waiting.spawn(async move {
            send(&limiter, priority).await;
            number
        });
        tokio::task::yield_now().await;
    }
    let mut served = Vec::new();
    while let Some(number) = waiting.join_next().await {
        served.push(number.unwrap());
    }
    served
}

#[tokio::test(start_paused = true)]
async fn the_urgent_overtake_and_equals_queue() {
    use Priority::{Critical, High, Low, Normal};
    let limiter = limiter(1, LimiterConfig::default());
    send(&limiter, Normal).await;
    assert_eq!(order(&limiter, &[Low, Normal, High, Normal, Critical]).await, [4, 2, 1, 3, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_critical_request_finds_room_while_others_flood() {
    let limiter = limiter(10, LimiterConfig::default());
    send(&limiter, Priority::Critical).await;
    let mut flood = JoinSet::new();
    for _ in 0..60 {
        let limiter = limiter.clone();
        flood.spawn(async move { send(&limiter, Priority::Normal).await });
    }
    sleep(secs(2.5)).await;
    for _ in 0..2 {
        let asked = Instant::now();
        send(&limiter, Priority::Critical).await;
        assert!(asked.elapsed() < Duration::from_millis(2), "{:?}", asked.elapsed());
    }
    flood.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn the_reserve_is_given_up_when_nothing_critical_has_come_for_a_while() {
    let limiter = limiter(10, LimiterConfig::default());
    let rate = |limiter: Limiter| async move {
        let before = limiter.metrics().sends();
        let mut flood = JoinSet::new();
        for _ in 0..30 {
            let limiter = limiter.clone();
            flood.spawn(async move { send(&limiter, Priority::Normal).await });
        }
        sleep(secs(0.5)).await;
        let sent = limiter.metrics().sends() - before;
        flood.join_all().await;
        sleep(secs(2.0)).await;
        sent
    };
    send(&limiter, Priority::Critical).await;
    sleep(secs(2.0)).await;
    assert_eq!(rate(limiter.clone()).await, 8);
    sleep(secs(10.0)).await;
    assert_eq!(rate(limiter).await, 10);
}

#[tokio::test(start_paused = true)]
async fn low_is_slowed_but_never_starved() {
    let limiter = limiter(10, LimiterConfig::default());
    let mut flood = JoinSet::new();
    for _ in 0..300 {
        let limiter = limiter.clone();
        flood.spawn(async move { send(&limiter, Priority::High).await });
    }
    tokio::task::yield_now().await;
    let asked = Instant::now();
    send(&limiter, Priority::Low).await;
    // Its bound of 5 s, and then at most ten permits.
    let waited = asked.elapsed();
    assert!(secs(5.0) <= waited && waited <= secs(6.2), "{waited:?}");
    flood.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn the_starving_do_not_hold_up_the_critical() {
    let limiter = limiter(10, LimiterConfig::default());
    send(&limiter, Priority::Critical).await;
    let mut flood = JoinSet::new();
    for _ in 0..100 {
        let limiter = limiter.clone();
        flood.spawn(async move { send(&limiter, Priority::High).await });
    }
    for _ in 0..100 {
        let limiter = limiter.clone();
        flood.spawn(async move { send(&limiter, Priority::Low).await });
    }
    // A request starves all the time, and gets every tenth permit.
    for _ in 0..30 {
        sleep(secs(0.6)).await;
        let asked = Instant::now();
        send(&limiter, Priority::Critical).await;
        assert!(asked.elapsed() < Duration::from_millis(2), "{:?}", asked.elapsed());
    }
    flood.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_waiting_wastes_no_permit_and_wakes_the_next() {
    let limiter = limiter(1, LimiterConfig::default());
    send(&limiter, Priority::Normal).await;
    let start = Instant::now();
    let mut second = JoinSet::new();
    second.spawn({
        let limiter = limiter.clone();
        async move {
            sleep(secs(0.1)).await;
            send(&limiter, Priority::Normal).await;
        }
    });
    // The first in the queue keeps the alarm for all, and leaves.
    assert!(timeout(secs(0.5), send(&limiter, Priority::High)).await.is_err());
    assert_eq!(limiter.metrics().group(GROUP).unwrap().waiting, 1);
    second.join_all().await;
    assert!(start.elapsed() < secs(1.01), "{:?}", start.elapsed());
    assert_eq!(limiter.metrics().sends(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_permit_given_to_somebody_who_left_goes_to_the_next() {
    let limiter = limiter(1, LimiterConfig::default());
    send(&limiter, Priority::Normal).await;
    let mut first = Box::pin(limiter.acquire(GROUP, Priority::High));
    assert!(futures::poll!(&mut first).is_pending());
    sleep(secs(2.0)).await;
    // A request that joins now finds that the first in the queue can be served but is not polled.
    let start = Instant::now();
    let mut second = Box::pin(limiter.acquire(GROUP, Priority::Normal));
    assert!(futures::poll!(&mut second).is_pending());
    drop(first);
    second.await.unwrap().answered();
    assert!(start.elapsed().is_zero());
    assert_eq!(limiter.metrics().sends(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_permit_dropped_unanswered_is_taken_to_arrive_a_little_later() {
    let limiter = limiter(1, LimiterConfig::default());
    let start = Instant::now();
    drop(limiter.acquire(GROUP, Priority::Normal).await.unwrap());
    send(&limiter, Priority::Normal).await;
    assert!(secs(1.5) < start.elapsed() && start.elapsed() < secs(1.51), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_request_under_way_keeps_its_place() {
    let limiter = limiter(1, LimiterConfig::default());
    let permit = limiter.acquire(GROUP, Priority::Normal).await.unwrap();
    let start = Instant::now();
    let mut waiting = JoinSet::new();
    waiting.spawn({
        let limiter = limiter.clone();
        async move { send(&limiter, Priority::Critical).await }
    });
    sleep(secs(5.0)).await;
    permit.answered();
    waiting.join_all().await;
    let waited = start.elapsed();
    assert!(secs(6.0) <= waited && waited < secs(6.01), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_full_line_and_a_long_wait_are_errors() {
    let config = LimiterConfig::default().queue(2).max_wait(secs(3.0));
    let limiter = limiter(1, config);
    let permit = limiter.acquire(GROUP, Priority::Normal).await.unwrap();
    let mut waiting = JoinSet::new();
    for _ in 0..2 {
        let limiter = limiter.clone();
        waiting.spawn(async move { limiter.acquire(GROUP, Priority::Normal).await.map(drop) });
    }
    tokio::task::yield_now().await;
    let start = Instant::now();
    let refused = limiter.acquire(GROUP, Priority::Critical).await.unwrap_err();
    assert_eq!(refused.kind(), SourceErrorKind::Overloaded);
    assert!(start.elapsed().is_zero());
    for outcome in waiting.join_all().await {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Overloaded);
        assert!(error.to_string().starts_with("waited 3 s for a permit in group candles"), "{error}");
    }
    assert_eq!(start.elapsed(), secs(3.0));
    permit.answered();
    assert_eq!(limiter.metrics().group(GROUP).unwrap().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn a_group_nobody_told_of_is_refused() {
    let limiter = limiter(1, LimiterConfig::default());
    let error = limiter.acquire(RateLimitGroup("orders"), Priority::Normal).await.unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Unsupported);
}

/// 50 tasks of all classes behind 1,000 LOW ones at ten a second; each answer takes 40 ms.
#[tokio::test(start_paused = true)]
async fn fifty_mixed_tasks_behind_a_thousand_low_ones() {
    let limiter = limiter(10, LimiterConfig::default());
    let trip = Duration::from_millis(40);
    let mut low = JoinSet::new();
    for _ in 0..1_000 {
        let limiter = limiter.clone();
        low.spawn(async move {
            let permit = limiter.acquire(GROUP, Priority::Low).await.unwrap();
            sleep(trip).await;
            permit.answered();
        });
    }
    sleep(secs(5.3)).await;
    let mut mixed = JoinSet::new();
    for number in 0..50_u64 {
        let limiter = limiter.clone();
        mixed.spawn(async move {
            let priority = Priority::ALL[usize::try_from(number).unwrap() % 4];
            let mut waits = Vec::new();
            let mut chance = fastrand::Rng::with_seed(number);
            for _ in 0..8 {
                sleep(Duration::from_millis(chance.u64(0..20_000))).await;
                let asked = Instant::now();
                let permit = limiter.acquire(GROUP, priority).await.unwrap();
                waits.push(asked.elapsed());
                sleep(trip).await;
                permit.answered();
            }
            (priority, waits)
        });
    }
    let mut waits: Vec<(Priority, Vec<Duration>)> = mixed.join_all().await;
    waits.sort_by_key(|(priority, _)| *priority);
    let mut most = Vec::new();
    for class in Priority::ALL {
        let mut of_class: Vec<_> =
            waits.iter().filter(|(priority, _)| *priority == class).flat_map(|(_, waits)| waits).collect();
        of_class.sort();
        let (p50, p99) = (of_class[of_class.len() / 2], of_class[of_class.len() * 99 / 100]);
        let max = *of_class[of_class.len() - 1];
        println!("{class:?}: {} waits, p50 {p50:?}, p99 {p99:?}, most {max:?}", of_class.len());
        most.push(max);
    }
    // Less than a window, its margin and a round trip.
    let bound = secs(1.0) + Duration::from_millis(3) + trip;
    println!("bound for Critical: {bound:?}");
    assert!(most[0] < bound, "{:?}", most[0]);
    low.join_all().await;
}
