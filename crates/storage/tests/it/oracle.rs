//! Any sequence of queries, clock changes and broken replies: the read path against the truth.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    Candle, CandleQuery, CandleSet, CandleSource, CandleStore, Forming, Grid, ManualClock, Selection, Slot,
    SourceErrorKind,
};
use market_backbone_storage::{MemoryStore, StoredSource};
use proptest::prelude::*;

use crate::material::{everything, minute, minute_of, open, series};
use crate::model::{Habits, Model};

/// The minute at which each run begins, and the one at which the market was listed.
const START: i64 = 28_000_000;
const LISTED: i64 = START - 400;

#[derive(Clone, Debug)]
enum Step {
    Ask { query: CandleQuery, fail_after: Option<usize> },
    Wait(u64),
}

fn query() -> impl Strategy<Value = CandleQuery> {
    let btc = || series("KRW-BTC");
    // Seconds, so that ends lie within slots as well.
    let moment = (-450 * 60..40 * 60_i64).prop_map(|secs| minute(START).as_secs() + secs);
    let time = moment.prop_map(market_backbone_core::Timestamp::from_secs);
    let range = (time.clone(), time.clone())
        .prop_filter_map("runs backwards", move |(a, b)| CandleQuery::range(btc(), a, b).ok());
    let last = (1..500_usize, prop::option::of(time.clone()), prop::option::of(time)).prop_map(
        move |(count, before, floor)| {
            let query = CandleQuery::last(btc(), count).unwrap();
            let query = before.into_iter().fold(query, CandleQuery::before);
            floor.into_iter().fold(query, CandleQuery::not_before)
        },
    );
    let forming = prop::sample::select(vec![Forming::Include, Forming::Exclude]);
    (prop_oneof![range, last], forming).prop_map(|(query, forming)| query.forming(forming))
}

fn step() -> impl Strategy<Value = Step> {
    let ask = (query(), prop::option::weighted(0.2, 0..3_usize))
        .prop_map(|(query, fail_after)| Step::Ask { query, fail_after });
    prop_oneof![4 => ask, 1 => (1..400_u64).prop_map(Step::Wait)]
}

fn habits() -> impl Strategy<Value = Habits> {
    let density = prop::sample::select(vec![0, 3, 40, 90, 100]);
    let settles_after = prop::sample::select(vec![0, 1, 70, 200]).prop_map(Duration::from_secs);
    let page = prop::sample::select(vec![1, 7, 50, 200]);
    (density, settles_after, page).prop_map(|(density, settles_after, page)| Habits {
        density,
        listed: LISTED,
        kept_since: None,
        settles_after,
        page,
    })
}

/// What the query asks for, from the tape itself.
fn expected(model: &Model, query: &CandleQuery) -> Vec<Candle> {
    let end = if query.forming == Forming::Include { model.tip() + 1 } else { model.tip() };
    model.expected(query, LISTED, end)
}

/// Every slot says what is true, and in a range no settled slot is left unknown.
fn check_slots(model: &Model, query: &CandleQuery, set: &CandleSet) {
    for number in LISTED - 60..=model.tip() + 1 {
        match set.slot(minute(number)) {
            Slot::Present(candle) => assert_eq!(Some(candle), model.truth(number)),
            Slot::Empty => assert_eq!(model.truth(number), None, "minute {number}"),
            Slot::Disputed(_) => panic!("minute {number}: nobody has said two things"),
            Slot::Unknown => {
                let Selection::Range(range) = query.selection() else { continue };
                assert!(!range.contains(minute(number)) || number >= model.settled(), "minute {number}");
            }
        }
    }
}

/// What the store calls known has settled, and its rows are the tape's.
async fn check_ledger(model: &Model, store: &dyn CandleStore) {
    let known = store.coverage(&series("KRW-BTC")).await.unwrap();
    let rows = store.read(&series("KRW-BTC"), everything(), usize::MAX).await.unwrap().candles;
    for number in LISTED - 60..=model.tip() + 60 {
        let row = rows.iter().find(|row| minute_of(row.open_time) == number);
        assert!(row.is_none() || row == model.truth(number), "minute {number}");
        if known.is_known(minute(number)) {
            assert!(number < model.settled(), "minute {number} is not settled");
            assert_eq!(row, model.truth(number), "minute {number}");
        }
    }
}

/// Questions through `store`, by workers that each have one of the `near` stores before it, in turns.
async fn run(store: Arc<dyn CandleStore>, near: Vec<Arc<dyn CandleStore>>, habits: Habits, steps: Vec<Step>) {
    let clock = Arc::new(ManualClock::new(minute(START)));
    let model = Model::new(habits, Arc::clone(&clock), Arc::clone(&store));
    let stored = |store: &Arc<dyn CandleStore>, upstream| {
        Arc::new(StoredSource::new(Arc::clone(store), upstream, Arc::clone(&clock) as _, Grid::Utc))
    };
    let source: Arc<dyn CandleSource> = stored(&store, Arc::new(model.clone()));
    let mut workers: Vec<Arc<dyn CandleSource>> =
        near.iter().map(|near| stored(near, Arc::clone(&source)) as _).collect();
    if workers.is_empty() {
        workers.push(source);
    }
    for (step, worker) in steps.into_iter().zip(workers.iter().cycle()) {
        match step {
            Step::Wait(secs) => clock.advance(Duration::from_secs(secs)),
            Step::Ask { query, fail_after } => {
                fail_after.into_iter().for_each(|pieces| model.fail_after(pieces));
                match worker.candles(query.clone()).await {
                    Ok(set) => {
                        assert_eq!(set.candles, expected(&model, &query));
                        check_slots(&model, &query, &set);
                    }
                    Err(error) => assert_eq!(error.kind(), SourceErrorKind::Unreachable),
                }
                for store in near.iter().chain([&store]) {
                    check_ledger(&model, store.as_ref()).await;
                }
                assert_eq!(model.asked_again(), [], "known, and asked again");
            }
        }
    }
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn any_questions_over_a_memory_store(habits in habits(), steps in prop::collection::vec(step(), 1..14)) {
        block_on(run(Arc::new(MemoryStore::new()), Vec::new(), habits, steps));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_questions_over_sqlite(habits in habits(), steps in prop::collection::vec(step(), 1..14)) {
        block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let store = Arc::new(open(folder.path()).await);
            run(Arc::clone(&store) as _, Vec::new(), habits, steps).await;
            store.close().await;
        });
    }
}

/// Workers that have nothing of their own yet.
fn two_workers() -> Vec<Arc<dyn CandleStore>> {
    vec![Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new())]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
    #[test]
    fn any_questions_of_two_workers_that_share_a_store(
        habits in habits(),
        steps in prop::collection::vec(step(), 1..14),
    ) {
        block_on(run(Arc::new(MemoryStore::new()), two_workers(), habits, steps));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn any_questions_of_two_workers_that_share_postgres(
        habits in habits(),
        steps in prop::collection::vec(step(), 1..14),
    ) {
        block_on(async {
            let Some(store) = crate::postgres::store().await else { return };
            let store = Arc::new(store);
            run(Arc::clone(&store) as _, two_workers(), habits, steps).await;
            store.close().await;
        });
    }
}
