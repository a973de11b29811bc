//! What caution costs, in requests: a venue that makes no mistakes is asked for a range again and again.

use std::sync::atomic::Ordering;
use std::time::Duration;

use market_backbone_core::{CandleQuery, Clock, Forming, Origin, TimeRange};
use proptest::prelude::*;

use super::clocks::ERROR;
use super::lies::Falsehoods;
use super::story::{History, market};
use super::tape::{REACH, START, Tape, minute, unsettled};
use super::venue::{Behaviour, series};
use super::{Holding, World, histories};

/// A market, a range that has ended, and how many seconds pass before each further question.
#[derive(Clone, Debug)]
struct Case {
    history: History,
    range: TimeRange,
    waits: Vec<u64>,
}

fn case() -> impl Strategy<Value = Case> {
    let page = prop_oneof![1 => Just(20u32), 2 => Just(200u32)];
    let back = prop_oneof![0..3i64, 0..REACH + 50];
    let ranges = (back, 1..REACH + 50).prop_map(|(back, length)| {
        TimeRange::new(minute(START - back - length), minute(START - back)).unwrap()
    });
    let waits = prop::collection::vec(prop_oneof![1..90u64, 1..900u64], 0..12);
    let behaviour = (page, 0..=3_000u64, -ERROR..=ERROR, any::<u64>());
    (market(), behaviour, ranges, waits).prop_map(|(market, (page, lag, skew, seed), range, waits)| {
        let (falsehoods, in_flight) = (Falsehoods::default(), 1);
        let behaviour = Behaviour {
            page,
            in_flight,
            faults: 0,
            falsehoods,
            kept: None,
            lag,
            skew,
            machine: None,
            haste: 0,
            seed,
        };
        Case { history: History { market, behaviour, cached: false, steps: Vec::new() }, range, waits }
    })
}

async fn check(Case { history, range, waits }: Case) {
    let Behaviour { page, lag, .. } = history.behaviour;
    let tape = Tape::new(history.market.clone(), Duration::from_millis(lag));
    let mut world = World::new(history, None).await;
    let query = CandleQuery::within(series(), range).forming(Forming::Exclude);
    let now = world.clock.venue.now();
    let slots = (START - 2 * REACH..unsettled(now)).filter(|slot| range.contains(minute(*slot)));
    let traded: Vec<bool> = slots.map(|slot| tape.seen(slot, now).is_some()).collect();
    let rows = traded.iter().filter(|traded| **traded).count() as u64;
    let is_quiet = [traded.first(), traded.last()].contains(&Some(&false));

    let first = world.cost_of(&query).await;
    // The pages, each of which begins with the last row of the one before, and two; and a second look at what is quiet
    // at either end, one at the most beyond that.
    let bound = match rows {
        0 => 2,
        rows => rows / u64::from(page - 1) + 2 + u64::from(is_quiet),
    };
    assert!(
        first <= bound,
        "{first} requests for {rows} rows of pages of {page}, quiet at an end: {is_quiet}"
    );

    let known = Holding::of(world.store.as_ref()).await.known;
    let left = known.missing(range).len() as u64;
    // An early word is put to the test twice.
    let early = known.within(range);
    let early = early.spans().iter().filter(|span| span.provenance.origin == Origin::Early).count() as u64;
    let mut later = 0;
    for wait in waits {
        world.clock.advance(Duration::from_secs(wait));
        later += world.cost_of(&query).await;
    }
    for _ in 0..2 {
        world.clock.advance(Duration::from_secs(420));
        later += world.cost_of(&query).await;
    }
    assert!(
        later <= 2 * left + 2 * early,
        "{later} more requests for {left} quiet stretches and {early} early"
    );
    let known = Holding::of(world.store.as_ref()).await.known;
    let first = range.from().as_secs().div_euclid(60);
    let unknown =
        (first..).take_while(|slot| minute(*slot) < range.to()).find(|slot| !known.is_known(minute(*slot)));
    assert_eq!(unknown, None, "still unknown: {known:?}");
    world.clock.advance(Duration::from_secs(420));
    assert_eq!(world.cost_of(&query).await, 0, "known, and asked for again");
}

impl World {
    /// Asks, and says how many requests that took.
    async fn cost_of(&mut self, query: &CandleQuery) -> u64 {
        let before = self.venue.answers.load(Ordering::SeqCst);
        self.ask(query.clone(), None).await;
        self.venue.answers.load(Ordering::SeqCst) - before
    }
}

proptest! {
    #![proptest_config(histories(5, 60))]

    #[test]
    fn a_quiet_stretch_costs_a_few_more_requests_and_then_none(case in case()) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(check(case));
    }
}
