//! The ignition score against vectors worked by hand, and against its defects on record.

use market_backbone_core::{Side, Timestamp};
use market_backbone_strategy::seismograph::{
    BurstSource, IgnitionProfile, IgnitionRules, IgnitionScore, MinuteBars, PartReason, TickWindow,
};

use super::days::near;

/// Minute 100 of the epoch begins at this second.
const START: i64 = 6_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(START * 1_000 + millis)
}

/// `before` trades spread over the 50 seconds before the last ten, `recent` over the last ten; watched for long enough.
/// The window ends at second 60.
fn window(before: i64, recent: i64) -> TickWindow {
    let mut window = TickWindow::new();
    window.watch_from(at(-60_000));
    for number in 0..before {
        window.add(at(100 + number * 49_900 / before), 1.0, Some(Side::Buy));
    }
    for number in 0..recent {
        window.add(at(50_100 + number * 9_900 / recent), 1.0, Some(Side::Buy));
    }
    window.advance(at(60_000));
    window
}

/// Closed minutes with these volumes, from 99 to 100.
fn minutes(volumes: &[f64]) -> MinuteBars {
    let mut bars = MinuteBars::new(30);
    for (number, volume) in volumes.iter().enumerate() {
        let time = Timestamp::from_secs(START + 60 * number as i64);
        bars.trade(time, 99.0, volume / 2.0);
        bars.trade(time, 100.0, volume / 2.0);
    }
    bars.advance(Timestamp::from_secs(START + 60 * volumes.len() as i64));
    bars
}

fn three(ticks: &TickWindow, bars: &MinuteBars, price: f64) -> [IgnitionScore; 3] {
    [IgnitionProfile::ramps(), IgnitionProfile::steps(), IgnitionProfile::legacy()]
        .map(|profile| profile.score(ticks, bars, price))
}

#[test]
fn tick_velocity_by_each_profile() {
    let velocity = |recent| {
        three(&window(50, recent), &minutes(&[]), 100.0).map(|score| score.parts.tick_velocity.counted())
    };
    // Ten in ten seconds are usual. 40 begin to count, 60 are half way, 80 are enough.
    assert_eq!(velocity(40), [0.0, 0.0, 0.0]);
    assert_eq!(velocity(60), [0.5, 0.5, 0.0]);
    assert_eq!(velocity(80), [1.0, 0.5, 0.0]);
    assert_eq!(velocity(81)[1], 1.0);
    // With the window in its own baseline: 400 of 450, 400 / 75 = 5.3.
    assert_eq!(velocity(400), [1.0, 1.0, 0.5]);
}

#[test]
fn volume_burst_by_each_profile() {
    let burst = |last| {
        three(&window(0, 0), &minutes(&[100.0, 100.0, 100.0, 100.0, 100.0, last]), 100.0)
            .map(|score| score.parts.volume_burst.counted())
    };
    assert_eq!(burst(300.0), [0.0, 0.0, 0.0]);
    assert_eq!(burst(450.0), [0.5, 0.5, 0.5]);
    assert_eq!(burst(600.0), [1.0, 0.5, 0.5]);
    assert_eq!(burst(601.0), [1.0, 1.0, 1.0]);
}

#[test]
fn a_burst_counts_in_the_minute_in_which_it_happens() {
    let mut bars = minutes(&[100.0; 6]);
    bars.trade(Timestamp::from_secs(START + 360), 100.0, 450.0);
    let [ramps, _, legacy] = three(&window(0, 0), &bars, 100.0);
    assert_eq!((ramps.parts.volume_burst.counted(), legacy.parts.volume_burst.counted()), (0.5, 0.0));
}

#[test]
fn price_break_by_each_profile() {
    let at = |price| {
        three(&window(0, 0), &minutes(&[100.0; 6]), price).map(|score| score.parts.price_break.counted())
    };
    assert_eq!(at(100.0), [0.0; 3]);
    let [ramps, steps, legacy] = at(100.25);
    near(ramps, 0.5);
    assert_eq!((steps, legacy), (0.5, 0.5));
    assert_eq!(at(100.6), [1.0; 3]);
}

#[test]
fn buy_pressure_by_each_profile() {
    let pressure = |bought: f64, sold: f64| {
        let mut window = window(0, 0);
        window.add(at(60_000), bought, Some(Side::Buy));
        window.add(at(60_000), sold, Some(Side::Sell));
        three(&window, &minutes(&[]), 100.0).map(|score| score.parts.buy_pressure.counted())
    };
    assert_eq!(pressure(0.9, 1.0), [0.0; 3]);
    let [ramps, steps, _] = pressure(1.35, 1.0);
    near(ramps, 0.5);
    assert_eq!(steps, 0.5);
    assert_eq!(pressure(2.0, 1.0), [1.0; 3]);
    // Nobody sold; nobody bought either.
    assert_eq!(pressure(1.0, 0.0), [1.0; 3]);
    assert_eq!(pressure(0.0, 1.0), [0.0; 3]);
}

/// Defect: the window of 10 seconds lay inside its own baseline of 60, so that eight times the usual was out of reach and
/// no score could exceed 82.5.
#[test]
fn a_burst_reaches_a_hundred() {
    let bars = minutes(&[100.0, 100.0, 100.0, 100.0, 100.0, 700.0]);
    let [ramps, steps, legacy] = three(&window(50, 400), &bars, 100.6);
    assert_eq!((ramps.score, steps.score), (100.0, 100.0));
    assert!(ramps.is_complete() && ramps.is_ignited);
    assert_eq!(legacy.score, 82.5);
}

/// Defect: with 10 to 59 trades the baseline was the window itself, and every name scored 100 at its tenth trade.
#[test]
fn a_market_that_was_just_found_is_not_ignited() {
    let mut window = TickWindow::new();
    for number in 0..30 {
        window.add(at(number * 100), 1.0, Some(Side::Buy));
    }
    let score = IgnitionProfile::ramps().score(&window, &minutes(&[]), 100.0);
    assert_eq!((score.score, score.is_ignited, score.is_complete()), (0.0, false, false));
    assert_eq!(score.parts.tick_velocity.reason, PartReason::Warming);
    assert_eq!(score.parts.price_break.reason, PartReason::TooFewBars { have: 0, need: 5 });
}

/// Defect: every trade was marked as bought where the venue sends no side, and buy pressure was always full.
#[test]
fn unknown_sides_are_no_buy_pressure() {
    let mut window = TickWindow::new();
    window.watch_from(at(0));
    for number in 0..100 {
        window.add(at(number * 1_000), 1.0, None);
    }
    let part = IgnitionProfile::ramps().score(&window, &minutes(&[]), 100.0).parts.buy_pressure;
    assert_eq!((part.intensity, part.reason), (None, PartReason::UnknownSides));
}

/// Defect: windows followed the wall clock, or counted trades where seconds were meant.
#[test]
fn windows_follow_event_time() {
    let mut window = window(50, 60);
    assert_eq!((window.ticks(), window.recent_ticks()), (110, 60));
    window.advance(at(65_000));
    assert!(window.recent_ticks() < 60 && window.ticks() < 110);
    window.advance(at(121_000));
    assert_eq!((window.ticks(), window.recent_ticks(), window.bought()), (0, 0, 0.0));
}

#[test]
fn a_late_trade_is_counted_where_it_belongs_or_as_late() {
    let mut late = window(50, 60);
    late.add(at(30_050), 1.0, Some(Side::Sell));
    assert_eq!((late.ticks(), late.recent_ticks(), late.sold(), late.late()), (111, 60, 1.0, 0));
    late.add(at(55_050), 2.0, Some(Side::Sell));
    assert_eq!((late.ticks(), late.recent_ticks(), late.sold(), late.late()), (112, 61, 3.0, 0));
    late.add(at(-5_000), 1.0, Some(Side::Sell));
    assert_eq!((late.ticks(), late.late()), (112, 1));
}

/// Defect of our own: a book or a ticker moves the clock, and a trade that comes after it, from more than ten seconds
/// before it, was taken for a recent one when it left the window.
#[test]
fn a_trade_from_behind_the_clock_leaves_the_window_as_it_came() {
    let mut window = TickWindow::new();
    window.advance(at(60_000));
    window.add(at(30_000), 1.0, Some(Side::Buy));
    window.add(at(59_000), 1.0, Some(Side::Buy));
    assert_eq!((window.ticks(), window.recent_ticks()), (2, 1));
    window.advance(at(95_000));
    assert_eq!((window.ticks(), window.recent_ticks()), (1, 0));
    window.advance(at(200_000));
    assert_eq!((window.ticks(), window.recent_ticks(), window.bought()), (0, 0, 0.0));
}

#[test]
fn the_box_leaves_the_forming_minute_out() {
    let mut bars = minutes(&[100.0; 6]);
    bars.trade(Timestamp::from_secs(START + 360), 120.0, 1.0);
    assert_eq!(bars.price_box().unwrap().high, 100.0);
    // A late trade amends its closed minute.
    bars.trade(Timestamp::from_secs(START + 310), 105.0, 1.0);
    assert_eq!(bars.price_box().unwrap().high, 105.0);
    bars.advance(Timestamp::from_secs(START + 420));
    assert_eq!((bars.price_box().unwrap().high, bars.len()), (120.0, 7));
}

#[test]
fn rules_outside_their_range_are_refused() {
    let rules = *IgnitionProfile::ramps().rules();
    let error = IgnitionProfile::new("wild", IgnitionRules { tick_multiple: 20.0, ..rules }).unwrap_err();
    assert_eq!(error.to_string(), "profile `wild`: tick_multiple is 20; it must be between 4 and 15");
    assert!(IgnitionProfile::new("nan", IgnitionRules { threshold: f64::NAN, ..rules }).is_err());
    let mine = IgnitionProfile::new("mine", IgnitionRules { burst: BurstSource::Closed, ..rules }).unwrap();
    assert_ne!(mine.tag().hash, IgnitionProfile::ramps().tag().hash);
}
