//! Closed candles of what is followed live: in the store without a request, true, and confirmed by the venue.

use std::collections::BTreeMap;
use std::time::Duration;

use market_backbone::config::{ReconnectConfig, SessionConfig};
use market_backbone::{
    Builder, Candle, CandleColumns, CandleSet, Client, Clock, Origin, Priority, RecorderConfig, RouterConfig,
    SystemClock, Timeframe, Timestamp,
};
use market_backbone_emulator::Scenario;
use market_backbone_testkit::eventually_async;
use market_backbone_tests::House;

const MARKET: &str = "KRW-BTC";

async fn house(confirm_every: Option<Duration>) -> House {
    let reconnect = ReconnectConfig::default().initial_delay(Duration::from_millis(200));
    let router = RouterConfig::default().session(SessionConfig::default().reconnect(reconnect));
    let recorder = RecorderConfig::default()
        .confirm_interval(confirm_every)
        .confirm_delay(Duration::ZERO)
        .settle_delay(Duration::from_secs(2))
        .tick_interval(Duration::from_millis(200));
    let settings = |builder: Builder| builder.in_memory().router(router).recorder(recorder);
    House::built(Scenario::default(), settings).await.unwrap()
}

fn second(offset: i64) -> Timestamp {
    Timestamp::from_secs(SystemClock.now().as_secs() + offset)
}

/// Whether all seconds of the range are over, and nothing would be asked for any of them.
async fn is_known(client: &Client, range: std::ops::Range<Timestamp>) -> bool {
    // What has not settled is not closed.
    let is_over = range.end.plus(Duration::from_secs(4)) < SystemClock.now();
    let plan = client.candles(MARKET, Timeframe::S1).range(range).closed().plan().await.unwrap();
    is_over && plan.unknown_slots == 0
}

async fn seconds(client: &Client, range: std::ops::Range<Timestamp>) -> CandleSet {
    client.candles(MARKET, Timeframe::S1).range(range).closed().await.unwrap()
}

/// What the tape says of those seconds, added up here: open, high, low, close and hundred-millionths.
fn on_tape(house: &House, range: &std::ops::Range<Timestamp>) -> BTreeMap<i64, ([f64; 4], i64)> {
    let mut told: BTreeMap<i64, ([f64; 4], i64)> = BTreeMap::new();
    for print in house.venue.tape().trades(MARKET, range.start.as_millis(), range.end.as_millis()) {
        let price = print.price();
        let ([_, high, low, close], size) =
            told.entry(print.time_ms.div_euclid(1_000)).or_insert(([price; 4], 0));
        (*high, *low, *close) = (high.max(price), low.min(price), price);
        *size += print.size_e8;
    }
    told
}

fn figures(candles: &CandleColumns) -> BTreeMap<i64, ([f64; 4], i64)> {
    let told = |c: &Candle| ([c.open, c.high, c.low, c.close], (c.volume * 1e8).round() as i64);
    candles.iter().map(|candle| (candle.open_time.as_secs(), told(&candle))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_is_what_happened_and_costs_no_request() {
    let house = house(None).await;
    let client = house.backbone.client(Priority::Low);
    let recording = client.record([MARKET], [Timeframe::S1]).await.unwrap();
    let range = second(5)..second(9);
    eventually_async(|| is_known(&client, range.clone())).await;
    let set = seconds(&client, range.clone()).await;
    assert_eq!(figures(&set.candles), on_tape(&house, &range));
    assert!(set.coverage.spans().iter().all(|span| span.provenance.origin == Origin::Socket), "{set:?}");
    assert_eq!(house.asked("candles") + house.asked("crix-trades"), 0);
    recording.stop().await;
    let metrics = house.backbone.metrics().recorder;
    assert!(metrics.written + metrics.quiet >= 4, "{metrics:?}");
    assert_eq!((metrics.dropped, metrics.failed_commits, metrics.withdrawn), (0, 0, 0));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_venue_confirms_what_was_recorded() {
    let house = house(Some(Duration::from_secs(2))).await;
    let client = house.backbone.client(Priority::Low);
    let recording = client.record([MARKET, "KRW-ETH"], [Timeframe::S1]).await.unwrap();
    let range = second(5)..second(8);
    eventually_async(|| is_known(&client, range.clone())).await;
    eventually_async(|| async {
        let set = seconds(&client, range.clone()).await;
        let asked = [Origin::Rest, Origin::Early];
        set.coverage.spans().iter().all(|span| asked.contains(&span.provenance.origin))
    })
    .await;
    let metrics = house.backbone.metrics().recorder;
    assert!(metrics.confirmed >= 3 && metrics.disputed == 0, "{metrics:?}");
    recording.stop().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dropped_socket_swallowed_is_asked_for_and_never_made_up() {
    let house = house(None).await;
    let client = house.backbone.client(Priority::Low);
    let recording = client.record([MARKET], [Timeframe::S1]).await.unwrap();
    let range = second(4)..second(14);
    for moment in [6, 9] {
        let at = Timestamp::from_secs(range.start.as_secs() - 4 + moment);
        eventually_async(|| async { SystemClock.now() >= at }).await;
        house.venue.drop_sockets();
    }
    eventually_async(|| async { SystemClock.now() > range.end.plus(Duration::from_secs(6)) }).await;
    let asked = house.asked("candles");
    let set = seconds(&client, range.clone()).await;
    assert_eq!(figures(&set.candles), on_tape(&house, &range));
    assert!(set.coverage.disputes().is_empty(), "{set:?}");
    let metrics = house.backbone.metrics().recorder;
    assert!(metrics.unknown > 0 && metrics.written > 0, "{metrics:?}");
    assert!(house.asked("candles") > asked, "the seconds of the cuts");
    recording.stop().await;
    house.close().await;
}
