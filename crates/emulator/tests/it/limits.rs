//! Limits: which requests are accepted, the answers to the others, and the report.

use market_backbone_emulator::{BanBody, BanRule, Emulator, LimiterKind, RunningEmulator, Scenario};

use crate::client::{Answer, Client, raw_get, request, scenario, start};

const CANDLES: &str = "/v1/candles/minutes/1?market=KRW-BTC";
const TRADES: &str = "/v1/trades/ticks?market=KRW-BTC";

async fn statuses(venue: &RunningEmulator, path: &str, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(raw_get(venue, path).await.status);
    }
    statuses
}

#[tokio::test]
async fn the_eleventh_in_a_second_is_refused_in_plain_text() {
    let calm = scenario(&["KRW-BTC"]);
    let clock = calm.clock.clone();
    let venue = Emulator::start(calm).await.unwrap();
    for left in (0..10).rev() {
        let answer = raw_get(&venue, CANDLES).await;
        let remaining = format!("group=candles; min=600; sec={left}");
        assert_eq!((answer.status, answer.header("remaining-req")), (200, Some(remaining.as_str())));
        assert_eq!(answer.header("limit-by-ip"), Some("Yes"));
    }
    let refused = raw_get(&venue, CANDLES).await;
    assert_eq!((refused.status, refused.text()), (429, "Too many API requests."));
    assert!(refused.header("content-type").unwrap().starts_with("text/plain"));
    assert_eq!(refused.header("retry-after"), None);
    // Another group has its own budget.
    let other = raw_get(&venue, TRADES).await;
    assert_eq!(other.header("remaining-req"), Some("group=crix-trades; min=600; sec=9"));
    clock.advance(999);
    assert_eq!(raw_get(&venue, CANDLES).await.status, 429);
    clock.advance(1);
    assert_eq!(raw_get(&venue, CANDLES).await.status, 200);

    let report = venue.report();
    let candles = report.group("candles");
    assert_eq!((candles.asked, candles.accepted, candles.rejected), (13, 11, 2));
    // Eleven at first, one more 999 ms later.
    assert_eq!(candles.worst, 12);
    assert_eq!(candles.routes["candles/minutes"], 13);
    assert_eq!((report.asked(), report.rejected()), (14, 2));
}

#[tokio::test]
async fn a_window_slides_unless_told_otherwise() {
    // The clock stands at …15.678: a calendar second ends 322 ms later.
    for (kind, third_burst) in [(LimiterKind::Sliding, 429), (LimiterKind::Fixed, 200)] {
        let venue_scenario = Scenario { limiter: kind, ..scenario(&["KRW-BTC"]) };
        let clock = venue_scenario.clock.clone();
        let venue = Emulator::start(venue_scenario).await.unwrap();
        assert_eq!(statuses(&venue, CANDLES, 10).await, [200; 10]);
        assert_eq!(statuses(&venue, CANDLES, 1).await, [429]);
        clock.advance(322);
        assert_eq!(statuses(&venue, CANDLES, 1).await, [third_burst], "{kind:?}");
    }
}

#[tokio::test]
async fn a_browser_gets_one_request_in_ten_seconds() {
    let calm = scenario(&["KRW-BTC"]);
    let clock = calm.clock.clone();
    let venue = Emulator::start(calm).await.unwrap();
    let ask = || async { request(&venue, "GET", TRADES, "Origin: http://x\r\n\r\n").await.unwrap() };
    let first = ask().await;
    assert_eq!((first.status, first.header("remaining-req")), (200, Some("group=origin; min=6; sec=0")));
    assert_eq!(ask().await.status, 429);
    clock.advance(9_999);
    assert_eq!(ask().await.status, 429);
    clock.advance(1);
    assert_eq!(ask().await.status, 200);
}

async fn provoke(venue: &RunningEmulator, count: usize) -> Answer {
    let refused = statuses(venue, CANDLES, count).await;
    assert!(refused.iter().all(|status| matches!(status, 200 | 429)), "{refused:?}");
    raw_get(venue, CANDLES).await
}

#[tokio::test]
async fn who_does_not_listen_is_banned_for_longer_each_time() {
    for (body, want) in [
        (
            BanBody::Json,
            r#"{"error":{"name":418,"message":"Too many API requests. Your access is blocked for 60 seconds"}}"#,
        ),
        (BanBody::Text, "Too many API requests. Your access is blocked for 60 seconds"),
        (BanBody::Empty, ""),
    ] {
        let rule = BanRule { after: 5, body, ..BanRule::default() };
        let strict = Scenario { ban: Some(rule), ..scenario(&["KRW-BTC"]) };
        let clock = strict.clock.clone();
        let venue = Emulator::start(strict).await.unwrap();
        let banned = provoke(&venue, 14).await;
        assert_eq!((banned.status, banned.text()), (418, want));
        // All groups, and for all of the time.
        clock.advance(59_999);
        assert_eq!(raw_get(&venue, TRADES).await.status, 418);
        clock.advance(1);
        assert_eq!(provoke(&venue, 14).await.status, 418);
        clock.advance(60_000);
        assert_eq!(raw_get(&venue, TRADES).await.status, 418, "the second ban is longer");
        clock.advance(60_000);
        assert_eq!(raw_get(&venue, TRADES).await.status, 200);
        assert_eq!(venue.report().group("candles").banned, 2);
    }
}

#[tokio::test]
async fn an_accepted_request_ends_the_row_of_refusals() {
    let rule = BanRule { after: 5, ..BanRule::default() };
    let venue = Emulator::start(Scenario { ban: Some(rule), ..scenario(&["KRW-BTC"]) }).await.unwrap();
    statuses(&venue, CANDLES, 14).await;
    assert_eq!(raw_get(&venue, TRADES).await.status, 200);
    assert_eq!(statuses(&venue, CANDLES, 4).await, [429; 4]);
}

#[tokio::test]
async fn sockets_are_opened_five_times_a_second() {
    let venue = start(&["KRW-BTC"]).await;
    for _ in 0..5 {
        Client::connect(&venue).await;
    }
    assert!(tokio_tungstenite::connect_async(venue.ws_url()).await.is_err());
    let group = venue.report().group("websocket");
    assert_eq!((group.accepted, group.rejected), (5, 1));
}

#[tokio::test]
async fn what_is_not_routed_is_not_counted() {
    let venue = start(&["KRW-BTC"]).await;
    let wrong = raw_get(&venue, "/v1/candle/minutes/1").await;
    assert_eq!((wrong.status, wrong.header("remaining-req"), wrong.header("limit-by-ip")), (404, None, None));
    let answer = raw_get(&venue, CANDLES).await;
    assert_eq!(answer.header("remaining-req"), Some("group=candles; min=600; sec=9"));
    assert_eq!(venue.report().group("none").asked, 1);
    let unversioned = raw_get(&venue, "/candles/minutes/1?market=KRW-BTC").await;
    assert_eq!(unversioned.body, answer.body);
}

#[tokio::test]
async fn rules_with_weights_and_several_windows_replace_those_of_a_group() {
    let limits = ["candles=10/1s,weight:4", "candles=3/10s,fixed"].map(|text| text.parse().unwrap());
    let venue_scenario = Scenario { limits: limits.to_vec(), ..scenario(&["KRW-BTC"]) };
    let clock = venue_scenario.clock.clone();
    let venue = Emulator::start(venue_scenario).await.unwrap();
    // Two of weight 4 in a second; the clock stands at 15.678 s, and the ten seconds end at 20.
    assert_eq!(statuses(&venue, CANDLES, 3).await, [200, 200, 429]);
    clock.advance(1_000);
    assert_eq!(statuses(&venue, CANDLES, 2).await, [200, 429]);
    clock.advance(3_321);
    assert_eq!(statuses(&venue, CANDLES, 1).await, [429]);
    clock.advance(1);
    assert_eq!(raw_get(&venue, CANDLES).await.header("remaining-req"), Some("group=candles; min=600; sec=6"));
    assert_eq!(statuses(&venue, TRADES, 10).await, [200; 10], "other groups keep theirs");
}
