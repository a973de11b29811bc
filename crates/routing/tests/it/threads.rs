//! The promise where threads and processes really run at the same time: two handles on one file, four threads, callers
//! who give up. No clock is paused here; what is checked holds however slow the machine is.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use market_backbone_core::{Clock, ManualClock, Priority, RateLimitGroup, RateLimitRule, Timestamp};
use market_backbone_routing::{JournalConfig, Limiter, LimiterConfig, since_boot};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

const GROUPS: [RateLimitGroup; 2] = [RateLimitGroup("one"), RateLimitGroup("other")];
const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(1);

/// The time since the machine's start, so that both handles date their lines alike.
#[derive(Debug)]
struct SinceBoot;

impl Clock for SinceBoot {
    fn now(&self) -> Timestamp {
        since_boot().unwrap_or(Timestamp::EPOCH)
    }
}

fn rules() -> Vec<RateLimitRule> {
    let of = |group| {
        [RateLimitRule::new(group, 8, SHORT), RateLimitRule::new(group, 20, LONG).counting_requests()]
    };
    GROUPS.into_iter().flat_map(of).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_and_processes_at_once_share_every_window() {
    let folder = tempfile::tempdir().unwrap();
    let handle = |number: u32| {
        let wall = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
        let steady: Option<Arc<dyn Clock>> = since_boot().map(|_| Arc::new(SinceBoot) as _);
        let journal = JournalConfig { path: folder.path().join("x.sends"), clock: wall, steady };
        // Nothing is assumed of how long a round trip takes: here that is a matter of when a thread gets its turn.
        let config = LimiterConfig::default().trust_round_trips(false);
        Limiter::of_scope(&format!("threads-{number}@x"), &rules(), config, Some(journal))
    };
    let handles = [handle(0), handle(1)];
    let arrivals: Arc<Mutex<Vec<(RateLimitGroup, Instant, u32)>>> = Arc::default();
    let mut tasks = JoinSet::new();
    for task in 0..8_u64 {
        let (limiter, arrivals) =
            (handles[usize::try_from(task % 2).unwrap()].clone(), Arc::clone(&arrivals));
        tasks.spawn(async move {
            let mut chance = fastrand::Rng::with_seed(task);
            for _ in 0..12 {
                let group = GROUPS[chance.usize(0..2)];
                let weight = chance.u32(1..=4);
                let asking = limiter.acquire(group.with_weight(weight), Priority::Normal);
                // One in four gives up after a moment, which may be the one in which its permit is given.
                let patience = if chance.u8(0..4) == 0 { chance.u64(0..300) } else { 600_000 };
                let Ok(permit) = timeout(Duration::from_millis(patience), asking).await else { continue };
                let permit = permit.unwrap();
                arrivals.lock().unwrap().push((group, Instant::now(), weight));
                permit.answered();
            }
        });
    }
    timeout(Duration::from_secs(300), tasks.join_all()).await.expect("a permit is never forgotten");
    let arrivals = arrivals.lock().unwrap();
    for rule in rules() {
        let mut of: Vec<_> = arrivals.iter().filter(|(group, ..)| *group == rule.group).collect();
        of.sort_by_key(|(_, at, _)| *at);
        for (place, (_, at, _)) in of.iter().enumerate() {
            let window = of[..=place].iter().filter(|(_, other, _)| *at - *other < rule.window);
            let used: u32 = window.map(|(.., weight)| rule.charge(*weight)).sum();
            assert!(used <= rule.max, "{used} within {:?} of {rule:?}", rule.window);
        }
    }
    let sent: u64 = handles.iter().map(|limiter| limiter.metrics().sends()).sum();
    assert_eq!(sent, arrivals.len() as u64, "what was given back counts no more");
}
