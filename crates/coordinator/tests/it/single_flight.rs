//! Identical pages in flight share one request.

use std::time::Duration;

use futures::{FutureExt, StreamExt, poll};
use market_backbone_core::{CandleSource, Priority, SourceErrorKind, Timestamp};

use crate::venue::{House, Model, TRANSIENT, last, minute, thin, this_minute};

#[tokio::test(start_paused = true)]
async fn two_identical_queries_make_one_set_of_requests() {
    for (tape, count) in [
        (thin(this_minute() - 30_000..=this_minute(), 100, 1).collect::<Vec<_>>(), 5_000),
        (thin(this_minute() - 90_000..=this_minute(), 10, 1).collect(), 3_000),
    ] {
        let alone = House::new(Model::new(tape.iter().copied()));
        alone.ask(last(count).closed()).await.unwrap();

        let house = House::new(Model::new(tape));
        let (one, other) = tokio::join!(house.ask(last(count).closed()), house.ask(last(count).closed()));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(one.candles, other.candles);
        assert_eq!(house.requests(), alone.requests());
        let counted = one.stats.requests + other.stats.requests;
        assert_eq!(counted as usize, house.requests(), "each request is counted once");
        let metrics = house.coordinator.metrics();
        assert_eq!((metrics.shared as usize, metrics.under_way), (house.requests(), 0));
    }
}

#[tokio::test(start_paused = true)]
async fn who_falls_behind_is_served_what_has_landed_meanwhile_and_who_comes_later_is_not() {
    let house = House::new(Model::dense(30_000));
    let mut slow = house.coordinator.stream(last(1_000).closed());
    assert!(poll!(slow.next()).is_pending(), "it has begun");
    let quick = house.ask(last(1_000).closed()).await.unwrap();
    assert_eq!((quick.candles.len(), house.requests()), (1_000, 5));
    let mut rows = 0;
    while let Some(part) = slow.next().await {
        rows += part.unwrap().candles.len();
    }
    assert_eq!((rows, house.requests()), (1_000, 5), "nothing was asked twice");
    house.ask(last(1_000).closed()).await.unwrap();
    assert_eq!(house.requests(), 10, "a later question is answered by what holds now");
}

#[tokio::test(start_paused = true)]
async fn what_has_landed_since_a_question_was_put_serves_it_whenever_it_is_asked() {
    let house = House::new(Model::dense(30_000));
    // The query was made, and reads a store meanwhile.
    let settled = || last(1_000).before(minute(this_minute() - 10)).closed();
    let put = house.coordinator.pin_page_sequence(settled());
    house.ask(settled()).await.unwrap();
    let set = house.ask(put).await.unwrap();
    assert_eq!((set.candles.len(), set.stats.requests, house.requests()), (1_000, 0, 5));
}

#[tokio::test(start_paused = true)]
async fn the_candle_in_progress_is_always_fresh() {
    let house = House::new(Model::dense(300));
    for asked in 1..=3 {
        house.ask(last(10)).await.unwrap();
        assert_eq!(house.requests(), asked);
    }
}

#[tokio::test(start_paused = true)]
async fn who_leaves_does_not_harm_who_stays() {
    let house = House::new(Model::dense(30_000));
    let mut leaver = house.coordinator.stream(last(1_000).closed());
    let mut stayer = house.coordinator.stream(last(1_000).closed());
    assert!(poll!(leaver.next()).is_pending(), "the leaver asks first");
    assert!(poll!(stayer.next()).is_pending());
    assert_eq!(house.requests(), 1);
    drop(leaver);
    let mut rows = 0;
    while let Some(part) = stayer.next().await {
        rows += part.unwrap().candles.len();
    }
    assert_eq!((rows, house.requests()), (1_000, 5));
}

#[tokio::test(start_paused = true)]
async fn who_stands_still_does_not_hold_up_the_others() {
    let house = House::new(Model::dense(30_000));
    let mut idle = house.coordinator.stream(last(1_000).closed());
    assert!(poll!(idle.next()).is_pending());
    let set = house.ask(last(1_000).closed()).await.unwrap();
    assert_eq!((set.candles.len(), house.requests()), (1_000, 5));
    drop(idle);
}

#[tokio::test(start_paused = true)]
async fn when_all_have_left_nothing_is_under_way() {
    let house = House::new(Model::dense(30_000));
    let mut stream = house.coordinator.stream(last(10_000).closed());
    // The first page, and the two that show how far back the market goes.
    for _ in 0..3 {
        stream.next().await.unwrap().unwrap();
    }
    assert!(poll!(stream.next()).is_pending());
    assert_eq!(house.coordinator.metrics().under_way, 16);
    drop(stream);
    assert_eq!(house.coordinator.metrics().under_way, 0);
}

#[tokio::test(start_paused = true)]
async fn the_urgent_do_not_wait_for_the_patient() {
    let house = House::new(Model::dense(30_000));
    let ask = |priority| house.coordinator.stream(last(100).closed().priority(priority));
    let (mut low, mut critical, mut high) =
        (ask(Priority::Low), ask(Priority::Critical), ask(Priority::High));
    assert!(poll!(low.next()).is_pending());
    assert!(poll!(critical.next()).is_pending());
    assert_eq!(house.requests(), 2, "a low one under way is no help to a critical one");
    assert!(poll!(high.next()).is_pending());
    assert_eq!(house.requests(), 2, "a high one joins the critical one");
    assert_eq!(house.coordinator.metrics().shared, 1);
    for stream in [&mut low, &mut critical, &mut high] {
        assert_eq!(stream.next().await.unwrap().unwrap().candles.len(), 200);
    }
    assert_eq!(house.coordinator.metrics().under_way, 0);
}

#[tokio::test(start_paused = true)]
async fn a_patient_page_that_lands_does_not_hide_the_urgent_one() {
    let model =
        Model::dense(30_000).paced(|number| Duration::from_millis(if number == 0 { 10 } else { 100 }));
    let house = House::new(model);
    let ask = |priority| {
        house.coordinator.stream(last(100).before(minute(this_minute() - 10)).closed().priority(priority))
    };
    let (mut low, mut critical) = (ask(Priority::Low), ask(Priority::Critical));
    assert!(poll!(low.next()).is_pending());
    assert!(poll!(critical.next()).is_pending());
    low.next().await.unwrap().unwrap();
    let mut high = ask(Priority::High);
    assert!(poll!(high.next()).is_pending());
    assert_eq!((house.requests(), house.coordinator.metrics().shared), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_shared_failure_reaches_all() {
    let house = House::new(Model::dense(300).failing(|_, _| Some(TRANSIENT)));
    let (one, other) = tokio::join!(house.ask(last(100).closed()), house.ask(last(100).closed()));
    for result in [one, other] {
        assert_eq!(result.unwrap_err().kind(), SourceErrorKind::VenueFault);
    }
    assert_eq!(house.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_page_asked_before_a_slot_ended_is_not_passed_off_as_one_asked_after() {
    let house = House::new(Model::new(this_minute() - 300..=this_minute() + 5));
    let mut early = house.coordinator.stream(last(10));
    assert!(early.next().now_or_never().is_none());
    house.model.clock.advance(Duration::from_secs(60));
    let late = house.ask(last(10)).await.unwrap();
    assert_eq!(house.requests(), 2);
    assert_eq!(late.candles.last().map(|candle| candle.open_time), Some(minute(this_minute() + 1)));

    let old = || last(10).before(minute(this_minute() - 100));
    let mut early = house.coordinator.stream(old());
    assert!(early.next().now_or_never().is_none());
    house.model.clock.advance(Duration::from_secs(60));
    house.ask(old()).await.unwrap();
    assert_eq!(house.requests(), 3, "of history, it does not matter when it was asked");
    let part = early.next().await.unwrap().unwrap();
    assert_eq!(part.candles.last().map(|candle| candle.open_time), Some(minute(this_minute() - 101)));
    assert!(part.coverage.is_known(minute(this_minute() - 150)) && !part.coverage.is_known(Timestamp::MAX));
}
