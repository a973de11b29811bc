//! Fills from trades and from books, and what a gap in them means.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    Channel, FeedEvent, Gap, GapCause, GapState, Level, OrderBook, Side, StreamKind, Timestamp, Trade,
    TradeId,
};
use market_backbone_strategy::order::{OrderKind, OrderStatus};
use market_backbone_strategy::paper::{LatencyModel, LimitReach, PaperConfig};

use crate::paper_bench::{PaperBench, d, fills, free, limit, stop};

const NOTHING: [&str; 0] = [];

impl PaperBench {
    fn trade(&mut self, price: f64, size: f64, side: Option<Side>) -> Vec<String> {
        self.now = self.now.plus(Duration::from_secs(1));
        let (symbol, time) = (self.symbol.clone(), self.now);
        let trade = Trade { symbol, id: TradeId::Number(1), price, size, side, time, received: time };
        fills(&self.event(&FeedEvent::Trade(trade)))
    }

    fn book(&mut self, bids: &[(f64, f64)], asks: &[(f64, f64)]) -> Vec<String> {
        self.now = self.now.plus(Duration::from_secs(1));
        let levels = |side: &[(f64, f64)]| side.iter().map(|&(price, size)| Level { price, size }).collect();
        let book = OrderBook {
            symbol: self.symbol.clone(),
            asks: levels(asks),
            bids: levels(bids),
            total_ask_size: None,
            total_bid_size: None,
            time: self.now,
            received: self.now,
        };
        fills(&self.event(&FeedEvent::Book(Arc::new(book))))
    }

    fn gap(&mut self, state: GapState) {
        let channels = [Channel { symbol: self.symbol.clone(), kind: StreamKind::Trade }].into();
        let cause = GapCause::Disconnected;
        let gap = Gap { state, channels, from: self.now, to: None, cause, loss: None };
        assert_eq!(self.event(&FeedEvent::Gap(gap)), []);
    }
}

#[test]
fn a_market_order_takes_the_next_trades_as_far_as_their_size_goes() {
    let mut bench = PaperBench::new(free());
    bench.trade(100.0, 5.0, None);
    bench.order(Side::Buy, OrderKind::Market);
    assert_eq!(bench.trade(101.0, 0.4, Some(Side::Buy)), ["1 bought 0.4 at 101 proven"]);
    assert_eq!(bench.trade(102.0, 5.0, Some(Side::Sell)), ["1 bought 0.6 at 102 assumed"]);
    assert_eq!(bench.trade(103.0, 5.0, None), NOTHING);
}

#[test]
fn two_orders_share_the_size_of_one_trade() {
    let mut bench = PaperBench::new(free());
    bench.order(Side::Buy, OrderKind::Market);
    bench.order(Side::Buy, OrderKind::Market);
    assert_eq!(bench.trade(101.0, 1.5, None), ["1 bought 1 at 101 assumed", "2 bought 0.5 at 101 assumed"]);
}

#[test]
fn a_limit_fills_when_the_tape_trades_through_it() {
    let mut bench = PaperBench::new(free());
    bench.order(Side::Buy, limit("99"));
    assert_eq!(bench.trade(100.0, 1.0, None), NOTHING);
    assert_eq!(bench.trade(99.0, 10.0, None), NOTHING);
    assert_eq!(bench.trade(98.9, 0.3, None), ["1 bought 0.3 at 99 proven"]);
    assert_eq!(bench.trade(98.0, 9.0, None), ["1 bought 0.7 at 99 proven"]);
}

#[test]
fn a_limit_in_a_queue_fills_after_what_stood_ahead_of_it() {
    let mut bench = PaperBench::new(PaperConfig { limit_reach: LimitReach::Queue, ..free() });
    bench.order(Side::Buy, limit("99"));
    assert_eq!(bench.book(&[(99.0, 2.0)], &[(100.0, 1.0)]), NOTHING);
    assert_eq!(bench.trade(99.0, 1.5, Some(Side::Sell)), NOTHING);
    assert_eq!(bench.trade(99.0, 9.0, Some(Side::Buy)), NOTHING);
    assert_eq!(bench.trade(99.0, 0.7, Some(Side::Sell)), ["1 bought 0.2 at 99 assumed"]);
    assert_eq!(bench.trade(99.0, 9.0, Some(Side::Sell)), ["1 bought 0.8 at 99 assumed"]);
}

#[test]
fn a_stop_is_triggered_by_one_trade_and_takes_the_next() {
    let mut bench = PaperBench::long(free());
    bench.order(Side::Sell, stop("95"));
    assert_eq!(bench.trade(94.0, 9.0, None), NOTHING);
    assert_eq!(bench.broker.open_orders(&bench.symbol).next().unwrap().status, OrderStatus::Triggered);
    assert_eq!(bench.trade(93.0, 9.0, Some(Side::Sell)), ["2 sold 1 at 93 proven"]);
}

#[test]
fn no_order_fills_on_a_trade_that_is_older_than_its_arrival() {
    let mut bench =
        PaperBench::new(PaperConfig { latency: LatencyModel::constant(Duration::from_secs(2)), ..free() });
    bench.order(Side::Buy, OrderKind::Market);
    assert_eq!(bench.trade(100.0, 9.0, None), NOTHING);
    assert_eq!(bench.trade(101.0, 9.0, Some(Side::Buy)), ["1 bought 1 at 101 proven"]);
    bench.order(Side::Buy, limit("99"));
    bench.trade(102.0, 1.0, None);
    bench.trade(102.0, 1.0, None);
    // A late trade, from before the order.
    bench.now = Timestamp::EPOCH;
    assert_eq!(bench.trade(98.0, 9.0, None), NOTHING);
}

#[test]
fn a_market_order_walks_the_book_and_leaves_the_rest() {
    let mut bench = PaperBench::new(free());
    let mut request = bench.request(Side::Buy, OrderKind::Market);
    request.quantity = d("3");
    bench.send(request);
    let (bids, asks) = ([(99.0, 1.0)], [(100.0, 1.0), (101.0, 1.5)]);
    assert_eq!(bench.book(&bids, &asks), ["1 bought 1 at 100 proven", "1 bought 1.5 at 101 proven"]);
    // The same levels again are those that it has taken.
    assert_eq!(bench.book(&bids, &asks), NOTHING);
    assert_eq!(
        bench.book(&bids, &[(101.0, 1.7), (102.0, 1.0)]),
        ["1 bought 0.2 at 101 proven", "1 bought 0.3 at 102 proven"]
    );
}

#[test]
fn a_limit_takes_what_the_book_offers_at_once_and_then_waits_at_its_price() {
    let mut bench = PaperBench::new(free());
    bench.order(Side::Buy, limit("100.5"));
    assert_eq!(bench.book(&[(99.0, 1.0)], &[(100.0, 0.4), (101.0, 9.0)]), ["1 bought 0.4 at 100 proven"]);
    assert_eq!(bench.book(&[(98.0, 1.0)], &[(100.2, 9.0)]), ["1 bought 0.6 at 100.5 proven"]);
}

#[test]
fn books_fill_before_trades_and_trades_before_bars() {
    let mut bench = PaperBench::new(free());
    bench.book(&[(99.0, 1.0)], &[(100.0, 1.0)]);
    bench.order(Side::Buy, OrderKind::Market);
    assert_eq!(bench.trade(100.0, 9.0, Some(Side::Buy)), NOTHING);
    assert_eq!(bench.bar(100.0, 100.0, 100.0, 100.0), NOTHING);
    assert_eq!(bench.book(&[(99.0, 1.0)], &[(100.0, 1.0)]), ["1 bought 1 at 100 proven"]);
    let mut bench = PaperBench::new(free());
    bench.trade(100.0, 1.0, None);
    bench.order(Side::Buy, OrderKind::Market);
    assert_eq!(bench.bar(100.0, 100.0, 100.0, 100.0), NOTHING);
    assert_eq!(bench.trade(101.0, 9.0, Some(Side::Buy)), ["1 bought 1 at 101 proven"]);
}

#[test]
fn a_stop_without_trades_is_triggered_by_the_book_and_walks_it() {
    let mut bench = PaperBench::long(free());
    bench.order(Side::Sell, stop("95"));
    assert_eq!(bench.book(&[(96.0, 1.0)], &[(97.0, 1.0)]), NOTHING);
    assert_eq!(
        bench.book(&[(94.0, 0.5), (93.0, 9.0)], &[(97.0, 1.0)]),
        ["2 sold 0.5 at 94 proven", "2 sold 0.5 at 93 proven"]
    );
}

#[test]
fn a_gap_fills_nothing_and_what_was_healed_decides() {
    let mut bench = PaperBench::new(free());
    bench.trade(100.0, 1.0, None);
    bench.order(Side::Buy, limit("99"));
    for state in [GapState::Opened, GapState::Resumed, GapState::Healing] {
        bench.gap(state);
    }
    assert_eq!(bench.trade(98.0, 9.0, None), ["1 bought 1 at 99 proven"]);
    bench.gap(GapState::Healed);
}

#[test]
fn an_order_that_was_open_over_a_lost_span_is_in_doubt() {
    let mut bench = PaperBench::new(free());
    bench.trade(100.0, 1.0, None);
    bench.order(Side::Buy, limit("99"));
    bench.gap(GapState::Opened);
    bench.gap(GapState::Lost);
    assert_eq!(bench.trade(98.0, 9.0, None), ["1 bought 1 at 99 ambiguous"]);
    bench.order(Side::Sell, OrderKind::Market);
    assert_eq!(bench.trade(98.0, 9.0, Some(Side::Sell)), ["2 sold 1 at 98 proven"]);
}
