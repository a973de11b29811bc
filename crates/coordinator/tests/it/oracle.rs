//! Random tapes, queries and failures: the rows are those of the tape, and no coverage is wrong.

use std::time::Duration;

use futures::StreamExt;
use market_backbone_coordinator::CoordinatorConfig;
use market_backbone_core::{
    Candle, CandleQuery, CandleSet, CandleSource, Clock, Forming, MAX_ROW_DELAY, Selection, TimeRange,
    Timestamp,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::venue::{Fault, House, Model, TRANSIENT, minute, series, thin, this_minute};

const MINUTE: Duration = Duration::from_secs(60);
/// The number of minutes that the tape reaches back.
const REACH: i64 = 900;

#[derive(Clone, Debug)]
struct Case {
    /// The ranges of the tape in minutes, newest first, each with the share of its minutes that have a trade.
    stretches: Vec<(i64, u64)>,
    seed: u64,
    page: u32,
    in_flight: usize,
    second_of_minute: u64,
    kept: Option<i64>,
    faults: u64,
    queries: Vec<CandleQuery>,
}

fn moment() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        4 => (-REACH - 50..5i64).prop_map(|back| minute(this_minute() + back)),
        1 => (-REACH * 60..120i64).prop_map(|back| minute(this_minute()).plus(Duration::ZERO).shifted(back)),
        1 => Just(Timestamp::MIN),
    ]
}

trait Shifted {
    fn shifted(self, secs: i64) -> Self;
}

impl Shifted for Timestamp {
    fn shifted(self, secs: i64) -> Self {
        Self::from_secs(self.as_secs() + secs)
    }
}

fn query() -> impl Strategy<Value = CandleQuery> {
    let newest = (1usize..400, proptest::option::of(moment()), proptest::option::of(moment())).prop_map(
        |(count, before, floor)| {
            let query = CandleQuery::last(series(), count).unwrap();
            let query = before.map_or(query.clone(), |before| query.before(before));
            floor.map_or(query.clone(), |floor| query.not_before(floor))
        },
    );
    let range = (moment(), moment())
        .prop_filter_map("empty", |(a, b)| CandleQuery::range(series(), a.min(b), a.max(b)).ok());
    (prop_oneof![newest, range], any::<bool>())
        .prop_map(|(query, closed)| if closed { query.closed() } else { query })
}

fn case() -> impl Strategy<Value = Case> {
    let share = prop_oneof![Just(100u64), Just(0u64), 1..100u64];
    (
        proptest::collection::vec((1..400i64, share), 1..6),
        any::<u64>(),
        prop_oneof![5..9u32, Just(20u32)],
        1..9usize,
        0..60u64,
        proptest::option::weighted(0.2, 0..REACH),
        prop_oneof![Just(0u64), Just(20u64)],
        proptest::collection::vec(query(), 1..4),
    )
        .prop_map(|(stretches, seed, page, in_flight, second_of_minute, kept, faults, queries)| Case {
            stretches,
            seed,
            page,
            in_flight,
            second_of_minute,
            kept,
            faults,
            queries,
        })
}

/// Returns a number below a hundred that is random in `number` and the same for the same seed.
fn dice(seed: u64, number: usize) -> u64 {
    let x = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ seed;
    (x ^ (x >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32
}

fn house(case: &Case) -> House {
    let mut end = this_minute() + 1;
    let mut tape = Vec::new();
    for (length, percent) in &case.stretches {
        let begin = (end - length).max(this_minute() - REACH);
        tape.extend(thin(begin..=end - 1, *percent, case.seed));
        end = begin;
    }
    let (seed, faults) = (case.seed, case.faults);
    let mut model = Model::new(tape)
        .page_limit(case.page)
        .paced(move |number| Duration::from_millis(dice(seed, number) % 90))
        .failing(move |number, _| {
            let unlucky = dice(seed ^ 7, number) % 100 < faults;
            unlucky.then(|| [TRANSIENT, Fault::Drop, Fault::Mute][number % 3])
        });
    if let Some(kept) = case.kept {
        model = model.kept_from(this_minute() - kept);
    }
    model.clock.set(minute(this_minute()).plus(Duration::from_secs(case.second_of_minute)));
    let config = CoordinatorConfig::default()
        .in_flight(case.in_flight)
        .page_retries(6)
        .page_deadline(Duration::from_secs(10));
    House::with(model, config)
}

/// Returns the expected answer, read off the tape.
fn expected(house: &House, query: &CandleQuery) -> Vec<Candle> {
    let forming_open = minute(this_minute());
    let newest = if query.forming == Forming::Exclude { forming_open } else { Timestamp::MAX };
    match query.selection() {
        Selection::Range(range) => house.model.truth(range.from(), range.to().min(newest)),
        Selection::Last { count, before, floor } => {
            let mut rows = house.model.truth(floor, before.unwrap_or(Timestamp::MAX).min(newest));
            rows.drain(..rows.len().saturating_sub(count));
            rows
        }
    }
}

/// Returns the range that must be proven: everything up to its newest row. After that a row may be late.
fn provable(case: &Case, house: &House, query: &CandleQuery, rows: &[Candle]) -> Option<TimeRange> {
    let settled = if case.second_of_minute == 0 { this_minute() - 1 } else { this_minute() };
    let (from, to) = match query.selection() {
        Selection::Range(range) => (range.from(), range.to()),
        Selection::Last { count, before, floor } => {
            let full = rows.len() == count;
            let from = rows.first().filter(|_| full).map_or(floor, |oldest| oldest.open_time);
            (from, before.unwrap_or(Timestamp::MAX))
        }
    };
    let to = to.min(minute(settled));
    let newest = house.model.truth(Timestamp::MIN, to).last().map(|row| row.open_time.plus(MINUTE));
    TimeRange::new(from, to.min(newest?)).ok()
}

async fn check(case: &Case, house: &House, query: &CandleQuery) -> Result<(), TestCaseError> {
    let (mut parts, mut failed) = (Vec::new(), false);
    let mut stream = house.coordinator.stream(query.clone());
    while let Some(part) = stream.next().await {
        match part {
            Ok(part) => parts.push(part),
            Err(error) => {
                prop_assert!(case.faults > 0, "{}", error);
                failed = true;
            }
        }
    }
    let mut set = CandleSet::assemble(series(), parts);
    for known in set.coverage.ranges() {
        let truth = house.model.truth(known.from(), known.to());
        let rows = set.candles.iter().filter(|candle| known.contains(candle.open_time));
        prop_assert_eq!(rows.collect::<Vec<_>>(), truth, "claimed to be known: {}", known);
    }
    if failed {
        return Ok(());
    }
    let rows = expected(house, query);
    if case.kept.is_none()
        && let Some(asked) = provable(case, house, query, &rows)
    {
        let missing: Vec<_> =
            set.coverage.missing(asked).into_iter().filter(|gap| holds_a_slot(*gap)).collect();
        // Nor are the last minutes before the very first row known.
        let first = house.model.truth(Timestamp::MIN, Timestamp::MAX).first().map(|row| row.open_time);
        let young = house.model.clock.now().minus(MAX_ROW_DELAY + MINUTE);
        let is_late = |gap: &TimeRange| first.is_some_and(|first| young <= gap.from() && gap.to() <= first);
        let missing: Vec<_> = missing.into_iter().filter(|gap| !is_late(gap)).collect();
        prop_assert_eq!(missing, vec![], "asked and not known");
    }
    match query.selection() {
        Selection::Range(range) => set.clip(range),
        Selection::Last { count, before, floor } => {
            if let Ok(asked) = TimeRange::new(floor, before.unwrap_or(Timestamp::MAX)) {
                set.clip(asked);
            } else {
                set.candles.clear();
            }
            set.keep_last(count);
        }
    }
    prop_assert_eq!(set.candles, rows);
    Ok(())
}

fn holds_a_slot(range: TimeRange) -> bool {
    use market_backbone_core::{Grid, Timeframe};
    Grid::Utc.slots(Timeframe::M1, range) > 0
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, rng_seed: RngSeed::Fixed(11), ..ProptestConfig::default() })]

    #[test]
    fn the_answer_is_the_tape_whatever_happens_on_the_way(case in case()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let house = house(&case);
            for query in &case.queries {
                check(&case, &house, query).await?;
            }
            // Concurrent queries share what they can and still get the same answers.
            for result in futures::future::join_all(case.queries.iter().map(|query| check(&case, &house, query))).await {
                result?;
            }
            prop_assert_eq!(house.coordinator.metrics().under_way, 0);
            Ok(())
        })?;
    }
}
