//! The read path in the cases that matter most: how often upstream is asked, and for what.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use market_backbone_core::{
    CandleQuery, CandleSource, CandleStore, Clock, Forming, Grid, ManualClock, PageSequence, Priority,
    Selection, SourceErrorKind, StoreError, StoreErrorKind, Timestamp,
};
use market_backbone_storage::{MemoryStore, StoredSource};
use market_backbone_testkit::{HookedStore, ScriptedCandles, StoreCall};

use crate::material::{candles, minute, minutes, proof, series};
use crate::model::{DENSE, Habits, Model};

const NOW: i64 = 28_000_000;

struct House {
    clock: Arc<ManualClock>,
    store: Arc<dyn CandleStore>,
    model: Model,
    source: StoredSource,
}

fn house(habits: Habits) -> House {
    house_on(habits, Arc::new(MemoryStore::new()))
}

fn house_on(habits: Habits, store: Arc<dyn CandleStore>) -> House {
    // Twenty seconds into the minute `NOW`.
    let clock = Arc::new(ManualClock::new(minute(NOW).plus(Duration::from_secs(20))));
    let model = Model::new(habits, Arc::clone(&clock), Arc::clone(&store));
    let upstream = Arc::new(model.clone());
    let source = StoredSource::new(Arc::clone(&store), upstream, Arc::clone(&clock) as _, Grid::Utc);
    House { clock, store, model, source }
}

fn last(count: usize) -> CandleQuery {
    CandleQuery::last(series("KRW-BTC"), count).unwrap()
}

fn selections(house: &House) -> Vec<Selection> {
    house.model.asked().iter().map(CandleQuery::selection).collect()
}

#[tokio::test]
async fn the_first_thousand_are_asked_for_once_and_then_only_the_forming_one() {
    let house = house(DENSE);
    let query = last(1_000).priority(Priority::Critical);
    let set = house.source.candles(query.clone()).await.unwrap();
    assert_eq!(set.candles.len(), 1_000);
    assert!(!set.candles.get(999).unwrap().is_final && set.candles.get(998).unwrap().is_final);
    assert_eq!(house.model.asked(), [query], "the very question, priority included");

    let set = house.source.candles(last(999).closed()).await.unwrap();
    assert_eq!((set.candles.len(), set.stats.requests), (999, 0));
    assert_eq!(selections(&house), []);

    let set = house.source.candles(last(1_000)).await.unwrap();
    assert_eq!((set.candles.len(), set.stats.memory_rows), (1_000, 999));
    // Not more than are wanted, should the venue move on meanwhile, and nothing that is known.
    let forming = Selection::Last { count: 1_000, before: None, floor: minute(NOW) };
    assert_eq!(selections(&house), [forming]);
}

#[tokio::test]
async fn closed_candles_are_asked_for_once() {
    let house = house(DENSE);
    for requests in [5, 0] {
        let set = house.source.candles(last(1_000).closed()).await.unwrap();
        assert_eq!((set.candles.len(), set.stats.requests), (1_000, requests));
    }
    let asked = Selection::Last { count: 1_000, before: Some(minute(NOW)), floor: Timestamp::MIN };
    assert_eq!(selections(&house), [asked]);
}

#[tokio::test]
async fn a_few_minutes_later_only_those_are_asked_for() {
    let house = house(DENSE);
    house.source.candles(last(500)).await.unwrap();
    house.clock.advance(Duration::from_secs(180));
    house.model.asked();
    assert_eq!(house.source.candles(last(500)).await.unwrap().candles.len(), 500);
    assert_eq!(selections(&house), [Selection::Last { count: 500, before: None, floor: minute(NOW) }]);
}

#[tokio::test]
async fn an_unsettled_candle_is_passed_on_and_not_stored() {
    let house = house(Habits { settles_after: Duration::from_secs(30), ..DENSE });
    let set = house.source.candles(last(10).closed()).await.unwrap();
    assert_eq!(
        (set.candles.len(), set.candles.get(9).unwrap().is_final, set.candles.get(8).unwrap().is_final),
        (10, false, true)
    );
    let known = house.store.coverage(&series("KRW-BTC")).await.unwrap();
    assert_eq!(known.ranges(), [minutes(NOW - 10, NOW - 1)]);
    let stored = house.store.read(&series("KRW-BTC"), minutes(NOW - 20, NOW + 1), 99).await.unwrap();
    assert_eq!(stored.candles.len(), 9);
    // The hole that it leaves at the tip does not hide what is older.
    house.model.asked();
    assert_eq!(house.source.candles(last(10).closed()).await.unwrap().candles.len(), 10);
    let asked = Selection::Last { count: 1, before: Some(minute(NOW)), floor: minute(NOW - 1) };
    assert_eq!(selections(&house), [asked]);
}

#[tokio::test]
async fn a_quiet_minute_does_not_hide_what_is_older() {
    let house = house(DENSE);
    house.source.candles(last(50).closed()).await.unwrap();
    let quiet =
        Model::new(Habits { density: 0, ..DENSE }, Arc::clone(&house.clock), Arc::clone(&house.store));
    let source = StoredSource::new(
        Arc::clone(&house.store),
        Arc::new(quiet.clone()),
        Arc::clone(&house.clock) as _,
        Grid::Utc,
    );
    assert_eq!(source.candles(last(50)).await.unwrap().candles.len(), 50);
    assert_eq!(quiet.asked().len(), 1);
}

#[tokio::test]
async fn a_market_that_is_known_from_its_first_trade_is_not_asked_again() {
    let house = house(Habits { listed: NOW - 30, ..DENSE });
    for asked in [1, 0] {
        let set = house.source.candles(last(1_000).closed()).await.unwrap();
        assert_eq!((set.candles.len(), house.model.asked().len()), (30, asked));
    }
}

#[tokio::test]
async fn what_the_venue_no_longer_has_is_asked_for_once_in_a_query_and_stays_unknown() {
    let house = house(Habits { kept_since: Some(NOW - 100), ..DENSE });
    let old = candles(NOW - 300, NOW - 200);
    house.store.commit(&series("KRW-BTC"), &old, &proof(NOW - 300, NOW - 200)).await.unwrap();
    let set = house.source.candles(last(150).closed()).await.unwrap();
    assert_eq!(set.candles.len(), 150, "older ones that are stored are given");
    assert_eq!(
        set.coverage.missing(minutes(NOW - 250, NOW)),
        [minutes(NOW - 200, NOW - 100)],
        "not without saying so"
    );
    assert_eq!(house.model.asked().len(), 1);
}

#[tokio::test]
async fn a_range_asks_for_its_holes_and_nothing_else() {
    let house = house(DENSE);
    let btc = series("KRW-BTC");
    for (from, to) in [(100, 200), (300, 350)] {
        house.source.candles(CandleQuery::within(btc.clone(), minutes(NOW - to, NOW - from))).await.unwrap();
    }
    house.model.asked();
    let set =
        house.source.candles(CandleQuery::within(btc.clone(), minutes(NOW - 400, NOW + 9))).await.unwrap();
    assert_eq!((set.candles.len(), set.stats.memory_rows), (401, 150));
    let holes = [(-400, -350), (-300, -200), (-100, 1)];
    let holes = holes.map(|(from, to)| Selection::Range(minutes(NOW + from, NOW + to)));
    let asked = house.model.asked();
    assert_eq!(asked.iter().map(CandleQuery::selection).collect::<Vec<_>>(), holes);
    let forming: Vec<_> = asked.iter().map(|query| query.forming).collect();
    assert_eq!(forming, [Forming::Exclude, Forming::Exclude, Forming::Include]);

    house.source.candles(CandleQuery::within(btc.clone(), minutes(NOW - 400, NOW + 9))).await.unwrap();
    assert_eq!(selections(&house), [Selection::Last { count: 1, before: None, floor: minute(NOW) }]);
    house.source.candles(CandleQuery::within(btc, minutes(NOW + 5, NOW + 9))).await.unwrap();
    assert_eq!(selections(&house), [], "the future is nobody's to know");
}

#[tokio::test]
async fn what_came_before_a_failure_is_kept() {
    let house = house(DENSE);
    house.model.fail_after(3);
    let error = house.source.candles(last(1_000).closed()).await.unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Unreachable);
    let known = house.store.coverage(&series("KRW-BTC")).await.unwrap();
    assert_eq!(known.ranges(), [minutes(NOW - 600, NOW)]);
    house.model.asked();
    assert_eq!(house.source.candles(last(1_000).closed()).await.unwrap().candles.len(), 1_000);
    let rest = Selection::Last { count: 400, before: Some(minute(NOW - 600)), floor: Timestamp::MIN };
    assert_eq!(selections(&house), [rest]);
}

#[tokio::test]
async fn a_piece_is_stored_before_it_is_passed_on() {
    let house = house(DENSE);
    let mut stream = house.source.stream(last(1_000).closed());
    let first = stream.next().await.unwrap().unwrap();
    let known = house.store.coverage(&series("KRW-BTC")).await.unwrap();
    for span in first.coverage.spans() {
        assert!(known.covers(span.range));
    }
    drop(stream);
    assert!(!known.covers(minutes(NOW - 1_000, NOW)), "the rest was abandoned");
}

/// A store that cannot keep anything, and why.
fn unwilling(why: StoreErrorKind) -> Arc<dyn CandleStore> {
    Arc::new(HookedStore::checked(Arc::new(MemoryStore::new()), move |call| match call {
        StoreCall::Commit { .. } => Err(StoreError::new(why, "the store says no")),
        _ => Ok(()),
    }))
}

#[tokio::test]
async fn a_store_that_refuses_ends_the_answer_and_one_that_has_no_room_or_is_damaged_does_not() {
    use StoreErrorKind::{Closed, Corrupt, Database, DiskFull, Inaccessible};
    for why in [Closed, Database] {
        let house = house_on(DENSE, unwilling(why));
        let error = house.source.candles(last(1_000)).await.unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (SourceErrorKind::Store, "the store says no"));
    }
    for why in [Corrupt, DiskFull, Inaccessible] {
        let house = house_on(DENSE, unwilling(why));
        let set = house.source.candles(last(1_000)).await.unwrap();
        let unkept = set.write_failure.unwrap();
        assert_eq!((set.candles.len(), unkept.rows, &*unkept.reason), (1_000, 999, "the store says no"));
    }
}

#[tokio::test]
async fn the_slot_in_progress_is_never_known_whoever_says_so() {
    let house = house(DENSE);
    // An upstream that calls the slot in progress known.
    let upstream = ScriptedCandles::new(|_, _| candles(NOW - 5, NOW)).proving(|_| proof(NOW - 5, NOW + 1));
    let source = StoredSource::new(
        Arc::clone(&house.store),
        Arc::new(upstream),
        Arc::clone(&house.clock) as _,
        Grid::Utc,
    );
    source.candles(last(5)).await.unwrap();
    let known = house.store.coverage(&series("KRW-BTC")).await.unwrap();
    assert_eq!(known.ranges(), [minutes(NOW - 5, NOW)]);
}

#[tokio::test]
async fn what_lands_while_the_store_is_looked_at_may_serve_the_question() {
    let (house, busy) = (house(DENSE), ScriptedCandles::silent());
    let clock = || Arc::clone(&house.clock) as Arc<dyn Clock>;
    let upstream = Arc::new(busy.clone());
    let shared = StoredSource::new(Arc::new(MemoryStore::new()), upstream, clock(), Grid::Utc).shared();
    let source = StoredSource::new(Arc::clone(&house.store), Arc::new(shared), clock(), Grid::Utc);
    for query in [last(5).closed(), CandleQuery::within(series("KRW-BTC"), minutes(NOW - 9, NOW - 4))] {
        busy.land(7);
        let answer = source.stream(query);
        busy.land(9);
        assert_eq!(answer.count().await, 0);
        let put: Vec<_> = busy.take_asked().iter().map(|query| query.pages_since).collect();
        assert_eq!(put, [Some(PageSequence(7))]);
    }
}
