//! Candles: every page is what an independent fold of the tape gives.

use std::collections::BTreeMap;

use market_backbone_emulator::{Emulator, Outage, Quirks, RunningEmulator, Scenario, TapeTrade};
use serde_json::Value;

use crate::client::{DAY, HOUR, MINUTE, NOW, e8, get, instant, scenario, start};

/// Open, high, low, close, volume, time of the last trade.
type Folded = (i128, i128, i128, i128, i128, i64);

/// Candles by their opening time, folded the plain way.
fn fold(trades: &[TapeTrade], open_of: impl Fn(i64) -> i64) -> BTreeMap<i64, Folded> {
    let mut candles = BTreeMap::new();
    for trade in trades {
        let (price, size) = (i128::from(trade.price_e8), i128::from(trade.size_e8));
        let fresh = (price, price, price, price, 0, 0);
        let candle: &mut Folded = candles.entry(open_of(trade.time_ms)).or_insert(fresh);
        candle.1 = candle.1.max(price);
        candle.2 = candle.2.min(price);
        candle.3 = price;
        candle.4 += size;
        candle.5 = trade.time_ms;
    }
    candles
}

fn read(row: &Value) -> (i64, Folded) {
    let open = instant(row["candle_date_time_utc"].as_str().unwrap());
    assert_eq!(instant(row["candle_date_time_kst"].as_str().unwrap()), open + 9 * HOUR);
    let prices = ["opening_price", "high_price", "low_price", "trade_price"].map(|name| e8(&row[name]));
    let volume = e8(&row["candle_acc_trade_volume"]);
    (open, (prices[0], prices[1], prices[2], prices[3], volume, row["timestamp"].as_i64().unwrap()))
}

/// Pages back from now until nothing is left, stepping as a client does.
async fn page_back(
    venue: &RunningEmulator,
    path: &str,
    market: &str,
    count: usize,
    pages: usize,
) -> Vec<(i64, Folded)> {
    let mut rows: Vec<(i64, Folded)> = Vec::new();
    let mut to = String::new();
    for _ in 0..pages {
        let page = get(venue, &format!("/v1/candles/{path}?market={market}&count={count}{to}")).await.rows();
        assert!(page.len() <= count);
        let Some(oldest) = page.last() else { break };
        to = format!("&to={}Z", oldest["candle_date_time_utc"].as_str().unwrap());
        rows.extend(page.iter().map(read));
    }
    rows
}

#[tokio::test]
async fn pages_tile_the_tape_without_gap_or_overlap() {
    let venue = start(&["KRW-BTC", "KRW-IOTA", "KRW-RELIC", "KRW-DAWN", "BTC-ANKR"]).await;
    for (path, unit, market, count, pages) in [
        ("minutes/1", MINUTE, "KRW-BTC", 200, 15),
        ("minutes/1", MINUTE, "KRW-IOTA", 73, 1_000),
        ("minutes/1", MINUTE, "KRW-DAWN", 7, 1_000),
        ("minutes/15", 15 * MINUTE, "BTC-ANKR", 200, 1_000),
        ("minutes/240", 4 * HOUR, "KRW-BTC", 7, 1_000),
        ("seconds", 1_000, "KRW-BTC", 200, 15),
        ("seconds", 1_000, "KRW-IOTA", 200, 1_000),
        ("days", DAY, "KRW-IOTA", 3, 1_000),
    ] {
        let rows = page_back(&venue, path, market, count, pages).await;
        assert!(rows.is_sorted_by(|a, b| a.0 > b.0), "{path} {market} is not strictly falling");
        let oldest = rows.last().expect("rows").0;
        let trades = venue.tape().trades(market, oldest, NOW + 1);
        let want: Vec<_> = fold(&trades, |ms| ms - ms.rem_euclid(unit)).into_iter().rev().collect();
        assert_eq!(rows, want, "{path} {market}");
        if pages == 1_000 {
            let before = venue.tape().trades(market, 0, oldest);
            assert_eq!(before, [], "{path} {market} stopped before the history did");
        }
    }
}

#[tokio::test]
async fn weeks_months_and_years_are_folds_of_days() {
    let venue = Emulator::start(Scenario { history_days: 100, ..scenario(&["KRW-ETH"]) }).await.unwrap();
    let days = page_back(&venue, "days", "KRW-ETH", 200, 2).await;
    assert_eq!(days.len(), 101);
    for (path, starts) in [
        // 2026-08-03 was a Monday.
        ("weeks", vec!["2026-08-03", "2026-07-27", "2026-07-20"]),
        ("months", vec!["2026-08-01", "2026-07-01", "2026-06-01"]),
        ("years", vec!["2026-01-01"]),
    ] {
        let rows = get(&venue, &format!("/v1/candles/{path}?market=KRW-ETH&count=3")).await.rows();
        let first_days: Vec<&str> = rows.iter().map(|r| r["first_day_of_period"].as_str().unwrap()).collect();
        assert_eq!(first_days, starts);
        let mut end = i64::MAX;
        for row in &rows {
            let (open, (first, high, low, last, volume, stamp)) = read(row);
            let inside: Vec<&Folded> =
                days.iter().filter(|(at, _)| open <= *at && *at < end).map(|(_, day)| day).collect();
            assert_eq!(high, inside.iter().map(|day| day.1).max().unwrap());
            assert_eq!(low, inside.iter().map(|day| day.2).min().unwrap());
            assert_eq!(volume, inside.iter().map(|day| day.4).sum::<i128>(), "{path}");
            assert_eq!((first, last, stamp), (inside.last().unwrap().0, inside[0].3, inside[0].5));
            end = open;
        }
    }
}

#[tokio::test]
async fn days_name_the_close_before_them() {
    let venue = start(&["KRW-ETH"]).await;
    let rows = get(&venue, "/v1/candles/days?market=KRW-ETH&count=5").await.rows();
    for pair in rows.windows(2) {
        assert_eq!(pair[0]["prev_closing_price"], pair[1]["trade_price"]);
        let change = e8(&pair[0]["trade_price"]) - e8(&pair[1]["trade_price"]);
        assert_eq!(e8(&pair[0]["change_price"]), change);
        let rate = pair[0]["change_rate"].as_f64().unwrap();
        let want = change as f64 / e8(&pair[1]["trade_price"]) as f64;
        assert!((rate - want).abs() < 1e-9, "{rate} {want}");
    }
    // A page of one knows its predecessor too.
    let single = get(&venue, "/v1/candles/days?market=KRW-ETH").await.rows();
    assert_eq!(single, rows[..1]);
    assert!(rows[0].get("unit").is_none() && rows[0].get("first_day_of_period").is_none());
}

#[tokio::test]
async fn a_foreign_price_is_converted_on_request() {
    let venue = start(&["KRW-BTC", "BTC-ETH"]).await;
    let path = "/v1/candles/days?converting_price_unit=KRW&count=1&market=";
    let eth = &get(&venue, &format!("{path}BTC-ETH")).await.rows()[0];
    let close = eth["timestamp"].as_i64().unwrap();
    let btc = venue.tape().trades("KRW-BTC", close - HOUR, close + 1).last().unwrap().price();
    let converted = eth["converted_trade_price"].as_f64().unwrap();
    assert!((converted / (eth["trade_price"].as_f64().unwrap() * btc) - 1.0).abs() < 1e-12);
    assert!(get(&venue, &format!("{path}KRW-BTC")).await.rows()[0]["converted_trade_price"].is_null());
}

#[tokio::test]
async fn to_is_exclusive_and_read_in_every_spelling() {
    let venue = start(&["KRW-BTC"]).await;
    let path = "/v1/candles/minutes/1?market=KRW-BTC&count=2&to=";
    let want = get(&venue, &format!("{path}2026-08-06T10:40:00Z")).await.rows();
    assert_eq!(want[0]["candle_date_time_utc"], "2026-08-06T10:39:00");
    for to in [
        "2026-08-06T10:40:00",
        "2026-08-06%2010:40:00",
        "2026-08-06+10:40:00",
        "2026-08-06T19:40:00%2B09:00",
        "2026-08-06T10:39:00.001Z",
    ] {
        assert_eq!(get(&venue, &format!("{path}{to}")).await.rows(), want, "{to}");
    }
    // Within a minute: the candle is whole, not cut at `to`.
    let within = get(&venue, &format!("{path}2026-08-06T10:39:30Z")).await.rows();
    assert_eq!(within, want);
    for to in ["2026-08-06T19:40:00+09:00", "yesterday", "2026-08-06", "1786022055678"] {
        let answer = get(&venue, &format!("{path}{to}")).await;
        assert_eq!(answer.status, 400, "{to}");
        assert_eq!(
            answer.text(),
            r#"{"error":{"name":400,"message":"Invalid parameter. Check the given value!"}}"#
        );
    }
    // Beyond now there is nothing yet.
    let future = get(&venue, &format!("{path}2027-01-01T00:00:00Z")).await.rows();
    assert_eq!(future[0]["candle_date_time_utc"], "2026-08-06T13:14:00");
}

#[tokio::test]
async fn count_is_one_by_default_and_clamped_in_silence() {
    let venue = start(&["KRW-BTC"]).await;
    let path = "/v1/candles/minutes/1?market=KRW-BTC";
    for (count, rows) in
        [("", 1), ("&count=", 1), ("&count=200", 200), ("&count=201", 200), ("&count=99999", 200)]
    {
        assert_eq!(get(&venue, &format!("{path}{count}")).await.rows().len(), rows, "{count}");
    }
    for count in ["0", "-1"] {
        assert_eq!(get(&venue, &format!("{path}&count={count}")).await.status, 400);
    }
    let answer = get(&venue, &format!("{path}&count=abc")).await;
    assert_eq!(
        answer.text(),
        r#"{"error":{"name":400,"message":"Type mismatch error. Check the parameters type!"}}"#
    );
}

#[tokio::test]
async fn refusals_are_the_venues_own_words() {
    let venue = start(&["KRW-BTC"]).await;
    for (path, status, body) in [
        (
            "/v1/candles/minutes/1",
            400,
            r#"{"error":{"name":400,"message":"Missing request parameter error. Check the required parameters!"}}"#,
        ),
        (
            "/v1/candles/minutes/120?market=KRW-BTC",
            400,
            r#"{"error":{"name":400,"message":"specified unit is not valid."}}"#,
        ),
        ("/v1/candles/days?market=KRW-NOPE", 404, r#"{"error":{"name":404,"message":"Code not found"}}"#),
        ("/v1/candles/days?market=krw-btc", 404, r#"{"error":{"name":404,"message":"Code not found"}}"#),
        ("/v1/nope", 404, r#"{"error":{"name":"not_found","message":"no Route matched with those values"}}"#),
    ] {
        let answer = get(&venue, path).await;
        assert_eq!((answer.status, answer.text()), (status, body), "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json;charset=UTF-8"));
        assert_eq!(answer.header("remaining-req").is_some(), path != "/v1/nope", "{path}");
    }
}

#[tokio::test]
async fn the_forming_candle_comes_first_and_grows() {
    let clocked = scenario(&["KRW-BTC"]);
    let clock = clocked.clock.clone();
    let venue = Emulator::start(clocked).await.unwrap();
    let path = "/v1/candles/minutes/1?market=KRW-BTC&count=2";
    let before = get(&venue, path).await.rows();
    assert_eq!(before[0]["candle_date_time_utc"], "2026-08-06T13:14:00");
    clock.advance(30_000);
    let after = get(&venue, path).await.rows();
    assert_eq!(after[0]["candle_date_time_utc"], "2026-08-06T13:14:00");
    assert_eq!(after[0]["opening_price"], before[0]["opening_price"]);
    assert!(e8(&after[0]["candle_acc_trade_volume"]) > e8(&before[0]["candle_acc_trade_volume"]));
    assert_eq!(after[1], before[1], "a closed candle changed");
    // The first trade of a busy minute comes within its first moments.
    clock.advance(NOW.div_euclid(MINUTE) * MINUTE + MINUTE + 200 - NOW - 30_000);
    assert_eq!(get(&venue, path).await.rows()[0]["candle_date_time_utc"], "2026-08-06T13:15:00");
}

#[tokio::test]
async fn busy_markets_trade_in_every_minute_and_thin_ones_rarely() {
    let venue = start(&["KRW-BTC", "KRW-IOTA", "KRW-ADA", "KRW-RELIC", "KRW-EMBRYO"]).await;
    let minutes = |market: &str, from: i64, to: i64| {
        fold(&venue.tape().trades(market, from, to), |ms| ms - ms.rem_euclid(MINUTE)).len()
    };
    let from = (NOW - 5 * DAY).div_euclid(MINUTE) * MINUTE;
    assert_eq!(minutes("KRW-BTC", from, from + 2 * DAY), 2_880);
    assert!((70..160).contains(&minutes("KRW-IOTA", from, from + 2 * DAY)));
    assert!((2_300..2_879).contains(&minutes("KRW-ADA", from, from + 2 * DAY)));
    assert_eq!(minutes("KRW-EMBRYO", 0, NOW), 0);
    let rate = venue.tape().trades("KRW-BTC", from, from + HOUR).len();
    assert!((3_000..4_200).contains(&rate), "{rate} trades an hour");
}

#[tokio::test]
async fn a_young_market_has_no_past() {
    let venue = start(&["KRW-DAWN", "KRW-EMBRYO"]).await;
    let listed = venue.tape().listed_ms("KRW-DAWN").unwrap();
    assert_eq!(listed, (NOW - HOUR).div_euclid(MINUTE) * MINUTE);
    let rows = get(&venue, "/v1/candles/minutes/1?market=KRW-DAWN&count=200").await.rows();
    assert_eq!(rows.len(), 61);
    assert_eq!(get(&venue, "/v1/candles/days?market=KRW-DAWN&count=9").await.rows().len(), 1);
    for path in [
        "/v1/candles/minutes/1?market=KRW-DAWN&to=2026-08-06T12:14:00Z",
        "/v1/candles/days?market=KRW-DAWN&to=2020-01-01T00:00:00Z",
        "/v1/candles/minutes/1?market=KRW-EMBRYO",
        "/v1/trades/ticks?market=KRW-EMBRYO",
        "/v1/ticker?markets=KRW-EMBRYO",
    ] {
        assert_eq!(get(&venue, path).await.text(), "[]", "{path}");
    }
}

#[tokio::test]
async fn seconds_are_kept_for_a_while_only() {
    let venue = Emulator::start(Scenario { seconds_days: 1, ..scenario(&["KRW-BTC"]) }).await.unwrap();
    let path = "/v1/candles/seconds?market=KRW-BTC&count=200&to=";
    assert_eq!(get(&venue, &format!("{path}2026-08-05T13:14:15Z")).await.text(), "[]");
    let edge = get(&venue, &format!("{path}2026-08-05T13:14:30Z")).await.rows();
    assert!((1..=15).contains(&edge.len()), "{}", edge.len());
    assert!(get(&venue, &format!("{path}2026-08-05T13:34:30Z")).await.rows().len() == 200);
}

#[tokio::test]
async fn an_outage_leaves_a_hole_in_every_market() {
    let outage = Outage { from_ms: NOW - 3 * HOUR, to_ms: NOW - HOUR };
    let hit = scenario(&["KRW-BTC", "KRW-ADA", "KRW-DAWN"]);
    let venue = Emulator::start(Scenario { outages: vec![outage], ..hit }).await.unwrap();
    for market in ["KRW-BTC", "KRW-ADA", "KRW-DAWN"] {
        assert_eq!(venue.tape().trades(market, outage.from_ms, outage.to_ms), []);
    }
    let rows = page_back(&venue, "minutes/1", "KRW-BTC", 200, 3).await;
    let opens: Vec<i64> = rows.iter().map(|(open, _)| *open).collect();
    let widest = opens.windows(2).map(|pair| pair[0] - pair[1]).max().unwrap();
    assert_eq!(widest / MINUTE, 120);
    let whole = start(&["KRW-BTC"]).await;
    let before =
        |venue: &RunningEmulator| venue.tape().trades("KRW-BTC", outage.from_ms - HOUR, outage.from_ms);
    assert_eq!(before(&venue), before(&whole), "an outage changes nothing outside itself");
}

#[tokio::test]
async fn quirks_make_the_data_disagree_on_request() {
    let quirks = Quirks { candle_lag_ms: 60_000, odd_days: 1, ..Quirks::default() };
    let venue = Emulator::start(Scenario { quirks, ..scenario(&["KRW-BTC"]) }).await.unwrap();
    let minute = &get(&venue, "/v1/candles/minutes/1?market=KRW-BTC&to=2026-08-06T10:40:00Z").await.rows()[0];
    assert!(minute["timestamp"].as_i64().unwrap() > instant("2026-08-06T10:40:00"));
    let day = &get(&venue, "/v1/candles/days?market=KRW-BTC&to=2026-08-06T00:00:00Z").await.rows()[0];
    let hours =
        get(&venue, "/v1/candles/minutes/60?market=KRW-BTC&count=24&to=2026-08-06T00:00:00Z").await.rows();
    let sum: i128 = hours.iter().map(|hour| e8(&hour["candle_acc_trade_volume"])).sum();
    assert!(e8(&day["candle_acc_trade_volume"]) > sum);
}

#[tokio::test]
async fn the_same_seed_plays_the_same_market() {
    let markets = ["KRW-BTC", "KRW-IOTA"];
    let (a, b) = (start(&markets).await, start(&markets).await);
    let other = Emulator::start(Scenario { seed: 2, ..scenario(&markets) }).await.unwrap();
    for path in [
        "/v1/candles/minutes/3?market=KRW-IOTA&count=200",
        "/v1/trades/ticks?market=KRW-BTC&count=500",
        "/v1/ticker?markets=KRW-BTC,KRW-IOTA",
        "/v1/orderbook?markets=KRW-BTC",
    ] {
        let body = get(&a, path).await.body;
        assert_eq!(body, get(&b, path).await.body, "{path}");
        assert_ne!(body, get(&other, path).await.body, "{path}");
    }
}
