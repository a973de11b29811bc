//! Orders that are rounded, refused, rejected, cancelled and amended.

use std::time::Duration;

use market_backbone_core::Side;
use market_backbone_strategy::Decimal;
use market_backbone_strategy::broker::{Broker, OrderError};
use market_backbone_strategy::order::{OcaGroup, OrderId, OrderKind, OrderRequest, OrderStatus};
use market_backbone_strategy::paper::{FeeRates, LatencyModel, PaperConfig, ShortOfCash, VenueRules};

use crate::paper_bench::{PaperBench, d, ended, fills, free, limit, market, stop, trailing};

const NOTHING: [&str; 0] = [];

fn with_quantity(mut request: OrderRequest, quantity: &str) -> OrderRequest {
    request.quantity = d(quantity);
    request
}

fn strict() -> PaperConfig {
    let rules = VenueRules::none().step(d("0.5")).lot(d("0.1")).min_notional(d("50"));
    PaperConfig { rules, ..free() }
}

#[test]
fn numbers_are_rounded_and_the_least_value_is_tested_on_what_is_left() {
    let mut bench = PaperBench::new(strict());
    bench.send(with_quantity(bench.request(Side::Buy, limit("100.7")), "1.27"));
    let open = bench.broker.open_orders(&bench.symbol).next().unwrap();
    assert_eq!((open.kind, open.remaining), (limit("100.5"), d("1.2")));
    // 0.59 would be worth 59.
    let text = bench.refusal(with_quantity(bench.request(Side::Buy, limit("99")), "0.59"));
    assert_eq!(
        text,
        "an order of 0.5 KRW-BTC is worth 49.5, and the venue takes no order below 50; trade more"
    );
    let text = bench.refusal(with_quantity(bench.request(Side::Buy, limit("99")), "0.09"));
    assert_eq!(text, "a quantity of 0.09 of KRW-BTC is less than one lot; trade more");
}

#[test]
fn an_order_that_means_nothing_is_refused_with_what_to_do() {
    let mut bench = PaperBench::new(strict());
    for (request, want) in [
        (with_quantity(bench.request(Side::Buy, OrderKind::Market), "-1"), "a quantity of -1 of KRW-BTC"),
        (bench.request(Side::Buy, limit("0.3")), "a limit of 0.0 for KRW-BTC; give a price above 0"),
        (bench.request(Side::Buy, stop("-5")), "a trigger of"),
        (bench.request(Side::Sell, OrderKind::Market), "of which 0 is held; sell less"),
        (bench.request(Side::Sell, OrderKind::Market).reduce_only(), "there is nothing to reduce"),
    ] {
        let text = bench.refusal(request);
        assert!(text.contains(want), "{text}");
    }
    let child = bench.request(Side::Sell, stop("90")).after(OrderId(77));
    assert_eq!(bench.broker.submit(child, bench.now), Err(OrderError::NotOpen(OrderId(77))));
    assert_eq!(bench.broker.cancel(OrderId(77), bench.now), Err(OrderError::NotOpen(OrderId(77))));
}

#[test]
fn a_buy_beyond_the_cash_is_rejected_or_shrunk() {
    let fees = FeeRates::quote(d("0.001"));
    let mut bench = PaperBench::new(PaperConfig::new(d("1000"), fees));
    bench.send(with_quantity(bench.request(Side::Buy, OrderKind::Market), "10"));
    let news = bench.bar_news(100.0, 100.0, 100.0, 100.0);
    let want = "order 1 buys 10 of KRW-BTC at 100 for 1001 with its fee, and the cash is 1000; buy less";
    assert_eq!(ended(&news), [(1, OrderStatus::Rejected, want.to_owned())]);
    assert_eq!((fills(&news).len(), bench.broker.cash()), (0, d("1000")));

    let shrinks = PaperConfig { short_of_cash: ShortOfCash::Shrink, ..PaperConfig::new(d("1000"), fees) };
    let mut bench = PaperBench::new(shrinks);
    bench.send(with_quantity(bench.request(Side::Buy, OrderKind::Market), "10"));
    let news = bench.bar_news(100.0, 100.0, 100.0, 100.0);
    assert_eq!(fills(&news), ["1 bought 9.99000999 at 100 proven"]);
    assert!(bench.broker.cash() >= Decimal::ZERO && bench.broker.cash() < d("0.00001"));
}

#[test]
fn a_sale_of_what_a_fee_in_base_took_is_rejected_and_reduce_only_sells_the_rest() {
    let mut bench = PaperBench::long(PaperConfig::new(d("1000"), FeeRates::received(d("0.001"))));
    assert_eq!(bench.held(), d("0.999"));
    // With another order open, only the fill can tell.
    bench.order(Side::Buy, limit("1"));
    bench.order(Side::Sell, OrderKind::Market);
    let reasons = ended(&bench.bar_news(110.0, 110.0, 110.0, 110.0));
    assert!(reasons[0].2.starts_with("order 3 sells 1 of KRW-BTC and only 0.999 is held"), "{reasons:?}");
    bench.send(bench.request(Side::Sell, OrderKind::Market).reduce_only());
    assert_eq!(bench.bar(110.0, 110.0, 110.0, 110.0), ["4 sold 0.999 at 110 proven"]);
    // 1000 - 100 + 0.999 * 110 less its fee in quote.
    assert_eq!(bench.broker.cash(), d("1009.78011"));
    assert_eq!(bench.broker.fees(), d("0.1") + d("0.10989"));
}

#[test]
fn a_short_sale_is_an_option_and_has_no_leverage() {
    let mut bench = PaperBench::new(PaperConfig { allow_short: true, ..free() });
    bench.send(with_quantity(bench.request(Side::Sell, OrderKind::Market), "1000"));
    bench.send(with_quantity(bench.request(Side::Sell, OrderKind::Market), "1"));
    let news = bench.bar_news(100.0, 100.0, 100.0, 100.0);
    assert_eq!(fills(&news), ["1 sold 1000 at 100 proven"]);
    let (order, status, reason) = ended(&news)[0].clone();
    assert_eq!((order, status), (2, OrderStatus::Rejected));
    assert!(reason.contains("positions of 100100 on an account of 100000; there is no leverage"), "{reason}");
    bench.send(with_quantity(bench.request(Side::Buy, OrderKind::Market), "1000"));
    assert_eq!(bench.bar(90.0, 90.0, 90.0, 90.0), ["3 bought 1000 at 90 proven"]);
    assert_eq!((bench.held(), bench.broker.cash()), (Decimal::ZERO, d("110000")));
}

#[test]
fn a_cancelled_order_fills_no_more_and_says_so_at_once() {
    let mut bench = PaperBench::new(free());
    let order = bench.order(Side::Buy, limit("95"));
    bench.bar(100.0, 101.0, 99.0, 100.0);
    bench.broker.cancel(order, bench.now).unwrap();
    let mut news = Vec::new();
    bench.broker.take_news(&mut news);
    assert_eq!(ended(&news), [(1, OrderStatus::Cancelled, "cancelled on request".to_owned())]);
    assert_eq!(bench.bar(100.0, 101.0, 90.0, 100.0), NOTHING);
    assert_eq!(bench.broker.cancel(order, bench.now), Err(OrderError::NotOpen(order)));
}

#[test]
fn a_cancellation_on_its_way_may_come_too_late() {
    let mut bench =
        PaperBench::new(PaperConfig { latency: LatencyModel::constant(Duration::from_secs(1)), ..free() });
    let order = bench.order(Side::Buy, limit("95"));
    bench.bar(100.0, 101.0, 99.0, 100.0);
    bench.broker.cancel(order, bench.now).unwrap();
    assert_eq!(bench.bar(100.0, 101.0, 90.0, 100.0), ["1 bought 1 at 95 ambiguous"]);
    let order = bench.order(Side::Buy, limit("85"));
    bench.bar(100.0, 101.0, 99.0, 100.0);
    bench.broker.cancel(order, bench.now).unwrap();
    assert_eq!(ended(&bench.bar_news(100.0, 101.0, 90.0, 100.0)).len(), 1);
}

#[test]
fn amended_terms_hold_from_the_next_event_on() {
    let mut bench = PaperBench::long(free());
    let order = bench.order(Side::Sell, stop("90"));
    bench.bar(100.0, 101.0, 99.0, 100.0);
    bench.broker.amend(order, stop("98"), bench.now).unwrap();
    assert_eq!(bench.bar(100.0, 101.0, 97.0, 100.0), ["2 sold 1 at 98 assumed"]);
    assert_eq!(bench.broker.amend(order, stop("99"), bench.now), Err(OrderError::NotOpen(order)));
}

#[test]
fn a_stop_that_is_amended_above_the_market_sells_at_the_next_open() {
    let mut bench = PaperBench::long(free());
    let order = bench.order(Side::Sell, stop("90"));
    bench.bar(100.0, 101.0, 94.0, 95.0);
    bench.broker.amend(order, stop("98"), bench.now).unwrap();
    assert_eq!(bench.bar(95.0, 99.0, 94.0, 98.0), ["2 sold 1 at 95 proven"]);
}

#[test]
fn exits_end_when_another_order_has_closed_the_position() {
    let mut bench = PaperBench::long(free());
    bench.send(bench.request(Side::Sell, stop("95")).reduce_only());
    bench.send(bench.request(Side::Sell, trailing("5")).reduce_only());
    bench.order(Side::Sell, OrderKind::Market);
    let news = bench.bar_news(100.0, 101.0, 80.0, 85.0);
    assert_eq!(fills(&news), ["4 sold 1 at 100 proven"]);
    let reasons = ended(&news);
    assert_eq!(reasons.iter().map(|(order, ..)| *order).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(reasons[0].2, "the position it reduces is closed");
    assert_eq!(bench.broker.open_orders(&bench.symbol).count(), 0);
}

#[test]
fn a_group_reaches_across_markets() {
    let mut bench = PaperBench::new(free());
    let other = market("KRW-ETH");
    bench.send(bench.request(Side::Buy, limit("95")).oca(OcaGroup(9)));
    bench.send(OrderRequest::new(other.clone(), Side::Buy, d("1"), limit("50")).oca(OcaGroup(9)));
    let news = bench.bar_news(100.0, 101.0, 90.0, 100.0);
    assert_eq!(fills(&news), ["1 bought 1 at 95 assumed"]);
    assert_eq!(ended(&news)[0].0, 2);
    assert_eq!(bench.broker.open_orders(&other).count(), 0);
}
