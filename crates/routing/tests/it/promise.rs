//! Never more than `max` requests arrive in any window, whatever the network, the callers and the clocks do.
//!
//! `SCHEDULES=10000` runs that many; a few hundred otherwise.

mod arrivals;
mod by_clock;
mod four_networks;
mod model;
mod network;
mod weights;

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use arrivals::Arrivals;
use model::{NEVER, Run, Schedule, ms, play};
use network::Network;

fn cases() -> ProptestConfig {
    #[expect(clippy::disallowed_methods, reason = "how thorough a test is to be is said from outside")]
    let asked = std::env::var("SCHEDULES").ok().and_then(|text| text.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(250), failure_persistence: None, ..ProptestConfig::default() }
}

prop_compose! {
    /// Ways of up to 360 ms, alike for all, or with a few that take much longer than the rest.
    fn network()(
        least in (0_u64..=60, 0_u64..=60),
        jitter in (prop_oneof![0_u64..=20, 0_u64..=300], prop_oneof![0_u64..=20, 0_u64..=300]),
        spike in prop_oneof![Just(NEVER), 3_u64..40],
        handshake in 2_u64..40,
        lost in prop_oneof![Just(NEVER), 5_u64..200],
        failing in prop_oneof![Just(NEVER), 2_u64..20],
        service in prop_oneof![2 => Just((0, 0)), 1 => (0_u64..=10, 0_u64..=20).prop_map(|(least, more)| (least, least + more))],
        counted_late: bool,
    ) -> Network {
        let ways = Network::of((least.0, jitter.0), (least.1, jitter.1));
        Network { spike, handshake, lost, failing, service, counted_late, ..ways }
    }
}

prop_compose! {
    fn schedule()(
        max in 1_u32..=12,
        count in 30_u64..150,
        gap in 0_u64..60,
        network in network(),
        slower in prop_oneof![Just(None), (0_u64..10_000, 1_u64..200).prop_map(Some)],
        cancelled in prop_oneof![Just(NEVER), 2_u64..20],
        beside in prop_oneof![2 => Just(0_u64), 1 => 1_u64..4],
        kills in prop::collection::vec((50_u64..4_000, 0_u64..1_500), 0..4),
        steps in prop::collection::vec((0_u64..10_000, -7_200_i64..7_200), 0..4),
        seed: u64,
        mixed: bool,
    ) -> Schedule {
        let count = count.min(u64::from(max) * 25);
        let plain = Schedule::plain(max, count, Network { slower, ..network });
        Schedule { gap: ms(gap), cancelled, beside, kills, steps, seed, mixed, ..plain }
    }
}

/// What the three kinds of venue would have refused; the calendar's second may begin anywhere in ours.
fn rejected(run: &Run, max: u32, offset: u64) -> [usize; 3] {
    let (arrivals, max) = (&run.arrivals, usize::try_from(max).unwrap());
    [arrivals.sliding(max), arrivals.anchored(max), arrivals.calendar(max, run.origin, ms(offset))]
}

/// What a venue would have refused by each rule that counts in whole ms: what the margin of 3 ms is for.
fn rejected_in_whole_ms(run: &Run, schedule: &Schedule) -> Vec<usize> {
    schedule.rules().iter().map(|rule| run.arrivals.in_whole_ms_by(rule, run.origin)).collect()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_kind_of_venue_ever_counts_too_many(schedule in schedule(), offset in 0_u64..1_000) {
        let run = play(&schedule);
        prop_assert_eq!(rejected(&run, schedule.max, offset), [0; 3]);
        prop_assert_eq!(rejected_in_whole_ms(&run, &schedule), [0]);
        prop_assert_eq!(run.served, schedule.count);
    }

    /// Without credit nothing is assumed of the network: not even that it stays what it was.
    #[test]
    fn who_assumes_nothing_is_right_on_any_network(
        schedule in schedule(),
        falls in 0_u64..10_000,
        offset in 0_u64..1_000,
    ) {
        let mut schedule = Schedule { trust: false, ..schedule };
        // All at once the ways take nothing.
        schedule.network.slower = None;
        let run = model::play_falling(&schedule, ms(falls));
        prop_assert_eq!(rejected(&run, schedule.max, offset), [0; 3]);
    }
}

/// A schedule on which a limiter that trusts round trips has nothing to spare: all of them are alike.
#[test]
fn a_service_of_constant_length_leaves_no_room_and_the_promise_holds() {
    let ways = Network::of((12, 1), (10, 0));
    let network = Network { handshake: 7, lost: 52, service: (10, 10), counted_late: true, ..ways };
    for seed in (0..40).chain([2_238_054_434_899_285_488]) {
        let schedule = Schedule { gap: ms(24), seed, ..Schedule::plain(9, 121, network) };
        let run = play(&schedule);
        assert_eq!(rejected(&run, 9, 0), [0; 3], "seed {seed}");
    }
}

#[test]
fn the_models_do_reject() {
    let start = play(&Schedule::plain(1, 1, Network::of((0, 0), (0, 0)))).origin;
    let arrivals = Arrivals::of((0..30).map(|i| start + ms(90 * i)));
    assert!(arrivals.sliding(10) > 0);
    assert!(arrivals.anchored(10) > 0);
    assert!(arrivals.calendar(10, start, ms(0)) > 0);
}

#[test]
fn without_its_margin_the_limiter_is_refused() {
    let refused = [None, Some(Duration::ZERO)].map(|margin| {
        let schedule = Schedule { margin, ..Schedule::plain(10, 60, Network::of((20, 0), (20, 0))) };
        rejected_in_whole_ms(&play(&schedule), &schedule)[0]
    });
    assert_eq!(refused[0], 0);
    assert!(refused[1] > 0, "the test sees a margin that is missing");
}

/// What share of the requests that a sliding window allows really went out.
fn share_of_what_is_allowed(network: Network, count: u64) -> (Run, f64) {
    let run = play(&Schedule::plain(10, count, network));
    assert_eq!(run.arrivals.sliding(10), 0);
    let (first, last) = run.arrivals.ends();
    let ideal = Duration::from_secs((count - 1) / 10);
    let share = ideal.as_secs_f64() / (last - first).as_secs_f64();
    (run, share)
}

#[test]
fn a_steady_network_costs_next_to_nothing() {
    // A hundred requests at ten a second cannot end before 9 s and the last answer.
    let (run, share) = share_of_what_is_allowed(Network::of((20, 0), (20, 0)), 100);
    println!("100 requests, 40 ms: all answered {:?}, {:.1} %", run.took, share * 100.0);
    assert!(run.took <= ms(9_300), "{:?}", run.took);
}

#[test]
fn forty_milliseconds_and_ten_of_jitter_cost_three_percent_at_most() {
    let cases = [
        ("40 to 50 ms, restless there", (20, 10), (20, 0)),
        ("40 to 50 ms, restless back", (20, 0), (20, 10)),
        ("35 to 45 ms, both ways", (18, 5), (18, 5)),
        ("40 to 60 ms, both ways", (20, 10), (20, 10)),
        ("30 to 50 ms, both ways", (15, 10), (15, 10)),
    ];
    for (name, out, back) in cases {
        for seed in 0..5 {
            let run = Schedule { seed, ..Schedule::plain(10, 1_000, Network::of(out, back)) };
            let run = play(&run);
            let (first, last) = run.arrivals.ends();
            let share = 99.0 / (last - first).as_secs_f64();
            println!("1,000 requests, {name}: {:.2} % of what a sliding window allows", share * 100.0);
            assert_eq!(run.arrivals.sliding(10), 0);
            assert!(share >= 0.97, "{name}: {share}");
        }
    }
}

#[test]
fn a_restless_network_costs_a_round_trip_a_window_at_most() {
    let (run, share) = share_of_what_is_allowed(Network::of((10, 40), (10, 40)), 100);
    println!("100 requests, 20 to 100 ms: all answered {:?}, {:.1} %", run.took, share * 100.0);
    assert!(run.took <= ms(9_000 + 9 * 103 + 300), "{:?}", run.took);
}

#[test]
fn processes_side_by_side_share_the_window_and_lose_little_of_it() {
    // Slow enough to begin with that each gets its part of them.
    let plain = Schedule::plain(10, 300, Network::of((20, 5), (20, 5)));
    let run = play(&Schedule { beside: 2, gap: ms(100), ..plain });
    let (first, last) = run.arrivals.ends();
    let share = 29.0 / (last - first).as_secs_f64();
    println!("300 requests of three processes: {:.1} % of what a sliding window allows", share * 100.0);
    assert_eq!(run.arrivals.sliding(10), 0);
    assert!(share >= 0.9, "{share}");
}

#[test]
fn a_restart_within_the_window_goes_on_counting() {
    // Killed when the first ten are out and answered, and started again at once.
    let network = Network::of((5, 0), (5, 0));
    let killed = Schedule { kills: vec![(20, 0)], ..Schedule::plain(10, 20, network) };
    let run = play(&killed);
    assert_eq!(run.arrivals.sliding(10), 0);
    let (first, last) = run.arrivals.ends();
    assert!(last - first <= ms(1_030), "{:?}", last - first);
    let _: Instant = first;
}
