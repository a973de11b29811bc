//! Clocks: a venue whose clock is early, late or stepping, and live trades stamped ahead of their time.

use market_backbone_emulator::{Emulator, EmulatorClock, Faults, Scenario};
use serde_json::Value;

use crate::client::{Client, HOUR, MINUTE, NOW, clocked, instant, post, raw_get, scenario};
use crate::stocks::{ELEVEN, Stocks, ask, body, stage};

const CANDLES: &str = "/v1/candles/minutes/1?market=KRW-BTC&count=1";
const SUBSCRIBE: &str = r#"[{"ticket":"t"},{"type":"trade","codes":["KRW-BTC"],"is_only_realtime":true},{"type":"ticker","codes":["KRW-BTC"],"is_only_realtime":true},{"type":"orderbook","codes":["KRW-BTC"],"is_only_realtime":true}]"#;

/// Returns all frames due by now: a request is answered after what was due before it.
async fn news(client: &mut Client, subscribe: &str) -> Vec<Value> {
    client.say(subscribe).await;
    client.frames_until_fence().await
}

fn of_type<'a>(frames: &'a [Value], name: &'a str) -> impl Iterator<Item = &'a Value> {
    frames.iter().filter(move |frame| frame["type"] == name)
}

#[tokio::test]
async fn answers_are_dated_by_the_venues_clock() {
    for (offset, date) in [
        (0, "Thu, 06 Aug 2026 13:14:15 GMT"),
        (HOUR, "Thu, 06 Aug 2026 14:14:15 GMT"),
        (-90_000, "Thu, 06 Aug 2026 13:12:45 GMT"),
    ] {
        let faults = Faults { clock_offset: offset, ..Faults::default() };
        let venue = Emulator::start(Scenario { faults, ..scenario(&["KRW-BTC"]) }).await.unwrap();
        let answer = raw_get(&venue, CANDLES).await;
        assert_eq!(answer.header("date"), Some(date));
        let forming = NOW + offset - (NOW + offset) % MINUTE;
        assert_eq!(instant(answer.rows()[0]["candle_date_time_utc"].as_str().unwrap()), forming);
        assert_eq!(raw_get(&venue, "/v1/nowhere").await.header("date"), Some(date));
        assert_eq!(venue.now_ms(), NOW + offset);
        assert_eq!(venue.report().played("clock_offset"), if offset == 0 { 0 } else { 2 });
    }
}

#[tokio::test]
async fn a_clock_that_steps_takes_rest_and_socket_along() {
    let (venue, clock) = clocked(scenario(&["KRW-BTC"])).await;
    let mut client = Client::connect(&venue).await;
    news(&mut client, SUBSCRIBE).await;
    for offset in [HOUR, -HOUR, 0] {
        post(&venue, "/__admin/faults", &format!(r#"{{"clock_offset":{offset}}}"#)).await;
        news(&mut client, SUBSCRIBE).await;
        clock.advance(10_000);
        let now = clock.now_ms() + offset;
        let frames = news(&mut client, SUBSCRIBE).await;
        let stamps: Vec<i64> =
            of_type(&frames, "trade").map(|frame| frame["trade_timestamp"].as_i64().unwrap()).collect();
        assert!(!stamps.is_empty(), "{offset}");
        assert!(stamps.iter().all(|at| now - 11_000 < *at && *at <= now), "{offset}: {stamps:?}");
        let newest = raw_get(&venue, "/v1/trades/ticks?market=KRW-BTC").await.rows();
        assert!(newest[0]["timestamp"].as_i64().unwrap() <= now);
    }
    assert_eq!(venue.report().sockets.dropped, 0, "a step ages no socket");
}

#[tokio::test]
async fn limits_do_not_go_by_a_clock_that_steps() {
    let (venue, _) = clocked(scenario(&["KRW-BTC"])).await;
    let mut refused = 0;
    for nth in 0..15 {
        venue.change_faults(|faults| faults.clock_offset = nth * -HOUR);
        refused += usize::from(raw_get(&venue, CANDLES).await.status == 429);
    }
    assert_eq!(refused, 5);
}

#[tokio::test]
async fn one_live_trade_is_stamped_ahead_with_its_ticker_and_its_book() {
    // A thin market, whose every book is sent: there are some seconds between them.
    let market = "KRW-IOTA";
    let tape = Emulator::start(scenario(&[market])).await.unwrap().tape();
    let truth = tape.trades(market, NOW, NOW + 5 * HOUR);
    let (first, more) = (truth[0], truth.iter().filter(|trade| trade.time_ms < truth[0].time_ms + 30_000));
    let clock = EmulatorClock::manual(first.time_ms - 5_000);
    let venue = Emulator::start(Scenario { clock: clock.clone(), ..scenario(&[market]) }).await.unwrap();
    let (mut client, subscribe) = (Client::connect(&venue).await, SUBSCRIBE.replace("KRW-BTC", market));
    news(&mut client, &subscribe).await;
    venue.stamp_next_trade(HOUR as u64);
    let mut frames = Vec::new();
    for _ in 0..40 {
        clock.advance(1_000);
        frames.extend(news(&mut client, &subscribe).await);
    }
    let ahead = |name: &'static str, key: &str| -> Vec<i64> {
        let stamps = of_type(&frames, name).map(|frame| frame[key].as_i64().unwrap());
        stamps.filter(|at| *at > clock.now_ms()).collect()
    };
    assert_eq!(ahead("trade", "trade_timestamp"), [first.time_ms + HOUR]);
    let ids: Vec<i64> =
        of_type(&frames, "trade").map(|frame| frame["sequential_id"].as_i64().unwrap()).collect();
    let want: Vec<i64> =
        more.enumerate().map(|(at, trade)| trade.id + if at == 0 { HOUR * 10_000 } else { 0 }).collect();
    assert_eq!(ids, want, "the others are as they are");
    assert_eq!(ahead("ticker", "trade_timestamp"), [first.time_ms + HOUR]);
    assert_eq!(ahead("orderbook", "timestamp").len(), 1);
    assert!(of_type(&frames, "orderbook").count() > 2);
    assert_eq!(venue.report().played("future_trade"), 1);
    let path = format!("/v1/trades/ticks?market={market}&count=500");
    let rest = raw_get(&venue, &path).await.rows();
    assert!(rest.iter().any(|row| row["sequential_id"].as_i64() == Some(first.id)), "REST tells it right");
}

#[tokio::test]
async fn a_share_of_the_live_trades_is_stamped_ahead_on_every_socket_alike() {
    let faults = Faults { future_trade: 0.2, future_ms: 90_000, ..Faults::default() };
    let (venue, clock) = clocked(Scenario { faults, ..scenario(&["KRW-BTC"]) }).await;
    let mut runs = Vec::new();
    let mut clients = [Client::connect(&venue).await, Client::connect(&venue).await];
    for client in &mut clients {
        client.say(SUBSCRIBE).await;
        client.frames_until_fence().await;
    }
    clock.advance(50_000);
    for client in &mut clients {
        let frames = news(client, SUBSCRIBE).await;
        let ids: Vec<i64> =
            of_type(&frames, "trade").map(|frame| frame["sequential_id"].as_i64().unwrap()).collect();
        runs.push(ids);
    }
    assert_eq!(runs[0], runs[1]);
    let ahead = runs[0].iter().filter(|id| **id / 10_000 > clock.now_ms()).count();
    assert!(0 < ahead && ahead < runs[0].len() / 2, "{ahead} of {}", runs[0].len());
    assert_eq!(venue.report().played("future_trade"), 2 * ahead as u64);
}

#[tokio::test]
async fn sockets_are_refused_for_a_while_after_the_first_that_asks() {
    let faults = Faults { refuse_ws_ms: 3_000, ..Faults::default() };
    let (venue, clock) = clocked(Scenario { faults, massive: stage(|_| ()), ..scenario(&["KRW-BTC"]) }).await;
    clock.advance(60_000);
    let mut opened = Vec::new();
    for step in [0, 2_000, 1_000] {
        clock.advance(step);
        opened.push(tokio_tungstenite::connect_async(venue.ws_url()).await.is_ok());
    }
    assert_eq!(opened, [false, false, true]);
    assert_eq!(venue.report().played("refuse_ws_ms"), 2);
    venue.change_faults(|faults| faults.refuse_ws_ms = 1_000);
    assert!(tokio_tungstenite::connect_async(venue.stocks_ws_url()).await.is_err());
    clock.advance(1_000);
    assert!(tokio_tungstenite::connect_async(venue.stocks_ws_url()).await.is_ok());
}

async fn stocks(faults: Faults) -> (market_backbone_emulator::RunningEmulator, EmulatorClock) {
    clocked(Scenario {
        faults,
        clock: EmulatorClock::manual(ELEVEN + 15_678),
        massive: stage(|stage| stage.late_share = 0.0),
        ..Scenario::default()
    })
    .await
}

#[tokio::test]
async fn shares_go_by_the_venues_clock_too() {
    for offset in [HOUR, -HOUR] {
        let (venue, clock) = stocks(Faults { clock_offset: offset, ..Faults::default() }).await;
        let date = if offset > 0 { "Thu, 06 Aug 2026 16:00:15 GMT" } else { "Thu, 06 Aug 2026 14:00:15 GMT" };
        assert_eq!(ask(&venue, "test-key", "/v1/marketstatus/now").await.header("date"), Some(date));
        let page =
            body(&venue, "/v2/aggs/ticker/AAPL/range/1/minute/2026-08-06/2026-08-06?sort=desc&limit=1").await;
        assert_eq!(page["results"][0]["t"].as_i64(), Some(ELEVEN + offset));
        let mut client = Stocks::subscribed(&venue, "T.AAPL").await;
        clock.advance(20_000);
        let trades = client.until_fence().await;
        let now = clock.now_ms() + offset;
        assert!(!trades.is_empty());
        assert!(trades.iter().all(|trade| (now - 21_000..=now).contains(&trade["t"].as_i64().unwrap())));
    }
}

#[tokio::test]
async fn one_live_trade_is_stamped_ahead_with_the_quote_it_met() {
    let (venue, clock) = stocks(Faults::default()).await;
    let mut client = Stocks::subscribed(&venue, "T.AAPL,Q.AAPL").await;
    let from = venue.now_ms();
    venue.stamp_next_trade(HOUR as u64);
    clock.advance(30_000);
    let events = client.until_fence().await;
    let truth = venue.stocks().trades("AAPL", from * 1_000_000, (from + 25_000) * 1_000_000);
    let first = truth.iter().find(|trade| trade.is_streamed).unwrap();
    for (name, count) in [("T", 1), ("Q", 1)] {
        let ahead: Vec<&Value> = events
            .iter()
            .filter(|event| event["ev"] == name && event["t"].as_i64().unwrap() > clock.now_ms())
            .collect();
        assert_eq!(ahead.len(), count, "{name}");
        assert_eq!(ahead[0]["q"].as_i64(), Some(first.sequence));
    }
    assert_eq!(venue.report().played("future_trade"), 1);
}
