//! A feed in bad weather: whatever happens to sockets, frames and answers, a reader sees what happened, each trade
//! once, and is told of every interruption.
//!
//! The normal run takes about half a minute; `SOAK=15m MARKETS=200` the full one.

mod storm;

use std::sync::Arc;
use std::time::Duration;

use market_backbone::config::{ReconnectConfig, SessionConfig};
use market_backbone::{
    Clock, Feed, GapState, Priority, RouterConfig, StreamKind, SystemClock, Timeframe, Timestamp,
};
use market_backbone_emulator::{Faults, MarketActivity, MarketSet, Scenario};
use market_backbone_tests::House;
use tokio::time::Instant;

use self::storm::storm;
use crate::setting;
use crate::witness::{Watch, Witness};

/// So much of the past is asked for when the feed begins.
const BEFORE_MS: i64 = 90_000;

fn now_ms() -> i64 {
    SystemClock.now().as_millis()
}

/// `90s`, `15m` or `1h`.
fn duration(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.len() - 1);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => panic!("{text}: a number and s, m or h"),
    };
    Duration::from_secs(number.parse::<u64>().unwrap() * seconds)
}

/// With waits between connections that suit a test of seconds.
fn hasty() -> RouterConfig {
    let reconnect = ReconnectConfig::default()
        .initial_delay(Duration::from_millis(200))
        .max_delay(Duration::from_secs(2));
    RouterConfig::default().session(SessionConfig::default().reconnect(reconnect))
}

async fn begin(house: &House, markets: &[String], from_ms: i64) -> Feed {
    let kinds = [StreamKind::Trade, StreamKind::Ticker, StreamKind::Candle(Timeframe::M1)];
    let client = house.backbone.client(Priority::High);
    let request = client.subscribe(markets.iter().map(String::as_str), kinds).buffered(1 << 16);
    request.from(Timestamp::from_millis(from_ms)).await.unwrap()
}

/// One stretch of bad weather after the other, until `until`.
#[expect(clippy::print_stdout, reason = "whoever waits a quarter of an hour wants to see how it goes")]
async fn endure(house: &House, watch: &mut Watch, each: Duration, until: Instant) {
    for weather in storm(each) {
        if Instant::now() >= until {
            break;
        }
        house.venue.set_faults(weather.faults);
        if weather.begins_with_a_cut {
            house.venue.drop_sockets();
        }
        watch.read(until.min(Instant::now() + each), |_| false).await;
        let seen = &watch.seen;
        println!("{}: {} trades, {:?}", weather.name, seen.len(), seen.announced());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_a_reader_sees_what_happened_once() {
    let lasts = setting("SOAK").map_or(Duration::from_secs(24), |text| duration(&text));
    let count: u32 = setting("MARKETS").map_or(20, |text| text.parse().unwrap());
    let markets = MarketSet::many(count as usize, MarketActivity::Busy);
    let scenario = Scenario { markets, history_days: 2, ..Scenario::default() };
    let house = House::built(scenario, |builder| builder.in_memory().router(hasty())).await.unwrap();
    let (tape, markets) = (house.venue.tape(), house.venue.tape().markets());
    let from_ms = now_ms() - BEFORE_MS;
    let mut watch = Watch {
        feed: begin(&house, &markets, from_ms).await,
        seen: Witness::default(),
        clock: Arc::new(SystemClock),
    };

    // A gap of all markets takes a request for each, ten a second.
    let heals = Duration::from_millis(150) * count;
    let begins = Instant::now() + Duration::from_secs(20) + heals * 2;
    let began = Instant::now();
    assert!(
        watch.read(begins, |seen| seen.caught_up.is_some()).await,
        "caught up: {:#?}",
        house.venue.report()
    );
    println!("caught up after {:?} and {} requests", began.elapsed(), house.venue.report().asked());
    endure(&house, &mut watch, (heals + heals / 2).min(lasts / 8), Instant::now() + lasts).await;

    house.venue.set_faults(Faults::default());
    house.venue.drop_sockets();
    let window = (from_ms, now_ms());
    let calm = Instant::now() + Duration::from_secs(20) + heals * 2;
    let mut looked = Instant::now();
    let right = watch.read(calm, |seen| {
        // To compare is dear: once a second will do.
        seen.is_whole() && looked.elapsed() > Duration::from_secs(1) && {
            looked = Instant::now();
            seen.differences(&tape, &markets, window).is_empty()
                && seen.wrong_candles(&tape, &markets, window).is_empty()
        }
    });
    let right = right.await;
    let (seen, report) = (&watch.seen, house.venue.report());
    println!("calm: {} trades, {:?}", seen.len(), seen.announced());
    let different = seen.differences(&tape, &markets, window);
    assert!(different.is_empty(), "{} differences, first {:#?}", different.len(), &different[..1]);
    let wrong = seen.wrong_candles(&tape, &markets, window);
    assert!(wrong.is_empty(), "{} wrong candles: {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
    assert!(right, "not in time: {:?}", seen.open());
    assert_eq!(seen.doubled, []);
    assert_eq!(seen.unannounced, []);
    assert_eq!((seen.lagged, seen.disordered), (0, 0));
    assert!(seen.lost().is_empty(), "told to be lost, and all is there: {:#?}", seen.lost());
    assert_eq!(report.rejected(), 0, "no request too many: {report:#?}");
    assert!(report.sockets.opened >= 5 && report.faulted > 0, "there was a storm: {report:#?}");
    assert!(seen.gaps(GapState::Healed) >= 2, "{:?}", seen.announced());
    house.close().await;
}
