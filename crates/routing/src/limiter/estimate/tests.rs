//! How long it takes to send much: by hand and by the simulation.

use market_backbone_core::RateLimitGroup;

use super::*;

const GROUP: RateLimitGroup = RateLimitGroup("x");

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn window(max: u32, window: u64) -> WindowProjection {
    let rule = RateLimitRule::new(GROUP, max, ms(window));
    WindowProjection { rule, hold: ms(window + 3), allowed: max, releases: Vec::new() }
}

fn fresh(trip: u64) -> SendProjection {
    SendProjection {
        start: Duration::ZERO,
        windows: vec![window(10, 1_000)],
        round_trip: ms(trip),
        rtt_credit: ms(trip),
        responses_until_credit: 20,
    }
}

fn of(requests: u64) -> Workload {
    Workload { ahead: Vec::new(), requests, weight: 1 }
}

#[test]
fn a_window_goes_at_once_and_each_further_one_costs_a_window() {
    let outlook = SendProjection { responses_until_credit: 0, ..fresh(40) };
    for (requests, want) in [(0, 0), (1, 40), (10, 40), (11, 1_043), (20, 1_043), (100, 9_067)] {
        assert_eq!(outlook.completed_after(&of(requests)), ms(want), "{requests}");
    }
}

#[test]
fn until_the_round_trip_is_known_it_is_waited_for() {
    assert_eq!(fresh(40).completed_after(&of(11)), ms(1_083));
    assert_eq!(fresh(40).completed_after(&of(21)), ms(2_086), "twenty answers are enough");
    assert_eq!(fresh(40).completed_after(&of(100)), ms(9_107));
}

#[test]
fn what_is_in_the_log_already_is_waited_for() {
    let mut outlook = SendProjection { responses_until_credit: 0, ..fresh(40) };
    outlook.windows[0].releases = vec![(ms(300), 1), (ms(400), 1), (ms(500), 1)];
    assert_eq!(outlook.completed_after(&of(7)), ms(40));
    assert_eq!(outlook.completed_after(&of(8)), ms(340));
    assert_eq!(SendProjection { start: ms(700), ..outlook }.completed_after(&of(8)), ms(740));
}

#[test]
fn very_many_are_reported_by_proportion() {
    let outlook = SendProjection { responses_until_credit: 0, ..fresh(0) };
    let (some, twice) =
        (outlook.completed_after(&of(MAX_SIMULATED)), outlook.completed_after(&of(2 * MAX_SIMULATED)));
    assert_eq!(twice, some * 2);
}

#[test]
fn heavy_requests_take_more_windows() {
    let outlook = SendProjection { responses_until_credit: 0, ..fresh(40) };
    let of = |requests| Workload { ahead: Vec::new(), requests, weight: 4 };
    // Two of them fit into a window of ten.
    for (requests, want) in [(2, 40), (3, 1_043), (4, 1_043), (5, 2_046)] {
        assert_eq!(outlook.completed_after(&of(requests)), ms(want), "{requests}");
    }
    let behind = Workload { ahead: vec![9, 1, 7], requests: 1, weight: 4 };
    assert_eq!(outlook.completed_after(&behind), ms(2_046), "9 and 1, then 7, then 4");
}

#[test]
fn the_slowest_of_several_rules_decides() {
    let windows = vec![window(10, 1_000), window(25, 10_000)];
    let outlook = SendProjection { responses_until_credit: 0, windows, ..fresh(40) };
    for (requests, want) in [(10, 40), (20, 1_043), (25, 2_046), (26, 10_043), (35, 10_043), (36, 11_046)] {
        assert_eq!(outlook.completed_after(&of(requests)), ms(want), "{requests}");
    }
}
