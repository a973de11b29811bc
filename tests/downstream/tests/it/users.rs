//! The four programs against the emulator.

use market_backbone::{Priority, TimeRange, Timeframe};
use market_backbone_downstream::{backtest, bot, chart, screener};

use crate::rig::{Rig, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_decides_once_for_each_candle_that_closes() {
    let rig = Rig::start().await;
    let bot = rig.backbone.client(Priority::Critical);
    let made = soon(bot::run(&bot, "KRW-BTC", 3)).await.unwrap();
    assert_eq!(made.len(), 3);
    assert!(made.is_sorted_by(|one, next| one.open_time < next.open_time), "{made:?}");
    rig.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screener_ranks_every_market_of_a_quote() {
    let rig = Rig::start().await;
    let client = rig.backbone.client(Priority::High);
    let (moves, failed) = soon(screener::run(&client, "KRW")).await.unwrap();
    let listed = client.markets().await.unwrap();
    let of_quote = listed.iter().filter(|market| market.quote == "KRW").count();
    assert!(failed.is_empty(), "{failed:?}");
    // A market in which nobody has ever traded has no ends to compare.
    assert!(moves.len() > 1 && moves.len() <= of_quote, "{} of {of_quote}", moves.len());
    assert!(moves.is_sorted_by(|one, next| one.1.abs() >= next.1.abs()));
    rig.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_shows_the_newest_candles_while_they_grow() {
    let rig = Rig::start().await;
    let client = rig.backbone.client(Priority::Normal);
    let mut frames = Vec::new();
    let shown = chart::run(&client, ("KRW-BTC", Timeframe::M1), 250, |candles| {
        frames.push((candles.len(), candles.is_rising()));
        frames.len() < 4
    });
    soon(shown).await.unwrap();
    assert_eq!(frames, [(250, true); 4]);
    rig.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backtest_sees_each_candle_of_a_range_once() {
    let rig = Rig::start().await;
    let client = rig.backbone.client(Priority::Low);
    let range = TimeRange::new(rig.days_ago(3), rig.days_ago(1)).unwrap();
    let outcome = soon(backtest::run(&client, "KRW-BTC", range)).await.unwrap();
    let pages = rig.pages();
    let whole = client.candles("KRW-BTC", Timeframe::M1).range(range).await.unwrap();
    assert_eq!((outcome.candles, outcome.unknown), (whole.len(), 0));
    assert!(outcome.trades > 0 && outcome.gain.is_finite(), "{outcome:?}");
    assert_eq!(rig.pages(), pages, "what was streamed is known");
    rig.close().await;
}
