//! The trading engine on tapes worked out by hand.

use std::time::Duration;

use market_backbone_core::GapState;
use market_backbone_strategy::Decimal;
use market_backbone_strategy::engine::{
    DoubleTapRules, DoubleTapState, EnginePhase, EngineRules, EntrySize, ExitDistance, SignalOutcome,
};
use market_backbone_strategy::order::OrderId;
use market_backbone_strategy::paper::{LatencyModel, PaperConfig};
use market_backbone_strategy::risk::{RiskRule, RiskRules};

use crate::engine_bench::EngineBench;
use crate::paper_bench::{d, free};

const NOTHING: [&str; 0] = [];

fn ten() -> EngineRules {
    EngineRules::new(EntrySize::Quantity(Decimal::TEN))
}

fn patient() -> EngineRules {
    EngineRules { time_stop: None, patience: None, ..ten() }
}

/// A bench that holds ten units, bought at 100.
fn long(rules: EngineRules) -> EngineBench {
    let mut bench = EngineBench::new(rules);
    bench.trade(100.0);
    assert_eq!(bench.signal(0.8, 100.0, Some(2.0)), SignalOutcome::Entered(OrderId(1)));
    assert_eq!(bench.trade(100.0), ["1 bought 10 at 100"]);
    assert_eq!(bench.engine.phase(&bench.symbol), EnginePhase::Held);
    bench
}

#[test]
fn an_entry_brings_its_stop_and_target_which_follow_the_price_that_was_paid() {
    let mut bench = EngineBench::new(patient());
    bench.signal(0.8, 100.0, Some(2.0));
    assert_eq!(bench.engine.phase(&bench.symbol), EnginePhase::Entering);
    assert_eq!(bench.trade(110.0), ["1 bought 10 at 110"]);
    assert_eq!(bench.stop(), Some(d("107.8")));
    assert_eq!(bench.trade(118.8), NOTHING);
    assert_eq!(bench.trade(118.9), ["3 sold 10 at 118.8"]);
    assert_eq!((bench.engine.phase(&bench.symbol), bench.open().len()), (EnginePhase::Flat, 0));
}

#[test]
fn a_stop_of_the_bracket_closes_the_position_once() {
    let mut bench = long(patient());
    assert_eq!(bench.trade(98.0), NOTHING, "the trigger");
    assert_eq!(bench.trade(97.5), ["2 sold 10 at 97.5"]);
    assert_eq!((bench.held(), bench.open().len()), (Decimal::ZERO, 0));
    assert_eq!(bench.trade(120.0), NOTHING);
}

#[test]
fn the_brokers_stop_is_amended_whenever_the_trail_rises() {
    let mut bench = long(patient());
    let mut stops = Vec::new();
    for price in [102.9, 103.0, 102.0, 105.0, 104.0, 107.0] {
        bench.trade(price);
        stops.push(bench.stop().unwrap());
    }
    // Three below the high, and never below the stop of the bracket.
    assert_eq!(stops, ["98", "100", "100", "102", "102", "104"].map(d));
    bench.trade(104.0);
    assert_eq!(bench.trade(103.9), ["2 sold 10 at 103.9"]);
}

#[test]
fn without_a_range_there_is_no_trailing_stop_and_no_stop_in_ranges() {
    let mut bench = EngineBench::new(patient());
    bench.signal(0.8, 100.0, None);
    bench.trade(100.0);
    bench.trade(106.0);
    assert_eq!(bench.stop(), Some(d("98")));
    let mut bench = EngineBench::new(EngineRules { stop: ExitDistance::Atr(d("2")), ..patient() });
    assert!(matches!(bench.signal(0.8, 100.0, None), SignalOutcome::Refused(_)));
    bench.signal(0.8, 100.0, Some(1.5));
    bench.trade(100.0);
    assert_eq!(bench.stop(), Some(d("97")));
}

#[test]
fn a_signal_is_taken_once_and_only_if_it_is_strong_enough() {
    let mut bench = EngineBench::new(ten());
    assert_eq!(bench.signal(0.69, 100.0, None), SignalOutcome::TooWeak);
    assert!(matches!(bench.signal(0.7, f64::NAN, None), SignalOutcome::Refused(_)));
    assert!(matches!(bench.signal(0.7, 100.0, None), SignalOutcome::Entered(_)));
    assert_eq!(bench.signal(0.9, 100.0, None), SignalOutcome::Busy(EnginePhase::Entering));
    bench.trade(100.0);
    assert_eq!(bench.signal(0.9, 100.0, None), SignalOutcome::Busy(EnginePhase::Held));
}

#[test]
fn the_size_may_be_a_share_of_the_account() {
    let mut bench = EngineBench::new(EngineRules::new(EntrySize::Share(d("0.1"))));
    bench.signal(0.8, 80.0, None);
    assert_eq!(bench.trade(80.0), ["1 bought 125 at 80"]);
}

#[test]
fn a_position_is_left_after_three_minutes() {
    let mut bench = long(ten());
    bench.wait(178);
    assert_eq!(bench.trade(101.0), NOTHING);
    assert_eq!(bench.trade(101.0), NOTHING, "the exit is sent");
    assert_eq!(bench.engine.phase(&bench.symbol), EnginePhase::Exiting);
    assert_eq!(bench.trade(101.5), ["4 sold 10 at 101.5"]);
    assert_eq!(bench.open().len(), 0);
}

#[test]
fn an_entry_that_is_not_filled_is_given_up() {
    let latency = LatencyModel {
        orders: market_backbone_strategy::paper::Latency::Constant(Duration::from_secs(90)),
        ..LatencyModel::default()
    };
    let mut bench = EngineBench::with(ten(), PaperConfig { latency, ..free() }, RiskRules::unlimited());
    bench.signal(0.8, 100.0, None);
    bench.wait(58);
    bench.trade(100.0);
    assert_eq!(bench.engine.phase(&bench.symbol), EnginePhase::Entering);
    bench.trade(100.0);
    assert_eq!((bench.engine.phase(&bench.symbol), bench.open().len()), (EnginePhase::Flat, 0));
}

#[test]
fn in_a_gap_nothing_is_sent_and_afterwards_the_time_stop_still_is() {
    let mut bench = long(ten());
    bench.gap(GapState::Opened);
    bench.wait(300);
    // Healed trades arrive while the gap is open: the stop at the venue still works on them.
    assert_eq!(bench.trade(101.0), NOTHING);
    assert_eq!(
        (bench.engine.phase(&bench.symbol), bench.broker.refusals(RiskRule::OpenGap)),
        (EnginePhase::Held, 1)
    );
    bench.gap(GapState::Healed);
    bench.trade(101.0);
    assert_eq!(bench.trade(101.0), ["4 sold 10 at 101"]);
}

#[test]
fn what_a_partly_filled_target_leaves_is_protected_again() {
    let mut bench = long(patient());
    assert_eq!(bench.trade_of(109.0, 4.0), ["3 sold 4 at 108"]);
    assert_eq!(bench.held(), d("6"));
    // The group ended the stop; the next price sends another, where the trail has it.
    assert_eq!(bench.stop(), Some(d("106")));
    bench.trade(105.0);
    assert_eq!(bench.trade(105.0), ["4 sold 6 at 105"]);
    assert_eq!((bench.held(), bench.open().len()), (Decimal::ZERO, 0));
}

#[test]
fn a_second_entry_waits_for_the_cooldown_the_vwap_and_a_new_high() {
    let rules = EngineRules { double_tap: Some(DoubleTapRules::default()), ..patient() };
    let mut bench = long(rules);
    bench.trade(97.0);
    assert_eq!(bench.trade(97.0), ["2 sold 10 at 97"]);
    let state = |bench: &EngineBench| bench.engine.double_tap(&bench.symbol).unwrap();
    assert_eq!(state(&bench), DoubleTapState::Cooldown);
    bench.wait(180);
    bench.trade(99.0);
    assert_eq!((state(&bench), bench.open().len()), (DoubleTapState::Watching, 0), "no VWAP is known");
    bench.engine.on_vwap(&bench.symbol.clone(), Some(99.5));
    bench.trade(99.4);
    assert_eq!(state(&bench), DoubleTapState::Watching, "below the VWAP");
    bench.trade(99.6);
    // The day's high is 100.
    assert_eq!((state(&bench), bench.open()[0].trigger), (DoubleTapState::Triggered, Some(d("100.01"))));
    bench.trade(100.02);
    assert_eq!(bench.trade(100.1), ["4 bought 5 at 100.1"]);
    bench.trade(102.0);
    bench.trade(100.9);
    assert_eq!(bench.trade(100.8), ["5 sold 5 at 100.8"]);
    assert_eq!((state(&bench), bench.open().len()), (DoubleTapState::Completed, 0));
}
