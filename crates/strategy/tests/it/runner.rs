//! The order of what happens to one event, timers, gaps and the history.

use std::sync::Arc;

use market_backbone_core::{
    Candle, Channel, FeedEvent, Gap, GapCause, GapState, Grid, Series, Side, StreamKind, Symbol, Timeframe,
    Timestamp, Trade, TradeId, VenueId,
};
use market_backbone_strategy::Decimal;
use market_backbone_strategy::broker::{BrokerEvent, OrderError};
use market_backbone_strategy::order::{OrderFill, OrderId, OrderKind, OrderRequest};
use market_backbone_strategy::runner::Runner;
use market_backbone_strategy::strategy::{Context, Strategy};

use crate::next_open_broker::NextOpenBroker;

pub(crate) fn series() -> Series {
    Series::new(Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap(), Timeframe::M1)
}

pub(crate) fn candle(minute: i64, open: f64, close: f64) -> Candle {
    let (high, low) = (open.max(close), open.min(close));
    let open_time = Timestamp::from_secs(minute * 60);
    Candle { open_time, open, high, low, close, volume: 1.0, turnover: close, is_final: true }
}

pub(crate) fn bar(minute: i64, open: f64, close: f64) -> FeedEvent {
    let candle = candle(minute, open, close);
    FeedEvent::Bar { series: series(), candle, revision: 0, is_quiet: false, received: Timestamp::EPOCH }
}

fn gap(state: GapState, from_minute: i64) -> FeedEvent {
    let channels: Arc<[Channel]> =
        [Channel { symbol: series().symbol, kind: StreamKind::Bar(Timeframe::M1) }].into();
    let from = Timestamp::from_secs(from_minute * 60);
    FeedEvent::Gap(Gap { state, channels, from, to: None, cause: GapCause::Silent, loss: None })
}

/// Writes down what it is called with, and does what a list says at each bar.
#[derive(Debug, Default)]
struct Scribe {
    heard: Vec<String>,
    plan: Vec<(i64, Action)>,
    refusals: Vec<String>,
    warmed: usize,
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Buy,
    WakeAt(i64),
    WakeAtOnce,
    Cancel(u64),
}

fn minute(time: Timestamp) -> f64 {
    time.as_secs() as f64 / 60.0
}

impl Scribe {
    fn act(&mut self, minute: i64, context: &mut dyn Context) {
        let due: Vec<_> =
            self.plan.iter().filter(|(at, _)| *at == minute).map(|(_, action)| *action).collect();
        for action in due {
            match action {
                Action::Buy => {
                    let order =
                        OrderRequest::new(series().symbol, Side::Buy, Decimal::ONE, OrderKind::Market);
                    if let Err(OrderError::Refused(reason)) = context.submit(order) {
                        self.refusals.push(reason.to_string());
                    }
                }
                Action::WakeAt(minute) => context.wake_at(Timestamp::from_secs(minute * 60)),
                Action::WakeAtOnce => context.wake_at(context.now()),
                Action::Cancel(order) => context.cancel(OrderId(order)).unwrap(),
            }
        }
    }
}

impl Strategy for Scribe {
    fn on_warm_up(&mut self, _series: &Series, _candle: &Candle) {
        self.warmed += 1;
    }

    fn on_bar(&mut self, _series: &Series, candle: &Candle, context: &mut dyn Context) {
        let closes: Vec<f64> = context.history(&series(), 3).iter().map(|bar| bar.close).collect();
        self.heard.push(format!("bar at {} knows {closes:?}", minute(context.now())));
        self.act(candle.open_time.as_secs() / 60, context);
    }

    fn on_revision(&mut self, _series: &Series, candle: &Candle, context: &mut dyn Context) {
        let closes: Vec<f64> = context.history(&series(), 3).iter().map(|bar| bar.close).collect();
        self.heard.push(format!("revision to {} knows {closes:?}", candle.close));
    }

    fn on_fill(&mut self, fill: &OrderFill, context: &mut dyn Context) {
        self.heard.push(format!("fill at {} said at {}", fill.price, minute(context.now())));
    }

    fn on_order(&mut self, news: &BrokerEvent, _context: &mut dyn Context) {
        if let BrokerEvent::Status { order, status, .. } = news {
            self.heard.push(format!("order {order} {status:?}"));
        }
    }

    fn on_trade(&mut self, trade: &Trade, context: &mut dyn Context) {
        self.heard.push(format!("trade at {}", minute(context.now())));
        self.act(trade.time.as_secs() / 60, context);
    }

    fn on_gap(&mut self, gap: &Gap, _context: &mut dyn Context) {
        self.heard.push(format!("gap {}", gap.state.as_str()));
    }

    fn on_timer(&mut self, context: &mut dyn Context) {
        self.heard.push(format!("timer at {}", minute(context.now())));
    }

    fn on_event(&mut self, event: &FeedEvent, _context: &mut dyn Context) {
        self.heard.push(format!("event {:?}", event.kind().unwrap()));
    }
}

#[track_caller]
fn check(plan: &[(i64, Action)], events: &[FeedEvent], heard: &[&str]) -> Scribe {
    let strategy = Scribe { plan: plan.to_vec(), ..Scribe::default() };
    let mut runner = Runner::new(strategy, NextOpenBroker::new(1_000, Decimal::ZERO), Grid::Utc);
    for event in events {
        runner.on_event(event);
    }
    let (strategy, ..) = runner.into_parts();
    assert_eq!(strategy.heard, heard);
    strategy
}

#[test]
fn a_decision_at_a_close_is_filled_by_the_next_bar_and_told_before_it() {
    check(
        &[(0, Action::Buy)],
        &[bar(0, 10.0, 11.0), bar(1, 12.0, 13.0)],
        &["bar at 1 knows [11.0]", "fill at 12 said at 2", "bar at 2 knows [11.0, 13.0]"],
    );
}

#[test]
fn a_revision_changes_the_history_and_is_no_new_bar() {
    let revised = FeedEvent::Bar {
        series: series(),
        candle: candle(0, 10.0, 10.5),
        revision: 1,
        is_quiet: false,
        received: Timestamp::EPOCH,
    };
    let quiet = FeedEvent::Bar {
        series: series(),
        candle: candle(2, 12.0, 12.0),
        revision: 0,
        is_quiet: true,
        received: Timestamp::EPOCH,
    };
    check(
        &[],
        &[bar(0, 10.0, 11.0), bar(1, 12.0, 12.0), revised, quiet, bar(3, 9.0, 9.0)],
        &[
            "bar at 1 knows [11.0]",
            "bar at 2 knows [11.0, 12.0]",
            "revision to 10.5 knows [10.5, 12.0]",
            "event Bar(M1)",
            "bar at 4 knows [10.5, 12.0, 9.0]",
        ],
    );
}

#[test]
fn a_timer_rings_before_data_that_begin_after_it_and_after_the_fills_of_data_that_span_it() {
    let trade = |minute: i64| {
        let time = Timestamp::from_secs(minute * 60);
        let id = TradeId::Number(minute);
        FeedEvent::Trade(Trade {
            symbol: series().symbol,
            id,
            price: 5.0,
            size: 1.0,
            side: None,
            time,
            received: time,
        })
    };
    // The timer at 4 lies between two trades: it has its own time, and its order could be filled by the later one.
    check(
        &[(0, Action::WakeAt(4)), (0, Action::WakeAt(4))],
        &[bar(0, 1.0, 1.0), trade(3), trade(7)],
        &["bar at 1 knows [1.0]", "trade at 3", "timer at 4", "trade at 7"],
    );
    // The bar from 1 to 2 is known at 2 only: its open must not fill what a timer inside it orders.
    let mut slow = series();
    slow.timeframe = Timeframe::M5;
    let five = FeedEvent::Bar {
        series: slow,
        candle: candle(5, 1.0, 1.0),
        revision: 0,
        is_quiet: false,
        received: Timestamp::EPOCH,
    };
    check(
        &[(0, Action::WakeAt(5)), (0, Action::WakeAt(6)), (0, Action::Buy)],
        &[bar(0, 1.0, 1.0), five],
        &[
            "bar at 1 knows [1.0]",
            "timer at 5",
            "fill at 1 said at 10",
            "timer at 10",
            "bar at 10 knows [1.0]",
        ],
    );
    check(
        &[(0, Action::WakeAtOnce)],
        &[bar(0, 1.0, 1.0), bar(1, 1.0, 1.0), bar(2, 1.0, 1.0)],
        &[
            "bar at 1 knows [1.0]",
            "timer at 2",
            "bar at 2 knows [1.0, 1.0]",
            "bar at 3 knows [1.0, 1.0, 1.0]",
        ],
    );
}

#[test]
fn no_order_leaves_while_a_gap_is_open() {
    let events = [
        bar(0, 1.0, 1.0),
        gap(GapState::Opened, 1),
        bar(1, 1.0, 1.0),
        gap(GapState::Healed, 1),
        bar(2, 1.0, 1.0),
        bar(3, 1.0, 1.0),
    ];
    let scribe = check(
        &[(1, Action::Buy), (2, Action::Buy)],
        &events,
        &[
            "bar at 1 knows [1.0]",
            "gap opened",
            "bar at 2 knows [1.0, 1.0]",
            "gap healed",
            "bar at 3 knows [1.0, 1.0, 1.0]",
            "fill at 1 said at 4",
            "bar at 4 knows [1.0, 1.0, 1.0]",
        ],
    );
    assert_eq!(scribe.refusals.len(), 1);
    assert!(scribe.refusals[0].contains("KRW-BTC bar.1m is interrupted"), "{:?}", scribe.refusals);
}

#[test]
fn what_was_lost_is_not_computed_across() {
    check(
        &[],
        &[bar(0, 1.0, 1.0), gap(GapState::Opened, 1), gap(GapState::Lost, 1), bar(5, 2.0, 2.0)],
        &["bar at 1 knows [1.0]", "gap opened", "gap lost", "bar at 6 knows [2.0]"],
    );
}

#[test]
fn a_cancelled_order_is_told_of_and_not_filled() {
    check(
        &[(0, Action::Buy), (0, Action::Cancel(1))],
        &[bar(0, 1.0, 1.0), bar(1, 1.0, 1.0)],
        &["bar at 1 knows [1.0]", "order 1 Cancelled", "bar at 2 knows [1.0, 1.0]"],
    );
}

#[test]
fn bars_of_the_past_warm_the_strategy_and_its_history_up() {
    let strategy = Scribe::default();
    let mut runner =
        Runner::new(strategy, NextOpenBroker::new(1_000, Decimal::ZERO), Grid::Utc).with_history(2);
    runner.warm_up(&series(), (0..5).map(|minute| candle(minute, 1.0, minute as f64)));
    runner.on_event(&bar(5, 1.0, 9.0));
    let (strategy, ..) = runner.into_parts();
    assert_eq!((strategy.warmed, &strategy.heard[..]), (5, &["bar at 6 knows [4.0, 9.0]".to_owned()][..]));
}
