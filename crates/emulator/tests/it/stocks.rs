//! US stocks: a small market with a manual clock, and a client that reads its sockets.

use futures::{SinkExt as _, StreamExt as _};
use market_backbone_emulator::{
    Emulator, EmulatorClock, RunningEmulator, Scenario, StockActivity, StocksScenario, TickerSet, TickerSpec,
};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::client::{Answer, DEADLINE, request};

/// 2026-08-06T15:00:00Z, a Thursday, 11:00 in New York.
pub(crate) const ELEVEN: i64 = 1_786_028_400_000;

/// A thick, a thin and a rare stock, and what `change` makes of the stage.
pub(crate) fn stage(change: impl FnOnce(&mut StocksScenario)) -> StocksScenario {
    let specs = [("AAPL", StockActivity::Busy), ("RARE", StockActivity::Rare), ("SHY", StockActivity::Thin)];
    let specs = specs.map(|(ticker, thickness)| TickerSpec::new(ticker, thickness));
    let mut stage = StocksScenario {
        tickers: TickerSet::Own(specs.into()),
        history_days: 400,
        ..StocksScenario::default()
    };
    change(&mut stage);
    stage
}

/// A venue at 11:00 in New York, and its manual clock.
pub(crate) async fn market(change: impl FnOnce(&mut StocksScenario)) -> (RunningEmulator, EmulatorClock) {
    market_at(ELEVEN, change).await
}

pub(crate) async fn market_at(
    now_ms: i64,
    change: impl FnOnce(&mut StocksScenario),
) -> (RunningEmulator, EmulatorClock) {
    let clock = EmulatorClock::manual(now_ms);
    let scenario = Scenario { clock: clock.clone(), massive: stage(change), ..Scenario::default() };
    (Emulator::start(scenario).await.unwrap(), clock)
}

/// A GET with a key.
pub(crate) async fn ask(venue: &RunningEmulator, key: &str, path: &str) -> Answer {
    request(venue, "GET", path, &format!("Authorization: Bearer {key}\r\n\r\n")).await.unwrap()
}

/// The body of a GET that must succeed, with the key that may do everything.
pub(crate) async fn body(venue: &RunningEmulator, path: &str) -> Value {
    let answer = ask(venue, "test-key", path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

/// All results of a path, page by page, and how many pages that were.
pub(crate) async fn pages(venue: &RunningEmulator, path: &str) -> (Vec<Value>, usize) {
    let (mut rows, mut path, mut count) = (Vec::new(), path.to_owned(), 0);
    loop {
        let page = body(venue, &path).await;
        count += 1;
        rows.extend(page["results"].as_array().cloned().unwrap_or_default());
        let Some(next) = page["next_url"].as_str() else { return (rows, count) };
        assert!(!next.contains("key"), "{next}");
        path = next.strip_prefix("http://venue").expect("the host that was called").to_owned();
        assert!(count < 1_000, "{path}");
    }
}

/// A client's end of a stocks socket.
pub(crate) struct Stocks(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

/// How a socket ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Cut,
    Closed(u16),
}

impl Stocks {
    pub(crate) async fn connect(venue: &RunningEmulator) -> Self {
        Self::connect_to(&venue.stocks_ws_url()).await
    }

    pub(crate) async fn connect_to(url: &str) -> Self {
        Self(tokio_tungstenite::connect_async(url).await.unwrap().0)
    }

    /// Connected, authenticated and subscribed.
    pub(crate) async fn subscribed(venue: &RunningEmulator, pairs: &str) -> Self {
        let mut client = Self::connect(venue).await;
        client.act("auth", "test-key").await;
        assert_eq!(client.frame().await[0]["status"], "connected");
        assert_eq!(client.frame().await[0]["status"], "auth_success");
        client.act("subscribe", pairs).await;
        let acks = client.frame().await;
        assert!(acks.iter().all(|ack| ack["status"] == "success"), "{acks:?}");
        client
    }

    pub(crate) async fn act(&mut self, action: &str, params: &str) {
        let text = serde_json::json!({"action": action, "params": params}).to_string();
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next frame's events, or how the socket ended.
    pub(crate) async fn next(&mut self) -> Result<Vec<Value>, End> {
        loop {
            match timeout(DEADLINE, self.0.next()).await.expect("something within the deadline") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(text.as_str()).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    return Err(End::Closed(frame.map_or(0, |CloseFrame { code, .. }| code.into())));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(End::Cut),
            }
        }
    }

    pub(crate) async fn frame(&mut self) -> Vec<Value> {
        self.next().await.expect("an open socket")
    }

    /// Returns all events until the server has answered a request that it answers at once.
    pub(crate) async fn until_fence(&mut self) -> Vec<Value> {
        self.act("fence", "").await;
        let mut events = Vec::new();
        loop {
            let frame = self.frame().await;
            if frame[0]["message"] == "unknown action" {
                return events;
            }
            events.extend(frame);
        }
    }

    /// Reads to the end.
    pub(crate) async fn end(&mut self) -> (Vec<Value>, End) {
        let mut events = Vec::new();
        loop {
            match self.next().await {
                Ok(frame) => events.extend(frame),
                Err(end) => return (events, end),
            }
        }
    }
}
