//! Random histories: who asks for what, when, and what goes wrong meanwhile.

use market_backbone_core::{CandleQuery, Forming, TimeRange, Timestamp};
use proptest::prelude::*;

use super::clocks::{ERROR, HOUR};
use super::lies::Falsehoods;
use super::tape::{Correction, Market, REACH, START, minute};
use super::venue::{Behaviour, series};

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Somebody asks; with a number, gives up after so many pieces of the answer.
    Ask(CandleQuery, Option<usize>),
    /// Two ask at once.
    AskBoth(CandleQuery, CandleQuery),
    /// The last question that was answered, word for word.
    Repeat,
    /// Seconds go by.
    Wait(u64),
    /// Time goes by until so many milliseconds into the next minute, when the last one has hardly settled.
    Turn(u64),
    /// The machine's clock is set, and the venue's measured anew: it seems to be wrong by so many milliseconds.
    Measure(i64),
    /// The machine's clock is set, to so many milliseconds ahead, and the program has to find out.
    Set(i64),
    /// The venue restates candles: so many minutes before now.
    Correct(Vec<(i64, Correction)>),
    /// The venue does not answer so many calls.
    Outage(u32),
    /// The process is killed in the middle of an answer, after so many pieces of it, and started again.
    Crash(CandleQuery, usize),
    /// Somebody has the store forget a stretch.
    Forget(TimeRange),
    /// The same, and asks for it at once: the pages show what lies around it as well. Meanwhile the venue has
    /// restated minutes nearby, counted from where the stretch begins.
    AskAnew(TimeRange, Vec<(i64, Correction)>),
}

#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) market: Market,
    pub(crate) behaviour: Behaviour,
    /// Whether blocks of candles are kept in memory.
    pub(crate) cached: bool,
    pub(crate) steps: Vec<Step>,
}

pub(crate) fn history() -> impl Strategy<Value = History> {
    let steps = prop::collection::vec(step(), 1..14);
    (market(), behaviour(), any::<bool>(), steps).prop_map(|(market, behaviour, cached, steps)| History {
        market,
        behaviour,
        cached,
        steps,
    })
}

pub(crate) fn market() -> impl Strategy<Value = Market> {
    let share = prop_oneof![2 => Just(100u64), 1 => Just(0u64), 2 => 1..100u64, 1 => Just(4u64)];
    (prop::collection::vec((1..400i64, share), 1..5), any::<u64>())
        .prop_map(|(stretches, seed)| Market { stretches, seed })
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    // A page of two rows leaves no room to ask the same with another end.
    let page = prop_oneof![4..9u32, Just(20u32), Just(200u32)];
    let in_flight = prop_oneof![Just(1usize), 2..7usize];
    let faults = prop_oneof![2 => Just(0u64), 1 => Just(15u64)];
    let kept = prop::option::weighted(0.15, 0..REACH);
    let lag = prop_oneof![1 => Just(0u64), 1 => 0..=3_000u64];
    let haste = prop_oneof![Just(0u64), Just(300u64), Just(20_000u64)];
    (
        page,
        in_flight,
        faults,
        falsehoods(),
        kept,
        lag,
        prop_oneof![Just(0), -ERROR..=ERROR],
        (haste, prop::option::weighted(0.3, off())),
        any::<u64>(),
    )
        .prop_map(|(page, in_flight, faults, falsehoods, kept, lag, skew, (haste, machine), seed)| {
            Behaviour {
                page,
                in_flight,
                faults,
                falsehoods,
                kept,
                lag,
                skew,
                machine,
                // How far a date can be trusted hangs on the round trip.
                haste: if machine.is_some() { haste.min(100) } else { haste },
                seed,
            }
        })
}

/// By how many milliseconds a machine's clock is ahead.
fn off() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), Just(-HOUR), Just(HOUR), -HOUR..=HOUR, -90_000..=90_000i64]
}

fn falsehoods() -> impl Strategy<Value = Falsehoods> {
    let share = || prop_oneof![2 => Just(0u64), 1 => 1..40u64];
    let some = (share(), share(), share(), share()).prop_map(|(late, empty, stale, bad)| Falsehoods {
        late,
        empty,
        stale,
        bad,
    });
    prop_oneof![1 => Just(Falsehoods::default()), 2 => some]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (query(), prop::option::weighted(0.15, 0..4usize)).prop_map(|(query, cut)| Step::Ask(query, cut)),
        2 => (query(), query()).prop_map(|(one, other)| Step::AskBoth(one, other)),
        2 => Just(Step::Repeat),
        2 => prop_oneof![1..70u64, 1..5_000u64, Just(86_400u64)].prop_map(Step::Wait),
        2 => (0..6_000u64).prop_map(Step::Turn),
        1 => (-ERROR..=ERROR).prop_map(Step::Measure),
        1 => off().prop_map(Step::Set),
        2 => prop::collection::vec((0..REACH, correction()), 1..20).prop_map(Step::Correct),
        1 => (1..30u32).prop_map(Step::Outage),
        1 => (query(), 0..4usize).prop_map(|(query, pieces)| Step::Crash(query, pieces)),
        1 => range().prop_map(Step::Forget),
        2 => ask_anew(),
    ]
}

fn ask_anew() -> impl Strategy<Value = Step> {
    let corrections = prop::collection::vec((-20..40i64, correction()), 0..6);
    (1..REACH, 1..30i64, corrections).prop_filter_map("empty", |(back, length, corrections)| {
        let from = START - back;
        let range = TimeRange::new(minute(from), minute(from + length)).ok()?;
        Some(Step::AskAnew(range, corrections))
    })
}

fn correction() -> impl Strategy<Value = Correction> {
    prop_oneof![2 => any::<u8>().prop_map(Correction::Figures), 1 => Just(Correction::Nothing)]
}

fn moment() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        4 => (-REACH - 50..40i64).prop_map(|back| minute(START + back)),
        2 => ((-REACH - 50) * 60..3_000i64).prop_map(|back| Timestamp::from_secs(START * 60 + back)),
        1 => Just(Timestamp::MIN),
    ]
}

fn range() -> impl Strategy<Value = TimeRange> {
    (moment(), moment()).prop_filter_map("empty", |(a, b)| TimeRange::new(a.min(b), a.max(b)).ok())
}

fn query() -> impl Strategy<Value = CandleQuery> {
    let last = (1..400usize, prop::option::of(moment()), prop::option::of(moment())).prop_map(
        |(count, before, floor)| {
            let query = CandleQuery::last(series(), count).unwrap();
            let query = before.into_iter().fold(query, CandleQuery::before);
            floor.into_iter().fold(query, CandleQuery::not_before)
        },
    );
    let within = range().prop_map(|range| CandleQuery::within(series(), range));
    let forming = prop::sample::select(vec![Forming::Include, Forming::Exclude]);
    (prop_oneof![last, within], forming).prop_map(|(query, forming)| query.forming(forming))
}
