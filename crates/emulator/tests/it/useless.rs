//! Open sockets that are useless all the same: mute, stalled for a while, forgetful, or cut on command.

use futures::SinkExt as _;
use market_backbone_emulator::{
    Emulator, EmulatorClock, Faults, MarketActivity, MarketSet, Quirks, RunningEmulator, Scenario,
};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Client, NOW, clocked, e8, get, post, raw_get, scenario, start};

const TRADES: &str = r#"[{"ticket":"t"},{"type":"trade","codes":["KRW-BTC"],"isOnlyRealtime":true}]"#;

/// A socket on KRW-BTC's trades, told in order, at a venue that goes wrong.
async fn listening(faults: Faults) -> (RunningEmulator, EmulatorClock, Client) {
    let quirks = Quirks { late_share: 0.0, ..Quirks::default() };
    let (venue, clock) = clocked(Scenario { faults, quirks, ..scenario(&["KRW-BTC"]) }).await;
    let mut client = Client::connect(&venue).await;
    assert_eq!(news(&mut client).await, [0; 0]);
    (venue, clock, client)
}

/// Returns the ids of all trades due by now: a subscription makes the server send what came before it.
async fn news(client: &mut Client) -> Vec<i64> {
    client.say(TRADES).await;
    client.frames_until_fence().await.iter().filter_map(|frame| frame["sequential_id"].as_i64()).collect()
}

/// The ids that are due from one moment to another, both in ms after `NOW`.
fn due(venue: &RunningEmulator, from_ms: i64, to_ms: i64) -> Vec<i64> {
    let (from_ms, to_ms) = (NOW + from_ms - 24, NOW + to_ms - 24);
    venue.tape().trades("KRW-BTC", from_ms, to_ms).iter().map(|trade| trade.id).collect()
}

#[tokio::test]
async fn a_mute_socket_answers_pings_and_never_reports_what_it_kept_to_itself() {
    let faults = Faults { mute_after_ms: 10_000, mute_for_ms: 20_000, ..Faults::default() };
    let (venue, clock, mut client) = listening(faults).await;
    clock.advance(9_000);
    assert_eq!(news(&mut client).await, due(&venue, 0, 9_000));
    clock.advance(1_000);
    assert_eq!(news(&mut client).await, [0; 0]);
    clock.advance(15_000);
    assert_eq!(news(&mut client).await, [0; 0]);
    client.0.send(Message::Ping(Vec::new().into())).await.unwrap();
    assert!(matches!(client.next_message().await, Some(Ok(Message::Pong(_)))));
    assert!(due(&venue, 9_000, 30_000).len() > 5, "there was something to tell");
    clock.advance(15_000);
    assert_eq!(news(&mut client).await, due(&venue, 30_000, 40_000));
    assert_eq!(venue.sockets(), [1]);
}

#[tokio::test]
async fn a_stalled_socket_receives_what_it_was_sent_when_it_comes_back() {
    let faults = Faults { stall_after_ms: 10_000, stall_for_ms: 20_000, ..Faults::default() };
    let (venue, clock, mut client) = listening(faults).await;
    clock.advance(25_000);
    client.0.send(Message::Ping(Vec::new().into())).await.unwrap();
    client.say(r#"[{"ticket":"t"},{"type":"ticker","codes":["KRW-BTC"]}]"#).await;
    clock.advance(15_000);
    // First what had been asked for before, then the answer to what was said during the stall.
    let mut ids = Vec::new();
    let ticker = loop {
        match client.next_message().await {
            Some(Ok(Message::Pong(_))) => {}
            Some(Ok(Message::Binary(frame))) => {
                let frame: serde_json::Value = serde_json::from_slice(&frame).unwrap();
                match frame["sequential_id"].as_i64() {
                    Some(id) => ids.push(id),
                    None => break frame,
                }
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((&ticker["type"], &ticker["stream_type"]), (&"ticker".into(), &"SNAPSHOT".into()));
    assert_eq!(ids, due(&venue, 30_000, 40_000));
}

#[tokio::test]
async fn a_swallowed_trade_shows_in_the_tickers_sums_alone() {
    let faults = Faults { swallow: 0.3, ..Faults::default() };
    let (venue, clock, mut client) = listening(faults).await;
    let ask = r#"[{"ticket":"t"},{"type":"trade","codes":["KRW-BTC"],"isOnlyRealtime":true},{"type":"ticker","codes":["KRW-BTC"],"isOnlyRealtime":true}]"#;
    client.say(ask).await;
    assert!(client.frames_until_fence().await.is_empty());
    clock.advance(50_000);
    client.say(ask).await;
    let frames = client.frames_until_fence().await;
    let heard: Vec<i64> = frames.iter().filter_map(|frame| frame["sequential_id"].as_i64()).collect();
    let all = due(&venue, 0, 50_000);
    assert!(
        heard.len() < all.len() && heard.iter().all(|id| all.contains(id)),
        "{} of {}",
        heard.len(),
        all.len()
    );
    assert!(heard.is_sorted());
    let tickers: Vec<_> = frames.iter().filter(|frame| frame["type"] == "ticker").collect();
    let jumps = tickers.windows(2).filter(|pair| {
        let grown = e8(&pair[1]["acc_trade_volume"]) - e8(&pair[0]["acc_trade_volume"]);
        grown > e8(&pair[1]["trade_volume"])
    });
    assert!(jumps.count() > 3);
}

/// Reads until the connection ends, and checks that there was no close frame.
async fn is_cut(client: &mut Client) {
    loop {
        match client.next_message().await {
            Some(Ok(Message::Binary(_))) => {}
            end => return assert!(!matches!(end, Some(Ok(_))), "cut, not closed: {end:?}"),
        }
    }
}

#[tokio::test]
async fn sockets_are_cut_one_by_one_or_all_at_once() {
    let venue = start(&["KRW-BTC"]).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Client::connect(&venue).await;
        news(&mut client).await;
        clients.push(client);
    }
    assert_eq!(raw_get(&venue, "/__admin/sockets").await.text(), "[1,2,3]");
    assert!(venue.drop_socket(2) && !venue.drop_socket(9));
    is_cut(&mut clients[1]).await;
    assert_eq!(post(&venue, "/__admin/drop/1", "").await.text(), r#"{"dropped":1}"#);
    is_cut(&mut clients[0]).await;
    assert_eq!(post(&venue, "/__admin/drop", "").await.text(), r#"{"dropped":1}"#);
    is_cut(&mut clients[2]).await;
    assert_eq!(post(&venue, "/__admin/drop/one", "").await.status, 400);
    assert_eq!((venue.drop_sockets(), venue.sockets()), (0, Vec::new()));
    assert_eq!(venue.report().sockets.dropped, 3);
}

#[tokio::test]
async fn there_can_be_any_number_of_markets_that_trade_at_one_pace() {
    let markets = MarketSet::many(200, MarketActivity::Wild);
    let venue = Emulator::start(Scenario { markets, history_days: 1, ..scenario(&[]) }).await.unwrap();
    let codes = venue.tape().markets();
    assert_eq!((codes.len(), codes[0].as_str(), codes[199].as_str()), (200, "KRW-M000", "KRW-M199"));
    let tickers = get(&venue, "/v1/ticker?markets=KRW-M000,KRW-M100,KRW-M199").await.rows();
    assert_eq!(tickers.len(), 3);
    assert!(tickers.iter().all(|ticker| ticker["trade_price"].as_f64().unwrap() > 0.0));
    let in_a_minute = venue.tape().trades("KRW-M007", NOW - 60_000, NOW);
    assert!((350..=860).contains(&in_a_minute.len()), "{}", in_a_minute.len());
    assert!(in_a_minute.is_sorted_by(|a, b| a.id < b.id && a.time_ms <= b.time_ms));
}
