//! The promise and its cost on the four networks of decision 17.

use futures::future::join_all;
use proptest::prelude::*;
use tokio::time::{sleep, sleep_until};

use super::weights::{rejected_by_all, weighted};
use super::*;

/// The requests of 20,000 candles.
const PAGES: u64 = 100;

prop_compose! {
    /// One of the four networks, with losses and handshakes, that counts before or after the service.
    fn one_of_four()(
        which in 0_usize..4,
        base in network(),
        counted_late: bool,
    ) -> Network {
        let Network { out, back, service, tail, .. } = Network::four()[which].1;
        Network { out, back, service, tail, counted_late, ..base }
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_venue_counts_too_much_on_the_four_networks(
        schedule in weighted(),
        network in one_of_four(),
        slower in prop_oneof![Just(None), (0_u64..10_000, 1_u64..200).prop_map(Some)],
        offset in 0_u64..8_000,
    ) {
        let schedule = Schedule { network: Network { slower, ..network }, ..schedule };
        let run = play(&schedule);
        prop_assert_eq!(rejected_by_all(&run, &schedule, offset), vec![[0; 3]; 2]);
        prop_assert_eq!(run.served, schedule.count);
    }
}

/// How long a client takes that sends ten at once each second, and knows no limit.
fn naive(network: Network, seed: u64) -> Duration {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let (origin, server) = (Instant::now(), tokio::sync::Mutex::new(()));
        for burst in 0..PAGES / 10 {
            let begun = origin + Duration::from_secs(burst);
            sleep_until(begun).await;
            let ask = |number: u64| {
                let server = &server;
                async move {
                    let mut chance = fastrand::Rng::with_seed(seed ^ ((burst * 10 + number) << 32));
                    sleep(network.way(network.out, begun - origin, &mut chance)).await;
                    if let Some(service) = network.service(&mut chance) {
                        let _served = server.lock().await;
                        sleep(service).await;
                    }
                    sleep(network.way(network.back, begun - origin, &mut chance)).await;
                }
            };
            join_all((0..10).map(ask)).await;
        }
        origin.elapsed()
    })
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
fn what_the_promise_costs_on_the_four_networks() {
    let most = [9_150, 9_350, 9_560, 9_850].map(ms);
    let mut slow = Vec::new();
    for ((name, network), most) in Network::four().into_iter().zip(most) {
        let play = |seed| play(&Schedule { seed, ..Schedule::plain(10, PAGES, network) });
        let runs: Vec<_> = (1..=21).map(play).collect();
        assert!(runs.iter().all(|run| run.arrivals.sliding(10) == 0), "{name}");
        let took = median(runs.iter().map(|run| run.took).collect());
        let naive = median((1..=21).map(|seed| naive(network, seed)).collect());
        println!(
            "{PAGES} requests, {name}: {took:?}; bursts of ten each second, which promise nothing: {naive:?}"
        );
        slow.extend((took > most).then_some(name));
    }
    assert_eq!(slow, [""; 0]);
}
