//! The cost of a run grows with its events and its orders, and with nothing else.

use std::time::Duration;

use market_backbone_core::Side;
use market_backbone_strategy::broker::Broker;
use market_backbone_strategy::order::{OcaGroup, OrderKind};

use crate::paper_bench::{PaperBench, free, limit, stop};

/// Trades `rounds` times in and out, with a bracket each, and returns how often an order was looked at.
fn looks(rounds: u32) -> u64 {
    let mut bench = PaperBench::new(free());
    let mut news = Vec::new();
    for round in 0..rounds {
        let group = OcaGroup(u64::from(round));
        let entry = bench.order(Side::Buy, OrderKind::Market);
        for kind in [stop("90"), limit("110")] {
            bench.send(bench.request(Side::Sell, kind).after(entry).oca(group).reduce_only());
        }
        assert_eq!(bench.bar(100.0, 101.0, 99.0, 100.0).len(), 1);
        assert_eq!(bench.bar(100.0, 111.0, 99.0, 100.0).len(), 1);
        bench.broker.take_news(&mut news);
        assert_eq!(bench.broker.open_orders(&bench.symbol).count(), 0);
    }
    bench.broker.looks()
}

#[test]
fn a_round_costs_the_same_after_many() {
    let (few, many) = (looks(100), looks(10_000));
    assert_eq!(many, 100 * few);
}

#[test]
fn a_bar_without_orders_looks_at_none_and_allocates_nothing() {
    let mut bench = PaperBench::long(free());
    bench.bar(100.0, 101.0, 99.0, 100.0);
    let before = bench.broker.looks();
    let events: Vec<_> = (0..1_000)
        .map(|_| {
            let candle = crate::paper_bench::candle(bench.now, [100.0, 101.0, 99.0, 100.0]);
            bench.now = bench.now.plus(Duration::from_secs(60));
            crate::paper_bench::bar_event(&bench.symbol, market_backbone_core::Timeframe::M1, candle)
        })
        .collect();
    let mut news = Vec::new();
    let measured = allocation_counter::measure(|| {
        for event in &events {
            bench.broker.on_event(event, &mut news);
        }
    });
    assert_eq!((bench.broker.looks() - before, measured.count_total, news.len()), (0, 0, 0));
}
