//! Fills from bars, each rule by a bar worked out by hand.

use std::time::Duration;

use market_backbone_core::{FeedEvent, Side, Timeframe};
use market_backbone_strategy::broker::Broker;
use market_backbone_strategy::order::{OrderKind, OrderStatus};
use market_backbone_strategy::paper::{
    IntrabarPath, LimitAtOpen, LimitReach, PaperConfig, Slippage, VenueRules,
};

use crate::paper_bench::{
    PaperBench, bar_event, candle, d, ended, fills, free, limit, stop, stop_limit, trailing,
};

const NOTHING: [&str; 0] = [];

fn with_path(path: IntrabarPath) -> PaperConfig {
    PaperConfig { path, ..free() }
}

#[test]
fn a_market_order_fills_at_the_next_open() {
    let mut bench = PaperBench::new(free());
    bench.bar(90.0, 91.0, 89.0, 90.0);
    bench.order(Side::Buy, OrderKind::Market);
    let news = bench.bar_news(100.0, 110.0, 90.0, 105.0);
    assert_eq!(fills(&news), ["1 bought 1 at 100 proven"]);
    assert_eq!((bench.held(), bench.broker.equity_f64()), (d("1"), 100_005.0));
}

#[test]
fn a_stop_fills_at_its_level_and_a_gap_through_it_at_the_open() {
    let mut bench = PaperBench::long(free());
    bench.order(Side::Sell, stop("95"));
    assert_eq!(bench.bar(100.0, 101.0, 96.0, 97.0), NOTHING);
    assert_eq!(bench.bar(97.0, 98.0, 94.0, 96.0), ["2 sold 1 at 95 assumed"]);
    let mut bench = PaperBench::long(free());
    bench.order(Side::Sell, stop("95"));
    assert_eq!(bench.bar(90.0, 99.0, 88.0, 98.0), ["2 sold 1 at 90 proven"]);
}

#[test]
fn a_stop_to_buy_mirrors_one_to_sell() {
    let mut bench = PaperBench::new(free());
    bench.order(Side::Buy, stop("105"));
    assert_eq!(bench.bar(100.0, 106.0, 99.0, 101.0), ["1 bought 1 at 105 assumed"]);
    let mut bench = PaperBench::new(free());
    bench.order(Side::Buy, stop("105"));
    assert_eq!(bench.bar(107.0, 108.0, 106.0, 107.0), ["1 bought 1 at 107 proven"]);
}

#[test]
fn a_target_fills_at_its_level_also_when_the_bar_opens_beyond_it() {
    let mut bench = PaperBench::long(free());
    bench.order(Side::Sell, limit("110"));
    assert_eq!(bench.bar(100.0, 111.0, 99.0, 105.0), ["2 sold 1 at 110 assumed"]);
    let mut bench = PaperBench::long(free());
    bench.order(Side::Sell, limit("110"));
    assert_eq!(bench.bar(115.0, 116.0, 114.0, 115.0), ["2 sold 1 at 110 assumed"]);
    let mut bench = PaperBench::long(PaperConfig { limit_at_open: LimitAtOpen::Open, ..free() });
    bench.order(Side::Sell, limit("110"));
    assert_eq!(bench.bar(115.0, 116.0, 114.0, 115.0), ["2 sold 1 at 115 proven"]);
}

#[test]
fn a_touch_does_not_fill_a_limit_unless_asked() {
    for (reach, want) in
        [(LimitReach::Through, vec![]), (LimitReach::Touch, vec!["1 bought 1 at 95 assumed"])]
    {
        let mut bench = PaperBench::new(PaperConfig { limit_reach: reach, ..free() });
        bench.order(Side::Buy, limit("95"));
        assert_eq!(bench.bar(100.0, 101.0, 95.0, 99.0), want);
    }
}

#[test]
fn stop_and_target_in_one_bar_are_the_stop_and_ambiguous() {
    // The high is nearer, so that a path alone would have sold at the target.
    for path in [IntrabarPath::NearestExtremeFirst, IntrabarPath::Pessimistic] {
        let mut bench = PaperBench::long(with_path(path));
        bench.exits("95", "102");
        let news = bench.bar_news(100.0, 103.0, 94.0, 100.0);
        assert_eq!(fills(&news), ["2 sold 1 at 95 ambiguous"]);
        assert_eq!(
            ended(&news),
            [(3, OrderStatus::Cancelled, "order 2 of its group was filled first".to_owned())]
        );
        assert_eq!(bench.broker.ambiguous_bars(), 1);
    }
    let mut bench = PaperBench::long(with_path(IntrabarPath::Optimistic));
    bench.exits("95", "102");
    assert_eq!(bench.bar(100.0, 103.0, 94.0, 100.0), ["3 sold 1 at 102 ambiguous"]);
}

#[test]
fn an_open_beyond_one_of_them_decides_without_doubt() {
    let mut bench = PaperBench::long(free());
    bench.exits("95", "105");
    assert_eq!(bench.bar(106.0, 107.0, 90.0, 91.0), ["3 sold 1 at 105 assumed"]);
    let mut bench = PaperBench::long(free());
    bench.exits("95", "105");
    assert_eq!(bench.bar(94.0, 107.0, 90.0, 91.0), ["2 sold 1 at 94 proven"]);
    assert_eq!(bench.broker.ambiguous_bars(), 0);
}

#[test]
fn an_entry_is_closed_in_its_bar_only_by_what_must_come_after() {
    let bracket = |stop_at: &str, target_at: &str, path| {
        let mut bench = PaperBench::new(with_path(path));
        let entry = bench.order(Side::Buy, limit("95"));
        for kind in [stop(stop_at), limit(target_at)] {
            let group = market_backbone_strategy::order::OcaGroup(1);
            bench.send(bench.request(Side::Sell, kind).after(entry).oca(group).reduce_only());
        }
        bench
    };
    // The high may have been before the entry: the target waits, and what it does later is in doubt.
    let mut bench = bracket("80", "105", IntrabarPath::NearestExtremeFirst);
    assert_eq!(bench.bar(100.0, 106.0, 94.0, 97.0), ["1 bought 1 at 95 assumed"]);
    assert_eq!(bench.bar(97.0, 107.0, 96.0, 99.0), ["3 sold 1 at 105 ambiguous"]);
    let mut bench = bracket("80", "105", IntrabarPath::Optimistic);
    assert_eq!(
        bench.bar(100.0, 106.0, 94.0, 97.0),
        ["1 bought 1 at 95 assumed", "3 sold 1 at 105 ambiguous"]
    );
    // The way down to the low passes the entry first.
    let mut bench = bracket("90", "105", IntrabarPath::NearestExtremeFirst);
    assert_eq!(bench.bar(100.0, 101.0, 89.0, 97.0), ["1 bought 1 at 95 assumed", "2 sold 1 at 90 assumed"]);
    // The close lies beyond the target, and comes last.
    let mut bench = bracket("80", "98", IntrabarPath::NearestExtremeFirst);
    assert_eq!(bench.bar(100.0, 101.0, 94.0, 99.0), ["1 bought 1 at 95 assumed", "3 sold 1 at 98 assumed"]);
}

#[test]
fn a_stop_entry_is_not_stopped_by_a_low_that_may_be_older() {
    let mut bench = PaperBench::new(free());
    let entry = bench.order(Side::Buy, stop("105"));
    bench.send(bench.request(Side::Sell, stop("95")).after(entry).reduce_only());
    assert_eq!(bench.bar(100.0, 106.0, 94.0, 103.0), ["1 bought 1 at 105 assumed"]);
    let mut bench = PaperBench::new(with_path(IntrabarPath::Pessimistic));
    let entry = bench.order(Side::Buy, stop("105"));
    bench.send(bench.request(Side::Sell, stop("95")).after(entry).reduce_only());
    assert_eq!(
        bench.bar(100.0, 106.0, 94.0, 103.0),
        ["1 bought 1 at 105 assumed", "2 sold 1 at 95 ambiguous"]
    );
}

#[test]
fn exits_of_a_market_entry_meet_the_whole_bar() {
    let mut bench = PaperBench::new(free());
    let entry = bench.order(Side::Buy, OrderKind::Market);
    bench.send(bench.request(Side::Sell, stop("95")).after(entry).reduce_only());
    assert_eq!(bench.bar(100.0, 101.0, 94.0, 99.0), ["1 bought 1 at 100 proven", "2 sold 1 at 95 assumed"]);
}

#[test]
fn exits_end_with_an_entry_that_is_never_filled() {
    let mut bench = PaperBench::new(free());
    let entry = bench.order(Side::Buy, limit("95"));
    bench.send(bench.request(Side::Sell, stop("90")).after(entry).reduce_only());
    bench.bar(100.0, 101.0, 99.0, 100.0);
    bench.broker.cancel(entry, bench.now).unwrap();
    let gone = ended(&bench.bar_news(100.0, 101.0, 80.0, 100.0));
    assert_eq!(gone.iter().map(|(order, ..)| *order).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_trailing_stop_follows_the_high_and_never_falls() {
    let mut bench = PaperBench::long(free());
    bench.order(Side::Sell, trailing("5"));
    assert_eq!(bench.bar(100.0, 104.0, 99.5, 103.0), NOTHING); // 99
    assert_eq!(bench.bar(103.0, 103.5, 100.0, 101.0), NOTHING);
    assert_eq!(bench.broker.open_orders(&bench.symbol).next().unwrap().trigger, Some(d("99")));
    assert_eq!(bench.bar(101.0, 102.0, 98.0, 100.0), ["2 sold 1 at 99 assumed"]);
}

#[test]
fn the_path_decides_about_a_trailing_stop_in_the_bar_that_lifts_it() {
    // High first: lifted to 105, and the low of 104 sells. Low first: the close of 109 is above 105.
    let bar = |path, bar: [f64; 4]| {
        let mut bench = PaperBench::long(with_path(path));
        bench.order(Side::Sell, trailing("5"));
        bench.bar(bar[0], bar[1], bar[2], bar[3])
    };
    assert_eq!(bar(IntrabarPath::NearestExtremeFirst, [105.0, 110.0, 104.0, 109.0]), NOTHING);
    assert_eq!(
        bar(IntrabarPath::NearestExtremeFirst, [107.0, 110.0, 103.0, 109.0]),
        ["2 sold 1 at 105 ambiguous"]
    );
    assert_eq!(bar(IntrabarPath::Pessimistic, [105.0, 110.0, 104.0, 109.0]), ["2 sold 1 at 105 ambiguous"]);
    assert_eq!(bar(IntrabarPath::Optimistic, [107.0, 110.0, 103.0, 109.0]), NOTHING);
    assert_eq!(
        bar(IntrabarPath::NearestExtremeFirst, [107.0, 110.0, 103.0, 104.0]),
        ["2 sold 1 at 105 assumed"]
    );
}

#[test]
fn a_stop_limit_waits_at_its_limit_when_the_market_gaps_past_it() {
    let mut bench = PaperBench::long(free());
    bench.order(Side::Sell, stop_limit("95", "94"));
    assert_eq!(bench.bar(100.0, 101.0, 90.0, 92.0), ["2 sold 1 at 95 assumed"]);
    let mut bench = PaperBench::long(free());
    bench.order(Side::Sell, stop_limit("95", "94"));
    let news = bench.bar_news(92.0, 93.0, 91.0, 92.0);
    assert_eq!(fills(&news), NOTHING);
    assert_eq!(bench.broker.open_orders(&bench.symbol).next().unwrap().status, OrderStatus::Triggered);
    assert_eq!(bench.bar(92.0, 95.0, 91.0, 93.0), ["2 sold 1 at 94 assumed"]);
}

#[test]
fn slippage_is_paid_by_takers_and_makes_a_fill_assumed() {
    let rules = VenueRules::none().step(d("0.5"));
    let config = PaperConfig { slippage: Slippage::Ticks(2), rules, ..free() };
    let mut bench = PaperBench::new(config);
    bench.order(Side::Buy, OrderKind::Market);
    assert_eq!(bench.bar(100.0, 100.0, 100.0, 100.0), ["1 bought 1 at 101 assumed"]);
    bench.exits("95", "105");
    assert_eq!(bench.bar(100.0, 106.0, 99.0, 100.0), ["3 sold 1 at 105 assumed"]);
}

#[test]
fn quiet_and_revised_bars_and_longer_ones_fill_nothing() {
    let mut bench = PaperBench::new(free());
    bench.bar(100.0, 100.0, 100.0, 100.0);
    bench.order(Side::Buy, OrderKind::Market);
    let quiet = candle(bench.now, [100.0; 4]);
    for (revision, is_quiet) in [(1, false), (0, true)] {
        let FeedEvent::Bar { series, candle, received, .. } = bar_event(&bench.symbol, Timeframe::M1, quiet)
        else {
            panic!()
        };
        let event = FeedEvent::Bar { series, candle, revision, is_quiet, received };
        assert_eq!(bench.event(&event), []);
    }
    assert_eq!(bench.event(&bar_event(&bench.symbol.clone(), Timeframe::H1, quiet)), []);
    assert_eq!(bench.bar(101.0, 101.0, 101.0, 101.0), ["1 bought 1 at 101 proven"]);
}

#[test]
fn an_order_that_arrives_inside_a_bar_meets_its_close_only() {
    let latency = market_backbone_strategy::paper::LatencyModel::constant(Duration::from_millis(100));
    let mut bench = PaperBench::new(PaperConfig { latency, ..free() });
    bench.bar(100.0, 100.0, 100.0, 100.0);
    bench.order(Side::Buy, OrderKind::Market);
    assert_eq!(bench.bar(100.0, 120.0, 80.0, 110.0), ["1 bought 1 at 110 ambiguous"]);
    // The low of 80 may be older than the stop; the next bar's is not.
    bench.order(Side::Sell, stop("90"));
    assert_eq!(bench.bar(110.0, 120.0, 80.0, 110.0), NOTHING);
    assert_eq!(bench.bar(110.0, 120.0, 80.0, 110.0), ["2 sold 1 at 90 assumed"]);
}

#[test]
fn a_share_of_the_volume_limits_what_a_bar_fills() {
    let mut bench = PaperBench::new(PaperConfig { volume_share: Some(d("0.1")), ..free() });
    let request = bench.request(Side::Buy, OrderKind::Market);
    let mut request = request;
    request.quantity = d("2.5");
    bench.send(request);
    assert_eq!(bench.bar(100.0, 101.0, 99.0, 100.0), ["1 bought 1 at 100 proven"]);
    assert_eq!(bench.bar(101.0, 102.0, 100.0, 101.0), ["1 bought 1 at 101 proven"]);
    assert_eq!(bench.bar(102.0, 103.0, 101.0, 102.0), ["1 bought 0.5 at 102 proven"]);
}
