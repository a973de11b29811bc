//! A screener: two hundred markets at a glance, again and again, over one socket.

use std::time::Duration;

use market_backbone::{Backbone, Priority, Route};
use market_backbone_emulator::{MarketActivity, MarketSet, MarketSpec, Scenario};
use market_backbone_tests::House;
use tokio::time::{Instant, interval, timeout};

const MARKETS: usize = 200;
const WITHIN: Duration = Duration::from_secs(2);

fn markets() -> Vec<MarketSpec> {
    let paces = [MarketActivity::Busy, MarketActivity::Normal, MarketActivity::Normal, MarketActivity::Thin];
    let market = |number: usize| MarketSpec {
        code: format!("KRW-C{number:03}"),
        korean_name: format!("코인 {number}"),
        english_name: format!("Coin {number}"),
        price: 100.0 * (number + 1) as f64,
        activity: paces[number % paces.len()],
    };
    (0..MARKETS).map(market).collect()
}

/// Questions for which memory was not enough.
fn not_from_memory(backbone: &Backbone) -> u64 {
    let decisions = backbone.metrics().router.decisions;
    decisions.iter().filter(|(reason, _)| reason.route() == Route::Rest).map(|(_, count)| count).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screener_costs_one_socket_and_one_request() {
    let specs = markets();
    let codes: Vec<String> = specs.iter().map(|spec| spec.code.clone()).collect();
    let house = House::on(Scenario { markets: MarketSet::Own(specs), ..Scenario::default() }).await.unwrap();
    let screener = house.backbone.client(Priority::High);
    let ask = async || screener.tickers(codes.iter().map(String::as_str)).await.unwrap();

    // The look-alike makes up the day of a market when it is first asked for it; that is not what is timed.
    screener.tickers_in("KRW").await.unwrap();
    let asked = house.asked("ticker");

    let started = Instant::now();
    let first = ask().await;
    assert_eq!(first.len(), MARKETS);
    println!("all {MARKETS} values after {:?}", started.elapsed());
    assert!(started.elapsed() < WITHIN, "{:?}", started.elapsed());
    assert_eq!(house.asked("ticker") - asked, 1, "one request warms all of it");

    // From memory as soon as the socket has brought all of them.
    timeout(WITHIN, async {
        let mut before = 0;
        while before != not_from_memory(&house.backbone) {
            before = not_from_memory(&house.backbone);
            assert_eq!(ask().await.len(), MARKETS);
        }
    })
    .await
    .expect("the socket delivers");
    println!("all of them from memory after {:?}", started.elapsed());
    let mut ticks = interval(Duration::from_millis(50));
    let mut slowest = Duration::ZERO;
    for _ in 0..100 {
        ticks.tick().await;
        let asked = Instant::now();
        let tickers = ask().await;
        slowest = slowest.max(asked.elapsed());
        assert!(tickers.iter().map(|ticker| ticker.symbol.code()).eq(&codes), "in the order asked");
    }
    println!("slowest of 100 from memory: {slowest:?}");
    let report = house.venue.report();
    assert_eq!(report.group("ticker").asked - asked, 1, "none after the first");
    assert_eq!(report.sockets.opened, 1);
    assert_eq!(house.backbone.metrics().router.followed, MARKETS);
    house.close().await;
}
