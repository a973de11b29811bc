//! The stocks socket: its login, its events, and its end.

use std::collections::BTreeMap;

use futures::SinkExt as _;
use market_backbone_emulator::{EvictionPolicy, Faults, SocketTermination, StockBar, TickerSet, TradeFlood};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{DEADLINE, MINUTE, e8};
use crate::stocks::{ELEVEN, End, Stocks, market};

#[tokio::test]
async fn a_client_may_talk_before_it_is_answered() {
    let (venue, _) = market(|_| ()).await;
    let mut client = Stocks::connect(&venue).await;
    client.act("auth", "test-key").await;
    client.act("subscribe", "AM.AAPL, T.AAPL").await;
    let heads: Vec<String> = [client.frame().await, client.frame().await, client.frame().await]
        .concat()
        .iter()
        .map(|event| format!("{} {}", event["status"].as_str().unwrap(), event["message"].as_str().unwrap()))
        .collect();
    assert_eq!(
        heads,
        [
            "connected Connected Successfully",
            "auth_success authenticated",
            "success subscribed to: AM.AAPL",
            "success subscribed to: T.AAPL"
        ]
    );
}

#[tokio::test]
async fn each_new_pair_is_acknowledged_and_nothing_else() {
    let (venue, _) = market(|_| ()).await;
    let mut client = Stocks::subscribed(&venue, "T.AAPL").await;
    client.act("subscribe", "T.AAPL,ZZ.AAPL,T.NOPE,T.*,nonsense").await;
    let acks = client.until_fence().await;
    let texts: Vec<&str> = acks.iter().map(|ack| ack["message"].as_str().unwrap()).collect();
    assert_eq!(texts, ["subscribed to: T.NOPE", "subscribed to: T.*"]);
    client.act("unsubscribe", "T.AAPL,T.SHY,T.*").await;
    let texts = client.until_fence().await;
    let texts: Vec<&str> = texts.iter().map(|ack| ack["message"].as_str().unwrap()).collect();
    assert_eq!(texts, ["unsubscribed to: T.AAPL", "unsubscribed to: T.*"]);
}

#[tokio::test]
async fn strangers_are_cut_and_the_silent_closed() {
    let (venue, clock) = market(|_| ()).await;
    for (key, want) in
        [("wrong", "authentication failed"), ("free-key", "Your plan doesn't include websocket access.")]
    {
        let mut client = Stocks::connect(&venue).await;
        client.act("auth", key).await;
        let (events, end) = client.end().await;
        assert_eq!(
            (events[1]["status"].as_str(), events[1]["message"].as_str()),
            (Some("auth_failed"), Some(want))
        );
        assert_eq!(end, End::Cut, "without a close frame");
    }
    let mut early = Stocks::connect(&venue).await;
    early.act("subscribe", "T.AAPL").await;
    assert_eq!(early.frame().await[0]["status"], "connected");
    assert_eq!(early.frame().await[0]["message"], "not authorized");
    clock.advance(10_000);
    let (events, end) = early.end().await;
    assert_eq!((events[0]["status"].as_str(), end), (Some("auth_timeout"), End::Closed(1008)));
    assert_eq!(venue.report().sockets.unauthorized, 2);
}

#[tokio::test]
async fn plans_without_real_time_are_sent_to_the_delayed_socket() {
    let (venue, clock) = market(|_| ()).await;
    let mut client = Stocks::connect(&venue).await;
    client.act("auth", "starter-key").await;
    client.act("subscribe", "AM.AAPL").await;
    let events = client.until_fence().await;
    let statuses: Vec<&str> = events.iter().map(|event| event["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["connected", "auth_success", "error", "error"]);
    assert!(events[2]["message"].as_str().unwrap().starts_with("You don't have access real-time data."));
    let url = venue.stocks_ws_url().replace("/stocks", "/delayed/stocks");
    let mut delayed = Stocks::connect_to(&url).await;
    delayed.act("auth", "starter-key").await;
    delayed.act("subscribe", "T.AAPL,AM.AAPL").await;
    let events = delayed.until_fence().await;
    // What is refused comes first and names no pair.
    assert_eq!(events[2]["message"], "not authorized");
    assert_eq!(events[3]["message"], "subscribed to: AM.AAPL");
    clock.advance(5 * MINUTE);
    let bars = delayed.until_fence().await;
    assert!(!bars.is_empty());
    assert!(bars.iter().all(|bar| bar["e"].as_i64().unwrap() <= ELEVEN - 10 * MINUTE));
}

/// What makes two prints the same one.
fn identity(event: &Value) -> (i64, String) {
    (event["q"].as_i64().unwrap(), event["i"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn every_trade_is_sent_once_when_it_becomes_known() {
    let (venue, clock) = market(|stage| (stage.late_share, stage.overnight_share) = (0.3, 0.02)).await;
    let mut client = Stocks::subscribed(&venue, "T.AAPL,T.SHY,T.*").await;
    let mut told = Vec::new();
    for _ in 0..60 {
        clock.advance(2_000);
        told.extend(client.until_fence().await);
    }
    let (from, to) = (ELEVEN * 1_000_000, (ELEVEN + 2 * MINUTE) * 1_000_000);
    let mut want = 0;
    let mut late = 0;
    for ticker in ["AAPL", "RARE", "SHY"] {
        let mut known: Vec<_> = venue.stocks().trades(ticker, from - 1_000_000_000_000, to);
        known.retain(|trade| trade.is_streamed && from < trade.known_ns && trade.known_ns <= to);
        known.sort_by_key(|trade| trade.known_ns);
        let heard: Vec<&Value> = told.iter().filter(|event| event["sym"] == ticker).collect();
        assert_eq!(heard.len(), known.len(), "{ticker}");
        for (event, trade) in heard.iter().zip(&known) {
            assert_eq!(identity(event), (trade.sequence, trade.id.clone()));
            assert_eq!(event["t"].as_i64(), Some(trade.sip_ns / 1_000_000));
            assert_eq!(e8(&event["p"]), i128::from(trade.price_e8));
            assert_eq!(event["s"].as_i64(), Some(trade.size_e8 / 100_000_000));
            let exact: f64 = event["ds"].as_str().unwrap().parse().unwrap();
            assert_eq!((exact * 1e8).round() as i64, trade.size_e8);
            late += usize::from(trade.sip_ns < from);
        }
        want += known.len();
    }
    assert_eq!((told.len(), late > 2), (want, true), "{late} late");
}

fn is_told(event: &Value, bar: &StockBar, length: i64) {
    assert_eq!(event["s"].as_i64(), Some(bar.start_ms));
    assert_eq!(event["e"].as_i64(), Some(bar.start_ms + length));
    let prices = ["o", "h", "l", "c"].map(|key| e8(&event[key]));
    assert_eq!(prices, [bar.open_e8, bar.high_e8, bar.low_e8, bar.close_e8].map(i128::from));
    assert_eq!(e8(&event["v"]), bar.volume_e8);
    assert!(event.get("n").is_none() && event.get("t").is_none());
    assert!(event["av"].as_f64().unwrap() >= event["v"].as_f64().unwrap() && event["op"].is_number());
}

#[tokio::test]
async fn bars_come_late_and_are_sent_again_when_a_late_trade_changes_them() {
    let (venue, clock) = market(|stage| (stage.late_share, stage.overnight_share) = (0.1, 0.0)).await;
    let mut client = Stocks::subscribed(&venue, "A.AAPL,AM.AAPL").await;
    let mut told: BTreeMap<(String, i64), Vec<Value>> = BTreeMap::new();
    // Five minutes of bars, and the quarter of an hour in which they may still change.
    for second in 0..21 * 60 {
        clock.advance(1_000);
        for event in client.until_fence().await {
            let now = ELEVEN + (second + 1) * 1_000;
            assert!(event["e"].as_i64().unwrap() + 1_000 <= now, "told after its end");
            let key = (event["ev"].as_str().unwrap().to_owned(), event["s"].as_i64().unwrap());
            told.entry(key).or_default().push(event);
        }
    }
    let (from, to) = (ELEVEN, ELEVEN + 5 * MINUTE);
    let mut revised = 0;
    for (name, length) in [("A", 1_000), ("AM", MINUTE)] {
        let now = ELEVEN + 21 * MINUTE;
        let want = match name {
            "A" => venue.stocks().seconds("AAPL", from, to, now),
            _ => venue.stocks().minutes("AAPL", from, to, now),
        };
        assert!(want.len() >= 5);
        for bar in want {
            let versions = &told[&(name.to_owned(), bar.start_ms)];
            is_told(versions.last().unwrap(), &bar, length);
            revised += usize::from(versions.len() > 1);
        }
    }
    assert!(revised > 5, "{revised}");
}

#[tokio::test]
async fn quotes_and_bands_are_reported_too() {
    let (venue, clock) = market(|_| ()).await;
    let mut client = Stocks::subscribed(&venue, "Q.AAPL,LULD.AAPL,T.AAPL").await;
    clock.advance(MINUTE);
    let events = client.until_fence().await;
    let of = |name: &str| events.iter().filter(|event| event["ev"] == name).collect::<Vec<_>>();
    let (quotes, trades, bands) = (of("Q"), of("T"), of("LULD"));
    assert!(quotes.len() >= trades.len() - 2 && trades.len() > 10);
    assert!(quotes.iter().all(|quote| e8(&quote["bp"]) < e8(&quote["ap"])));
    assert!(bands.len() >= 2, "{}", bands.len());
    assert!(bands[0]["t"].as_i64().unwrap() > ELEVEN * 1_000_000 && bands[0]["T"] == "AAPL", "nanoseconds");
}

#[tokio::test]
async fn one_socket_too_many_costs_the_oldest_or_the_newest_its_place() {
    for (evict, survivor) in [(EvictionPolicy::Oldest, 1), (EvictionPolicy::Newest, 0)] {
        let (venue, clock) = market(|stage| stage.evict = evict).await;
        let mut clients =
            [Stocks::subscribed(&venue, "T.AAPL").await, Stocks::subscribed(&venue, "T.AAPL").await];
        let (events, end) = clients[1 - survivor].end().await;
        let last = events.last().unwrap();
        assert_eq!((last["status"].as_str(), end), (Some("max_connections"), End::Closed(1008)));
        assert!(
            last["message"]
                .as_str()
                .unwrap()
                .starts_with("Maximum number of websocket connections exceeded.")
        );
        clock.advance(MINUTE);
        assert_eq!(clients[survivor].frame().await[0]["ev"], "T");
        assert_eq!(venue.report().sockets.evicted, 1);
    }
}

#[tokio::test]
async fn sockets_are_dropped_closed_stalled_or_muted_on_demand() {
    for (ending, want) in
        [(SocketTermination::Abort, End::Cut), (SocketTermination::Close(1001), End::Closed(1001))]
    {
        let (venue, clock) = market(|stage| stage.termination = ending).await;
        let mut client = Stocks::subscribed(&venue, "T.AAPL").await;
        venue.set_faults(Faults { drop_after_ms: 5_000, ..Faults::default() });
        clock.advance(5_000);
        assert_eq!(client.end().await.1, want);
        assert_eq!(venue.report().sockets.dropped, 1);
    }
    let (venue, clock) = market(|stage| stage.max_connections = 2).await;
    let mut mute = Stocks::subscribed(&venue, "T.AAPL").await;
    venue.set_faults(Faults { mute_after_ms: 1_000, ..Faults::default() });
    clock.advance(MINUTE);
    assert!(mute.until_fence().await.is_empty(), "it answers, but has no news");
    venue.set_faults(Faults { stall_after_ms: 1_000, ..Faults::default() });
    mute.0.send(Message::Ping(Vec::new().into())).await.unwrap();
    let mut fresh = Stocks::subscribed(&venue, "T.AAPL").await;
    venue.set_faults(Faults::default());
    clock.advance(MINUTE);
    assert!(!fresh.frame().await.is_empty());
    assert!(venue.drop_socket(venue.sockets()[0]));
    assert_eq!(mute.end().await.1, End::Cut);
}

#[tokio::test]
async fn events_are_repeated_in_their_frame_on_demand() {
    let (venue, clock) = market(|stage| stage.duplicate_share = 0.3).await;
    let mut client = Stocks::subscribed(&venue, "T.AAPL").await;
    clock.advance(MINUTE);
    let ids: Vec<_> = client.until_fence().await.iter().map(identity).collect();
    let twice = ids.windows(2).filter(|two| two[0] == two[1]).count();
    assert!((1..ids.len() / 2).contains(&twice), "{twice} of {}", ids.len());
}

#[tokio::test]
async fn a_wildcard_receives_every_ticker_once() {
    let (venue, clock) = market(|stage| stage.tickers = TickerSet::Standard(2_000)).await;
    let mut client = Stocks::subscribed(&venue, "T.*,T.AAPL,AM.*").await;
    clock.advance(2 * MINUTE);
    let events = client.until_fence().await;
    let (from, to) = (ELEVEN * 1_000_000, (ELEVEN + 2 * MINUTE) * 1_000_000);
    let mut want = 0;
    for ticker in venue.stocks().tickers() {
        let trades = venue.stocks().trades(&ticker, from - 1_000_000_000_000, to);
        let known = |trade: &&market_backbone_emulator::StockTrade| {
            trade.is_streamed && from < trade.known_ns && trade.known_ns <= to
        };
        want += trades.iter().filter(known).count();
    }
    assert_eq!(events.iter().filter(|event| event["ev"] == "T").count(), want);
    let bars: Vec<&Value> = events.iter().filter(|event| event["ev"] == "AM").collect();
    assert!(bars.len() > 100, "{}", bars.len());
}

#[tokio::test]
async fn a_flood_counts_without_a_gap_and_is_as_fast_as_asked() {
    let flood = TradeFlood { per_second: 100_000, tickers: 1_000 };
    let (venue, clock) = market(|stage| {
        (stage.tickers, stage.flood) = (TickerSet::Standard(1_000), Some(flood));
    })
    .await;
    let mut client = Stocks::subscribed(&venue, "T.*").await;
    let mut heard: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut count = 0;
    for _ in 0..20 {
        clock.advance(50);
        for event in client.until_fence().await {
            heard
                .entry(event["sym"].as_str().unwrap().to_owned())
                .or_default()
                .push(event["q"].as_i64().unwrap());
            count += 1;
        }
    }
    assert_eq!((count, heard.len()), (100_000, 1_000));
    assert!(heard.values().all(|numbers| numbers.iter().copied().eq(1..=100)));
    assert_eq!(venue.report().sockets.events, 100_000);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed() {
    let flood = TradeFlood { per_second: 100_000, tickers: 1_000 };
    let (venue, clock) = market(|stage| {
        (stage.flood, stage.queue_bytes) = (Some(flood), 1_000_000);
    })
    .await;
    let mut client = Stocks::subscribed(&venue, "T.*").await;
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while venue.report().sockets.slow == 0 {
        let told = venue.report().sockets.events;
        clock.advance(100);
        while venue.report().sockets.events == told {
            assert!(tokio::time::Instant::now() < deadline, "never too slow");
            tokio::task::yield_now().await;
        }
    }
    let (events, end) = client.end().await;
    // It reads at last: the last message was kept for it, if it came in time.
    let said = events.last().is_some_and(|event| event["status"] == "slow_consumer");
    assert!((said && end == End::Closed(1008)) || end == End::Cut, "{said} {end:?}");
}
