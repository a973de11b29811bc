//! What history costs, in requests as the venue counts them.

use std::time::Duration;

use market_backbone::{CandleSet, Clock, Priority, SystemClock, Timeframe, Timestamp};
use market_backbone_emulator::{MarketActivity, MarketSet, MarketSpec, Scenario};
use market_backbone_tests::House;

const DAY: Duration = Duration::from_secs(86_400);

async fn house_with(pace: MarketActivity, seed: u64) -> House {
    let spec = MarketSpec {
        code: "KRW-ANY".to_owned(),
        korean_name: "아무".to_owned(),
        english_name: "Any".to_owned(),
        price: 500.0,
        activity: pace,
    };
    House::on(Scenario { seed, markets: MarketSet::Own(vec![spec]), ..Scenario::default() }).await.unwrap()
}

async fn days(house: &House, days: u32) -> CandleSet {
    let now = SystemClock.now().as_secs();
    let to = Timestamp::from_secs(now - now.rem_euclid(60) - 120);
    let client = house.backbone.client(Priority::Low);
    client.candles("KRW-ANY", Timeframe::M1).range(to.minus(days * DAY)..to).closed().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thin_month_costs_what_its_rows_need_and_two_more_at_most() {
    for seed in 1..=8 {
        let house = house_with(MarketActivity::Thin, seed).await;
        let set = days(&house, 30).await;
        let (rows, asked) = (set.candles.len() as u64, house.asked("candles"));
        assert!((1_500..2_000).contains(&rows), "{rows}");
        assert!(asked as f64 <= rows as f64 / 200.0 + 2.0, "{asked} requests for {rows} rows");
        assert_eq!(set.stats.requests, asked);
        days_again_cost_nothing(&house, &set).await;
        house.close().await;
    }
}

async fn days_again_cost_nothing(house: &House, set: &CandleSet) {
    let asked = house.asked("candles");
    let known = set.coverage.ranges();
    assert_eq!(known.len(), 1, "all of it is known, be it present or empty");
    let client = house.backbone.client(Priority::Low);
    let again = client.candles("KRW-ANY", Timeframe::M1).range(known[0].from()..known[0].to()).await.unwrap();
    assert_eq!(again.candles, set.candles);
    assert_eq!(house.asked("candles"), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_market_costs_two_requests_at_most() {
    for (pace, length) in [(MarketActivity::Dead, 14), (MarketActivity::Never, 30)] {
        let house = house_with(pace, 1).await;
        let set = days(&house, length).await;
        assert_eq!(set.candles, []);
        assert!(house.asked("candles") <= 2, "{}", house.asked("candles"));
        days_again_cost_nothing(&house, &set).await;
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_market_costs_a_request_for_every_two_hundred_candles() {
    let count = if crate::is_full() { 100_000 } else { 10_000 };
    let house = House::on(Scenario::default()).await.unwrap();
    let client = house.backbone.client(Priority::Low);
    let now = SystemClock.now().as_secs();
    let end = Timestamp::from_secs(now - now.rem_euclid(60) - 60);
    let ask = || client.candles("KRW-BTC", Timeframe::M1).last(count).before(end);
    assert_eq!(ask().await.unwrap().candles.len(), count);
    assert_eq!(house.asked("candles"), count as u64 / 200);
    assert_eq!(ask().await.unwrap().candles.len(), count);
    assert_eq!(house.asked("candles"), count as u64 / 200, "nothing the second time");
    let with_tip = client.candles("KRW-BTC", Timeframe::M1).last(count).await.unwrap();
    assert!(!with_tip.candles.get(count - 1).unwrap().is_final);
    assert!(house.asked("candles") <= count as u64 / 200 + 1, "the candle in progress is one page at most");
    house.close().await;
}
