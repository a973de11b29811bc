//! Sockets: what is sent, and in which form.

use market_backbone_emulator::{Emulator, Faults, Quirks, Scenario, TakerSide, TapeTrade};
use serde_json::{Value, json};

use crate::client::{Client, MINUTE, NOW, clocked, e8, instant, scenario, start};

/// A scenario whose trades are sent in the order of the tape.
fn in_order(markets: &[&str]) -> Scenario {
    Scenario { quirks: Quirks { late_share: 0.0, ..Quirks::default() }, ..scenario(markets) }
}

#[tokio::test]
async fn each_known_code_gets_one_snapshot_and_others_nothing() {
    let venue = start(&["KRW-BTC", "KRW-ETH", "KRW-EMBRYO"]).await;
    let mut client = Client::connect(&venue).await;
    let codes = r#"["KRW-NOPE","KRW-ETH","krw-btc","KRW-BTC"]"#;
    client
        .say(&format!(
            r#"[{{"ticket":"t"}},{{"type":"ticker","codes":{codes}}},{{"type":"trade","codes":{codes}}},
                {{"type":"orderbook","codes":{codes}}},{{"type":"candle.1m","codes":{codes}}},
                {{"type":"trade","codes":["KRW-EMBRYO"]}}]"#
        ))
        .await;
    let frames = client.frames_until_fence().await;
    let heads: Vec<(&str, &str)> =
        frames.iter().map(|f| (f["type"].as_str().unwrap(), f["code"].as_str().unwrap())).collect();
    let want: Vec<(&str, &str)> = ["ticker", "trade", "orderbook", "candle.1m"]
        .into_iter()
        .flat_map(|kind| [(kind, "KRW-ETH"), (kind, "KRW-BTC")])
        .collect();
    assert_eq!(heads, want);
    assert!(frames.iter().all(|frame| frame["stream_type"] == "SNAPSHOT"));
}

fn is_told(frame: &Value, trade: &TapeTrade) {
    assert_eq!(frame["sequential_id"].as_i64(), Some(trade.id));
    assert_eq!(frame["trade_timestamp"].as_i64(), Some(trade.time_ms));
    assert_eq!(e8(&frame["trade_price"]), i128::from(trade.price_e8));
    assert_eq!(e8(&frame["trade_volume"]), i128::from(trade.size_e8));
    assert_eq!(frame["ask_bid"], if trade.side == TakerSide::Buy { "BID" } else { "ASK" });
    assert!(e8(&frame["best_ask_price"]) > e8(&frame["best_bid_price"]));
}

#[tokio::test]
async fn every_trade_of_the_tape_is_reported_once() {
    let (venue, clock) = clocked(in_order(&["KRW-BTC"])).await;
    let mut client = Client::connect(&venue).await;
    client.say(r#"[{"ticket":"t"},{"type":"trade","codes":["KRW-BTC"]}]"#).await;
    let snapshot = client.frame().await;
    let known = venue.tape().trades("KRW-BTC", NOW - MINUTE, NOW - 25 + 1);
    is_told(&snapshot, known.last().unwrap());
    let mut told_ms = NOW - 25;
    for _ in 0..30 {
        clock.advance(1_000);
        for trade in venue.tape().trades("KRW-BTC", told_ms + 1, told_ms + 1_001) {
            let frame = client.frame().await;
            assert_eq!(frame["stream_type"], "REALTIME");
            is_told(&frame, &trade);
        }
        told_ms += 1_000;
    }
    assert!(client.frames_until_fence().await.is_empty());
}

#[tokio::test]
async fn late_trades_come_after_younger_ones_but_come() {
    let quirks = Quirks { late_share: 0.2, late_ms: 3_000, ..Quirks::default() };
    let (venue, clock) = clocked(Scenario { quirks, ..scenario(&["KRW-BTC"]) }).await;
    let mut client = Client::connect(&venue).await;
    client.say(r#"[{"ticket":"t"},{"type":"trade","codes":["KRW-BTC"],"isOnlyRealtime":true}]"#).await;
    assert!(client.frames_until_fence().await.is_empty());
    clock.advance(50_000);
    let mut want: Vec<i64> =
        venue.tape().trades("KRW-BTC", NOW, NOW + 40_000).iter().map(|trade| trade.id).collect();
    let mut ids = Vec::new();
    let mut stamps = Vec::new();
    while !want.iter().all(|id| ids.contains(id)) {
        let frame = client.frame().await;
        ids.push(frame["sequential_id"].as_i64().unwrap());
        stamps.push(frame["timestamp"].as_i64().unwrap());
    }
    assert!(!ids.is_sorted(), "some came late");
    assert!(stamps.is_sorted(), "the time of telling never runs back");
    ids.sort_unstable();
    want.extend(ids.iter().filter(|id| !want.contains(id)).copied().collect::<Vec<_>>());
    want.sort_unstable();
    assert_eq!(ids, want, "none twice");
}

#[tokio::test]
async fn ticker_sums_grow_by_each_trade() {
    let (venue, clock) = clocked(in_order(&["KRW-BTC"])).await;
    let mut client = Client::connect(&venue).await;
    client.say(r#"[{"ticket":"t"},{"type":"ticker","codes":["KRW-BTC"]}]"#).await;
    let mut before = client.frame().await;
    clock.advance(40_000);
    let trades = venue.tape().trades("KRW-BTC", NOW - 24, NOW + 39_000);
    let mut repeats = 0;
    for trade in trades {
        let mut frame = client.frame().await;
        while frame["trade_timestamp"] == before["trade_timestamp"]
            && e8(&frame["acc_trade_volume"]) == e8(&before["acc_trade_volume"])
        {
            repeats += 1;
            frame = client.frame().await;
        }
        assert_eq!(frame["trade_timestamp"].as_i64(), Some(trade.time_ms));
        let grown = e8(&frame["acc_trade_volume"]) - e8(&before["acc_trade_volume"]);
        assert_eq!(grown, i128::from(trade.size_e8));
        let sides = e8(&frame["acc_ask_volume"]) + e8(&frame["acc_bid_volume"]);
        assert_eq!(sides, e8(&frame["acc_trade_volume"]));
        before = frame;
    }
    assert!((1..=4).contains(&repeats), "{repeats} frames for the rolling day");
}

#[tokio::test]
async fn candles_are_reported_at_the_end_of_each_second_that_traded() {
    let (venue, clock) = clocked(scenario(&["KRW-BTC"])).await;
    let mut client = Client::connect(&venue).await;
    client.say(r#"[{"ticket":"t"},{"type":"candle.1m","codes":["KRW-BTC"],"is_only_realtime":true}]"#).await;
    assert!(client.frames_until_fence().await.is_empty());
    clock.advance(55_000);
    let first = (NOW / 1_000 + 1) * 1_000;
    let last = (NOW + 55_000 - 8) / 1_000 * 1_000;
    for end in (first..=last).step_by(1_000) {
        if venue.tape().trades("KRW-BTC", end - 1_000, end).is_empty() {
            continue;
        }
        let open = (end - 1).div_euclid(MINUTE) * MINUTE;
        let trades = venue.tape().trades("KRW-BTC", open, end);
        let frame = client.frame().await;
        assert_eq!(instant(frame["candle_date_time_utc"].as_str().unwrap()), open);
        let volume: i128 = trades.iter().map(|trade| i128::from(trade.size_e8)).sum();
        assert_eq!(e8(&frame["candle_acc_trade_volume"]), volume);
        assert_eq!(frame["timestamp"].as_i64(), trades.last().map(|trade| trade.time_ms), "stamped inside");
        assert!(frame.get("unit").is_none());
    }
    assert!(client.frames_until_fence().await.is_empty());
}

#[tokio::test]
async fn books_are_reported_on_their_grid_and_in_the_size_wanted() {
    let (venue, clock) = clocked(scenario(&["KRW-BTC"])).await;
    let mut client = Client::connect(&venue).await;
    client.say(r#"[{"ticket":"t"},{"type":"orderbook","codes":["KRW-BTC.5"]}]"#).await;
    let snapshot = client.frame().await;
    let phase = snapshot["timestamp"].as_i64().unwrap() % 100;
    let mut last = snapshot["timestamp"].as_i64().unwrap();
    for _ in 0..5 {
        clock.advance(500);
        let frame = client.frame().await;
        assert_eq!(
            (frame["code"].as_str(), frame["stream_type"].as_str()),
            (Some("KRW-BTC"), Some("REALTIME"))
        );
        assert_eq!(frame["orderbook_units"].as_array().unwrap().len(), 5);
        let sum: i128 = frame["orderbook_units"].as_array().unwrap().iter().map(|u| e8(&u["ask_size"])).sum();
        assert_eq!(sum, e8(&frame["total_ask_size"]));
        let at = frame["timestamp"].as_i64().unwrap();
        assert!(at > last && at % 100 == phase);
        last = at;
    }
    client.say(r#"[{"ticket":"t"},{"type":"orderbook","codes":["KRW-BTC"],"level":10000}]"#).await;
    let grouped = client.frame().await;
    assert_eq!(
        (grouped["level"].as_i64(), e8(&grouped["orderbook_units"][0]["ask_price"]) % 1_000_000_000_000),
        (Some(10_000), 0)
    );
    client.say(r#"[{"ticket":"t"},{"type":"orderbook","codes":["KRW-BTC"],"level":777}]"#).await;
    assert!(client.frames_until_fence().await.is_empty(), "an unsupported level is met with silence");
}

#[tokio::test]
async fn a_new_request_replaces_the_old_one() {
    let (venue, clock) = clocked(scenario(&["KRW-BTC", "KRW-ETH"])).await;
    let mut client = Client::connect(&venue).await;
    client.say(r#"[{"ticket":"t"},{"type":"trade","codes":["KRW-BTC"]}]"#).await;
    assert_eq!(client.frame().await["code"], "KRW-BTC");
    client.say(r#"[{"ticket":"t"},{"type":"trade","codes":["KRW-ETH"]}]"#).await;
    assert_eq!(client.frame().await["code"], "KRW-ETH");
    clock.advance(20_000);
    client.frame().await;
    let frames = client.frames_until_fence().await;
    assert!(frames.len() > 5);
    assert!(frames.iter().all(|frame| frame["code"] == "KRW-ETH"));
}

#[tokio::test]
async fn only_snapshots_or_only_updates_on_request() {
    let (venue, clock) = clocked(scenario(&["KRW-BTC"])).await;
    let mut client = Client::connect(&venue).await;
    client.say(r#"[{"ticket":"t"},{"type":"trade","codes":["KRW-BTC"],"is_only_snapshot":true}]"#).await;
    assert_eq!(client.frame().await["stream_type"], "SNAPSHOT");
    clock.advance(20_000);
    assert!(client.frames_until_fence().await.is_empty());
    client.say(r#"[{"ticket":"t"},{"type":"trade","codes":["KRW-BTC"],"is_only_realtime":true}]"#).await;
    assert!(client.frames_until_fence().await.is_empty());
    clock.advance(20_000);
    assert_eq!(client.frame().await["stream_type"], "REALTIME");
}

#[tokio::test]
async fn frames_come_in_four_formats() {
    let venue = start(&["KRW-BTC"]).await;
    for (format, is_list, type_key, price_key) in [
        ("DEFAULT", false, "type", "trade_price"),
        ("SIMPLE", false, "ty", "tp"),
        ("JSON_LIST", true, "type", "trade_price"),
        ("SIMPLE_LIST", true, "ty", "tp"),
    ] {
        let mut client = Client::connect(&venue).await;
        venue.reset();
        // The format may come before the types.
        client
            .say(&format!(
                r#"[{{"ticket":"t"}},{{"format":"{format}"}},{{"type":"ticker","codes":["KRW-BTC"]}}]"#
            ))
            .await;
        let frame = client.frame().await;
        let inner = if is_list { &frame.as_array().expect("a list")[0] } else { &frame };
        assert_eq!(inner[type_key], "ticker");
        assert!(inner[price_key].is_number());
    }
}

#[tokio::test]
async fn subscriptions_are_listed_on_request() {
    let venue = start(&["KRW-BTC", "KRW-ETH"]).await;
    let mut client = Client::connect(&venue).await;
    client
        .say(r#"[{"ticket":"a"},{"type":"ticker","codes":["KRW-BTC","KRW-ETH"],"is_only_realtime":true},{"type":"orderbook","codes":["KRW-BTC"],"is_only_realtime":true}]"#)
        .await;
    client.say(r#"[{"ticket":"b"},{"method":"LIST_SUBSCRIPTIONS"}]"#).await;
    assert_eq!(
        client.frame().await,
        json!({"method": "LIST_SUBSCRIPTIONS", "ticket": "b", "result": [
            {"type": "ticker", "codes": ["KRW-BTC", "KRW-ETH"]},
            {"type": "orderbook", "codes": ["KRW-BTC"], "level": 0},
        ]})
    );
    client.say(r#"[{"ticket":"b"},{"method":"LIST_SUBSCRIPTIONS"},{"format":"SIMPLE"}]"#).await;
    let simple = client.frame().await;
    assert_eq!((&simple["mthd"], &simple["rslt"][1]["lv"]), (&json!("LIST_SUBSCRIPTIONS"), &json!(0)));
}

#[tokio::test]
async fn frames_are_repeated_and_swapped_on_demand() {
    let faults = Faults { duplicate: 0.3, reorder: 0.3, ..Faults::default() };
    let (venue, clock) = clocked(Scenario { faults, ..in_order(&["KRW-BTC"]) }).await;
    let mut client = Client::connect(&venue).await;
    client.say(r#"[{"ticket":"t"},{"type":"trade","codes":["KRW-BTC"],"is_only_realtime":true}]"#).await;
    assert!(client.frames_until_fence().await.is_empty());
    clock.advance(50_000);
    let want = venue.tape().trades("KRW-BTC", NOW - 24, NOW + 49_000);
    let mut ids: Vec<i64> = Vec::new();
    while !want.iter().all(|trade| ids.contains(&trade.id)) {
        ids.push(client.frame().await["sequential_id"].as_i64().unwrap());
    }
    assert!(!ids.is_sorted(), "some swapped");
    let total = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert!(total > ids.len(), "some repeated");
}

#[tokio::test]
async fn a_hundred_and_fifty_markets_fit_one_socket() {
    let venue = Emulator::start(Scenario { history_days: 2, ..Scenario::default() }).await.unwrap();
    let codes: Vec<String> = venue.tape().markets();
    let codes = serde_json::to_string(&codes).unwrap();
    let mut client = Client::connect(&venue).await;
    client
        .say(&format!(
            r#"[{{"ticket":"t"}},{{"type":"trade","codes":{codes}}},{{"type":"orderbook","codes":{codes}}}]"#
        ))
        .await;
    // All snapshots, and then live news of the system clock.
    let mut live = 0;
    while live < 50 {
        live += usize::from(client.frame().await["stream_type"] == "REALTIME");
    }
}
