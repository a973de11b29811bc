//! Never more than `max` requests arrive in any window, whatever the network does to them on the way.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use market_backbone_core::{CallGroup, LimitGroup, Priority};
use market_backbone_routing::Limiter;
use proptest::prelude::*;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

const GROUP: CallGroup = CallGroup("candles");
const WINDOW: Duration = Duration::from_secs(1);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// How long a request is on the way, in milliseconds: at least the first, at most both.
#[derive(Clone, Copy, Debug)]
struct Network {
    out: (u64, u64),
    back: (u64, u64),
    /// One request in this many needs a new connection: three more ways out before it arrives.
    handshake: u64,
    /// One request in this many is never answered and given up after 2 s.
    lost: u64,
}

#[derive(Debug, Default)]
struct Run {
    arrivals: Vec<Instant>,
    took: Duration,
    last_turn: Duration,
}

/// Sends `count` requests as fast as the limiter lets them, `gap` apart at first.
async fn run(max: u32, count: u64, gap: Duration, network: Network, seed: u64) -> Run {
    let limiter = Limiter::new(&[LimitGroup { group: GROUP, max, window: WINDOW }]);
    let arrivals = Arc::new(Mutex::new(Vec::new()));
    let start = Instant::now();
    let mut requests = JoinSet::new();
    for number in 0..count {
        let (limiter, arrivals) = (limiter.clone(), Arc::clone(&arrivals));
        requests.spawn(async move {
            sleep(gap * u32::try_from(number).unwrap()).await;
            let mut chance = fastrand::Rng::with_seed(seed ^ (number << 32));
            let permit = limiter.acquire(GROUP, Priority::Normal).await.unwrap();
            let turn = start.elapsed();
            let ways = if number == 0 || chance.u64(0..network.handshake) == 0 { 4 } else { 1 };
            for _ in 0..ways {
                sleep(ms(network.out.0 + chance.u64(0..=network.out.1))).await;
            }
            arrivals.lock().unwrap().push(Instant::now());
            if chance.u64(0..network.lost) == 0 {
                sleep(ms(2_000)).await;
                drop(permit);
            } else {
                sleep(ms(network.back.0 + chance.u64(0..=network.back.1))).await;
                permit.answered();
            }
            turn
        });
    }
    let last_turn = requests.join_all().await.into_iter().max().unwrap_or_default();
    let mut arrivals = std::mem::take(&mut *arrivals.lock().unwrap());
    arrivals.sort();
    Run { arrivals, took: start.elapsed(), last_turn }
}

/// A venue that counts the requests of the last second.
fn rejected_by_sliding(arrivals: &[Instant], max: usize) -> usize {
    arrivals.windows(max + 1).filter(|window| window[max] - window[0] < WINDOW).count()
}

/// A venue that counts a second from the first request on.
fn rejected_by_anchored(arrivals: &[Instant], max: usize) -> usize {
    let (mut rejected, mut anchor, mut counted) = (0, None::<Instant>, 0);
    for arrival in arrivals {
        if anchor.is_none_or(|anchor| *arrival - anchor >= WINDOW) {
            (anchor, counted) = (Some(*arrival), 0);
        }
        counted += 1;
        rejected += usize::from(counted > max);
    }
    rejected
}

/// A venue that counts by its clock's second, which may begin anywhere in ours.
fn rejected_by_calendar(arrivals: &[Instant], max: usize, origin: Instant, offset: Duration) -> usize {
    let second = |arrival: &Instant| (*arrival - origin + offset).as_secs();
    arrivals.chunk_by(|a, b| second(a) == second(b)).map(|same| same.len().saturating_sub(max)).sum()
}

fn simulate(max: u32, count: u64, gap: Duration, network: Network, seed: u64) -> (Instant, Run) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async { (Instant::now(), run(max, count, gap, network, seed).await) })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_kind_of_venue_ever_counts_too_many(
        max in 1_u32..=12,
        count in 30_u64..150,
        gap in 0_u64..60,
        out in (0_u64..60, 0_u64..120),
        back in (0_u64..60, 0_u64..120),
        handshake in 2_u64..40,
        lost in 5_u64..200,
        offset in 0_u64..1_000,
        seed: u64,
    ) {
        let count = count.min(u64::from(max) * 25);
        let (origin, run) = simulate(max, count, ms(gap), Network { out, back, handshake, lost }, seed);
        let max = usize::try_from(max).unwrap();
        prop_assert_eq!(run.arrivals.len(), usize::try_from(count).unwrap());
        prop_assert_eq!(rejected_by_sliding(&run.arrivals, max), 0);
        prop_assert_eq!(rejected_by_anchored(&run.arrivals, max), 0);
        prop_assert_eq!(rejected_by_calendar(&run.arrivals, max, origin, ms(offset)), 0);
    }
}

const NEVER: u64 = u64::MAX;

#[test]
fn the_models_do_reject() {
    let start =
        simulate(1, 1, ms(0), Network { out: (0, 0), back: (0, 0), handshake: NEVER, lost: NEVER }, 0).0;
    let arrivals: Vec<_> = (0..30).map(|i| start + ms(90 * i)).collect();
    assert!(rejected_by_sliding(&arrivals, 10) > 0);
    assert!(rejected_by_anchored(&arrivals, 10) > 0);
    assert!(rejected_by_calendar(&arrivals, 10, start, ms(0)) > 0);
}

#[test]
fn a_steady_network_costs_next_to_nothing() {
    // A hundred requests at ten a second cannot end before 9 s and the last answer.
    let network = Network { out: (20, 0), back: (20, 0), handshake: NEVER, lost: NEVER };
    let (_, run) = simulate(10, 100, ms(0), network, 1);
    assert_eq!(rejected_by_sliding(&run.arrivals, 10), 0);
    println!("100 requests, 40 ms: last turn {:?}, all answered {:?}", run.last_turn, run.took);
    assert!(run.took <= ms(9_300), "{:?}", run.took);
}

#[test]
fn a_restless_network_costs_a_round_trip_a_window_at_most() {
    let network = Network { out: (10, 40), back: (10, 40), handshake: NEVER, lost: NEVER };
    let (_, run) = simulate(10, 100, ms(0), network, 1);
    assert_eq!(rejected_by_sliding(&run.arrivals, 10), 0);
    println!("100 requests, 20 to 100 ms: last turn {:?}, all answered {:?}", run.last_turn, run.took);
    assert!(run.took <= ms(9_000 + 9 * 103 + 300), "{:?}", run.took);
}
