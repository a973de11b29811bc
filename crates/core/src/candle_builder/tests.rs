//! The rules of the builder, first one by one, then for any order of arrival.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{Symbol, Timeframe, TradeId, VenueId};

fn symbol() -> Symbol {
    Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap()
}

fn builder(timeframe: Timeframe) -> CandleBuilder {
    let rules = BuilderRules { reports_quiet: true, ..BuilderRules::default() };
    CandleBuilder::new(Series::new(symbol(), timeframe), Grid::Utc, rules)
}

fn ms(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn trade(at_ms: i64, id: i64, price: f64, size: f64) -> Trade {
    let (id, time) = (TradeId::Number(id), ms(at_ms));
    Trade { symbol: symbol(), id, price, size, side: None, time, received: time }
}

fn candle(open_s: i64, [open, high, low, close]: [f64; 4], volume: f64) -> Candle {
    let open_time = Timestamp::from_secs(open_s);
    Candle { open_time, open, high, low, close, volume, turnover: volume * close, is_final: false }
}

/// Abbreviates the events: `u`pdate, `c`losed, revised (`a`), `q`uiet, each with the second at which the slot
/// opens.
fn abbreviated(events: &[BarEvent]) -> Vec<String> {
    let at = |candle: &Candle| candle.open_time.as_secs();
    events
        .iter()
        .map(|event| match event {
            BarEvent::Update(candle) => format!("u{}", at(candle)),
            BarEvent::Closed(candle) => format!("c{}", at(candle)),
            BarEvent::Revised { candle, revision } => format!("a{} {revision}", at(candle)),
            BarEvent::Quiet(range) => format!("q{}-{}", range.from().as_secs(), range.to().as_secs()),
        })
        .collect()
}

fn collect_events(feed: impl FnOnce(&mut dyn FnMut(BarEvent))) -> Vec<BarEvent> {
    let mut events = Vec::new();
    feed(&mut |event| events.push(event));
    events
}

#[test]
fn a_later_trade_closes_and_quiet_slots_get_no_candle() {
    let mut builder = builder(Timeframe::M1);
    let events = collect_events(|tell| {
        builder.on_trade(&trade(30_000, 1, 5.0, 1.0), &mut *tell);
        builder.on_trade(&trade(59_999, 2, 7.0, 1.0), &mut *tell);
        builder.on_trade(&trade(240_000, 3, 6.0, 1.0), &mut *tell);
    });
    assert_eq!(abbreviated(&events), ["u0", "u0", "c0", "q60-240", "u240"]);
    let BarEvent::Closed(closed) = events[2] else { panic!("{events:?}") };
    assert_eq!((closed.open, closed.close, closed.volume, closed.turnover), (5.0, 7.0, 2.0, 12.0));
    assert!(closed.is_final && !builder.forming().unwrap().is_final);
}

#[test]
fn the_timer_closes_after_its_grace_and_not_before() {
    let mut builder = builder(Timeframe::M1);
    builder.set_complete_since(ms(-10_000));
    let events = collect_events(|tell| {
        builder.on_trade(&trade(30_000, 1, 5.0, 1.0), &mut *tell);
        builder.on_time(ms(61_999), &mut *tell);
        builder.on_time(ms(62_000), &mut *tell);
        builder.on_time(ms(62_000), &mut *tell);
        builder.on_time(ms(182_500), &mut *tell);
    });
    assert_eq!(abbreviated(&events), ["u0", "c0", "q60-180"]);
    assert_eq!(builder.forming(), None);
}

#[test]
fn what_comes_late_amends_and_what_comes_too_late_is_counted() {
    let mut builder = builder(Timeframe::M1);
    let events = collect_events(|tell| {
        builder.on_trade(&trade(30_000, 1, 5.0, 1.0), &mut *tell);
        builder.on_trade(&trade(90_000, 5, 7.0, 1.0), &mut *tell);
        builder.on_trade(&trade(59_000, 2, 9.0, 1.0), &mut *tell);
        builder.on_trade(&trade(29_999, 3, 1.0, 1.0), &mut *tell); // a minute and a bit behind
        builder.on_trade(&trade(30_000, 0, 4.0, 1.0), &mut *tell);
        builder.on_trade(&trade(59_000, 2, 9.0, 1.0), &mut *tell);
        builder.on_trade(&trade(91_000, 6, f64::NAN, 1.0), &mut *tell);
    });
    assert_eq!(abbreviated(&events), ["u0", "c0", "u60", "a0 1", "a0 2"]);
    let BarEvent::Revised { candle, .. } = events[4] else { panic!("{events:?}") };
    assert_eq!((candle.open, candle.high, candle.low, candle.close), (4.0, 9.0, 4.0, 9.0));
    assert_eq!(builder.counts(), BuilderCounts { accepted: 4, duplicates: 1, too_late: 1, invalid: 1 });
}

#[test]
fn a_trade_in_a_slot_that_was_reported_quiet_amends_it() {
    let mut builder = builder(Timeframe::M1);
    let events = collect_events(|tell| {
        builder.on_trade(&trade(10_000, 1, 5.0, 1.0), &mut *tell);
        builder.on_time(ms(122_000), &mut *tell);
        builder.on_trade(&trade(70_000, 2, 5.0, 1.0), &mut *tell);
        builder.on_trade(&trade(80_000, 3, 5.0, 1.0), &mut *tell);
    });
    assert_eq!(abbreviated(&events), ["u0", "c0", "q60-120", "a60 1", "a60 2"]);
}

#[test]
fn repeated_frames_grow_and_the_next_slot_closes() {
    let mut builder = builder(Timeframe::M1);
    let (small, large) = (candle(0, [5.0, 6.0, 4.0, 5.0], 1.0), candle(0, [5.0, 8.0, 4.0, 7.0], 3.0));
    let next = candle(60, [7.0, 7.0, 7.0, 7.0], 1.0);
    let events = collect_events(|tell| {
        for frame in [&small, &large, &small, &large, &next, &large] {
            builder.on_candle(frame, &mut *tell);
        }
        builder.on_candle(&Candle { is_final: true, ..large }, &mut *tell);
        builder.on_candle(&Candle { is_final: true, volume: 2.0, ..large }, &mut *tell);
        builder.on_candle(&candle(61, [7.0, 7.0, 7.0, 7.0], 1.0), &mut *tell);
    });
    assert_eq!(abbreviated(&events), ["u0", "u0", "c0", "u60", "a0 1"]);
    assert_eq!(events[2], BarEvent::Closed(Candle { is_final: true, ..large }));
    assert_eq!(builder.counts().invalid, 1, "off the grid");
}

#[test]
fn a_frame_that_comes_final_closes_its_slot() {
    let mut builder = builder(Timeframe::M1);
    let events = collect_events(|tell| {
        let last = Candle { is_final: true, ..candle(0, [5.0, 6.0, 4.0, 5.0], 1.0) };
        builder.on_candle(&last, &mut *tell);
        builder.on_candle(&last, &mut *tell);
    });
    assert_eq!(abbreviated(&events), ["u0", "c0"]);
}

#[test]
fn high_and_low_of_seconds_are_kept() {
    let mut builder = builder(Timeframe::M1);
    let events = collect_events(|tell| {
        builder.on_shorter_candle(&candle(58, [5.0, 9.0, 2.0, 6.0], 0.1), &mut *tell);
        builder.on_shorter_candle(&candle(3, [4.0, 5.0, 4.0, 5.0], 0.1), &mut *tell);
        builder.on_shorter_candle(&candle(58, [5.0, 9.0, 1.0, 7.0], 0.2), &mut *tell);
        builder.on_shorter_candle(&candle(58, [5.0, 9.0, 2.0, 6.0], 0.1), &mut *tell);
        builder.on_shorter_candle(&candle(61, [8.0, 8.0, 8.0, 8.0], 1.0), &mut *tell);
    });
    assert_eq!(abbreviated(&events), ["u0", "u0", "u0", "c0", "u60"]);
    let BarEvent::Closed(closed) = events[3] else { panic!("{events:?}") };
    assert_eq!([closed.open, closed.high, closed.low, closed.close], [4.0, 9.0, 1.0, 7.0]);
    assert_eq!(closed.volume, 0.3, "the later state of the last second, and the other one");
}

#[test]
fn a_day_of_seconds_is_the_sum_of_all_of_them() {
    let mut builder = builder(Timeframe::D1);
    let seconds: Vec<_> = (0..5_000)
        .map(|s| candle(s, [s as f64 + 2.0, s as f64 + 3.0, s as f64 + 1.0, s as f64 + 2.5], 0.000_1))
        .collect();
    seconds.iter().for_each(|second| builder.on_shorter_candle(second, |_| ()));
    let want = Grid::Utc.derive(Timeframe::D1, &seconds.into());
    assert!(builder.forming().unwrap().agrees_with(&want.first().unwrap()));
}

#[test]
fn many_series_share_what_was_received() {
    let mut builders = CandleBuilders::new(Grid::Utc, BuilderRules::default());
    let series = |frame| Series::new(symbol(), frame);
    for frame in [Timeframe::M1, Timeframe::H1, Timeframe::M1] {
        builders.add(series(frame));
    }
    let mut closed = Vec::new();
    for (at, id) in [(1_000, 1), (61_000, 2), (61_000, 2), (3_600_000, 3)] {
        builders.on_trade(&trade(at, id, 5.0, 1.0), |series, event| {
            if let BarEvent::Closed(candle) = event {
                closed.push((series.timeframe, candle.volume));
            }
        });
    }
    assert_eq!(closed, [(Timeframe::M1, 1.0), (Timeframe::M1, 1.0), (Timeframe::H1, 2.0)]);
    assert_eq!(builders.counts(), BuilderCounts { accepted: 3, duplicates: 1, too_late: 0, invalid: 0 });
    builders.remove(&series(Timeframe::H1));
    assert!(builders.forming(&series(Timeframe::M1)).is_some());
    assert_eq!(builders.forming(&series(Timeframe::H1)), None);
}

/// Returns the expected candles: the fold over the trades sorted by time and id.
fn sorted_fold(timeframe: Timeframe, trades: &[Trade]) -> BTreeMap<Timestamp, Candle> {
    let mut sorted = trades.to_vec();
    sorted.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
    let mut candles = BTreeMap::new();
    for each in
        sorted.chunk_by(|a, b| Grid::Utc.floor(timeframe, a.time) == Grid::Utc.floor(timeframe, b.time))
    {
        let open_time = Grid::Utc.floor(timeframe, each[0].time);
        let prices = || each.iter().map(|trade| trade.price);
        let in_units = |amount: f64| (amount * 1e8).round() as i64;
        let units: i64 = each.iter().map(|trade| in_units(trade.size)).sum();
        let candle = Candle {
            open_time,
            open: each[0].price,
            high: prices().fold(f64::MIN, f64::max),
            low: prices().fold(f64::MAX, f64::min),
            close: each[each.len() - 1].price,
            volume: units as f64 / 1e8,
            turnover: each.iter().map(|trade| trade.price * trade.size).sum(),
            is_final: true,
        };
        candles.insert(open_time, candle);
    }
    candles
}

/// Generates trades, each with the delay after which it arrives, and whether it arrives twice.
fn arrivals() -> impl Strategy<Value = Vec<(Trade, i64, bool)>> {
    let each = (0..400_000_i64, 1..2_000_i64, 1..5_000_000_i64, 0..60_000_i64, any::<bool>());
    prop::collection::vec(each, 1..120).prop_map(|drawn| {
        let trades = drawn.into_iter().enumerate().map(|(index, (at, price, units, delay, twice))| {
            // The ids are in no order, and many trades have the same time.
            let id = (index as i64 * 7_919) % 10_007 + (1 << 55);
            (trade(at - at % 250, id, price as f64, units as f64 / 1e8), delay, twice)
        });
        trades.collect()
    })
}

/// The reported states of one slot, in order.
#[derive(Debug, Default)]
struct ReportedSlot {
    is_over: bool,
    revision: u32,
    last: Option<Candle>,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_arrival_gives_the_fold_of_the_sorted_trades(
        arrivals in arrivals(),
        clock_runs in any::<bool>(),
    ) {
        let mut queue: Vec<(i64, Trade)> = Vec::new();
        for (trade, delay, twice) in &arrivals {
            let at = trade.time.as_millis() + delay;
            queue.push((at, trade.clone()));
            if *twice {
                queue.push((at + 10, trade.clone()));
            }
        }
        queue.sort_by_key(|(at, _)| *at);
        let mut builder = builder(Timeframe::M1);
        builder.set_complete_since(ms(0));
        let mut events = Vec::new();
        for (at, trade) in &queue {
            if clock_runs {
                builder.on_time(ms(*at), |event| events.push(event));
            }
            let _ = builder.on_trade(trade, |event| events.push(event));
        }
        builder.on_time(ms(600_000), |event| events.push(event));

        let mut slots: BTreeMap<Timestamp, ReportedSlot> = BTreeMap::new();
        for event in events {
            match event {
                BarEvent::Update(candle) => {
                    prop_assert!(!slots.contains_key(&candle.open_time), "in progress after its end");
                    prop_assert!(!candle.is_final);
                }
                BarEvent::Closed(candle) => {
                    let story = slots.entry(candle.open_time).or_default();
                    prop_assert!(!story.is_over && candle.is_final, "closed twice");
                    (story.is_over, story.last) = (true, Some(candle));
                }
                BarEvent::Revised { candle, revision } => {
                    let story = slots.entry(candle.open_time).or_default();
                    prop_assert!(story.is_over && revision == story.revision + 1);
                    (story.revision, story.last) = (revision, Some(candle));
                }
                BarEvent::Quiet(range) => {
                    let mut open = range.from();
                    while open < range.to() {
                        let story = slots.entry(open).or_default();
                        prop_assert!(!story.is_over, "quiet after it was closed");
                        story.is_over = true;
                        open = Grid::Utc.close(Timeframe::M1, open);
                    }
                }
            }
        }
        let trades: Vec<_> = arrivals.into_iter().map(|(trade, ..)| trade).collect();
        let truth = sorted_fold(Timeframe::M1, &trades);
        for (open_time, story) in &slots {
            prop_assert!(story.is_over);
            let want = truth.get(open_time);
            prop_assert_eq!(story.last.is_some(), want.is_some(), "a candle just where something traded");
            if let (Some(got), Some(want)) = (story.last, want) {
                prop_assert!(got.agrees_with(want) && got.volume == want.volume, "{:?} {:?}", got, want);
            }
        }
        prop_assert!(truth.keys().all(|open_time| slots.contains_key(open_time)));
        let counts = builder.counts();
        prop_assert_eq!((counts.accepted, counts.too_late), (trades.len() as u64, 0));
    }
}
