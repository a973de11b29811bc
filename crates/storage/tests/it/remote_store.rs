//! An unavailable store blocks nobody: with a store whose behaviour can be set, in simulated time.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use market_backbone_core::{
    CandleQuery, CandleSource, CandleStore, Grid, ManualClock, StoreError, StoreErrorKind,
};
use market_backbone_storage::{MemoryStore, RemoteStore, StoredSource};
use market_backbone_testkit::{HookedStore, StoreCall, eventually};
use tokio::time::Instant;

use crate::material::{candles, everything, minute, minutes, proof, series};
use crate::model::{DENSE, Model};

const NOW: i64 = 28_000_000;

/// How a store behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behaviour {
    Well,
    /// It fails at once, for a reason that may pass.
    Refusing,
    /// It never answers.
    Mute,
    /// It answers, and whoever wants to write waits for ever.
    Locked,
    /// It answers so many questions more, and then nobody.
    Failing(u32),
}

/// Something far away.
struct Far {
    behaviour: Mutex<Behaviour>,
    holds: Arc<MemoryStore>,
    questions: AtomicU32,
    written: AtomicU64,
}

impl Far {
    fn new(behaviour: Behaviour) -> Arc<Self> {
        let (questions, written) = (AtomicU32::default(), AtomicU64::default());
        Arc::new(Self { behaviour: Mutex::new(behaviour), holds: Arc::default(), questions, written })
    }

    fn is(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }

    async fn answer(&self, call: StoreCall) -> Result<(), StoreError> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        let behaviour = *self.behaviour.lock().unwrap();
        match behaviour {
            Behaviour::Well => Ok(()),
            Behaviour::Locked if !call.is_write() => Ok(()),
            Behaviour::Failing(left @ 1..) => {
                self.is(Behaviour::Failing(left - 1));
                Ok(())
            }
            Behaviour::Refusing | Behaviour::Failing(_) => Err(refusal().transient()),
            Behaviour::Mute | Behaviour::Locked => std::future::pending().await,
        }
    }
}

impl Far {
    /// The store as others see it.
    fn store(self: Arc<Self>) -> Arc<dyn CandleStore> {
        let holds = Arc::clone(&self.holds) as _;
        Arc::new(HookedStore::new(holds, move |call| {
            let far = Arc::clone(&self);
            async move {
                far.answer(call).await?;
                if let StoreCall::Commit { rows } = call {
                    far.written.fetch_add(rows as u64, Ordering::SeqCst);
                }
                Ok(())
            }
        }))
    }
}

fn refusal() -> StoreError {
    StoreError::new(StoreErrorKind::Inaccessible, "the far store refuses")
}

async fn open(far: &Arc<Far>) -> Arc<RemoteStore> {
    let far = Arc::clone(far);
    let opener = move || {
        let far = Arc::clone(&far);
        async move { far.answer(StoreCall::Series).await.map(|()| far.store()) }.boxed()
    };
    Arc::new(RemoteStore::open("the far store", opener).await.unwrap())
}

/// A worker with memory of its own before the far store, and a model venue behind.
fn worker(far: &Arc<RemoteStore>) -> (Model, StoredSource) {
    let clock = Arc::new(ManualClock::new(minute(NOW).plus(Duration::from_secs(20))));
    let venue = Model::new(DENSE, Arc::clone(&clock), Arc::new(MemoryStore::new()));
    let (far, upstream) = (Arc::clone(far) as _, Arc::new(venue.clone()));
    let behind = StoredSource::new(far, upstream, Arc::clone(&clock) as _, Grid::Utc).shared();
    (venue, StoredSource::new(Arc::new(MemoryStore::new()), Arc::new(behind), clock, Grid::Utc))
}

fn last(count: usize) -> CandleQuery {
    CandleQuery::last(series("KRW-BTC"), count).unwrap().closed()
}

#[tokio::test(start_paused = true)]
async fn a_start_waits_two_seconds_for_a_store_that_does_not_answer_and_goes_on() {
    let (begun, far) = (Instant::now(), Far::new(Behaviour::Mute));
    let store = open(&far).await;
    assert_eq!(begun.elapsed().as_secs(), 2);
    assert!(store.state().is_unavailable);
    store.close().await;
    assert!(begun.elapsed() <= Duration::from_secs(3), "nor does its end wait for it");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_want_to_be_opened_is_an_error_at_once() {
    let begun = Instant::now();
    let opener = || async { Err::<Arc<dyn CandleStore>, _>(refusal()) }.boxed();
    let error = RemoteStore::open("the far store", opener).await.unwrap_err();
    assert_eq!((error.kind(), begun.elapsed()), (StoreErrorKind::Inaccessible, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn while_it_is_away_what_is_near_is_answered_and_the_rest_is_asked_of_the_venue() {
    for behaviour in [Behaviour::Refusing, Behaviour::Mute] {
        let far = Far::new(Behaviour::Well);
        let store = open(&far).await;
        let (venue, source) = worker(&store);
        source.candles(last(100)).await.unwrap();
        far.is(behaviour);
        let begun = Instant::now();
        assert_eq!(source.candles(last(100)).await.unwrap().candles, candles(NOW - 100, NOW));
        assert_eq!(begun.elapsed(), Duration::ZERO, "what is near needs nobody");
        let set = source.candles(last(300)).await.unwrap();
        assert_eq!(
            (set.candles, set.coverage.ranges()),
            (candles(NOW - 300, NOW).into(), vec![minutes(NOW - 300, NOW)])
        );
        assert!(begun.elapsed() <= Duration::from_secs(5), "{behaviour:?}: {:?}", begun.elapsed());
        let begun = Instant::now();
        source.candles(last(900)).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO, "once it is known to be away, nobody waits for it");
        assert_eq!(venue.asked().len(), 3);
        let state = store.state();
        assert_eq!((state.is_unavailable, state.backlog_rows), (true, 800), "{behaviour:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_it_has_missed_is_written_to_it_when_it_is_back() {
    let far = Far::new(Behaviour::Refusing);
    let store = open(&far).await;
    let (_venue, source) = worker(&store);
    source.candles(last(500)).await.unwrap();
    assert_eq!((store.state().is_unavailable, store.state().backlog_rows), (true, 500));
    far.is(Behaviour::Well);
    eventually(|| !store.state().is_unavailable && store.state().backlog_rows == 0).await;
    let held = far.holds.read(&series("KRW-BTC"), everything(), usize::MAX).await.unwrap().candles;
    assert_eq!(held, candles(NOW - 500, NOW));
    let known = far.holds.coverage(&series("KRW-BTC")).await.unwrap();
    assert_eq!(known.ranges(), [minutes(NOW - 500, NOW)]);
    // Another worker finds it there.
    let (venue, source) = worker(&store);
    assert_eq!(source.candles(last(500)).await.unwrap().stats.shared_rows, 500);
    assert_eq!(venue.asked(), []);
}

#[tokio::test(start_paused = true)]
async fn what_it_has_still_to_forget_it_does_not_know() {
    let far = Far::new(Behaviour::Well);
    let (store, btc) = (open(&far).await, series("KRW-BTC"));
    store.commit(&btc, &candles(0, 10), &proof(0, 10)).await.unwrap();
    far.is(Behaviour::Locked);
    store.forget(&btc, minutes(2, 4)).await.unwrap();
    assert_eq!(store.coverage(&btc).await.unwrap().missing(minutes(0, 10)), [minutes(2, 4)]);
    far.is(Behaviour::Well);
    eventually(|| !far.holds.coverage(&btc).now_or_never().unwrap().unwrap().covers(minutes(0, 10))).await;
}

#[tokio::test(start_paused = true)]
async fn a_lock_delays_what_is_written_and_neither_answers_nor_reads() {
    let far = Far::new(Behaviour::Locked);
    let store = open(&far).await;
    far.holds.commit(&series("KRW-BTC"), &candles(NOW - 100, NOW), &proof(NOW - 100, NOW)).await.unwrap();
    let (_venue, source) = worker(&store);
    let begun = Instant::now();
    let set = source.candles(last(2_000)).await.unwrap();
    assert_eq!(set.candles, candles(NOW - 2_000, NOW));
    assert_eq!((set.stats.shared_rows, begun.elapsed().as_secs()), (100, 5), "waited for once, and read");
    assert_eq!((store.state().is_unavailable, store.state().backlog_rows), (false, 1_900));
    far.is(Behaviour::Well);
    // Whoever waits for the lock is given up; the next attempt is let in.
    store.close().await;
    assert_eq!(
        far.written.load(Ordering::SeqCst),
        1_900,
        "the end of the lock is not the end of the program"
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_in_the_middle_of_an_answer_leaves_no_hole_in_it() {
    for left in 0..12 {
        let far = Far::new(Behaviour::Well);
        far.holds.commit(&series("KRW-BTC"), &candles(NOW - 300, NOW), &proof(NOW - 300, NOW)).await.unwrap();
        let store = open(&far).await;
        let (_venue, source) = worker(&store);
        far.is(Behaviour::Failing(left));
        let set = source.candles(last(900)).await.unwrap();
        assert_eq!(set.candles, candles(NOW - 900, NOW), "after {left} questions");
        assert_eq!(set.coverage.ranges(), [minutes(NOW - 900, NOW)], "after {left} questions");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_asked_ever_more_seldom() {
    let far = Far::new(Behaviour::Refusing);
    let store = open(&far).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let asked = far.questions.load(Ordering::SeqCst);
    assert!((20..60).contains(&asked), "asked {asked} times in ten minutes");
    far.is(Behaviour::Well);
    eventually(|| !store.state().is_unavailable).await;
    store.close().await;
    let asked = far.questions.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(far.questions.load(Ordering::SeqCst), asked, "nobody is left who would ask");
}
