//! Pages of trades of one day, at the moment at which a day ends.

use std::sync::Arc;

use market_backbone::{Backbone, ManualClock, Priority, Timestamp, TradeId};
use market_backbone_emulator::{Emulator, EmulatorClock, MarketActivity, MarketSet, MarketSpec, Scenario};

/// 2026-08-07T00:00:00Z.
const MIDNIGHT: i64 = 1_786_060_800_000;
const DAY: i64 = 86_400_000;
const MARKET: &str = "KRW-ANY";

/// Asks for the newest `count` trades; they must be those of the tape, without a gap.
async fn check(activity: MarketActivity, count: usize, now_ms: i64, ticks_stop_at_midnight: bool) {
    let market = MarketSpec {
        code: MARKET.to_owned(),
        korean_name: "아무".to_owned(),
        english_name: "Any".to_owned(),
        price: 500.0,
        activity,
    };
    let (clock, markets) = (EmulatorClock::manual(now_ms), MarketSet::Own(vec![market]));
    let mut scenario = Scenario { clock, markets, ..Scenario::default() };
    scenario.quirks.ticks_stop_at_midnight = ticks_stop_at_midnight;
    let venue = Emulator::start(scenario).await.unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(now_ms)));
    let builder = Backbone::builder().clock(clock).in_memory();
    let backbone = builder.upbit_at(&venue.rest_url(), &venue.ws_url()).build().await.unwrap();

    let tape = venue.tape().trades(MARKET, now_ms - 6 * DAY, now_ms + 1);
    let newest: Vec<_> = tape.iter().map(|trade| TradeId::Number(trade.id)).collect();
    let want = &newest[newest.len().checked_sub(count).expect("six days have as many trades")..];
    let trades = backbone.client(Priority::Normal).trades(MARKET, count).await.unwrap();
    let shown: Vec<_> = trades.into_iter().map(|trade| trade.id).collect();
    assert_eq!(shown, want, "at {now_ms}, one day a page: {ticks_stop_at_midnight}");
    backbone.shutdown().await;
    venue.stop().await;
}

#[tokio::test]
async fn no_day_is_skipped_before_the_first_trade_of_a_new_one() {
    for one_day_a_page in [false, true] {
        for now_ms in [MIDNIGHT - 1, MIDNIGHT, MIDNIGHT + 5_000] {
            // Three pages of the day that has just ended.
            check(MarketActivity::Normal, 1_300, now_ms, one_day_a_page).await;
        }
        // Pages of several days, the last of which may not have a trade for a long time.
        for now_ms in [MIDNIGHT, MIDNIGHT + 600_000, MIDNIGHT + 10 * 3_600_000] {
            check(MarketActivity::Thin, 250, now_ms, one_day_a_page).await;
        }
    }
}
