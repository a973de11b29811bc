//! Requests that weigh more than others, and groups with several rules at once.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    BudgetReport, CallSource, HttpCall, ManualClock, Priority, RateLimitGroup, RateLimitRule,
    SourceErrorKind, Timestamp,
};
use market_backbone_routing::{Endpoint, Limiter, Router, RouterConfig};
use market_backbone_testkit::PlainVenue;
use tokio::time::{Instant, sleep};

use crate::server::{Scripted, Server};

const GROUP: RateLimitGroup = RateLimitGroup("weight");
const NORMAL: Priority = Priority::Normal;
const SECOND: Duration = Duration::from_secs(1);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Sends requests of these weights at once, each answered at once; returns after how many ms each left.
async fn leave(limiter: &Limiter, weights: &[u32]) -> Vec<u128> {
    let start = Instant::now();
    let send = |weight: u32| async move {
        limiter.acquire(GROUP.with_weight(weight), NORMAL).await.unwrap().answered();
        start.elapsed().as_millis()
    };
    futures::future::join_all(weights.iter().map(|weight| send(*weight))).await
}

#[tokio::test(start_paused = true)]
async fn a_window_holds_weight_and_a_heavy_request_is_not_overtaken() {
    let limiter = Limiter::new(&[RateLimitRule::new(GROUP, 10, SECOND)]);
    // 6 fits, 6 more does not, and 4 would but came later.
    assert_eq!(leave(&limiter, &[6, 6, 4, 1]).await, [0, 1_003, 1_003, 2_006]);
    let metrics = limiter.metrics();
    let group = metrics.group(GROUP).unwrap();
    assert_eq!((group.sends, group.weight), (4, 17));
}

#[tokio::test(start_paused = true)]
async fn all_rules_of_a_group_hold_at_once() {
    let weight = RateLimitRule::new(GROUP, 6, SECOND);
    let requests = RateLimitRule::new(GROUP, 3, 5 * SECOND).counting_requests();
    let limiter = Limiter::new(&[weight, requests.by_clock()]);
    assert_eq!(leave(&limiter, &[3, 3, 3, 3, 1]).await, [0, 0, 1_003, 5_003, 5_003]);
    assert_eq!(limiter.metrics().groups.len(), 1, "one group, whatever the number of its rules");
}

#[tokio::test(start_paused = true)]
async fn what_no_window_ever_holds_is_refused_at_once_and_with_the_figures() {
    let long = RateLimitRule::new(GROUP, 1_000, 60 * SECOND);
    let limiter = Limiter::new(&[long, RateLimitRule::new(GROUP, 100, 10 * SECOND)]);
    let error = limiter.acquire(GROUP.with_weight(250), Priority::Critical).await.unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::BadRequest);
    assert_eq!(
        error.to_string(),
        "a request of weight 250 is more than the 100 that group weight takes in 10 s; ask for less at once"
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_complaint_a_heavy_request_still_goes_but_alone() {
    let limiter = Limiter::new(&[RateLimitRule::new(GROUP, 10, SECOND)]);
    limiter.throttled(GROUP, None);
    assert_eq!(limiter.metrics().group(GROUP).unwrap().allowed, 8);
    assert_eq!(leave(&limiter, &[10, 1]).await, [1_003, 2_006]);
}

#[tokio::test(start_paused = true)]
async fn an_estimate_is_what_it_takes_with_weights_and_several_rules() {
    let rules = [RateLimitRule::new(GROUP, 40, SECOND), RateLimitRule::new(GROUP, 100, 10 * SECOND)];
    for (weight, requests) in [(1, 90), (7, 5), (7, 30), (40, 3)] {
        let limiter = Limiter::new(&rules);
        // A window of either rule is in use already.
        leave(&limiter, &[5, 5, 5, 5, 5, 5]).await;
        let cost = GROUP.with_weight(weight);
        let said = limiter.eta(cost, NORMAL, requests).unwrap();
        let start = Instant::now();
        leave(&limiter, &vec![weight; usize::try_from(requests).unwrap()]).await;
        let took = start.elapsed();
        let off = said.takes.abs_diff(took);
        assert!(off <= ms(10), "{requests} of {weight}: said {:?}, took {took:?}", said.takes);
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_corrects_the_window_it_is_about() {
    let rules = [RateLimitRule::new(GROUP, 40, SECOND), RateLimitRule::new(GROUP, 100, 10 * SECOND)];
    let limiter = Limiter::new(&rules);
    let permit = limiter.acquire(GROUP.with_weight(10), NORMAL).await.unwrap();
    // 100 - 5 are used, 10 of them by us: 85 by somebody else.
    let report = BudgetReport { group: GROUP, window: Some(10 * SECOND), remaining: 5 };
    limiter.observe_report(&permit, report);
    permit.answered();
    assert_eq!(limiter.metrics().group(GROUP).unwrap().external, 85);
    sleep(2 * SECOND).await;
    assert_eq!(leave(&limiter, &[5, 1]).await, [0, 8_003]);
    // No rule has such a window: nothing is known of it.
    let permit = limiter.acquire(GROUP, NORMAL).await.unwrap();
    limiter.observe_report(&permit, BudgetReport { window: Some(7 * SECOND), ..report });
    permit.answered();
    assert_eq!(limiter.metrics().group(GROUP).unwrap().external, 85);
}

#[tokio::test(start_paused = true)]
async fn a_venue_that_says_how_long_to_wait_is_not_waited_for_longer() {
    let rules = [RateLimitRule::new(GROUP, 40, SECOND), RateLimitRule::new(GROUP, 100, 30 * SECOND)];
    for (said, want) in [(Some(7 * SECOND), 7_000), (Some(ms(1)), 1_003), (None, 30_003)] {
        let limiter = Limiter::new(&rules);
        limiter.throttled(GROUP, said);
        assert_eq!(leave(&limiter, &[1]).await, [want]);
    }
}

#[tokio::test]
async fn the_weight_of_an_http_call_counts() {
    let server = Server::start(Scripted::new(200, "")).await;
    let address = server.address;
    let endpoint = Endpoint::new(format!("http://{address}/"), format!("ws://{address}/socket"));
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_785_753_630)));
    let router =
        Router::start(Arc::new(PlainVenue::limited()), &endpoint, clock, RouterConfig::default()).unwrap();
    // Its group takes ten a second.
    let call = HttpCall::new(RateLimitGroup("rest"), "/heavy", Vec::new()).with_weight(6);
    futures::future::join_all((0..2).map(|_| router.call(call.clone(), NORMAL))).await;
    let arrivals = server.arrivals();
    assert!(arrivals[1] - arrivals[0] >= SECOND, "{:?}", arrivals[1] - arrivals[0]);
    router.shutdown().await;
}
