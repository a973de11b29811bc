//! Queries for the newest candles: how many requests they take, and that they end.

use std::sync::atomic::Ordering;

use market_backbone_core::{CandleQuery, Timestamp};

use crate::venue::{House, Model, last, minute, range, thin, this_minute};

#[track_caller]
fn holds_the_newest(
    house: &House,
    got: &market_backbone_core::CandleColumns,
    count: usize,
    before: Timestamp,
) {
    let truth = house.model.truth(Timestamp::MIN, before);
    assert_eq!(*got, truth[truth.len().saturating_sub(count)..]);
}

#[tokio::test(start_paused = true)]
async fn twenty_thousand_dense_candles_take_exactly_a_hundred_requests() {
    let house = House::new(Model::dense(30_000));
    let set = house.ask(last(20_000).closed()).await.unwrap();
    assert_eq!(house.requests(), 100);
    assert_eq!(set.stats.requests, 100);
    assert_eq!(set.stats.venue_rows, 20_000);
    holds_the_newest(&house, &set.candles, 20_000, minute(this_minute()));
    assert!(house.model.most_at_once.load(Ordering::SeqCst) <= 16);
    assert!(house.model.most_at_once.load(Ordering::SeqCst) > 8, "they are asked side by side");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_dense_candles_take_exactly_five_requests() {
    for count in [801, 999, 1_000] {
        let house = House::new(Model::dense(30_000));
        let set = house.ask(last(count)).await.unwrap();
        assert_eq!((house.requests(), house.formed()), (5, 1));
        holds_the_newest(&house, &set.candles, count, Timestamp::MAX);
        let again = house.ask(last(count).closed()).await.unwrap();
        assert_eq!(house.requests(), 10, "what was learnt of the series does not change the number");
        holds_the_newest(&house, &again.candles, count, minute(this_minute()));
    }
}

#[tokio::test(start_paused = true)]
async fn one_page_is_one_request() {
    for count in [1, 2, 199, 200] {
        for model in [Model::dense(300), Model::new(thin(this_minute() - 50_000..=this_minute(), 4, 1))] {
            let house = House::new(model);
            let set = house.ask(last(count)).await.unwrap();
            assert_eq!((house.requests(), house.formed()), (1, 0));
            holds_the_newest(&house, &set.candles, count, Timestamp::MAX);
            let set = house.ask(last(count).closed()).await.unwrap();
            assert_eq!((house.requests(), house.formed()), (2, 0));
            holds_the_newest(&house, &set.candles, count, minute(this_minute()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_thin_market_costs_at_most_two_requests_more_than_its_rows_need() {
    for seed in 0..20 {
        for count in [450, 1_000, 3_000] {
            let house = House::new(Model::new(thin(this_minute() - 150_000..=this_minute(), 4, seed)));
            let set = house.ask(last(count).closed()).await.unwrap();
            holds_the_newest(&house, &set.candles, count, minute(this_minute()));
            let most = count.div_ceil(200) + 2;
            assert!(house.requests() <= most, "{} requests for {count} rows, seed {seed}", house.requests());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_bulk_fetch_leaves_as_many_closed_candles_as_were_asked() {
    let house = House::new(Model::dense(5_000));
    let parts = market_backbone_core::CandleSource::stream(&house.coordinator, last(1_000));
    let parts: Vec<_> = futures::StreamExt::collect(parts).await;
    let closed: usize =
        parts.iter().map(|part| part.as_ref().unwrap().candles.iter().filter(|c| c.is_final).count()).sum();
    assert_eq!(closed, 1_000);
}

#[tokio::test(start_paused = true)]
async fn it_looks_back_from_before_and_no_further_than_the_floor() {
    let house = House::new(Model::dense(30_000));
    let before = minute(this_minute() - 5_000);
    let set = house.ask(last(1_000).before(before)).await.unwrap();
    assert_eq!((house.requests(), house.formed()), (5, 0));
    holds_the_newest(&house, &set.candles, 1_000, before);

    let floor = minute(this_minute() - 5_300);
    let set = house.ask(last(1_000).before(before).not_before(floor)).await.unwrap();
    assert_eq!(set.candles, house.model.truth(floor, before));
    assert_eq!(house.requests(), 5 + 2);
}

#[tokio::test(start_paused = true)]
async fn a_market_listed_an_hour_ago_ends() {
    for query in [last(200), last(1_000), last(20_000).closed()] {
        let house = House::new(Model::dense(60));
        let set = house.ask(query.clone()).await.unwrap();
        let to = if query == last(20_000).closed() { minute(this_minute()) } else { Timestamp::MAX };
        assert_eq!(set.candles, house.model.truth(Timestamp::MIN, to));
        assert_eq!(house.requests(), 2, "one that falls short, one that proves why");
        assert!(set.coverage.is_known(minute(0)), "that nothing is older is known");
    }
}

#[tokio::test(start_paused = true)]
async fn a_market_listed_hours_ago_is_not_looked_for_side_by_side_where_it_was_not_listed() {
    for listed in [201, 231, 400, 599, 1_000, 1_700] {
        for query in
            [last(2_000).closed(), last(20_000), range(this_minute() - 9_000, this_minute()).closed()]
        {
            let house = House::new(Model::dense(listed));
            let set = house.ask(query.clone()).await.unwrap();
            let to = if query == last(20_000) { Timestamp::MAX } else { minute(this_minute()) };
            assert_eq!(set.candles, house.model.truth(Timestamp::MIN, to));
            assert!(set.coverage.is_known(minute(this_minute() - 5_000)), "that nothing is older is known");
            // Full pages except the last, a second look at where it ends, and one page that looked too far
            // back.
            let most = set.candles.len().div_ceil(200) + 3;
            assert!(house.requests() <= most, "{} > {most}, listed {listed} minutes ago", house.requests());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_market_without_a_trade_is_believed_to_be_one_after_two_requests() {
    let house = House::new(Model::new([]));
    let set = house.ask(last(1_000).closed()).await.unwrap();
    assert_eq!((set.candles.len(), house.requests()), (0, 2));
    assert!(set.coverage.is_known(minute(0)));
    let asked = house.model.asked.lock().unwrap();
    assert_ne!(asked[0].0.before, asked[1].0.before, "asked in another way");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_keeps_candles_for_a_while_only_is_exhausted_without_proof() {
    let oldest = this_minute() - 1_000;
    let house = House::new(Model::dense(5_000).kept_from(oldest));
    let set = house.ask(last(3_000).closed()).await.unwrap();
    assert_eq!(set.candles, house.model.truth(Timestamp::MIN, minute(this_minute())));
    assert_eq!(set.candles.len(), 1_000);
    assert!(!set.coverage.is_known(minute(oldest - 1)), "what is not kept is not known");
    assert!(set.coverage.is_known(minute(oldest)));
}

#[tokio::test(start_paused = true)]
async fn a_count_looks_across_an_outage_of_any_length() {
    let tape = (this_minute() - 100_300..this_minute() - 100_000).chain(this_minute() - 300..this_minute());
    let house = House::new(Model::new(tape));
    let set = house.ask(last(500).closed()).await.unwrap();
    holds_the_newest(&house, &set.candles, 500, minute(this_minute()));
    assert!(house.requests() <= 5, "{} requests", house.requests());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_for_nothing() {
    let house = House::new(Model::dense(100));
    let future = minute(this_minute() + 10);
    let ahead = CandleQuery::range(crate::venue::series(), future, minute(this_minute() + 20)).unwrap();
    assert_eq!(house.ask(ahead).await.unwrap().candles, []);
    assert_eq!(house.ask(last(5).closed().not_before(future)).await.unwrap().candles, []);
    assert_eq!((house.requests(), house.formed()), (0, 0));
}
