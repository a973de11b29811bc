//! The forming candle: with the page where one page is enough, separately where more are needed, never when
//! unwanted.

use std::time::Duration;

use futures::{StreamExt, poll};
use market_backbone_core::{CandleSource, Selection, SourceErrorKind, TimeRange, Timestamp};

use crate::venue::{Fault, House, Model, last, minute, range, this_minute};

/// A moment after its trade, so that the forming minute has a candle.
fn busy() -> House {
    House::new(Model::new(this_minute() - 30_000..=this_minute() + 100))
}

fn newest(candles: &market_backbone_core::CandleColumns) -> (i64, bool) {
    let candle = candles.last().unwrap();
    (candle.open_time.as_secs() / 60, candle.is_final)
}

#[tokio::test(start_paused = true)]
async fn where_one_page_does_it_brings_the_candle_along() {
    for query in [last(50), last(200), range(this_minute() - 150, this_minute() + 1)] {
        let house = busy();
        let set = house.ask(query).await.unwrap();
        assert_eq!((house.requests(), house.formed()), (1, 0));
        assert_eq!(house.model.asked.lock().unwrap()[0].0.before, None);
        assert_eq!(newest(&set.candles), (this_minute(), false));
    }
}

#[tokio::test(start_paused = true)]
async fn where_it_takes_more_the_candle_is_asked_by_itself() {
    for query in [last(1_000), range(this_minute() - 1_000, this_minute() + 1)] {
        let house = busy();
        let set = house.ask(query).await.unwrap();
        assert_eq!((house.requests(), house.formed()), (5, 1));
        assert_eq!(newest(&set.candles), (this_minute(), false));
        let asked = house.model.asked.lock().unwrap();
        assert!(asked.iter().all(|(request, _)| request.before.is_some()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_page_is_sent_before_the_candle_is_asked_for() {
    let house = busy();
    let mut stream = house.coordinator.stream(last(1_000));
    assert!(poll!(stream.next()).is_pending());
    assert_eq!((house.requests(), house.formed()), (1, 1));
    let part = stream.next().await.unwrap().unwrap();
    assert_eq!(part.candles.len(), 1, "it does not wait for the pages");
}

#[tokio::test(start_paused = true)]
async fn the_candle_alone_takes_no_page() {
    let forming_open = minute(this_minute());
    let house = busy();
    let set = house.ask(last(1).not_before(forming_open)).await.unwrap();
    assert_eq!(newest(&set.candles), (this_minute(), false));
    let set = house.ask(range(this_minute(), this_minute() + 1)).await.unwrap();
    assert_eq!(newest(&set.candles), (this_minute(), false));
    assert_eq!((house.requests(), house.formed()), (0, 2));
    assert_eq!(set.coverage.ranges(), []);

    let quiet = House::new(Model::new([this_minute() - 5]));
    assert_eq!(quiet.ask(last(1).not_before(forming_open)).await.unwrap().candles, []);
    assert_eq!((quiet.requests(), quiet.formed()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn unwanted_it_is_neither_asked_nor_given() {
    let forming_open = minute(this_minute());
    for query in [last(1), last(200), last(1_000), range(this_minute() - 100, this_minute() + 50)] {
        let house = busy();
        let mut stream = house.coordinator.stream(query.closed());
        while let Some(part) = stream.next().await {
            assert!(part.unwrap().candles.iter().all(|candle| candle.open_time < forming_open));
        }
        assert_eq!(house.formed(), 0);
        let asked = house.model.asked.lock().unwrap();
        // A page with room for it is requested without an end, to see that the venue has moved on.
        assert!(asked.iter().all(|(request, _)| request.before.is_none_or(|before| before <= forming_open)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_ended_but_is_not_settled_is_given_and_not_proven() {
    let house = busy();
    house.model.clock.set(minute(this_minute() + 1).plus(Duration::from_millis(500)));
    for query in [last(1_000), last(20), range(this_minute() - 300, this_minute() + 1)] {
        let set = house.ask(query.closed()).await.unwrap();
        assert_eq!(newest(&set.candles), (this_minute(), false));
        assert!(!set.coverage.is_known(minute(this_minute())));
        assert!(set.coverage.is_known(minute(this_minute() - 1)));
    }
}

#[tokio::test(start_paused = true)]
async fn no_slot_is_missing_if_one_ends_meanwhile() {
    let house = busy();
    let mut stream = house.coordinator.stream(last(1_000));
    // The pages are planned, then the minute ends, then the forming candle is requested.
    house.model.clock.advance(Duration::from_secs(60));
    let mut parts = Vec::new();
    while let Some(part) = stream.next().await {
        parts.push(part.unwrap());
    }
    let set = market_backbone_core::CandleSet::assemble(crate::venue::series(), parts);
    assert_eq!(newest(&set.candles), (this_minute() + 1, false));
    assert_eq!(set.candles, house.model.truth(set.candles.first().unwrap().open_time, Timestamp::MAX));
    assert!(
        set.coverage.covers(TimeRange::new(minute(this_minute() - 999), minute(this_minute() + 1)).unwrap())
    );
    assert_eq!((house.requests(), house.formed()), (6, 1));
}

#[tokio::test(start_paused = true)]
async fn no_slot_is_missing_if_one_ends_and_nothing_has_traded_since() {
    let house = House::new(Model::dense(2_000));
    let mut stream = house.coordinator.stream(last(1_000));
    // No candle is forming any more; that of the minute that has just ended must be returned all the same.
    house.model.clock.advance(Duration::from_secs(60));
    let mut parts = Vec::new();
    while let Some(part) = stream.next().await {
        parts.push(part.unwrap());
    }
    let set = market_backbone_core::CandleSet::assemble(crate::venue::series(), parts);
    assert_eq!(newest(&set.candles), (this_minute(), true));
}

#[tokio::test(start_paused = true)]
async fn no_slot_is_missing_if_the_candle_comes_when_all_pages_are_there() {
    let model = Model::new(this_minute() - 30_000..=this_minute() + 100);
    let house = House::new(model.forming_takes(Duration::from_secs(9)));
    let mut stream = house.coordinator.stream(last(1_000));
    let mut parts = Vec::new();
    while let Some(part) = stream.next().await {
        parts.push(part.unwrap());
        if parts.len() == 5 {
            house.model.clock.advance(Duration::from_secs(60));
        }
    }
    let set = market_backbone_core::CandleSet::assemble(crate::venue::series(), parts);
    assert_eq!(set.candles, house.model.truth(set.candles.first().unwrap().open_time, Timestamp::MAX));
    assert!(set.coverage.is_known(minute(this_minute())));
    assert_eq!((house.requests(), house.formed()), (6, 1));
}

#[tokio::test(start_paused = true)]
async fn no_slot_is_missing_if_one_ends_while_the_candle_alone_is_asked() {
    for query in [last(1).not_before(minute(this_minute())), range(this_minute(), this_minute() + 2)] {
        let house = busy();
        let stream = house.coordinator.stream(query);
        house.model.clock.advance(Duration::from_secs(60));
        let parts: Vec<_> = stream.map(Result::unwrap).collect().await;
        let set = market_backbone_core::CandleSet::assemble(crate::venue::series(), parts);
        assert_eq!(newest(&set.candles), (this_minute() + 1, false));
        assert!(set.coverage.is_known(minute(this_minute())));
        assert_eq!((house.requests(), house.formed()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_very_late_leaves_no_hole() {
    for (faulty, repeats) in [(false, 0), (true, 1)] {
        for (query, requests) in [(last(150), 1), (range(this_minute() - 150, this_minute() + 1), 2)] {
            let model = Model::new(this_minute() - 30_000..=this_minute() + 500);
            let fault = move |number: usize| (faulty && number == 0).then_some(Fault::Mute);
            let house = House::new(model.failing(move |number, _| fault(number)));
            let stream = house.coordinator.stream(query.clone());
            // It is so late that the newest page begins after the slot that was forming.
            house.model.clock.advance(Duration::from_secs(60 * 400));
            let parts: Vec<_> = stream.map(Result::unwrap).collect().await;
            let set = market_backbone_core::CandleSet::assemble(crate::venue::series(), parts);
            for known in set.coverage.ranges() {
                let rows = set.candles.iter().filter(|candle| known.contains(candle.open_time));
                assert_eq!(rows.collect::<Vec<_>>(), house.model.truth(known.from(), known.to()));
            }
            match query.selection() {
                Selection::Range(range) => assert!(set.coverage.covers(range)),
                Selection::Last { .. } => assert_eq!(newest(&set.candles), (this_minute() + 400, false)),
            }
            assert_eq!(house.requests(), requests + repeats);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_to_get_it_is_retried_and_then_said() {
    let house = busy();
    house.model.forming_reply.lock().unwrap().extend([Err(SourceErrorKind::TimedOut); 2]);
    let set = house.ask(last(1_000)).await.unwrap();
    assert_eq!((newest(&set.candles), house.formed()), ((this_minute(), false), 3));

    let house = busy();
    house.model.forming_reply.lock().unwrap().extend([Err(SourceErrorKind::TimedOut); 3]);
    let error = house.ask(last(1_000)).await.unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::TimedOut);
    assert!(error.to_string().contains("the forming candle of KRW-BTC 1m"), "{error}");

    let house = busy();
    house.model.forming_reply.lock().unwrap().push(Err(SourceErrorKind::Banned(None)));
    let error = house.ask(last(1_000)).await.unwrap_err();
    assert_eq!((error.kind(), house.formed()), (SourceErrorKind::Banned(None), 1));
}
