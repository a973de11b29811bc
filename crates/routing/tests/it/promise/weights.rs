//! The promise where requests have weights and a group has several rules at once: all of them hold.

use proptest::prelude::*;

use market_backbone_core::RateLimitRule;

use super::model::{GROUP, play_falling};
use super::*;

prop_compose! {
    /// A second rule beside the one for a second: shorter or longer, by weight or by requests, sliding or by the clock.
    fn second_rule()(
        max in 1_u32..=30,
        window in prop_oneof![100_u64..1_000, 1_000_u64..8_000],
        by_clock: bool,
        by_requests: bool,
    ) -> RateLimitRule {
        let rule = RateLimitRule::new(GROUP, max, ms(window));
        let rule = if by_clock { rule.by_clock() } else { rule };
        if by_requests { rule.counting_requests() } else { rule }
    }
}

prop_compose! {
    /// Any schedule, with weights and a second rule that takes each of its requests.
    pub(super) fn weighted()(
        plain in schedule(),
        max in 1_u32..=40,
        second in second_rule(),
        weights in (0_u32..=3, 1_u32..=10),
    ) -> Schedule {
        let heaviest = weights.1.min(max);
        let heaviest = if second.charge(2) == 1 { heaviest } else { heaviest.min(second.max) };
        let lightest = weights.0.min(heaviest);
        // So many that they take some fifteen seconds by either rule.
        let by = |rule: &RateLimitRule| {
            let windows = 15_000 / u64::try_from(rule.window.as_millis()).unwrap() + 1;
            u64::from(rule.max) * windows / u64::from(rule.charge(heaviest).max(1))
        };
        let first = RateLimitRule::new(GROUP, max, ms(1_000));
        let count = plain.count.min(by(&first)).min(by(&second)).max(5);
        Schedule { max, more: vec![second], weights: (lightest, heaviest), count, ..plain }
    }
}

/// What the three kinds of venue would have refused by each rule.
pub(super) fn rejected_by_all(run: &Run, schedule: &Schedule, offset: u64) -> Vec<[usize; 3]> {
    let by = |rule: &RateLimitRule| {
        let arrivals = &run.arrivals;
        [
            arrivals.sliding_by(rule),
            arrivals.anchored_by(rule),
            arrivals.calendar_by(rule, run.origin, ms(offset)),
        ]
    };
    schedule.rules().iter().map(by).collect()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_venue_ever_counts_too_much_by_any_of_two_rules(schedule in weighted(), offset in 0_u64..8_000) {
        let run = play(&schedule);
        prop_assert_eq!(rejected_by_all(&run, &schedule, offset), vec![[0; 3]; 2]);
        prop_assert_eq!(run.served, schedule.count);
    }

    #[test]
    fn nor_where_nothing_is_assumed_of_the_network(
        schedule in weighted(),
        falls in 0_u64..10_000,
        offset in 0_u64..8_000,
    ) {
        let mut schedule = Schedule { trust: false, ..schedule };
        schedule.network.slower = None;
        let run = play_falling(&schedule, ms(falls));
        prop_assert_eq!(rejected_by_all(&run, &schedule, offset), vec![[0; 3]; 2]);
    }
}

#[test]
fn the_models_do_reject_by_weight() {
    let start = play(&Schedule::plain(1, 1, Network::of((0, 0), (0, 0)))).origin;
    let rule = RateLimitRule::new(GROUP, 10, ms(2_000));
    let each = |weight| Arrivals::weighing((0..10).map(|i| (start + ms(190 * i), weight)));
    let counts = |arrivals: &Arrivals, rule: &RateLimitRule| {
        [arrivals.sliding_by(rule), arrivals.anchored_by(rule), arrivals.calendar_by(rule, start, ms(0))]
    };
    assert_eq!(counts(&each(1), &rule), [0; 3]);
    assert_eq!(counts(&each(2), &rule), [5; 3]);
    assert_eq!(counts(&each(2), &rule.counting_requests()), [0; 3]);
    assert_eq!(counts(&each(0), &RateLimitRule::new(GROUP, 9, ms(2_000)).counting_requests()), [1; 3]);
}

/// Both windows are used as far as they may be: what is promised is not kept by sending next to nothing.
#[test]
fn weights_and_a_second_window_cost_next_to_nothing() {
    let long = RateLimitRule::new(GROUP, 100, ms(10_000));
    // Ten of weight 5 fit into a second, twenty into ten seconds: the last ten go at 9 s, or at 41 s.
    for (more, ideal) in [(vec![], 9.0), (vec![long], 41.0)] {
        let network = Network::of((20, 0), (20, 0));
        let schedule = Schedule { more, weights: (5, 5), ..Schedule::plain(50, 100, network) };
        let run = play(&schedule);
        let (first, last) = run.arrivals.ends();
        let share = ideal / (last - first).as_secs_f64();
        println!("100 requests of weight 5: {:.1} % of what the rules allow", share * 100.0);
        assert!(rejected_by_all(&run, &schedule, 0).iter().all(|counts| counts[0] == 0));
        assert!((0.95..=1.0).contains(&share), "{share}");
    }
}
