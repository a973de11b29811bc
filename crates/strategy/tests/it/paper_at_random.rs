//! What must hold of a paper broker whatever comes: 100,000 steps of random bars, trades, books and orders.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{FeedEvent, Level, OrderBook, Side, Timeframe, Trade, TradeId};
use market_backbone_strategy::Decimal;
use market_backbone_strategy::broker::{Broker, BrokerEvent};
use market_backbone_strategy::decimals::nearest;
use market_backbone_strategy::order::{OcaGroup, OrderId, OrderKind, OrderRequest, TrailingDistance};
use market_backbone_strategy::paper::{
    FeeRates, IntrabarPath, LatencyModel, LimitReach, OpenOrder, PaperConfig, ShortOfCash, VenueRules,
};

use crate::dice::Dice;
use crate::paper_bench::{PaperBench, bar_event, candle, d};

/// The kind of events of one run.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Tape {
    Bars,
    Trades,
    Books,
}

/// The best and worst prices that an event shows.
struct Shown {
    low: Decimal,
    high: Decimal,
}

struct RandomRun {
    bench: PaperBench,
    dice: Dice,
    tape: Tape,
    /// The price in cents.
    price: i64,
    groups: u64,
    /// The terms and triggers of trailing orders, which never move back.
    triggers: BTreeMap<OrderId, (OrderKind, Decimal)>,
    /// The member of each group that was filled.
    filled_of_group: BTreeMap<u64, OrderId>,
    group_of: BTreeMap<OrderId, u64>,
    initial: Decimal,
    /// The cash as the fills explain it.
    cash: Decimal,
    held: Decimal,
}

impl RandomRun {
    fn new(seed: u64, tape: Tape) -> Self {
        let mut dice = Dice::new(seed);
        let initial = Decimal::from(50_000);
        let rate = d("0.0005");
        let config = PaperConfig {
            path: dice.pick(&[
                IntrabarPath::NearestExtremeFirst,
                IntrabarPath::Pessimistic,
                IntrabarPath::Optimistic,
            ]),
            limit_reach: dice.pick(&[LimitReach::Through, LimitReach::Touch, LimitReach::Queue]),
            short_of_cash: dice.pick(&[ShortOfCash::Reject, ShortOfCash::Shrink]),
            allow_short: dice.one_in(4),
            latency: if dice.one_in(3) {
                LatencyModel::constant(Duration::from_millis(dice.below(90_000)))
            } else {
                LatencyModel::default()
            },
            rules: VenueRules::none().step(d("0.01")).lot(d("0.01")).min_notional(d("5")),
            ..PaperConfig::new(initial, dice.pick(&[FeeRates::quote(rate), FeeRates::received(rate)]))
        };
        Self {
            bench: PaperBench::new(config),
            dice,
            tape,
            price: 10_000,
            groups: 0,
            triggers: BTreeMap::new(),
            filled_of_group: BTreeMap::new(),
            group_of: BTreeMap::new(),
            initial,
            cash: initial,
            held: Decimal::ZERO,
        }
    }

    fn move_price(&mut self, width: i64) -> f64 {
        self.price = (self.price + self.dice.around_zero(width)).clamp(2_000, 50_000);
        self.price as f64 / 100.0
    }

    fn random_kind(&mut self) -> OrderKind {
        let mut near = || Decimal::new((self.price + self.dice.around_zero(400)).max(1_000), 2);
        let (price, trigger) = (near(), near());
        match self.dice.below(6) {
            0 => OrderKind::Market,
            1 => OrderKind::Limit { price },
            2 => OrderKind::Stop { trigger },
            3 => OrderKind::StopLimit { trigger, price },
            4 => OrderKind::Trailing { distance: TrailingDistance::Absolute(self.dice.cents(1, 300)) },
            _ => OrderKind::Trailing { distance: TrailingDistance::Fraction(self.dice.cents(1, 5)) },
        }
    }

    fn random_request(&mut self, side: Side) -> OrderRequest {
        let kind = self.random_kind();
        let quantity = self.dice.cents(1, 20_000);
        OrderRequest::new(self.bench.symbol.clone(), side, quantity, kind)
    }

    fn submit(&mut self, request: OrderRequest) -> Option<OrderId> {
        let group = request.oca.map(|group| group.0);
        let order = self.bench.broker.submit(request, self.bench.now).ok()?;
        if let Some(group) = group {
            self.group_of.insert(order, group);
        }
        Some(order)
    }

    fn act(&mut self) {
        let open: Vec<OpenOrder> = self.bench.broker.open_orders(&self.bench.symbol).collect();
        match self.dice.below(12) {
            0 | 1 if open.len() < 30 => {
                let side = self.dice.pick(&[Side::Buy, Side::Sell]);
                let request = self.random_request(side);
                self.submit(request);
            }
            2 if open.len() < 30 => {
                let entry = self.random_request(Side::Buy);
                let entry = self.submit(entry);
                self.groups += 1;
                for _ in 0..2 {
                    let mut exit = self.random_request(Side::Sell).oca(OcaGroup(self.groups)).reduce_only();
                    exit.after = entry;
                    self.submit(exit);
                }
            }
            3 if !open.is_empty() => {
                let order = open[self.dice.below(open.len() as u64) as usize].order;
                let _ = self.bench.broker.cancel(order, self.bench.now);
            }
            4 if !open.is_empty() => {
                let order = open[self.dice.below(open.len() as u64) as usize].order;
                let kind = self.random_kind();
                let _ = self.bench.broker.amend(order, kind, self.bench.now);
            }
            _ => {}
        }
    }

    fn event(&mut self) -> (FeedEvent, Shown) {
        let span = Duration::from_secs(if self.tape == Tape::Bars { 60 } else { 7 });
        let opened = self.bench.now;
        self.bench.now = opened.plus(span);
        let (symbol, time) = (self.bench.symbol.clone(), self.bench.now);
        let shown = |low: f64, high: f64| Shown { low: cents(low), high: cents(high) };
        match self.tape {
            Tape::Bars => {
                let gap = if self.dice.one_in(20) { 500 } else { 5 };
                let [open, a, b, close] =
                    [self.move_price(gap), self.move_price(150), self.move_price(150), self.move_price(90)];
                let (low, high) = (open.min(a).min(b).min(close), open.max(a).max(b).max(close));
                (
                    bar_event(&symbol, Timeframe::M1, candle(opened, [open, high, low, close])),
                    shown(low, high),
                )
            }
            Tape::Trades => {
                let price = self.move_price(60);
                let side = self.dice.pick(&[None, Some(Side::Buy), Some(Side::Sell)]);
                let size = nearest(self.dice.cents(1, 10_000));
                let trade = Trade { symbol, id: TradeId::Number(0), price, size, side, time, received: time };
                (FeedEvent::Trade(trade), shown(price, price))
            }
            Tape::Books => {
                let middle = self.move_price(60);
                let mut side = |sign: f64| -> Vec<Level> {
                    let size = |dice: &mut Dice| nearest(dice.cents(1, 3_000));
                    (1..6)
                        .map(|at| Level {
                            price: nearest(cents(middle + sign * f64::from(at) / 100.0)),
                            size: size(&mut self.dice),
                        })
                        .collect()
                };
                let (asks, bids) = (side(1.0), side(-1.0));
                let (low, high) = (asks[0].price, bids[0].price);
                let (total_ask_size, total_bid_size) = (None, None);
                let book =
                    OrderBook { symbol, asks, bids, total_ask_size, total_bid_size, time, received: time };
                (FeedEvent::Book(Arc::new(book)), shown(low, high))
            }
        }
    }

    fn check_fills(&mut self, news: &[BrokerEvent], before: &BTreeMap<OrderId, OpenOrder>, shown: &Shown) {
        for fill in
            news.iter().filter_map(|news| if let BrokerEvent::Fill(fill) = news { Some(fill) } else { None })
        {
            // No buyer pays less than the event shows, no seller gets more.
            match fill.side {
                Side::Buy => assert!(fill.price >= shown.low, "{fill:?}"),
                Side::Sell => assert!(fill.price <= shown.high, "{fill:?}"),
            }
            if let Some(OpenOrder { kind: OrderKind::Limit { price }, .. }) = before.get(&fill.order) {
                // An amendment may arrive with the event; then the old limit says nothing.
                let kept = self.bench.broker.config().latency == LatencyModel::default();
                assert!(
                    !kept || if fill.side == Side::Buy { fill.price <= *price } else { fill.price >= *price },
                    "{fill:?}"
                );
            }
            if let Some(group) = self.group_of.get(&fill.order) {
                let first = *self.filled_of_group.entry(*group).or_insert(fill.order);
                assert_eq!(first, fill.order, "two exits of group {group}");
            }
            let signed = if fill.side == Side::Buy { fill.quantity } else { -fill.quantity };
            self.cash -= signed * fill.price + if fill.fee_in_base { Decimal::ZERO } else { fill.fee };
            self.held += signed - if fill.fee_in_base { fill.fee } else { Decimal::ZERO };
        }
    }

    /// A bar that passes an order that was waiting at the venue fills it, or it ends.
    fn check_crossed(&self, before: &BTreeMap<OrderId, OpenOrder>, shown: &Shown) {
        use market_backbone_strategy::order::OrderStatus;
        if self.tape != Tape::Bars || self.bench.broker.config().latency != LatencyModel::default() {
            return;
        }
        for after in self.bench.broker.open_orders(&self.bench.symbol) {
            let Some(before) = before.get(&after.order) else { continue };
            if before.status != OrderStatus::Open || after.status != OrderStatus::Open {
                continue;
            }
            let is_crossed = match (before.kind, before.side) {
                (OrderKind::Market, _) => true,
                (OrderKind::Limit { price }, Side::Buy) => shown.low < price,
                (OrderKind::Limit { price }, Side::Sell) => shown.high > price,
                (OrderKind::Stop { trigger } | OrderKind::StopLimit { trigger, .. }, Side::Sell) => {
                    shown.low <= trigger
                }
                (OrderKind::Stop { trigger } | OrderKind::StopLimit { trigger, .. }, Side::Buy) => {
                    shown.high >= trigger
                }
                _ => before.trigger.is_some_and(|trigger| {
                    if before.side == Side::Sell { shown.low < trigger } else { shown.high > trigger }
                }),
            };
            assert!(!is_crossed, "{before:?} was crossed and is still open as {after:?}");
        }
    }

    fn check_triggers(&mut self) {
        for open in self.bench.broker.open_orders(&self.bench.symbol) {
            let (OrderKind::Trailing { .. }, Some(trigger)) = (open.kind, open.trigger) else { continue };
            // Other terms have a trigger of their own.
            let last = self.triggers.get(&open.order).filter(|(kind, _)| *kind == open.kind);
            let moves_back =
                |last: Decimal| if open.side == Side::Sell { trigger < last } else { trigger > last };
            assert!(!last.is_some_and(|(_, last)| moves_back(*last)), "{open:?} was at {last:?}");
            self.triggers.insert(open.order, (open.kind, trigger));
        }
    }

    fn step(&mut self) {
        self.act();
        let before =
            self.bench.broker.open_orders(&self.bench.symbol).map(|open| (open.order, open)).collect();
        let (event, shown) = self.event();
        let news = self.bench.event(&event);
        self.check_fills(&news, &before, &shown);
        self.check_crossed(&before, &shown);
        self.check_triggers();
        let broker = &self.bench.broker;
        assert_eq!((broker.cash(), self.bench.held()), (self.cash, self.held), "money that no fill explains");
        if !broker.config().allow_short {
            assert!(self.cash >= Decimal::ZERO && self.held >= Decimal::ZERO, "{} {}", self.cash, self.held);
        }
        let position = broker.position(&self.bench.symbol);
        let cost = position.entry_price * position.quantity;
        let explained = self.initial + position.realized - cost - broker.fees();
        assert!((explained - self.cash).abs() < d("0.0001"), "{explained} {}", self.cash);
    }
}

fn cents(price: f64) -> Decimal {
    Decimal::new((price * 100.0).round() as i64, 2)
}

#[expect(clippy::print_stdout, reason = "the seed of a failure, which the harness shows with it")]
fn run(tape: Tape, seeds: std::ops::Range<u64>, steps: u32) {
    for seed in seeds {
        let mut run = RandomRun::new(seed, tape);
        println!("{tape:?}, seed {seed}");
        for _ in 0..steps {
            run.step();
        }
        assert!(run.bench.broker.fees() > Decimal::ZERO, "nothing was traded");
    }
}

#[test]
fn bars_of_any_shape_break_no_rule() {
    run(Tape::Bars, 0..50, 1_000);
}

#[test]
fn trades_of_any_order_break_no_rule() {
    run(Tape::Trades, 100..125, 1_000);
}

#[test]
fn books_of_any_depth_break_no_rule() {
    run(Tape::Books, 200..225, 1_000);
}
