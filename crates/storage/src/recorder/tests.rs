//! Tests of what an assembler passes to the writer, rule by rule, and then against a made-up market with
//! gaps.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use market_backbone_core::{
    BuilderRules, Candle, Capabilities, Channel, FeedEvent, Gap, GapCause, GapState, Series, StreamKind,
    Symbol, Timeframe, Timestamp, Trade, TradeId, VenueId,
};
use proptest::prelude::*;

use super::bar_assembler::BarAssembler;
use super::series_recorder::RecorderTimeouts;
use super::writer_message::{SlotAction, SlotUpdate};

const VENUE: VenueId = VenueId::new("upbit");

/// A venue that streams one-minute candles and trades.
fn venue() -> Capabilities {
    Capabilities {
        live_timeframes: &[Timeframe::M1],
        finality_delay: Duration::from_secs(1),
        ..market_backbone_testkit::CAPABILITIES
    }
}

fn symbol() -> Symbol {
    Symbol::new(VENUE, "KRW-BTC").unwrap()
}

/// An assembler whose three minutes are built from trades, and whose one minute from the venue's own candles.
fn assembler(timeframe: Timeframe) -> BarAssembler {
    let patience = RecorderTimeouts {
        settle_delay: Duration::from_secs(3),
        silence_timeout: Duration::from_secs(30),
        clock_slack: Duration::from_secs(1),
    };
    let rules = BuilderRules::default().reports_quiet(true);
    BarAssembler::new(vec![Series::new(symbol(), timeframe)], &venue(), rules, patience)
}

fn secs(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn trade(at: i64, id: i64) -> FeedEvent {
    let time = secs(at);
    let (id, price) = (TradeId::Number(id), 100.0 + (id % 13) as f64);
    FeedEvent::Trade(Trade { symbol: symbol(), id, price, size: 0.5, side: None, time, received: time })
}

fn frame(open: i64, volume: f64, received: i64) -> FeedEvent {
    let [o, h, l, c] = [100.0, 101.0, 99.0, 100.5];
    let open_time = secs(open);
    let candle =
        Candle { open_time, open: o, high: h, low: l, close: c, volume, turnover: volume, is_final: false };
    let series = Series::new(symbol(), Timeframe::M1);
    FeedEvent::Candle { series, candle, received: secs(received) }
}

fn gap(kind: StreamKind, state: GapState, from: i64, to: Option<i64>) -> FeedEvent {
    let channels = [Channel { symbol: symbol(), kind }].into();
    let (from, to) = (secs(from), to.map(secs));
    FeedEvent::Gap(Gap { state, channels, from, to, cause: GapCause::Disconnected, loss: None })
}

/// Plays events to the assembler, each at its time, with a tick every second in between and until `until`.
fn play(assembler: &mut BarAssembler, events: &[(i64, FeedEvent)], until: i64) -> (Vec<SlotUpdate>, u64) {
    let (mut orders, mut unknown) = (Vec::new(), 0);
    let mut now = events.first().map_or(until, |(at, _)| *at);
    for (at, event) in events {
        while now < *at {
            now += 1;
            unknown += assembler.on_time(secs(now), &mut orders);
        }
        assembler.ingest(event, secs(*at), &mut orders);
    }
    while now < until {
        now += 1;
        unknown += assembler.on_time(secs(now), &mut orders);
    }
    (orders, unknown)
}

/// Renders updates in short form: written ranges (`from-to` in minutes, and the minutes with a candle) or
/// withdrawals.
fn rendered(orders: &[SlotUpdate]) -> Vec<String> {
    let minute = |moment: Timestamp| moment.as_secs() / 60;
    orders
        .iter()
        .map(|SlotUpdate { range, word, .. }| match word {
            SlotAction::Keep(candles) => {
                let open: Vec<_> = candles.iter().map(|candle| minute(candle.open_time)).collect();
                format!("keep {}-{} {open:?}", minute(range.from()), minute(range.to()))
            }
            SlotAction::Withdraw => format!("withdraw {}-{}", minute(range.from()), minute(range.to())),
        })
        .collect()
}

#[test]
fn only_slots_received_from_beginning_to_end_are_kept() {
    let mut assembler = assembler(Timeframe::M3);
    let events = [(100, trade(100, 1)), (200, trade(200, 2)), (370, trade(370, 3))];
    let (orders, unknown) = play(&mut assembler, &events, 373);
    assert_eq!(rendered(&orders), ["keep 3-6 [3]"], "that of the first trade had begun before");
    assert_eq!(unknown, 0);
}

#[test]
fn after_silence_a_slot_waits_for_as_long_as_a_dead_connection_goes_unnoticed() {
    let mut assembler = assembler(Timeframe::M3);
    let events = [(100, trade(100, 1)), (200, trade(200, 2))];
    let (orders, _) = play(&mut assembler, &events, 389);
    assert_eq!(rendered(&orders), [""; 0]);
    let (orders, _) = play(&mut assembler, &[], 390);
    assert_eq!(orders, []);
    let (orders, _) = play(&mut assembler, &[(390, trade(390, 3))], 391);
    assert_eq!(rendered(&orders), ["keep 3-6 [3]"]);
    let (orders, _) = play(&mut assembler, &[(391, trade(391, 4))], 930);
    assert_eq!(
        rendered(&orders),
        ["keep 6-9 [6]", "keep 9-12 []", "keep 12-15 []"],
        "quiet ones are known too"
    );
}

#[test]
fn slots_touched_by_a_lost_gap_stay_unknown() {
    let mut assembler = assembler(Timeframe::M3);
    let kind = StreamKind::Trade;
    let events = [
        (100, trade(100, 1)),
        (200, trade(200, 2)),
        (410, gap(kind, GapState::Opened, 400, None)),
        (550, gap(kind, GapState::Resumed, 400, Some(550))),
        (550, gap(kind, GapState::Healing, 400, Some(550))),
        (560, gap(kind, GapState::Lost, 400, Some(550))),
        (600, trade(600, 3)),
        (730, trade(730, 4)),
        (910, trade(910, 5)),
    ];
    let (orders, unknown) = play(&mut assembler, &events, 930);
    assert_eq!(rendered(&orders), ["keep 3-6 [3]", "keep 12-15 [12]"]);
    assert_eq!(unknown, 2);
}

#[test]
fn a_healed_gap_costs_nothing_where_trades_are_read() {
    let mut assembler = assembler(Timeframe::M3);
    let kind = StreamKind::Trade;
    let events = [
        (100, trade(100, 1)),
        (200, trade(200, 2)),
        (410, gap(kind, GapState::Opened, 400, None)),
        (780, gap(kind, GapState::Resumed, 400, Some(780))),
        (780, gap(kind, GapState::Healing, 400, Some(780))),
        (785, trade(405, 3)),
        (785, trade(600, 4)),
        (785, trade(771, 5)),
        (785, gap(kind, GapState::Healed, 400, Some(780))),
        (910, trade(910, 6)),
    ];
    let (orders, unknown) = play(&mut assembler, &events, 930);
    assert_eq!(rendered(&orders), ["keep 3-6 [3]", "keep 6-12 [6, 9]", "keep 12-15 [12]"]);
    assert_eq!(unknown, 0);
}

#[test]
fn of_growing_candles_a_healed_gap_leaves_its_slots_to_those_who_ask() {
    let mut assembler = assembler(Timeframe::M1);
    let kind = StreamKind::Candle(Timeframe::M1);
    let events = [
        (10, frame(0, 1.0, 10)),
        (70, frame(60, 1.0, 70)),
        (125, frame(120, 1.0, 125)),
        (130, gap(kind, GapState::Opened, 126, None)),
        (200, gap(kind, GapState::Resumed, 126, Some(200))),
        (201, gap(kind, GapState::Healed, 126, Some(200))),
        (210, frame(180, 3.0, 210)),
        (250, frame(240, 1.0, 250)),
        (310, frame(300, 1.0, 310)),
    ];
    let (orders, unknown) = play(&mut assembler, &events, 320);
    assert_eq!(rendered(&orders), ["keep 1-2 [1]", "keep 4-5 [4]"]);
    assert_eq!(unknown, 2);
}

#[test]
fn what_a_dead_connection_made_look_quiet_is_taken_back() {
    let mut assembler = assembler(Timeframe::M3);
    let mut events = vec![(100, trade(100, 1)), (200, trade(200, 2)), (380, trade(380, 3))];
    let (orders, _) = play(&mut assembler, &events, 600);
    assert_eq!(rendered(&orders), ["keep 3-6 [3]", "keep 6-9 [6]"]);
    events = vec![(601, gap(StreamKind::Trade, GapState::Opened, 390, None))];
    let (orders, _) = play(&mut assembler, &events, 602);
    assert_eq!(rendered(&orders), ["withdraw 6-9"]);
}

#[test]
fn what_comes_after_a_slot_was_written_takes_it_back() {
    let mut assembler = assembler(Timeframe::M3);
    let events = [
        (100, trade(100, 1)),
        (200, trade(200, 2)),
        (370, trade(370, 4)),
        (380, trade(350, 3)),
        (381, trade(351, 9)),
    ];
    let (orders, unknown) = play(&mut assembler, &events, 382);
    assert_eq!(rendered(&orders), ["keep 3-6 [3]", "withdraw 3-6"]);
    assert_eq!(unknown, 1);
}

#[test]
fn a_trade_too_late_to_be_counted_leaves_its_slot_unknown() {
    let mut assembler = assembler(Timeframe::M3);
    let events = [
        (100, trade(100, 1)),
        (200, trade(200, 2)),
        (358, trade(358, 3)),
        (359, trade(290, 4)),
        (400, trade(400, 5)),
    ];
    let (orders, unknown) = play(&mut assembler, &events, 410);
    assert_eq!((rendered(&orders), unknown), (vec![], 1));
}

#[test]
fn a_reader_that_fell_behind_knows_nothing_of_that_time() {
    let mut assembler = assembler(Timeframe::M3);
    let events = [
        (100, trade(100, 1)),
        (200, trade(200, 2)),
        (300, FeedEvent::Lagged { missed: 3 }),
        (400, trade(400, 5)),
        (550, trade(550, 6)),
    ];
    let (orders, unknown) = play(&mut assembler, &events, 560);
    assert_eq!((rendered(&orders), unknown), (vec!["keep 6-9 [6]".to_owned()], 1));
}

#[test]
fn one_trade_from_the_future_closes_nothing() {
    let mut assembler = assembler(Timeframe::M3);
    let mut events =
        vec![(100, trade(100, 1)), (200, trade(200, 2)), (210, trade(9_000, 7)), (370, trade(370, 3))];
    events.push((371, trade(371, 8)));
    let (orders, _) = play(&mut assembler, &events, 373);
    assert_eq!(rendered(&orders), ["keep 3-6 [3]"]);
}

/// A market of an hour: when it trades, from when to when the feed is broken, for how long that goes
/// unnoticed, and whether it is healed.
type MarketScript = (BTreeSet<i64>, Vec<(i64, i64, i64, bool)>);

fn market() -> impl Strategy<Value = MarketScript> {
    let trades = prop::collection::btree_set(0..3_600_i64, 0..200);
    let gaps = prop::collection::vec((0..3_000_i64, 1..400_i64, 0..60_i64, any::<bool>()), 0..4);
    (trades, gaps).prop_map(|(trades, drawn)| {
        let mut gaps: Vec<(i64, i64, i64, bool)> = Vec::new();
        for (from, long, unnoticed, heals) in drawn {
            let clear = |gap: &(i64, i64, i64, bool)| from > gap.1 + 10 || from + long + 10 < gap.0;
            if gaps.iter().all(clear) {
                gaps.push((from, from + long, unnoticed.min(long - 1), heals));
            }
        }
        gaps.sort_unstable();
        (trades, gaps)
    })
}

/// The events that the feed of such a market brings, in order.
fn feed((trades, gaps): &MarketScript) -> Vec<(i64, FeedEvent)> {
    let kind = StreamKind::Trade;
    let missing = |at: &i64| gaps.iter().find(|(from, to, ..)| from < at && at < to);
    let mut events: Vec<_> =
        trades.iter().filter(|at| missing(at).is_none()).map(|at| (*at, 2, trade(*at, *at))).collect();
    for (from, to, unnoticed, heals) in gaps {
        events.push((from + unnoticed, 0, gap(kind, GapState::Opened, *from, None)));
        events.push((*to, 0, gap(kind, GapState::Resumed, *from, Some(*to))));
        events.push((*to, 0, gap(kind, GapState::Healing, *from, Some(*to))));
        if *heals {
            events.extend(trades.range(from + 1..*to).map(|at| (*to, 0, trade(*at, *at))));
        }
        let end = if *heals { GapState::Healed } else { GapState::Lost };
        events.push((*to, 0, gap(kind, end, *from, Some(*to))));
    }
    events.sort_by_key(|(at, place, _)| (*at, *place));
    events.into_iter().map(|(at, _, event)| (at, event)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_is_true_and_what_was_whole_is_kept(market in market()) {
        let mut assembler = assembler(Timeframe::M3);
        let events = feed(&market);
        let (orders, _) = play(&mut assembler, &events, 3_700);
        let slot_of = |at: i64| at / 180;
        let mut kept: BTreeMap<i64, Option<f64>> = BTreeMap::new();
        for SlotUpdate { range, word, .. } in orders {
            for slot in slot_of(range.from().as_secs())..slot_of(range.to().as_secs()) {
                match &word {
                    SlotAction::Withdraw => {
                        kept.remove(&slot);
                    }
                    SlotAction::Keep(candles) => {
                        let candle = candles.iter().find(|candle| slot_of(candle.open_time.as_secs()) == slot);
                        prop_assert!(kept.insert(slot, candle.map(|candle| candle.volume)).is_none(), "once");
                    }
                }
            }
        }
        for (slot, volume) in &kept {
            let count = market.0.range(slot * 180..(slot + 1) * 180).count();
            prop_assert_eq!(volume.unwrap_or(0.0), count as f64 * 0.5, "slot {} of {:?}", slot, market);
            prop_assert_eq!(volume.is_some(), count > 0);
        }
        let Some(first) = events.iter().find_map(|(_, event)| match event {
            FeedEvent::Trade(trade) => Some(trade.received.as_secs()),
            _ => None,
        }) else { return Ok(()) };
        let last_whole = slot_of(3_700 - 31);
        for slot in slot_of(first) + 2..last_whole {
            let (open, close) = (slot * 180, (slot + 1) * 180);
            let touched = market.1.iter().any(|(from, to, ..)| from - 2 < close && open < to + 2);
            prop_assert!(touched || kept.contains_key(&slot), "slot {} of {:?}", slot, market);
        }
    }
}

#[test]
fn the_venues_own_candles_are_preferred() {
    let series = |frame| Series::new(symbol(), frame);
    let source = |frame| super::bar_assembler::source_of(&series(frame), &venue());
    assert_eq!(source(Timeframe::M1), StreamKind::Candle(Timeframe::M1));
    assert_eq!(source(Timeframe::D1), StreamKind::Trade);
}
