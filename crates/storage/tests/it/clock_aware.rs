//! Any queries on a machine whose clock is off and is set while the program runs: the answers are the
//! venue's.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use async_trait::async_trait;
use market_backbone_core::{
    AbsenceClaim, Candle, CandlePage, CandlePageRequest, CandlePart, CandleQuery, CandleSource, CandleStore,
    Capabilities, Clock, Coverage, Forming, Grid, Instrument, MAX_ROW_DELAY, ManualClock, PageSource,
    Priority, Series, Slot, SourceError, SourceErrorKind, TimeRange, Timestamp, TradePage, TradePageRequest,
    VenueClock,
};
use market_backbone_storage::{ClockAwareSource, MemoryStore, StoredSource};
use market_backbone_testkit::MachineClock;
use proptest::prelude::*;

use crate::derived::CAPABILITIES;
use crate::material::{everything, minute, minute_of, series};
use crate::model::{DENSE, Habits, Model};

const START: i64 = 28_000_000;
const LISTED: i64 = START - 400;
const HOUR: i64 = 3_600;

/// The venue's clock, which every answer of the venue shows to whole seconds.
#[derive(Clone)]
struct Dated {
    venue: Arc<ManualClock>,
    machine: Arc<MachineClock>,
    clock: Arc<VenueClock>,
}

impl Dated {
    fn answer(&self) {
        let now = self.machine.now();
        self.clock.observe_reply_date(Timestamp::from_secs(self.venue.now().as_secs()), now, now);
    }
}

/// What is asked only to see what time it is.
struct Pages {
    capabilities: Capabilities,
    dated: Dated,
    /// So many questions from now on are not answered.
    down_for: Arc<AtomicU32>,
}

#[async_trait]
impl PageSource for Pages {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn candle_page(&self, _: &CandlePageRequest, _: Priority) -> Result<CandlePage, SourceError> {
        unreachable!("the trades say what time it is")
    }

    async fn trade_page(&self, _: &TradePageRequest, _: Priority) -> Result<TradePage, SourceError> {
        tokio::task::yield_now().await;
        if self.down_for.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
            return Err(SourceError::new(SourceErrorKind::Unreachable, "the venue is down"));
        }
        self.dated.answer();
        Ok(TradePage::default())
    }

    async fn forming(&self, _: &Series, _: Priority) -> Result<Option<CandlePart>, SourceError> {
        unreachable!()
    }

    async fn markets(&self, _: Priority) -> Result<Vec<Instrument>, SourceError> {
        unreachable!()
    }
}

struct World {
    dated: Dated,
    model: Model,
    store: Arc<dyn CandleStore>,
    source: ClockAwareSource,
    /// So many questions of what time it is are not answered.
    down_for: Arc<AtomicU32>,
}

impl World {
    /// The machine's clock is so many seconds ahead.
    fn new(habits: Habits, ahead: i64) -> Self {
        let venue = Arc::new(ManualClock::new(minute(START).plus(Duration::from_secs(20))));
        let since_boot = Some(Duration::from_secs(5_000));
        let machine = Arc::new(MachineClock::new(moved(venue.now(), ahead), since_boot));
        let clock = Arc::new(VenueClock::new(Arc::clone(&machine) as _));
        let store: Arc<dyn CandleStore> = Arc::new(MemoryStore::new());
        let model = Model::new(habits, Arc::clone(&venue), Arc::clone(&store));
        let dated = Dated { venue, machine, clock: Arc::clone(&clock) };
        let answering = dated.clone();
        let upstream = Arc::new(model.source.clone().observed_by(move |_| answering.answer()));
        let stored = StoredSource::new(Arc::clone(&store), upstream, Arc::clone(&clock) as _, Grid::Utc);
        let capabilities = Capabilities { finality_delay: habits.settles_after, ..CAPABILITIES };
        let down_for = Arc::new(AtomicU32::new(0));
        let pages = Pages { capabilities, dated: dated.clone(), down_for: Arc::clone(&down_for) };
        let pages = Arc::new(pages);
        let source = ClockAwareSource::new(Arc::new(stored), (Arc::clone(&store), pages), clock);
        Self { dated, model, store, source, down_for }
    }

    fn set(&self, by: i64) {
        self.dated.machine.set(moved(self.dated.machine.now(), by));
    }

    fn wait(&self, secs: u64) {
        self.dated.machine.advance(Duration::from_secs(secs));
        self.dated.venue.advance(Duration::from_secs(secs));
    }

    /// What `query` asks for, by the venue's clock.
    fn expected(&self, query: &CandleQuery) -> Vec<Candle> {
        let closed = query.forming == Forming::Exclude;
        let end = if closed { self.model.settled() } else { self.model.tip() + 1 };
        self.model.expected(query, LISTED, end)
    }

    async fn ask(&self, query: CandleQuery) {
        match self.source.candles(query.clone()).await {
            Ok(set) => {
                let brief = |rows: &[Candle]| -> Vec<_> {
                    rows.iter().map(|row| minute_of(row.open_time) - START).collect()
                };
                let expected = self.expected(&query);
                assert_eq!(brief(&set.candles.to_vec()), brief(&expected), "{query:?}");
                assert!(set.candles == expected, "{query:?}");
                for number in LISTED - 5..self.model.tip() + 90 {
                    if set.slot(minute(number)) == Slot::Empty {
                        assert!(self.model.truth(number).is_none() && number < self.model.settled());
                    }
                }
            }
            Err(error) => assert_eq!(error.kind(), SourceErrorKind::Unreachable),
        }
        let known = self.store.coverage(&series("KRW-BTC")).await.unwrap();
        let rows = self.store.read(&series("KRW-BTC"), everything(), usize::MAX).await.unwrap().candles;
        assert!(rows.iter().all(|row| Some(row) == self.model.truth(minute_of(row.open_time))));
        let settled = self.model.settled();
        assert!(
            (settled..settled + 90).all(|number| !known.is_known(minute(number))),
            "known before it has settled"
        );
    }
}

fn moved(moment: Timestamp, secs: i64) -> Timestamp {
    Timestamp::from_nanos(moment.as_nanos() + secs * 1_000_000_000)
}

#[derive(Clone, Debug)]
enum Step {
    Ask(CandleQuery, Option<usize>),
    Wait(u64),
    Set(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let moment = (-450 * 60..40 * 60_i64).prop_map(|secs| moved(minute(START), secs));
    let query = (1..300_usize, prop::option::of(moment.clone()), moment, any::<[bool; 2]>()).prop_filter_map(
        "runs backwards",
        |(count, before, from, [is_range, is_closed])| {
            let query = match before {
                Some(to) if is_range => CandleQuery::range(series("KRW-BTC"), from, to).ok()?,
                _ => CandleQuery::last(series("KRW-BTC"), count).ok()?,
            };
            Some(if is_closed { query.closed() } else { query })
        },
    );
    let ask = (query, prop::option::weighted(0.1, 0..3_usize));
    let set = prop_oneof![Just(-HOUR), Just(HOUR), -HOUR..HOUR];
    prop_oneof![
        4 => ask.prop_map(|(query, fails)| Step::Ask(query, fails)),
        1 => (1..400_u64).prop_map(Step::Wait),
        1 => set.prop_map(Step::Set),
    ]
}

fn habits() -> impl Strategy<Value = Habits> {
    let settles_after = prop::sample::select(vec![0, 1, 70, 200]).prop_map(Duration::from_secs);
    (prop::sample::select(vec![0, 40, 90, 100]), settles_after, prop::sample::select(vec![7, 50, 200]))
        .prop_map(|(density, settles_after, page)| Habits {
            density,
            listed: LISTED,
            kept_since: None,
            settles_after,
            page,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn any_questions_while_the_clock_is_set(
        habits in habits(),
        ahead in prop_oneof![Just(0), Just(-HOUR), Just(HOUR), -HOUR..HOUR],
        steps in prop::collection::vec(step(), 1..16),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new(habits, ahead);
            for step in steps {
                match step {
                    Step::Wait(secs) => world.wait(secs),
                    Step::Set(by) => world.set(by),
                    Step::Ask(query, fails) => {
                        fails.into_iter().for_each(|pieces| world.model.fail_after(pieces));
                        world.ask(query).await;
                    }
                }
            }
        });
    }
}

#[tokio::test]
async fn a_clock_that_is_right_costs_nothing_and_one_that_is_off_one_question_more() {
    for (ahead, most) in [(0, 1), (-HOUR, 2), (HOUR, 2)] {
        let world = World::new(Habits { listed: LISTED, ..DENSE }, ahead);
        world.ask(CandleQuery::last(series("KRW-BTC"), 20).unwrap().closed()).await;
        let asked = world.model.asked().len();
        assert!(asked <= most, "{asked} questions, {ahead} s ahead");
        world.ask(CandleQuery::last(series("KRW-BTC"), 20).unwrap().closed()).await;
        assert_eq!(world.model.asked(), []);
    }
}

#[tokio::test]
async fn that_all_is_still_to_come_is_not_said_by_a_clock_that_nobody_could_compare() {
    let world = World::new(Habits { listed: LISTED, ..DENSE }, -HOUR);
    world.down_for.store(1, Relaxed);
    let query = CandleQuery::range(series("KRW-BTC"), minute(START - 5), minute(START)).unwrap();
    let error = world.source.candles(query.clone()).await.unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Unreachable);
    assert_eq!(world.source.candles(query).await.unwrap().candles.len(), 5, "it is tried again");
}

#[tokio::test]
async fn who_asks_while_it_is_found_out_what_time_it_is_waits_for_that() {
    let world = World::new(Habits { listed: LISTED, ..DENSE }, -HOUR);
    let query = CandleQuery::range(series("KRW-BTC"), minute(START - 5), minute(START)).unwrap();
    tokio::join!(world.ask(query.clone()), world.ask(query));
}

#[tokio::test]
async fn a_coverage_from_later_than_now_is_not_believed_to_rest() {
    let world = World::new(Habits { listed: LISTED, ..DENSE }, -HOUR);
    let (range, said) = (TimeRange::new(minute(LISTED), minute(START)).unwrap(), minute(START));
    let mut known = Coverage::empty();
    for said in [said, said.plus(Duration::from_secs(1))] {
        known.add_claim(AbsenceClaim::of(range, said));
    }
    world.store.commit(&series("KRW-BTC"), &[], &known).await.unwrap();
    world.wait(MAX_ROW_DELAY.as_secs() + 60);
    let query = CandleQuery::range(series("KRW-BTC"), minute(LISTED), minute(LISTED + 9)).unwrap();
    world.ask(query).await;
}
