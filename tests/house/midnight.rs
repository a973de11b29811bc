//! Pages of trades of one day, at the moment at which a day ends.

use std::sync::Arc;

use market_backbone::{Backbone, ManualClock, Priority, Timestamp, TradeId};
use market_backbone_emulator::{Emulator, EmulatorClock, Scenario};

/// 2026-08-07T00:00:00Z.
const MIDNIGHT: i64 = 1_786_060_800_000;
const DAY: i64 = 86_400_000;
/// It trades in one minute of 25, so that a new day begins without a trade.
const THIN: &str = "KRW-IOTA";

/// Asks for so many trades that they are of several days; they must be the newest of the tape, without a gap.
async fn check(now_ms: i64, ticks_stop_at_midnight: bool) {
    let mut scenario = Scenario { clock: EmulatorClock::manual(now_ms), ..Scenario::default() };
    scenario.quirks.ticks_stop_at_midnight = ticks_stop_at_midnight;
    let venue = Emulator::start(scenario).await.unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(now_ms)));
    let builder = Backbone::builder().clock(clock).in_memory();
    let backbone = builder.upbit_at(&venue.rest_url(), &venue.ws_url()).build().await.unwrap();

    let tape = venue.tape().trades(THIN, now_ms - 5 * DAY, now_ms + 1);
    let count = 700;
    let newest: Vec<_> = tape.iter().map(|trade| TradeId::Number(trade.id)).collect();
    let want = &newest[newest.len().checked_sub(count).expect("five days have as many trades")..];
    let trades = backbone.client(Priority::Normal).trades(THIN, count).await.unwrap();
    let shown: Vec<_> = trades.into_iter().map(|trade| trade.id).collect();
    assert_eq!(shown, want, "at {now_ms}, one day a page: {ticks_stop_at_midnight}");
    backbone.shutdown().await;
    venue.stop().await;
}

#[tokio::test]
async fn no_day_is_skipped_before_the_first_trade_of_a_new_one() {
    for one_day_a_page in [false, true] {
        for now_ms in [MIDNIGHT - 1, MIDNIGHT, MIDNIGHT + 1, MIDNIGHT + 5_000, MIDNIGHT + 10 * 3_600_000] {
            check(now_ms, one_day_a_page).await;
        }
    }
}
