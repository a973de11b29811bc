//! Sockets: what keeps them alive and how they end.

use futures::SinkExt as _;
use market_backbone_emulator::{Faults, RunningEmulator, Scenario};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::client::{Client, clocked, scenario, start};

/// The name of the error, after which the server must close with code 1000.
async fn refused(venue: &RunningEmulator, messages: &[&str]) -> String {
    venue.reset();
    let mut client = Client::connect(venue).await;
    for message in messages {
        client.say(message).await;
    }
    let error = loop {
        let frame = client.frame().await;
        if frame.get("error").is_some() {
            break frame;
        }
    };
    match client.next_message().await {
        Some(Ok(Message::Close(Some(close)))) => assert_eq!(close.code, CloseCode::Normal),
        other => panic!("not closed: {other:?}"),
    }
    error["error"]["name"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_bad_request_is_named_and_closes_the_socket() {
    let venue = start(&["KRW-BTC"]).await;
    for (message, want) in [
        (r#"[{"type":"ticker","codes":["KRW-BTC"]}]"#, "NO_TICKET"),
        (r#"[{"ticket":"t"}]"#, "NO_TYPE"),
        (r#"[{"ticket":"t"},{"codes":["KRW-BTC"]}]"#, "NO_TYPE"),
        (r#"[{"ticket":"t"},{"type":"ticker"}]"#, "NO_CODES"),
        (r#"[{"ticket":"t"},{"type":"nope","codes":["KRW-BTC"]}]"#, "INVALID_PARAM"),
        (r#"[{"ticket":"t"},{"type":"candle.1d","codes":["KRW-BTC"]}]"#, "INVALID_PARAM"),
        (r#"{"ticket":"t"}"#, "WRONG_FORMAT"),
        ("garbage", "WRONG_FORMAT"),
        (r#"[{"ticket":"t"},{"type":"ticker","codes":["KRW-BTC"]},{"format":"NICE"}]"#, "WRONG_FORMAT"),
    ] {
        assert_eq!(refused(&venue, &[message]).await, want, "{message}");
    }
    let list = r#"[{"ticket":"t"},{"method":"LIST_SUBSCRIPTIONS"}]"#;
    assert_eq!(refused(&venue, &[list; 6]).await, "TOO_MANY_REQUEST");
}

#[tokio::test]
async fn a_silent_socket_is_cut_without_goodbye() {
    let (venue, clock) = clocked(scenario(&["KRW-RELIC"])).await;
    let mut client = Client::connect(&venue).await;
    client.say(r#"[{"ticket":"t"},{"type":"trade","codes":["KRW-RELIC"]}]"#).await;
    assert!(client.frames_until_fence().await.is_empty());
    // A ping of the protocol is traffic.
    clock.advance(60_000);
    client.0.send(Message::Ping(Vec::new().into())).await.unwrap();
    assert!(matches!(client.next_message().await, Some(Ok(Message::Pong(_)))));
    clock.advance(60_000);
    assert!(client.frames_until_fence().await.is_empty());
    clock.advance(60_500);
    let end = client.next_message().await;
    assert!(!matches!(end, Some(Ok(_))), "cut, not closed: {end:?}");
    assert_eq!(venue.report().sockets.dropped, 1);
    assert_eq!(venue.report().sockets.open, 0);
}

#[tokio::test]
async fn ping_is_answered_on_the_servers_own_tick() {
    let (venue, clock) = clocked(scenario(&["KRW-BTC"])).await;
    let mut client = Client::connect(&venue).await;
    client.say("PING").await;
    assert!(client.frames_until_fence().await.is_empty());
    // From …15.678 to …20.000, and every ten seconds from then on.
    for ms in [4_322, 10_000, 10_000, 10_000, 10_000, 10_000, 10_000, 10_000] {
        clock.advance(ms);
        assert_eq!(client.frame().await, json!({"status": "UP"}));
    }
    clock.advance(9_999);
    assert!(client.frames_until_fence().await.is_empty());
}

#[tokio::test]
async fn a_socket_is_dropped_or_stalled_on_demand() {
    let dropping = Faults { drop_after_ms: 5_000, ..Faults::default() };
    let (venue, clock) = clocked(Scenario { faults: dropping, ..scenario(&["KRW-BTC"]) }).await;
    let mut client = Client::connect(&venue).await;
    client.say(r#"[{"ticket":"t"},{"type":"trade","codes":["KRW-BTC"]}]"#).await;
    client.frame().await;
    clock.advance(5_000);
    let end = loop {
        match client.next_message().await {
            Some(Ok(Message::Binary(_))) => {}
            end => break end,
        }
    };
    assert!(!matches!(end, Some(Ok(_))), "cut, not closed: {end:?}");
    assert_eq!(venue.report().sockets.dropped, 1);

    venue.set_faults(Faults { stall_after_ms: 5_000, ..Faults::default() });
    let mut stalled = Client::connect(&venue).await;
    stalled.say(r#"[{"ticket":"t"},{"type":"trade","codes":["KRW-BTC"]}]"#).await;
    stalled.frame().await;
    clock.advance(30_000);
    stalled.0.send(Message::Ping(Vec::new().into())).await.unwrap();
    // A second socket, just opened, is told of trades while the first one hears nothing.
    let mut fresh = Client::connect(&venue).await;
    fresh.say(r#"[{"ticket":"t"},{"type":"trade","codes":["KRW-BTC"]}]"#).await;
    fresh.frame().await;
    clock.advance(4_000);
    fresh.frame().await;
    let heard = futures::FutureExt::now_or_never(stalled.next_message());
    assert!(heard.is_none(), "{heard:?}");
    assert_eq!(venue.report().sockets.open, 2);
}

#[tokio::test]
async fn sockets_can_be_refused() {
    let venue = start(&["KRW-BTC"]).await;
    venue.set_faults(Faults { refuse_sockets: 1.0, ..Faults::default() });
    assert!(tokio_tungstenite::connect_async(venue.ws_url()).await.is_err());
    venue.set_faults(Faults::default());
    Client::connect(&venue).await;
}

#[tokio::test]
async fn stopping_ends_every_connection() {
    let venue = start(&["KRW-BTC"]).await;
    let address = venue.address();
    let mut client = Client::connect(&venue).await;
    client.say("PING").await;
    venue.stop().await;
    assert!(!matches!(client.next_message().await, Some(Ok(_))));
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
