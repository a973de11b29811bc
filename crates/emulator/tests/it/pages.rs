//! Page faults: empty, old and late pages, duplicates and bad rows; each is counted when it occurs.

use market_backbone_emulator::{
    BadRowKind, Emulator, Faults, PageFault, PageKind, RunningEmulator, Scenario, ScriptedFault,
};
use serde_json::Value;

use crate::client::{DAY, HOUR, MINUTE, NOW, clocked, instant, post, raw_get, scenario};

const MARKETS: [&str; 2] = ["KRW-BTC", "KRW-ETH"];
const CANDLES: &str = "/v1/candles/minutes/1?market=KRW-BTC&count=20";
const TRADES: &str = "/v1/trades/ticks?market=KRW-BTC&count=30";

async fn venue(faults: Faults) -> RunningEmulator {
    Emulator::start(Scenario { faults, ..scenario(&MARKETS) }).await.unwrap()
}

async fn rows(venue: &RunningEmulator, path: &str) -> Vec<Value> {
    raw_get(venue, path).await.rows()
}

fn opens(rows: &[Value]) -> Vec<i64> {
    rows.iter().map(|row| instant(row["candle_date_time_utc"].as_str().unwrap())).collect()
}

fn ids(rows: &[Value]) -> Vec<i64> {
    rows.iter().map(|row| row["sequential_id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_page_is_empty_though_there_are_rows() {
    let venue = venue(Faults { empty_page: 1.0, ..Faults::default() }).await;
    for path in [CANDLES, TRADES] {
        assert!(rows(&venue, path).await.is_empty());
    }
    assert!(!rows(&venue, "/v1/ticker?markets=KRW-BTC").await.is_empty(), "tickers are not meant");
    // Where there is nothing, nothing was taken away.
    let before_all = "/v1/candles/days?market=KRW-BTC&to=2020-01-01T00:00:00";
    assert!(rows(&venue, before_all).await.is_empty());
    assert_eq!((venue.report().played("empty_page"), venue.report().faulted), (2, 2));
}

#[tokio::test]
async fn the_fourth_page_of_candles_is_empty_and_no_other() {
    let venue = venue(Faults::default()).await;
    venue.set_script(ScriptedFault::parse_list("empty@candles:4").unwrap());
    for nth in 1..=6 {
        assert_eq!(rows(&venue, CANDLES).await.is_empty(), nth == 4, "{nth}");
        assert!(!rows(&venue, TRADES).await.is_empty());
    }
    venue.corrupt_next_page(PageKind::Trades, PageFault::Empty);
    assert_eq!([rows(&venue, TRADES).await.len(), rows(&venue, TRADES).await.len()], [0, 30]);
    assert_eq!(venue.report().played("empty_page"), 2);
}

#[tokio::test]
async fn a_stale_page_is_that_of_its_age_ago() {
    let venue = venue(Faults { stale_page: 1.0, stale_age_ms: 7 * MINUTE as u64, ..Faults::default() }).await;
    let (candles, trades) = (rows(&venue, CANDLES).await, rows(&venue, TRADES).await);
    assert!(ids(&trades)[0] / 10_000 <= NOW - 7 * MINUTE);
    venue.set_faults(Faults::default());
    assert!(opens(&rows(&venue, CANDLES).await)[0] > opens(&candles)[0]);
    let (past, _) = clocked(Scenario {
        clock: market_backbone_emulator::EmulatorClock::manual(NOW - 7 * MINUTE),
        ..scenario(&MARKETS)
    })
    .await;
    assert_eq!((rows(&past, CANDLES).await, rows(&past, TRADES).await), (candles, trades));
    assert_eq!(venue.report().played("stale_page"), 2);
}

#[tokio::test]
async fn a_stale_page_of_long_ago_is_what_it_always_was_and_not_counted() {
    let venue = venue(Faults { stale_page: 1.0, ..Faults::default() }).await;
    let path = "/v1/candles/minutes/1?market=KRW-BTC&count=20&to=2026-08-05T00:00:00Z";
    let stale = rows(&venue, path).await;
    venue.set_faults(Faults::default());
    assert_eq!(rows(&venue, path).await, stale);
    assert_eq!(venue.report().played("stale_page"), 0);
}

#[tokio::test]
async fn the_newest_closed_candles_come_late() {
    let venue = venue(Faults { late_rows: 3, ..Faults::default() }).await;
    let now = NOW - NOW % MINUTE;
    assert_eq!(opens(&rows(&venue, CANDLES).await)[0], now - 4 * MINUTE);
    let hours = rows(&venue, "/v1/candles/minutes/60?market=KRW-BTC&count=2").await;
    assert_eq!(opens(&hours)[0], NOW - NOW % HOUR - 4 * HOUR);
    // What is asked for long ago is all there.
    let past = "/v1/candles/minutes/1?market=KRW-BTC&count=2&to=2026-08-06T12:00:00Z";
    assert_eq!(opens(&rows(&venue, past).await)[0], NOW - NOW % DAY + 12 * HOUR - MINUTE);
    assert_eq!(venue.report().played("late_rows"), 2);
    venue.set_faults(Faults { late_rows: 3, late_share: 0.5, ..Faults::default() });
    let mut newest = Vec::new();
    for _ in 0..6 {
        newest.push(opens(&rows(&venue, CANDLES).await)[0]);
    }
    assert!(newest.contains(&now) && newest.contains(&(now - 4 * MINUTE)), "{newest:?}");
}

#[tokio::test]
async fn a_candle_that_has_just_closed_lacks_the_trades_of_the_lag() {
    let now = NOW - NOW % MINUTE + 1_500;
    let clock = market_backbone_emulator::EmulatorClock::manual(now);
    let faults = Faults { lagging_rows_ms: 3_000, ..Faults::default() };
    let venue = Emulator::start(Scenario { faults, clock, ..scenario(&MARKETS) }).await.unwrap();
    let page = rows(&venue, CANDLES).await;
    let open = now - 1_500 - MINUTE;
    assert_eq!(opens(&page)[0], open, "the minute that forms is not there yet");
    let volume =
        |to: i64| -> i64 { venue.tape().trades("KRW-BTC", open, to).iter().map(|trade| trade.size_e8).sum() };
    let shown = (page[0]["candle_acc_trade_volume"].as_f64().unwrap() * 1e8).round() as i64;
    assert_eq!(shown, volume(now - 3_000 + 1));
    assert!(shown < volume(open + MINUTE));
    assert_eq!(venue.report().played("lagging_rows_ms"), 1);
}

#[tokio::test]
async fn pages_of_trades_lag_and_lack_their_middle() {
    let venue = venue(Faults { lagging_trades: 20_000, ..Faults::default() }).await;
    let lagging = ids(&rows(&venue, TRADES).await);
    let mut want: Vec<i64> =
        venue.tape().trades("KRW-BTC", NOW - HOUR, NOW - 20_000 + 1).iter().map(|trade| trade.id).collect();
    want.reverse();
    assert_eq!(lagging, want[..30]);
    venue.set_faults(Faults { holey_trades: 1.0, ..Faults::default() });
    let holey = ids(&rows(&venue, TRADES).await);
    venue.set_faults(Faults::default());
    let whole = ids(&rows(&venue, TRADES).await);
    assert_eq!(holey, [&whole[..10], &whole[20..]].concat());
    let report = venue.report();
    assert_eq!((report.played("lagging_trades"), report.played("holey_trades")), (1, 1));
}

#[tokio::test]
async fn one_row_is_there_twice_alike_or_not() {
    let venue = venue(Faults::default()).await;
    let honest = rows(&venue, CANDLES).await;
    for (fault, alike) in [(PageFault::Doubled, true), (PageFault::Differing, false)] {
        venue.corrupt_next_page(PageKind::Candles, fault);
        let page = rows(&venue, CANDLES).await;
        let opens = opens(&page);
        assert_eq!(page.len(), 20, "never more rows than were asked for");
        let twin = (1..20).find(|at| opens[*at] == opens[at - 1]).unwrap();
        assert_eq!(page[twin] == page[twin - 1], alike);
        assert_eq!(page[twin - 1], honest[twin - 1], "the first of the two is right");
        assert_eq!(page[..twin], honest[..twin]);
    }
    venue.corrupt_next_page(PageKind::Candles, PageFault::Missing);
    let lacking = rows(&venue, CANDLES).await;
    assert_eq!(honest.iter().filter(|row| !lacking.contains(row)).count(), 1);
    let report = venue.report();
    assert_eq!(["doubled_row", "differing_row", "missing_row"].map(|name| report.played(name)), [1, 1, 1]);
}

#[tokio::test]
async fn a_row_of_the_script_is_bad_on_every_page_that_holds_it() {
    let venue = venue(Faults::default()).await;
    venue.set_script(ScriptedFault::parse_list("zero@2026-08-06T13:10:00Z").unwrap());
    for path in [CANDLES, CANDLES, "/v1/candles/minutes/1?market=KRW-BTC&count=5&to=2026-08-06T13:12:00Z"] {
        let page = rows(&venue, path).await;
        let bad = page.iter().find(|row| row["candle_date_time_utc"] == "2026-08-06T13:10:00").unwrap();
        assert_eq!(bad["low_price"].as_f64(), Some(0.0));
        assert_eq!(page.iter().filter(|row| row["low_price"].as_f64() == Some(0.0)).count(), 1);
    }
    let elsewhere =
        rows(&venue, "/v1/candles/minutes/1?market=KRW-BTC&count=5&to=2026-08-06T13:10:00Z").await;
    assert!(elsewhere.iter().all(|row| row["low_price"].as_f64() > Some(0.0)));
    assert_eq!(venue.report().played("bad_row"), 3);
}

#[tokio::test]
async fn every_kind_of_bad_row_spoils_one_row_of_every_kind_of_page() {
    let pages = [
        (PageKind::Candles, CANDLES, BadRowKind::KINDS.len()),
        (PageKind::Trades, TRADES, BadRowKind::KINDS.len()),
        (PageKind::Tickers, "/v1/ticker?markets=KRW-BTC,KRW-ETH", BadRowKind::KINDS.len()),
        // A code is there or not: empty, null.
        (PageKind::Markets, "/v1/market/all", 2),
    ];
    for (page, path, want) in pages {
        let venue = venue(Faults::default()).await;
        let honest = rows(&venue, path).await;
        for kind in BadRowKind::KINDS {
            venue.corrupt_next_page(page, PageFault::Bad(kind));
            let spoiled = rows(&venue, path).await;
            assert_eq!(spoiled.len(), honest.len());
            let differ = honest.iter().zip(&spoiled).filter(|(a, b)| a != b).count();
            assert!(differ <= 1, "{page:?} {kind:?}: {differ}");
        }
        assert_eq!(venue.report().played("bad_row"), want as u64, "{page:?}");
    }
}

#[tokio::test]
async fn what_goes_wrong_with_pages_is_repeatable() {
    let faults = Faults {
        empty_page: 0.2,
        stale_page: 0.2,
        doubled_row: 0.3,
        bad_row: 0.3,
        holey_trades: 0.3,
        ..Faults::default()
    };
    let mut runs = Vec::new();
    for (seed, tickers) in [(1, 0), (1, 3), (2, 0)] {
        let venue = Emulator::start(Scenario { seed, faults, ..scenario(&MARKETS) }).await.unwrap();
        let mut bodies = Vec::new();
        for path in [CANDLES, TRADES] {
            for _ in 0..10 {
                bodies.push(raw_get(&venue, path).await.text().to_owned());
            }
            // What else is asked for changes nothing.
            for _ in 0..tickers {
                raw_get(&venue, "/v1/ticker?markets=KRW-BTC").await;
            }
        }
        let mut report = venue.report();
        assert!(report.played.len() >= 4, "{:?}", report.played);
        if tickers > 0 {
            report.played.clear();
        }
        runs.push(bodies);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn the_script_is_replaced_through_the_back_door() {
    let venue = venue(Faults::default()).await;
    assert_eq!(post(&venue, "/__admin/script", "empty@candles:1").await.text(), r#"{"scripted":1}"#);
    assert!(rows(&venue, CANDLES).await.is_empty());
    assert_eq!(post(&venue, "/__admin/script", "odd@candles:1").await.status, 400);
    assert_eq!(post(&venue, "/__admin/reset", "").await.status, 200);
    assert_eq!(rows(&venue, CANDLES).await.len(), 20, "counted from 1 again, without the script");
    assert!(venue.report().played.is_empty());
}
