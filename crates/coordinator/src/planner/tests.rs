//! The planned pages, case by case: minute slots, pages of 200 rows.

use market_backbone_core::{Grid, Timeframe};

use super::*;

const SLOTS: SlotGrid = SlotGrid::new(Grid::Utc, Timeframe::M1);

fn range(from: i64, to: i64) -> TimeRange {
    TimeRange::new(Timestamp::from_secs(from * 60), Timestamp::from_secs(to * 60)).unwrap()
}

fn planner_input<'a>(unknown: &'a RangeSet, claims: &'a [TimeRange], density: f64) -> PlannerInput<'a> {
    PlannerInput {
        slots: SLOTS,
        page: 200,
        unknown,
        claims,
        room: 16,
        density: Density::of(density),
        arrived: 1,
        probable_start: Timestamp::MIN,
        exhausted: false,
        oldest: Some(Timestamp::MIN),
        empty: 0,
    }
}

#[test]
fn a_series_never_seen_is_probed_with_one_page_at_its_newer_end() {
    let unknown = RangeSet::from(range(0, 10_000));
    assert_eq!(planner_input(&unknown, &[], 0.0).chunks(), [range(9_800, 10_000)]);
    assert_eq!(planner_input(&unknown, &[range(9_800, 10_000)], 0.0).chunks(), []);
}

#[test]
fn a_dense_series_is_cut_into_full_pages_newest_first() {
    let unknown = RangeSet::from(range(0, 500));
    assert_eq!(planner_input(&unknown, &[], 1.0).chunks(), [range(300, 500), range(100, 300), range(0, 100)]);
}

#[test]
fn claims_and_room_are_respected() {
    let unknown = RangeSet::from(range(0, 1_000));
    let claims = [range(600, 800)];
    let two = PlannerInput { room: 2, ..planner_input(&unknown, &claims, 1.0) };
    assert_eq!(two.chunks(), [range(800, 1_000), range(400, 600)]);
    for density in [0.0, 0.1, 1.0] {
        assert_eq!(PlannerInput { room: 0, ..planner_input(&unknown, &[], density) }.chunks(), []);
    }
}

#[test]
fn a_thin_series_has_two_walkers_if_it_is_long() {
    let long = RangeSet::from(range(0, 80_000));
    assert_eq!(planner_input(&long, &[], 0.04).chunks(), [range(40_000, 80_000), range(0, 40_000)]);
    let short = RangeSet::from(range(0, 10_000));
    assert_eq!(planner_input(&short, &[], 0.04).chunks(), [range(0, 10_000)]);
}

#[test]
fn a_walker_goes_on_where_its_page_ended() {
    let mut unknown = RangeSet::from(range(0, 80_000));
    unknown.remove(range(75_000, 80_000));
    let other = [range(0, 40_000)];
    assert_eq!(planner_input(&unknown, &other, 0.04).chunks(), [range(40_000, 75_000)]);
}

#[test]
fn what_lies_right_below_a_page_under_way_is_left_to_it() {
    let unknown = RangeSet::from(range(0, 30_000));
    assert_eq!(planner_input(&unknown, &[range(1_000, 30_000)], 0.04).chunks(), []);
}

#[test]
fn a_long_walk_is_not_split_again_near_its_end() {
    let unknown = RangeSet::from(range(0, 80_000));
    let late = PlannerInput { arrived: 200, ..planner_input(&unknown, &[], 0.04) };
    assert_eq!(late.chunks(), [range(0, 80_000)]);
}

#[test]
fn below_a_short_page_one_page_looks_for_the_end() {
    let unknown = RangeSet::from(range(0, 40_000));
    for density in [0.04, 1.0] {
        let hint = PlannerInput {
            probable_start: Timestamp::from_secs(40_000 * 60),
            ..planner_input(&unknown, &[], density)
        };
        assert_eq!(hint.chunks(), [range(0, 40_000)]);
    }
}

#[test]
fn the_beginning_of_time_is_not_halved() {
    let endless = TimeRange::new(Timestamp::MIN, Timestamp::from_secs(60)).unwrap();
    let unknown = RangeSet::from(endless);
    assert_eq!(planner_input(&unknown, &[], 0.04).chunks(), [endless]);
    assert_eq!(planner_input(&unknown, &[], 1.0).chunks().len(), 16);
}

#[test]
fn something_is_asked_whenever_something_is_unknown() {
    for density in [0.0, 0.001, 0.5, 0.949, 0.95, 1.0] {
        for pieces in [vec![range(0, 1)], vec![range(0, 1), range(5, 900)], vec![range(0, 90_000)]] {
            let mut unknown = RangeSet::new();
            pieces.iter().for_each(|piece| unknown.insert(*piece));
            assert!(!planner_input(&unknown, &[], density).chunks().is_empty());
        }
    }
}

#[test]
fn where_no_older_row_is_known_one_page_and_a_scout_are_sent() {
    let unknown = RangeSet::from(range(0, 1_800));
    let at = |minute: i64| Some(Timestamp::from_secs(minute * 60));
    let begun = PlannerInput { oldest: at(1_800), ..planner_input(&unknown, &[], 1.0) };
    assert_eq!(begun.chunks(), [range(1_600, 1_800), range(0, 200)]);
    let claims = [range(1_600, 1_800), range(0, 200)];
    assert_eq!(PlannerInput { oldest: at(1_800), ..planner_input(&unknown, &claims, 1.0) }.chunks(), []);
    let found = PlannerInput { oldest: at(1), ..planner_input(&unknown, &claims[..1], 1.0) };
    assert_eq!(found.chunks().len(), 8, "all side by side");
    let missed = PlannerInput { oldest: at(1_800), empty: 1, ..planner_input(&unknown, &[], 1.0) };
    assert_eq!(missed.chunks(), [range(1_600, 1_800)]);
    let long_after =
        PlannerInput { oldest: at(1_800), empty: 1, arrived: 16, ..planner_input(&unknown, &[], 1.0) };
    assert_eq!(long_after.chunks(), [range(1_600, 1_800), range(800, 1_000)]);
}

#[test]
fn a_scout_goes_no_further_than_what_has_arrived_is_worth() {
    let endless = TimeRange::new(Timestamp::MIN, Timestamp::from_secs(60)).unwrap();
    let unknown = RangeSet::from(endless);
    let begun = PlannerInput { oldest: Some(Timestamp::from_secs(60)), ..planner_input(&unknown, &[], 1.0) };
    assert_eq!(begun.chunks(), [range(-199, 1), range(-199 - 16 * 200, 1 - 16 * 200)]);
}
