//! Urgency: who waits for whom.

use std::time::Duration;

use market_backbone::{Error, Priority, SourceErrorKind, Timeframe};
use market_backbone_emulator::Scenario;
use market_backbone_tests::House;
use tokio::time::Instant;

/// A window of the venue's limit, and a little for the round trip in a debug build.
const ONE_WINDOW: Duration = Duration::from_millis(1_400);

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_waits_less_than_a_window_behind_a_backtester() {
    let house = House::on(Scenario::default()).await.unwrap();
    let tester = house.backbone.client(Priority::Low);
    let bot = house.backbone.client(Priority::Critical);
    let backfill = async { tester.candles("KRW-ETH", Timeframe::M1).last(8_000).closed().await };
    let decide = async {
        // The backfill has used up the window and queues for more.
        while house.asked("candles") < 10 {
            tokio::task::yield_now().await;
        }
        let started = Instant::now();
        let candles = bot.candles("KRW-BTC", Timeframe::M1).last(100).await;
        (candles, started.elapsed())
    };
    let (rows, (candles, waited)) = tokio::join!(backfill, decide);
    assert_eq!(rows.unwrap().candles.len(), 8_000);
    assert_eq!(candles.unwrap().candles.len(), 100);
    assert!(waited < ONE_WINDOW, "{waited:?}");
    let report = house.venue.report().group("candles");
    assert_eq!(report.rejected, 0);
    assert!(report.worst <= 10, "{}", report.worst);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_time_is_told_before_anything_is_asked() {
    let house = House::on(Scenario::default()).await.unwrap();
    let hasty = house.backbone.client(Priority::Normal).timeout(Duration::from_secs(3));
    let Err(Error::Source(refused)) = hasty.candles("KRW-BTC", Timeframe::M1).last(20_000).await else {
        panic!("it was tried")
    };
    let SourceErrorKind::DeadlineExceeded { estimated } = refused.kind() else { panic!("{refused:?}") };
    // A hundred pages at ten a second.
    assert!(Duration::from_secs(9) <= estimated && estimated < Duration::from_secs(11), "{estimated:?}");
    assert_eq!(house.asked("candles"), 0);
    let few = hasty.candles("KRW-BTC", Timeframe::M1).last(400).closed().await.unwrap();
    assert_eq!(few.candles.len(), 400);
    assert!(hasty.ticker("KRW-BTC").await.unwrap().price > 0.0);
    house.close().await;
}
