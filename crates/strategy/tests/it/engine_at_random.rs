//! What must hold of engine, risk gate and broker together whatever the tape does.

use market_backbone_core::GapState;
use market_backbone_strategy::Decimal;
use market_backbone_strategy::engine::{DoubleTapRules, EnginePhase, EngineRules, EntrySize};
use market_backbone_strategy::order::OrderId;
use market_backbone_strategy::risk::RiskRules;

use crate::dice::Dice;
use crate::engine_bench::EngineBench;
use crate::paper_bench::{d, free};

/// The most that is ever held: one entry, for a second one is half as large and comes alone.
const MOST: Decimal = Decimal::TEN;

fn newest(bench: &EngineBench) -> Option<OrderId> {
    bench.open().iter().map(|open| open.order).max()
}

fn run(seed: u64, steps: u32) {
    let mut dice = Dice::new(seed);
    let double_tap = dice.one_in(2).then(DoubleTapRules::default);
    let rules = EngineRules { double_tap, ..EngineRules::new(EntrySize::Quantity(MOST)) };
    let risk =
        RiskRules { max_daily_loss: Some(d("0.0002")), max_entries_per_day: None, ..RiskRules::default() };
    let mut bench = EngineBench::with(rules, free(), risk);
    let (mut cents, mut in_gap) = (10_000_i64, false);
    let mut last_stop = None;
    for step in 0..steps {
        let width = if dice.one_in(30) { 300 } else { 25 };
        cents = (cents + dice.around_zero(width)).clamp(3_000, 30_000);
        let price = cents as f64 / 100.0;
        if dice.one_in(200) {
            in_gap = !in_gap;
            bench.gap(if in_gap { GapState::Opened } else { GapState::Healed });
        }
        let (before, was_killed) = (newest(&bench), bench.broker.killed().is_some());
        bench.engine.on_vwap(&bench.symbol.clone(), dice.one_in(2).then_some(price - 0.5));
        let fills = bench.trade_of(price, 1.0 + dice.below(30) as f64);
        if dice.one_in(20) {
            bench.signal(0.9, price, dice.one_in(2).then_some(1.0));
        }
        let context = format!("seed {seed}, step {step}, {fills:?}");
        let held = bench.held();
        assert!(Decimal::ZERO <= held && held <= MOST, "{context}: {held} is held");
        if in_gap && bench.broker.killed().is_none() {
            assert!(newest(&bench) <= before, "{context}: an order was sent in a gap");
        }
        if was_killed {
            assert!(
                !fills.iter().any(|fill| fill.contains("bought")),
                "{context}: bought after the kill switch"
            );
        }
        // The stop of one position never falls.
        let stop = bench.stop().filter(|_| bench.engine.phase(&bench.symbol) == EnginePhase::Held);
        if let (Some(stop), Some(last)) = (stop, last_stop) {
            assert!(stop >= last, "{context}: the stop fell from {last} to {stop}");
        }
        let is_held = bench.engine.phase(&bench.symbol) == EnginePhase::Held;
        last_stop = if is_held { stop.or(last_stop) } else { None };
        assert_eq!(bench.broker.broker().imbalance(), Decimal::ZERO, "{context}");
    }
    let traded = bench.broker.broker().config().cash != market_cash(&bench);
    assert!(traded, "seed {seed} traded nothing");
}

fn market_cash(bench: &EngineBench) -> Decimal {
    use market_backbone_strategy::broker::Broker;
    bench.broker.cash()
}

#[test]
fn no_tape_makes_the_engine_break_a_rule() {
    for seed in 0..10 {
        run(seed, 1_000);
    }
}
