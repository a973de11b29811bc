//! Tickers, books and listings agree with the tape.

use market_backbone_emulator::{Emulator, NumberFormat, Scenario, TakerSide, TapeTrade};
use serde_json::Value;

use crate::client::{DAY, NOW, e8, get, scenario, start};

fn sum(trades: &[TapeTrade]) -> i128 {
    trades.iter().map(|trade| i128::from(trade.size_e8)).sum()
}

#[tokio::test]
async fn a_ticker_agrees_with_the_tape() {
    let markets = ["KRW-BTC", "KRW-ADA", "KRW-IOTA", "KRW-DAWN", "BTC-ETH"];
    let venue = start(&markets).await;
    let midnight = NOW.div_euclid(DAY) * DAY;
    let rows = get(&venue, &format!("/v1/ticker?markets={}", markets.join(","))).await.rows();
    assert_eq!(rows.len(), markets.len());
    for (row, market) in rows.iter().zip(markets) {
        let all = venue.tape().trades(market, 0, NOW + 1);
        let last = all.last().unwrap();
        let of_day = venue.tape().trades(market, midnight, NOW + 1);
        let before = all.iter().rev().find(|trade| trade.time_ms < midnight);
        let price = |name: &str| e8(&row[name]);
        assert_eq!(row["market"], market);
        assert_eq!(row["trade_timestamp"].as_i64(), Some(last.time_ms));
        assert_eq!(price("trade_price"), i128::from(last.price_e8));
        assert_eq!(price("trade_volume"), i128::from(last.size_e8));
        assert_eq!(price("acc_trade_volume"), sum(&of_day));
        assert_eq!(price("acc_trade_volume_24h"), sum(&venue.tape().trades(market, NOW - DAY + 1, NOW + 1)));
        let prices = |trades: &[TapeTrade]| trades.iter().map(|t| i128::from(t.price_e8)).collect::<Vec<_>>();
        assert_eq!(price("opening_price"), prices(&of_day)[0]);
        assert_eq!(Some(price("high_price")), prices(&of_day).into_iter().max());
        assert_eq!(Some(price("low_price")), prices(&of_day).into_iter().min());
        assert_eq!(Some(price("highest_52_week_price")), prices(&all).into_iter().max(), "{market}");
        assert_eq!(Some(price("lowest_52_week_price")), prices(&all).into_iter().min(), "{market}");
        let before = before.map_or(prices(&of_day)[0], |trade| i128::from(trade.price_e8));
        assert_eq!(price("prev_closing_price"), before);
        assert_eq!(price("signed_change_price"), i128::from(last.price_e8) - before);
        assert_eq!(price("change_price"), price("signed_change_price").abs());
        let direction = match price("signed_change_price") {
            0 => "EVEN",
            1.. => "RISE",
            _ => "FALL",
        };
        assert_eq!(row["change"], direction);
    }
}

#[tokio::test]
async fn one_unknown_market_fails_the_whole_call() {
    let venue = start(&["KRW-BTC"]).await;
    for path in ["ticker", "orderbook", "orderbook/instruments"] {
        assert_eq!(get(&venue, &format!("/v1/{path}?markets=KRW-BTC,KRW-NOPE")).await.status, 404);
        assert_eq!(get(&venue, &format!("/v1/{path}")).await.status, 400);
        assert_eq!(get(&venue, &format!("/v1/{path}?markets=KRW-BTC")).await.rows().len(), 1);
    }
}

#[tokio::test]
async fn all_tickers_are_had_by_quote_currency() {
    let venue = start(&["KRW-BTC", "BTC-ETH", "USDT-BTC", "KRW-RELIC"]).await;
    let markets = |rows: Vec<Value>| -> Vec<String> {
        rows.iter().map(|row| row["market"].as_str().unwrap().to_owned()).collect()
    };
    let rows = get(&venue, "/v1/ticker/all?quote_currencies=KRW,BTC").await.rows();
    // The history is shorter than KRW-RELIC has been dead.
    assert_eq!(markets(rows), ["KRW-BTC", "BTC-ETH"]);
    assert_eq!(get(&venue, "/v1/ticker/all?quoteCurrencies=USDT").await.rows().len(), 1);
}

#[tokio::test]
async fn a_dead_market_shows_its_last_trade() {
    let venue = Emulator::start(Scenario { history_days: 40, ..scenario(&["KRW-RELIC"]) }).await.unwrap();
    let row = &get(&venue, "/v1/ticker?markets=KRW-RELIC").await.rows()[0];
    let last = *venue.tape().trades("KRW-RELIC", 0, NOW).last().unwrap();
    assert!(last.time_ms < NOW - 21 * DAY);
    assert_eq!(row["trade_timestamp"].as_i64(), Some(last.time_ms));
    assert_eq!((e8(&row["acc_trade_volume"]), e8(&row["acc_trade_volume_24h"])), (0, 0));
    assert_eq!(row["change"], "EVEN");
    let book = &get(&venue, "/v1/orderbook?markets=KRW-RELIC").await.rows()[0];
    assert!(book["timestamp"].as_i64().unwrap() < NOW - 20 * DAY);
}

#[tokio::test]
async fn books_add_up_and_never_cross() {
    let whole =
        scenario(&["KRW-BTC", "KRW-ADA", "KRW-IOTA", "KRW-EMBRYO", "BTC-ANKR", "USDT-BTC", "KRW-DAWN"]);
    let clock = whole.clock.clone();
    let venue = Emulator::start(whole).await.unwrap();
    let list = venue.tape().markets().join(",");
    let mut padded = 0;
    for _ in 0..25 {
        clock.advance(777);
        for book in get(&venue, &format!("/v1/orderbook?markets={list}")).await.rows() {
            let units = book["orderbook_units"].as_array().unwrap();
            assert_eq!(units.len(), 30);
            for (side, falls) in [("ask", false), ("bid", true)] {
                let sizes: Vec<i128> = units.iter().map(|unit| e8(&unit[&format!("{side}_size")])).collect();
                assert_eq!(sizes.iter().sum::<i128>(), e8(&book[&format!("total_{side}_size")]));
                let prices: Vec<i128> =
                    units.iter().map(|unit| e8(&unit[&format!("{side}_price")])).collect();
                let real: Vec<i128> = prices.iter().copied().take_while(|price| *price > 0).collect();
                assert!(real.is_sorted_by(|a, b| if falls { a > b } else { a < b }), "{book}");
                assert!(prices[real.len()..].iter().all(|price| *price == 0));
                assert!(sizes[real.len()..].iter().all(|size| *size == 0));
                padded += usize::from(real.len() < 30);
            }
            let (ask, bid) = (e8(&units[0]["ask_price"]), e8(&units[0]["bid_price"]));
            assert!(ask == 0 || ask > bid, "{book}");
        }
    }
    assert!(padded > 0, "thin books are padded");
}

#[tokio::test]
async fn a_book_stands_around_the_last_trade() {
    let venue = start(&["KRW-BTC"]).await;
    let book = &get(&venue, "/v1/orderbook?markets=krw-btc").await.rows()[0];
    assert_eq!(book["market"], "KRW-BTC", "lower case is understood here");
    let changed = book["timestamp"].as_i64().unwrap();
    assert!(NOW - 500 < changed && changed <= NOW);
    let last = *venue.tape().trades("KRW-BTC", NOW - DAY, changed + 1).last().unwrap();
    let side = if last.side == TakerSide::Buy { "ask_price" } else { "bid_price" };
    assert_eq!(e8(&book["orderbook_units"][0][side]), i128::from(last.price_e8));
}

#[tokio::test]
async fn books_are_cut_and_grouped_on_request() {
    let venue = start(&["KRW-BTC", "BTC-ETH"]).await;
    let book = |rest: &'static str| {
        let venue = &venue;
        async move { get(venue, &format!("/v1/orderbook?{rest}")).await.rows() }
    };
    for (count, units) in [("1", 1), ("15", 15), ("31", 30), ("50", 30)] {
        let rows = get(&venue, &format!("/v1/orderbook?markets=KRW-BTC&count={count}")).await.rows();
        assert_eq!(rows[0]["orderbook_units"].as_array().unwrap().len(), units);
    }
    let instruments = get(&venue, "/v1/orderbook/instruments?markets=KRW-BTC,BTC-ETH").await.rows();
    assert_eq!(instruments[0]["tick_size"], "1000");
    assert_eq!(instruments[0]["supported_levels"][1], "10000");
    assert_eq!(instruments[1]["supported_levels"], serde_json::json!(["0"]));
    let (plain, grouped) = (book("markets=KRW-BTC").await, book("markets=KRW-BTC&level=10000").await);
    assert_eq!(grouped[0]["level"], 10_000);
    assert_eq!(plain[0]["total_ask_size"], grouped[0]["total_ask_size"]);
    assert_eq!(e8(&grouped[0]["orderbook_units"][0]["bid_price"]) % (10_000 * 100_000_000), 0);
    assert_eq!(book("markets=KRW-BTC&level=12345").await, Vec::<Value>::new());
    assert_eq!(book("markets=BTC-ETH&level=10000").await, Vec::<Value>::new());
}

#[tokio::test]
async fn the_listing_shows_details_on_request() {
    let venue = Emulator::start(Scenario { history_days: 1, ..Scenario::default() }).await.unwrap();
    let plain = get(&venue, "/v1/market/all").await.rows();
    assert!(plain.len() > 150);
    let btc = plain.iter().find(|row| row["market"] == "KRW-BTC").unwrap();
    assert_eq!(
        *btc,
        serde_json::json!({"market": "KRW-BTC", "korean_name": "비트코인", "english_name": "Bitcoin"})
    );
    for flag in ["is_details", "isDetails"] {
        let detailed = get(&venue, &format!("/v1/market/all?{flag}=true")).await.rows();
        let event = &detailed[0]["market_event"];
        assert!(event["warning"].is_boolean() && event["caution"]["PRICE_FLUCTUATIONS"].is_boolean());
    }
    let answer = get(&venue, "/v1/market/all?is_details=maybe").await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn numbers_are_spelled_as_given() {
    for (number_format, want) in [
        (NumberFormat::Plain, r#""opening_price":XX,"#),
        (NumberFormat::Point, r#""opening_price":XX.0,"#),
        (NumberFormat::Fixed8, r#""opening_price":XX.00000000,"#),
    ] {
        let venue = Emulator::start(Scenario { number_format, ..scenario(&["KRW-BTC"]) }).await.unwrap();
        let path = "/v1/candles/minutes/1?market=KRW-BTC&to=2026-08-06T10:40:00Z";
        let answer = get(&venue, path).await;
        let price = answer.rows()[0]["opening_price"].as_f64().unwrap().to_string();
        assert!(answer.text().contains(&want.replace("XX", &price)), "{}", answer.text());
    }
    let scientific = Scenario { number_format: NumberFormat::Scientific, ..scenario(&["KRW-BTC"]) };
    let venue = Emulator::start(scientific).await.unwrap();
    let answer = get(&venue, "/v1/ticker?markets=KRW-BTC").await;
    let exponent =
        answer.text().split(r#""trade_price":"#).nth(1).unwrap().split(',').next().unwrap().to_owned();
    assert!(exponent.contains("E7") || exponent.contains("E8"), "{exponent}");
}
