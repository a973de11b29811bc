//! Failing pages: each is retried alone, a permanent failure ends the query, and nothing continues forever.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;
use market_backbone_coordinator::CoordinatorConfig;
use market_backbone_core::{CandleSource, SourceErrorKind, Timestamp};

use crate::venue::{Fault, House, Model, TRANSIENT, last, minute, range, thin, this_minute};

#[tokio::test(start_paused = true)]
async fn one_page_in_five_fails_and_the_rows_are_the_same() {
    for fault in [TRANSIENT, Fault::Drop, Fault::Mute, Fault::Error(SourceErrorKind::TimedOut)] {
        for tape in [
            thin(this_minute() - 30_000..=this_minute(), 100, 1).collect::<Vec<_>>(),
            thin(this_minute() - 300_000..=this_minute(), 7, 1).collect(),
        ] {
            let model = Model::new(tape).failing(move |number, _| (number % 5 == 4).then_some(fault));
            let house = House::new(model);
            let set = house.ask(last(10_000).closed()).await.unwrap();
            let truth = house.model.truth(Timestamp::MIN, minute(this_minute()));
            assert_eq!(set.candles, truth[truth.len() - 10_000..]);
            assert_eq!(house.coordinator.metrics().pages as usize, house.requests());
            assert!(house.coordinator.metrics().retried > 0);
            assert_eq!(set.stats.requests as usize, house.requests(), "what failed was asked too");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_page_that_failed_is_asked_again() {
    let model = Model::dense(30_000).failing(|number, _| (number == 3).then_some(TRANSIENT));
    let house = House::new(model);
    house.ask(last(2_000).closed()).await.unwrap();
    assert_eq!(house.requests(), 11);
    let asked = house.model.asked.lock().unwrap();
    let failed = &asked[3];
    assert_eq!(asked.iter().filter(|request| *request == failed).count(), 2);
    assert_eq!(asked.last(), Some(failed), "after the others");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_final() {
    use SourceErrorKind as Kind;
    for kind in [Kind::UnknownMarket, Kind::BadRequest, Kind::Banned(None), Kind::Closed] {
        for at in [0, 7] {
            let model =
                Model::dense(30_000).failing(move |number, _| (number == at).then_some(Fault::Error(kind)));
            let house = House::new(model);
            let error = house.ask(last(10_000)).await.unwrap_err();
            assert_eq!((error.kind(), error.to_string().as_str()), (kind, "the model fails"));
            assert!(house.requests() <= at + 16, "{} requests", house.requests());
            assert_eq!(house.coordinator.metrics().retried, 0);
            assert_eq!(house.coordinator.metrics().failed, 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn if_nothing_ever_worked_nothing_is_asked_again() {
    let house = House::new(Model::dense(30_000).failing(|_, _| Some(TRANSIENT)));
    let error = house.ask(last(10_000).closed()).await.unwrap_err();
    assert_eq!((error.kind(), house.requests()), (SourceErrorKind::VenueFault, 1));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_for_ever_ends_the_query_and_names_the_stretch() {
    let bad = minute(this_minute() - 1_000);
    for fault in [TRANSIENT, Fault::Mute] {
        let model = Model::dense(30_000)
            .failing(move |_, request| request.before.is_some_and(|before| before == bad).then_some(fault));
        let house = House::new(model);
        let mut stream = house.coordinator.stream(last(4_000).closed());
        let (mut rows, mut errors) = (0, Vec::new());
        while let Some(part) = stream.next().await {
            match part {
                Ok(part) => rows += part.candles.len(),
                Err(error) => errors.push(error),
            }
        }
        assert_eq!(rows, 3_800, "all else was fetched");
        assert_eq!(errors.len(), 1);
        let wanted =
            if fault == TRANSIENT { SourceErrorKind::VenueFault } else { SourceErrorKind::Malformed };
        assert_eq!(errors[0].kind(), wanted);
        let text = errors[0].to_string();
        let from = minute(this_minute() - 1_200);
        assert!(text.contains(&format!("KRW-BTC 1m from {from} to {bad}")), "{text}");
        assert_eq!(house.requests(), 20 + 2, "twice again and no more");
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_never_proves_anything_is_given_up() {
    for fault in [Fault::Drop, Fault::Mute] {
        let house = House::new(Model::dense(30_000).failing(move |_, _| Some(fault)));
        let error = house.ask(last(10_000).closed()).await.unwrap_err();
        assert_eq!((error.kind(), house.requests()), (SourceErrorKind::Malformed, 3));
    }
}

#[tokio::test(start_paused = true)]
async fn a_venue_that_goes_away_is_not_asked_for_every_page_first() {
    let house = House::new(Model::dense(30_000).failing(|number, _| (number > 10).then_some(TRANSIENT)));
    let error = house.ask(range(this_minute() - 25_000, this_minute())).await.unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::VenueFault);
    assert!(house.requests() <= 11 + 16 + 16 + 2, "{} requests", house.requests());
}

#[tokio::test(start_paused = true)]
async fn a_page_that_never_comes_counts_as_timed_out() {
    let house = House::new(Model::dense(30_000).failing(|number, _| (number == 2).then_some(Fault::Hang)));
    let set = house.ask(last(1_000).closed()).await.unwrap();
    assert_eq!((set.candles.len(), house.requests()), (1_000, 6));
    let house = House::new(Model::dense(30_000).failing(|_, _| Some(Fault::Hang)));
    let error = house.ask(last(1_000).closed()).await.unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn never_more_pages_are_under_way_than_allowed() {
    for in_flight in [0, 1, 3] {
        let config = CoordinatorConfig::default().in_flight(in_flight);
        let model = Model::dense(30_000)
            .paced(|number| Duration::from_millis(20 + 7 * (number as u64 % 5)))
            .failing(|number, _| (number % 7 == 3).then_some(TRANSIENT));
        let house = House::with(model, config);
        let set = house.ask(last(4_000).closed()).await.unwrap();
        assert_eq!(set.candles.len(), 4_000);
        assert_eq!(house.model.most_at_once.load(Ordering::SeqCst), in_flight.max(1));
    }
}
