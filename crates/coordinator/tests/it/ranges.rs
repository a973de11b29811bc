//! Ranges: all of it is shown or proven empty, with no more requests than needed.

use std::time::Duration;

use market_backbone_core::{CandleQuery, Slot, Timestamp};

use crate::venue::{House, Model, minute, range, series, thin, this_minute};

#[tokio::test(start_paused = true)]
async fn a_dense_range_takes_one_request_a_page() {
    let house = House::new(Model::dense(30_000));
    let (from, to) = (this_minute() - 20_500, this_minute() - 500);
    let set = house.ask(range(from, to)).await.unwrap();
    assert_eq!(house.requests(), 100);
    assert_eq!(set.candles, house.model.truth(minute(from), minute(to)));
    assert!(
        set.coverage
            .missing(market_backbone_core::TimeRange::new(minute(from), minute(to)).unwrap())
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn thirty_days_of_a_thin_market_cost_at_most_two_requests_more_than_its_rows_need() {
    for percent in [1, 4, 30] {
        for seed in 0..20 {
            let slots = this_minute() - 100_000..=this_minute();
            let house = House::new(Model::new(thin(slots, percent, seed)));
            let (from, to) = (this_minute() - 43_200, this_minute());
            let set = house.ask(range(from, to).closed()).await.unwrap();
            assert_eq!(set.candles, house.model.truth(minute(from), minute(to)));
            // Each page except the first repeats one row, to prove the slots between.
            let pages = set.candles.len() / 199;
            let most = pages + if pages < 12 { 2 } else { 3 };
            assert!(house.requests() <= most, "{} > {most}, {percent} %, seed {seed}", house.requests());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_market_takes_at_most_two_requests() {
    let long_ago = this_minute() - 200_000;
    for tape in [vec![], vec![long_ago], (long_ago..long_ago + 500).collect()] {
        let house = House::new(Model::new(tape));
        let set = house.ask(range(this_minute() - 43_200, this_minute())).await.unwrap();
        assert_eq!(set.candles, []);
        assert!(house.requests() <= 2);
        assert_eq!(set.slot(minute(this_minute() - 40_000)), Slot::Empty);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hole_is_proven_empty_and_not_asked_for_ever() {
    let hole = this_minute() - 6_000..this_minute() - 4_000;
    let tape = (this_minute() - 12_000..this_minute()).filter(|slot| !hole.contains(slot));
    let house = House::new(Model::new(tape));
    let (from, to) = (this_minute() - 10_000, this_minute());
    let set = house.ask(range(from, to).closed()).await.unwrap();
    assert_eq!(set.candles, house.model.truth(minute(from), minute(to)));
    for slot in hole {
        assert_eq!(set.slot(minute(slot)), Slot::Empty);
    }
    assert!(house.requests() <= 40 + 16, "{} requests", house.requests());
}

#[tokio::test(start_paused = true)]
async fn a_page_whose_stretch_others_have_shown_is_not_waited_for() {
    let hole = this_minute() - 6_000..this_minute() - 2_000;
    let tape = (this_minute() - 12_000..this_minute()).filter(|slot| !hole.contains(slot));
    let pace = move |number| Duration::from_millis(if number == 2 { 60_000 } else { 10 });
    let house = House::new(Model::new(tape).paced(pace));
    house.ask(range(this_minute() - 100, this_minute()).closed()).await.unwrap();

    let started = tokio::time::Instant::now();
    let set = house.ask(range(hole.start, hole.end)).await.unwrap();
    assert_eq!((set.candles.len(), set.coverage.ranges().len()), (0, 1));
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(
        house.requests(),
        1 + 2 + 1,
        "taken for dense, a scout was sent ahead; its end was looked at twice"
    );
    assert_eq!((house.coordinator.metrics().abandoned, house.coordinator.metrics().under_way), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_range_that_begins_before_the_listing_ends_there() {
    for (tape, most) in [
        (thin(this_minute() - 1_999..=this_minute(), 100, 1).collect::<Vec<_>>(), 10 + 16),
        (thin(this_minute() - 60_000..=this_minute(), 4, 1).collect(), 12 + 4),
        (thin(this_minute() - 59..=this_minute(), 100, 1).collect(), 2),
    ] {
        for from in [Timestamp::MIN, Timestamp::EPOCH] {
            let house = House::new(Model::new(tape.iter().copied()));
            let query = CandleQuery::range(series(), from, minute(this_minute())).unwrap();
            let set = house.ask(query).await.unwrap();
            assert_eq!(set.candles, house.model.truth(from, minute(this_minute())));
            assert!(set.coverage.is_known(Timestamp::EPOCH));
            assert!(house.requests() <= most, "{} > {most}", house.requests());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn bounds_between_slots_are_the_slots_between() {
    let house = House::new(Model::dense(100));
    let half = |slot: i64| minute(slot).plus(Duration::from_secs(30));
    let (from, to) = (this_minute() - 50, this_minute() - 40);
    let query = CandleQuery::range(series(), half(from), half(to)).unwrap();
    let set = house.ask(query).await.unwrap();
    assert_eq!(set.candles, house.model.truth(minute(from + 1), minute(to + 1)));
}
