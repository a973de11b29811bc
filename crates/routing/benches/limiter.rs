//! The cost of a permit by the number of requests that still count:
//! `cargo bench -p market-backbone-routing --bench limiter`.
//!
//! The rules are Binance's: 6,000 of weight in a minute, 300,000 requests in five minutes, and a third one for orders.
//! Time is paused, so that only the limiter itself is measured, with its task switches.
#![expect(clippy::print_stdout, reason = "a bench says what it measured")]
#![expect(clippy::disallowed_methods, reason = "it measures the processor's time on paused time")]

use std::time::Duration;

use market_backbone_core::{Priority, RateLimitGroup, RateLimitRule};
use market_backbone_routing::Limiter;

const GROUP: RateLimitGroup = RateLimitGroup("weight");

fn rules() -> [RateLimitRule; 3] {
    [
        RateLimitRule::new(GROUP, 6_000, Duration::from_secs(60)),
        RateLimitRule::new(GROUP, 300_000, Duration::from_secs(300)).counting_requests(),
        RateLimitRule::new(GROUP, 100, Duration::from_secs(1)).counting_requests(),
    ]
}

/// Sends `count` requests of weight 2 one after the other, 20 ms apart, and returns the mean time of a permit.
async fn permits(limiter: &Limiter, count: u32) -> Duration {
    let started = std::time::Instant::now();
    for _ in 0..count {
        let permit = limiter.acquire(GROUP.with_weight(2), Priority::Normal).await.expect("a permit");
        tokio::time::sleep(Duration::from_millis(20)).await;
        permit.answered();
    }
    started.elapsed() / count
}

fn main() {
    if std::env::args().any(|arg| arg == "--test") {
        return; // `cargo test --benches` asks whether it starts
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let limiter = Limiter::new(&rules());
        let mut first = Duration::ZERO;
        for thousand in 0..15 {
            let mean = permits(&limiter, 1_000).await;
            if thousand == 0 {
                first = mean;
            }
            let ratio = mean.as_secs_f64() / first.as_secs_f64();
            println!(
                "{:>6} requests in the log: {mean:?} for each permit, {ratio:.2} times the first",
                thousand * 1_000
            );
        }
    });
}
