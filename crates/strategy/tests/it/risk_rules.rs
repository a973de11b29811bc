//! Each rule of the risk gate by the order that breaks it.

use std::time::Duration;

use market_backbone_core::{
    Channel, FeedEvent, Gap, GapCause, GapState, Grid, Side, StreamKind, Symbol, Timeframe, Timestamp,
};
use market_backbone_strategy::Decimal;
use market_backbone_strategy::broker::{Broker, BrokerEvent, OrderError};
use market_backbone_strategy::order::{OrderId, OrderKind, OrderRequest};
use market_backbone_strategy::paper::PaperBroker;
use market_backbone_strategy::risk::{RiskGate, RiskRule, RiskRules};

use crate::paper_bench::{bar_event, candle, d, fills, free, limit, market, stop};

struct RiskBench {
    gate: RiskGate<PaperBroker>,
    now: Timestamp,
}

impl RiskBench {
    /// A gate in front of a free broker with a cash of 100,000, which has heard a price of 100 of KRW-BTC.
    fn new(rules: RiskRules) -> Self {
        let gate = RiskGate::new(PaperBroker::new(free()).unwrap(), rules, Grid::Utc).unwrap();
        let mut bench = Self { gate, now: Timestamp::EPOCH };
        bench.bar("KRW-BTC", 100.0);
        bench
    }

    fn event(&mut self, event: &FeedEvent) -> Vec<BrokerEvent> {
        let mut news = Vec::new();
        self.gate.on_event(event, &mut news);
        news
    }

    /// A flat bar of the next minute.
    fn bar(&mut self, code: &str, price: f64) -> Vec<String> {
        let event = bar_event(&market(code), Timeframe::M1, candle(self.now, [price; 4]));
        self.now = self.now.plus(Duration::from_secs(60));
        fills(&self.event(&event))
    }

    fn order(&mut self, code: &str, side: Side, quantity: &str, kind: OrderKind) -> Result<OrderId, String> {
        self.send(OrderRequest::new(market(code), side, d(quantity), kind))
    }

    fn send(&mut self, request: OrderRequest) -> Result<OrderId, String> {
        self.gate.submit(request, self.now).map_err(|error| match error {
            OrderError::Refused(text) => text.to_string(),
            other => other.to_string(),
        })
    }

    #[track_caller]
    fn refused(&mut self, code: &str, quantity: &str, rule: RiskRule, want: &str) {
        let before = self.gate.refusals(rule);
        let text = self.order(code, Side::Buy, quantity, OrderKind::Market).unwrap_err();
        assert!(text.starts_with(rule.as_str()) && text.contains(want), "{text}");
        assert_eq!(self.gate.refusals(rule), before + 1);
    }

    fn held(&self) -> Decimal {
        self.gate.position(&market("KRW-BTC")).quantity
    }

    fn gap(&mut self, state: GapState, symbol: Symbol) {
        let channels = [Channel { symbol, kind: StreamKind::Trade }].into();
        let gap = Gap { state, channels, from: self.now, to: None, cause: GapCause::Silent, loss: None };
        self.event(&FeedEvent::Gap(gap));
    }
}

#[test]
fn a_position_may_not_be_worth_more_than_its_share() {
    let mut bench = RiskBench::new(RiskRules::default());
    bench.refused(
        "KRW-BTC",
        "101",
        RiskRule::PositionSize,
        "would be worth 10100 with this order, and 10000 is allowed",
    );
    bench.order("KRW-BTC", Side::Buy, "60", OrderKind::Market).unwrap();
    bench.refused("KRW-BTC", "41", RiskRule::PositionSize, "worth 10100");
    assert_eq!(bench.bar("KRW-BTC", 100.0), ["1 bought 60 at 100 proven"]);
    bench.refused("KRW-BTC", "41", RiskRule::PositionSize, "worth 10100");
    // A limit above the market counts at its limit.
    assert!(bench.order("KRW-BTC", Side::Buy, "40", limit("101")).is_err());
    bench.order("KRW-BTC", Side::Buy, "40", limit("99")).unwrap();
    bench.refused("KRW-BTC", "1", RiskRule::PositionSize, "worth 10100");
}

#[test]
fn only_so_many_markets_are_held_at_once() {
    let mut bench = RiskBench::new(RiskRules { max_silence: None, ..RiskRules::default() });
    for code in ["KRW-ETH", "KRW-XRP", "KRW-SOL"] {
        bench.bar(code, 100.0);
        bench.order(code, Side::Buy, "1", OrderKind::Market).unwrap();
    }
    bench.refused("KRW-BTC", "1", RiskRule::OpenPositions, "3 other markets");
    bench.order("KRW-SOL", Side::Buy, "1", OrderKind::Market).unwrap();
}

#[test]
fn only_so_many_entries_are_made_a_day() {
    let mut bench = RiskBench::new(RiskRules { max_entries_per_day: Some(2), ..RiskRules::default() });
    for _ in 0..2 {
        bench.order("KRW-BTC", Side::Buy, "1", OrderKind::Market).unwrap();
    }
    bench.refused("KRW-BTC", "1", RiskRule::EntriesPerDay, "2 entries were made today");
    bench.now = Timestamp::from_secs(86_400);
    bench.bar("KRW-BTC", 100.0);
    bench.order("KRW-BTC", Side::Buy, "1", OrderKind::Market).unwrap();
}

#[test]
fn a_row_of_losses_ends_the_day() {
    let rules = RiskRules { max_losses_in_a_row: Some(2), ..RiskRules::default() };
    let mut bench = RiskBench::new(rules);
    for (bought, sold) in [(100.0, 99.0), (99.0, 99.5), (100.0, 99.0), (99.0, 98.0)] {
        bench.order("KRW-BTC", Side::Buy, "1", OrderKind::Market).unwrap();
        bench.bar("KRW-BTC", bought);
        bench.order("KRW-BTC", Side::Sell, "1", OrderKind::Market).unwrap();
        bench.bar("KRW-BTC", sold);
    }
    bench.refused("KRW-BTC", "1", RiskRule::LossesInARow, "2 trades in a row were lost");
}

#[test]
fn a_loss_of_the_day_throws_the_kill_switch_which_is_final() {
    let rules = RiskRules { max_position: None, ..RiskRules::default() };
    let mut bench = RiskBench::new(rules);
    bench.order("KRW-BTC", Side::Buy, "500", OrderKind::Market).unwrap();
    bench.bar("KRW-BTC", 100.0);
    bench.order("KRW-BTC", Side::Buy, "1", limit("50")).unwrap();
    // Half of the account falls by 6 %.
    assert_eq!(bench.bar("KRW-BTC", 94.0), [""; 0]);
    assert_eq!(bench.gate.killed(), Some("the account fell from 100000 to 97000 within the day"));
    assert_eq!(bench.bar("KRW-BTC", 94.0), ["3 sold 500 at 94 proven"]);
    bench.refused("KRW-BTC", "1", RiskRule::KillSwitch, "until the operator resets the switch");
    assert_eq!(bench.bar("KRW-BTC", 40.0), [""; 0], "the limit order was cancelled");
    bench.now = Timestamp::from_secs(3 * 86_400);
    bench.bar("KRW-BTC", 100.0);
    bench.refused("KRW-BTC", "1", RiskRule::KillSwitch, "the account fell");
    bench.gate.reset(bench.now);
    bench.order("KRW-BTC", Side::Buy, "1", OrderKind::Market).unwrap();
}

#[test]
fn what_fills_after_the_kill_switch_is_sold_again() {
    let mut bench = RiskBench::new(RiskRules::unlimited());
    let latency = market_backbone_strategy::paper::LatencyModel::constant(Duration::from_secs(61));
    let broker =
        PaperBroker::new(market_backbone_strategy::paper::PaperConfig { latency, ..free() }).unwrap();
    bench.gate = RiskGate::new(broker, RiskRules::unlimited(), Grid::Utc).unwrap();
    bench.bar("KRW-BTC", 100.0);
    bench.order("KRW-BTC", Side::Buy, "1", OrderKind::Market).unwrap();
    bench.bar("KRW-BTC", 100.0);
    // The order arrives before the cancellation does.
    bench.gate.kill("the operator says so", bench.now);
    let mut all = Vec::new();
    for _ in 0..6 {
        all.extend(bench.bar("KRW-BTC", 100.0));
    }
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(bench.held(), Decimal::ZERO);
}

#[test]
fn a_silent_feed_allows_no_entry() {
    let mut bench = RiskBench::new(RiskRules::default());
    bench.refused("KRW-ETH", "1", RiskRule::SilentFeed, "nothing has arrived of KRW-ETH");
    bench.order("KRW-BTC", Side::Buy, "1", OrderKind::Market).unwrap();
    bench.bar("KRW-BTC", 100.0);
    bench.now = bench.now.plus(Duration::from_secs(30));
    bench.order("KRW-BTC", Side::Buy, "1", OrderKind::Market).unwrap();
    bench.now = bench.now.plus(Duration::from_secs(1));
    bench.refused("KRW-BTC", "1", RiskRule::SilentFeed, "31 s before this order; 30 s are allowed");
    // Closing is not forbidden.
    bench.order("KRW-BTC", Side::Sell, "1", OrderKind::Market).unwrap();
}

#[test]
fn an_open_gap_allows_no_decision_on_its_market() {
    let mut bench = RiskBench::new(RiskRules::unlimited());
    bench.order("KRW-BTC", Side::Buy, "1", OrderKind::Market).unwrap();
    bench.bar("KRW-BTC", 100.0);
    let exit = OrderRequest::new(market("KRW-BTC"), Side::Sell, d("1"), stop("90")).reduce_only();
    let exit = bench.send(exit).unwrap();
    for state in [GapState::Opened, GapState::Resumed, GapState::Healing] {
        bench.gap(state, market("KRW-BTC"));
        bench.refused("KRW-BTC", "1", RiskRule::OpenGap, "decide again when the gap has been healed");
        assert!(bench.order("KRW-BTC", Side::Sell, "1", OrderKind::Market).is_err());
        assert!(bench.gate.amend(exit, stop("91"), bench.now).is_err());
    }
    bench.order("KRW-ETH", Side::Buy, "1", OrderKind::Market).unwrap();
    bench.gap(GapState::Healed, market("KRW-BTC"));
    bench.gate.amend(exit, stop("91"), bench.now).unwrap();
    bench.order("KRW-BTC", Side::Buy, "1", OrderKind::Market).unwrap();
    bench.gap(GapState::Opened, Symbol::any(market("KRW-BTC").venue()));
    bench.refused("KRW-BTC", "1", RiskRule::OpenGap, "events of KRW-BTC are missing");
}

#[test]
fn a_position_is_closed_when_its_time_is_up() {
    let rules = RiskRules { time_stop: Some(Duration::from_secs(180)), ..RiskRules::default() };
    let mut bench = RiskBench::new(rules);
    bench.order("KRW-BTC", Side::Buy, "1", OrderKind::Market).unwrap();
    let exits: Vec<_> = (0..6).flat_map(|_| bench.bar("KRW-BTC", 100.0)).collect();
    assert_eq!(exits, ["1 bought 1 at 100 proven", "2 sold 1 at 100 proven"]);
    assert_eq!(bench.held(), Decimal::ZERO);
}

#[test]
fn rules_that_are_no_shares_are_refused() {
    let rules = RiskRules { max_daily_loss: Some(d("3")), ..RiskRules::default() };
    let error = RiskGate::new(PaperBroker::new(free()).unwrap(), rules, Grid::Utc).unwrap_err();
    assert!(error.to_string().starts_with("max_daily_loss is 3; give a fraction"), "{error}");
}
