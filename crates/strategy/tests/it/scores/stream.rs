//! The seismograph over a feed, against the defects of its forerunners: inputs that nobody fed, and windows of the wrong time.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    Calendar, Candle, Channel, FeedEvent, Gap, GapCause, GapState, Series, Side, StreamKind, Symbol,
    TimeRange, Timeframe, Timestamp, Trade, TradeId,
};
use market_backbone_strategy::seismograph::{
    CheckOutcome, PartReason, Seismograph, SeismographProfile, SessionPlan, Stage,
};
use market_backbone_strategy::zen::{DivergenceEdge, ZenUnknown};
use market_backbone_testkit::{UPBIT, ticker, top_of_book};

use super::days::{DAY, near, quiet_days};

/// Midnight of the day after the [`quiet_days`] of 61 days.
const TODAY: i64 = 61 * DAY;

fn symbol() -> Symbol {
    Symbol::new(UPBIT, "KRW-BTC").unwrap()
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(TODAY + secs)
}

fn trade(secs: i64, price: f64, size: f64, side: Option<Side>) -> FeedEvent {
    let (time, received) = (at(secs), at(secs));
    FeedEvent::Trade(Trade { symbol: symbol(), id: TradeId::Number(secs), price, size, side, time, received })
}

fn seismograph() -> Seismograph {
    Seismograph::new(SeismographProfile::default(), SessionPlan::RoundTheClock)
}

/// Ten minutes with a trade of 1 every two seconds at 100, bought and sold in turn, from midnight on.
fn quiet_minutes(seismograph: &mut Seismograph) {
    for second in (0..600).step_by(2) {
        let side = if second % 4 == 0 { Side::Buy } else { Side::Sell };
        seismograph.on_event(&trade(second, 100.0, 1.0, Some(side)));
    }
}

/// Ten seconds of buying: twenty trades of 10 each second, up to 101.
fn burst(seismograph: &mut Seismograph, from: i64) {
    for second in from..from + 10 {
        for number in 0..20 {
            let price = 100.0 + (second - from + 1) as f64 * 0.1;
            let mut event = trade(second, price, 10.0, Some(Side::Buy));
            if let FeedEvent::Trade(trade) = &mut event {
                trade.time = at(second) + Duration::from_millis(number * 49);
            }
            seismograph.on_event(&event);
        }
    }
}

/// Defect: bars, box range and average price were never fed to the score, so that it could not exceed 32.5 live; a burst
/// in the trades alone must reach 100.
#[test]
fn trades_alone_feed_every_part() {
    let mut seismograph = seismograph();
    quiet_minutes(&mut seismograph);
    let calm = seismograph.reading(&symbol()).unwrap().clone();
    assert!(calm.ignition.is_complete() && calm.ignition.score < 20.0, "{calm:?}");
    burst(&mut seismograph, 600);
    let reading = seismograph.reading(&symbol()).unwrap();
    assert_eq!(reading.ignition.score, 100.0, "{reading:?}");
    let (traded, paid) = (300.0 + 2_000.0, 300.0 * 100.0 + 200.0 * (10 * 100) as f64 * 1.0 + 200.0 * 5.5);
    near(reading.vwap.unwrap(), paid / traded);
    assert_eq!((reading.time, reading.price), (at(609) + Duration::from_millis(931), Some(101.0)));
}

/// Defect: a market's score stayed where its last trade had left it.
#[test]
fn scores_fall_with_event_time_alone() {
    let mut seismograph = seismograph();
    quiet_minutes(&mut seismograph);
    burst(&mut seismograph, 600);
    seismograph.advance(at(625));
    let fading = seismograph.reading(&symbol()).unwrap().ignition.score;
    assert!(fading < 70.0, "{fading}");
    seismograph.advance(at(900));
    assert!(seismograph.reading(&symbol()).unwrap().ignition.score < fading);
    // Event time never goes back.
    seismograph.advance(at(0));
    assert_eq!(seismograph.now(), at(900));
}

/// Defect: an order could pass with no quote, no average price, and for a market that may not be traded.
#[test]
fn an_order_needs_everything() {
    let mut seismograph = seismograph();
    seismograph.load_days(&symbol(), &accumulated_days(), None);
    quiet_minutes(&mut seismograph);
    burst(&mut seismograph, 600);
    let reading = seismograph.reading(&symbol()).unwrap();
    assert!(reading.ignition.is_ignited && reading.can_trade());
    assert_eq!(reading.anti_trap.spread.outcome, CheckOutcome::Unknown);
    assert!(!reading.lets_orders_through());
    seismograph.on_event(&FeedEvent::Book(Arc::new(top_of_book(symbol(), 1_010.0, 3, at(609)))));
    assert!(seismograph.reading(&symbol()).unwrap().lets_orders_through());
    // The quote grows old.
    seismograph.advance(at(640));
    assert!(!seismograph.reading(&symbol()).unwrap().anti_trap.lets_orders_through());
}

fn accumulated_days() -> Vec<Candle> {
    let mut days = quiet_days(61);
    days[56..].iter_mut().for_each(|day| (day.high, day.low) = (100.2, 99.8));
    days
}

/// Defect: closed bars reached nobody. A bar of the venue replaces what trades have built, and a day extends the days.
#[test]
fn bars_reach_the_scores() {
    let mut seismograph = seismograph();
    seismograph.load_days(&symbol(), &quiet_days(61)[..60], None);
    assert_eq!(seismograph.reading(&symbol()).unwrap().stage(), Stage::None);
    let bar = |timeframe, candle| FeedEvent::Bar {
        series: Series::new(symbol(), timeframe),
        candle,
        revision: 0,
        is_quiet: false,
        received: at(0),
    };
    let last = Candle { volume: 1_000.0, ..quiet_days(61)[60] };
    seismograph.on_event(&bar(Timeframe::D1, last));
    assert_eq!(seismograph.reading(&symbol()).unwrap().stage(), Stage::AccumulationBar);
    quiet_minutes(&mut seismograph);
    let minute = Candle { open_time: at(540), high: 150.0, low: 99.0, ..quiet_days(1)[0] };
    seismograph.on_event(&bar(Timeframe::M1, minute));
    seismograph.on_event(&trade(601, 140.0, 1.0, None));
    let part = seismograph.reading(&symbol()).unwrap().ignition.parts.price_break;
    near(part.measure.unwrap(), 140.0 / 150.0 - 1.0);
}

/// Defect: the vendor was asked for today's daily bar, which is not complete, and it was scored as a quiet day.
#[test]
fn a_day_that_is_not_over_is_not_scored() {
    let mut seismograph = seismograph();
    let mut days = quiet_days(61);
    days[60].is_final = false;
    days[60].volume = 1.0;
    seismograph.load_days(&symbol(), &days, None);
    let reading = seismograph.reading(&symbol()).unwrap();
    assert_eq!(reading.accumulation.as_ref().unwrap().classic.dry_out.reason, PartReason::Absent);
}

/// Defect: items of new gainers lacked the last close and the usual volume, and nobody scored them.
#[test]
fn a_market_that_appears_is_scored_with_what_there_is() {
    let mut seismograph = seismograph();
    let found = seismograph.on_event(&trade(0, 10.0, 1.0, None)).unwrap();
    assert_eq!((found.last_close, found.mean_volume, found.price), (None, None, Some(10.0)));
    assert_eq!(found.zen.volume, Err(ZenUnknown::TooFewDays { have: 0 }));
    seismograph.load_days(&symbol(), &quiet_days(61), None);
    let known = seismograph.reading(&symbol()).unwrap();
    assert_eq!((known.last_close, known.mean_volume, known.atr), (Some(100.0), Some(100.0), Some(2.0)));
}

/// Defect: trades without a side were all taken for bought.
#[test]
fn sides_are_inferred_from_quotes_and_prices() {
    let mut seismograph = seismograph();
    seismograph.watch(&symbol(), at(0));
    for second in 0..70 {
        let price = if second % 2 == 0 { 100.0 } else { 99.0 };
        seismograph.on_event(&trade(second, price, 1.0, None));
    }
    let part = seismograph.reading(&symbol()).unwrap().ignition.parts.buy_pressure;
    near(part.measure.unwrap(), 1.0);
}

/// Defect: one impossible event ended the scoring of all the others.
#[test]
fn an_impossible_price_changes_nothing() {
    let mut seismograph = seismograph();
    quiet_minutes(&mut seismograph);
    let before = seismograph.reading(&symbol()).unwrap().clone();
    for price in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        seismograph.on_event(&trade(598, price, 1.0, None));
    }
    assert_eq!(seismograph.reading(&symbol()).unwrap(), &before);
    seismograph.on_event(&trade(599, 100.0, f64::NAN, Some(Side::Buy)));
    let after = seismograph.reading(&symbol()).unwrap();
    near(after.vwap.unwrap(), 100.0);
    assert!(after.ignition.score.is_finite());
}

/// Defect: the time of an event was overwritten with the time of its arrival.
#[test]
fn readings_carry_event_time() {
    let mut seismograph = seismograph();
    let mut event = trade(5, 100.0, 1.0, None);
    if let FeedEvent::Trade(trade) = &mut event {
        trade.received = at(9_999);
    }
    let reading = seismograph.on_event(&event).unwrap();
    assert_eq!((reading.time, reading.last_trade), (at(5), Some(at(5))));
}

#[test]
fn a_late_trade_does_not_move_the_price_back() {
    let mut seismograph = seismograph();
    seismograph.on_event(&trade(10, 100.0, 1.0, None));
    assert_eq!(seismograph.on_event(&trade(5, 90.0, 1.0, None)).unwrap().price, Some(100.0));
}

fn gap(state: GapState) -> FeedEvent {
    let channels = [Channel { symbol: symbol(), kind: StreamKind::Trade }].into();
    FeedEvent::Gap(Gap {
        state,
        channels,
        from: at(590),
        to: Some(at(650)),
        cause: GapCause::Disconnected,
        loss: None,
    })
}

#[test]
fn nothing_is_known_across_a_gap() {
    let mut seismograph = seismograph();
    seismograph.load_days(&symbol(), &quiet_days(61), None);
    quiet_minutes(&mut seismograph);
    seismograph.on_event(&gap(GapState::Opened));
    let during = seismograph.reading(&symbol()).unwrap();
    assert_eq!((during.ignition.score, during.vwap), (0.0, None));
    assert_eq!(during.ignition.parts.tick_velocity.reason, PartReason::GapOpen);
    assert_eq!(during.zen.volume, Err(ZenUnknown::GapOpen));
    seismograph.on_event(&gap(GapState::Resumed));
    assert!(!seismograph.reading(&symbol()).unwrap().ignition.is_complete());
    // Healed: what was missing has been delivered, and the scores go on.
    seismograph.on_event(&gap(GapState::Healed));
    assert!(seismograph.reading(&symbol()).unwrap().ignition.is_complete());
    // Lost: the windows begin anew, and so does the average price of the session.
    seismograph.on_event(&gap(GapState::Lost));
    seismograph.on_event(&trade(655, 100.0, 1.0, None));
    let after = seismograph.reading(&symbol()).unwrap();
    assert_eq!((after.ignition.parts.tick_velocity.reason, after.vwap), (PartReason::Warming, None));
    assert_eq!(after.ignition.parts.price_break.reason, PartReason::TooFewBars { have: 0, need: 5 });
    assert_eq!(after.zen.volume, Err(ZenUnknown::VolumeUnknown));
}

#[test]
fn a_reader_that_was_too_slow_begins_anew() {
    let mut seismograph = seismograph();
    quiet_minutes(&mut seismograph);
    seismograph.on_event(&FeedEvent::Lagged { missed: 3 });
    assert!(!seismograph.reading(&symbol()).unwrap().ignition.is_complete());
}

#[test]
fn the_average_price_of_a_session_watched_from_its_middle_is_unknown() {
    let mut seismograph = seismograph();
    seismograph.on_event(&trade(3_605, 100.0, 1.0, None));
    assert_eq!(seismograph.reading(&symbol()).unwrap().vwap, None);
    // The ticker of a venue that trades round the clock knows it.
    let mut told = ticker(symbol(), 100.0, at(3_606));
    (told.day_volume, told.day_turnover) = (50.0, 4_500.0);
    seismograph.on_event(&FeedEvent::Ticker(told));
    let reading = seismograph.reading(&symbol()).unwrap();
    assert_eq!((reading.vwap, reading.volume), (Some(90.0), Some(50.0)));
    // Closed minutes up to the one in which the market was first watched make it whole, and take the place of its trades.
    seismograph.on_event(&trade(3_662, 100.0, 2.0, None));
    let minutes: Vec<Candle> = (0..61)
        .map(|minute| Candle { open_time: at(minute * 60), turnover: 80.0, volume: 1.0, ..quiet_days(1)[0] })
        .collect();
    // What does not reach back to the start of the session is no average price of it.
    seismograph.load_minutes(&symbol(), &minutes[30..], TimeRange::new(at(1_800), at(3_662)).unwrap());
    assert_eq!(seismograph.reading(&symbol()).unwrap().vwap, Some(90.0));
    seismograph.load_minutes(&symbol(), &minutes, TimeRange::new(at(0), at(3_662)).unwrap());
    let reading = seismograph.reading(&symbol()).unwrap();
    near(reading.vwap.unwrap(), (61.0 * 80.0 + 200.0) / 63.0);
    near(reading.volume.unwrap(), 63.0);
}

#[test]
fn a_new_day_begins_a_new_average_price() {
    let mut seismograph = seismograph();
    quiet_minutes(&mut seismograph);
    let reading = seismograph.on_event(&trade(DAY + 1, 120.0, 1.0, None)).unwrap();
    assert_eq!((reading.vwap, reading.volume), (Some(120.0), Some(1.0)));
}

#[test]
fn the_hours_of_an_exchange_make_sessions() {
    let plan = SessionPlan::Exchange(Arc::new(Calendar::new()));
    let mut seismograph = Seismograph::new(SeismographProfile::default(), plan);
    let mut trade_at = |text: &str, price: f64| {
        let time: Timestamp = text.parse().unwrap();
        let (id, side) = (TradeId::Number(0), None);
        let trade = Trade { symbol: symbol(), id, price, size: 1.0, side, time, received: time };
        let reading = seismograph.on_event(&FeedEvent::Trade(trade)).unwrap();
        (reading.vwap, reading.zen.volume)
    };
    // Watched from the pre-market on, so that the whole of the regular session is known.
    assert_eq!(trade_at("2026-11-20T14:00:00Z", 9.0).0, None);
    assert_eq!(trade_at("2026-11-20T14:30:00Z", 10.0).0, Some(10.0));
    assert_eq!(trade_at("2026-11-20T15:00:00Z", 12.0).0, Some(11.0));
    assert_eq!(trade_at("2026-11-20T21:30:00Z", 20.0).0, Some(20.0));
}

#[test]
fn a_divergence_is_an_edge_of_the_stream() {
    let mut seismograph = seismograph();
    let mut days = quiet_days(61);
    for (number, day) in days.iter_mut().enumerate() {
        day.volume = if number % 2 == 0 { 95.0 } else { 105.0 };
        (day.close, day.high) = (if number % 2 == 0 { 100.0 } else { 102.0 }, 103.0);
    }
    seismograph.load_days(&symbol(), &days, None);
    let (mut edges, mut diverging) = (Vec::new(), 0);
    for second in 0..600 {
        let size = if second > 300 { 1.0 } else { 0.000_1 };
        let reading = seismograph.on_event(&trade(second, 100.0, size, None)).unwrap();
        edges.extend(reading.edge);
        diverging += usize::from(reading.is_diverging);
    }
    assert_eq!(edges, [DivergenceEdge::Began]);
    assert!(diverging > 100, "{diverging}");
}

#[test]
fn a_reading_is_one_json_object_with_its_reasons() {
    let mut seismograph = seismograph();
    seismograph.load_days(&symbol(), &accumulated_days(), None);
    quiet_minutes(&mut seismograph);
    let shown = seismograph.reading(&symbol()).unwrap().to_json();
    assert_eq!(
        (&shown["market"], &shown["price"], &shown["atr"]),
        (&"KRW-BTC".into(), &100.0.into(), &shown["atr"])
    );
    assert_eq!(shown["accumulation"]["stage_number"], 4);
    assert_eq!(shown["accumulation"]["config_hash"], "5c41a58f0f4b25b4");
    assert_eq!(shown["ignition"]["parts"]["tick_velocity"]["points"], 35.0);
    assert_eq!(shown["ignition"]["parts"]["volume_burst"]["reason"], "measured");
    assert_eq!(shown["anti_trap"]["checks"]["spread"]["outcome"], "unknown");
    assert!(shown["anti_trap"]["checks"]["spread"]["measure"].is_null());
    assert_eq!(
        (&shown["zen"]["zen_v"], &shown["zen"]["zen_v_reason"]),
        (&serde_json::Value::Null, &"every day was like the others".into())
    );
}
