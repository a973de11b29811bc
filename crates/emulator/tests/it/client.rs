//! A minimal client that cannot hide a mistake: bytes over TCP, JSON, and frames.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use market_backbone_emulator::{Emulator, EmulatorClock, MarketSet, RunningEmulator, Scenario};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// The longest that a test waits for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// 2026-08-06T13:14:15.678Z, a Thursday.
pub(crate) const NOW: i64 = 1_786_022_055_678;
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// A short history of some markets, with a clock that stands until it is moved.
pub(crate) fn scenario(markets: &[&str]) -> Scenario {
    Scenario {
        markets: MarketSet::Only(markets.iter().map(|&code| code.to_owned()).collect()),
        history_days: 10,
        clock: EmulatorClock::manual(NOW),
        // Most tests ask more than the limits allow.
        ban: None,
        ..Scenario::default()
    }
}

pub(crate) async fn start(markets: &[&str]) -> RunningEmulator {
    Emulator::start(scenario(markets)).await.unwrap()
}

/// A venue and its manual clock.
pub(crate) async fn clocked(scenario: Scenario) -> (RunningEmulator, EmulatorClock) {
    let clock = scenario.clock.clone();
    (Emulator::start(scenario).await.unwrap(), clock)
}

/// An answer, byte for byte.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn rows(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// Sends a request on a connection of its own and reads until the server closes it.
pub(crate) async fn request(
    venue: &RunningEmulator,
    method: &str,
    path: &str,
    rest: &str,
) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(venue.address()).await?;
    let head = format!("{method} {path} HTTP/1.1\r\nHost: venue\r\nConnection: close\r\n{rest}");
    stream.write_all(head.as_bytes()).await?;
    let mut bytes = Vec::new();
    timeout(DEADLINE, stream.read_to_end(&mut bytes)).await??;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "no answer"))?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    Ok(Answer { status, headers, body: bytes[end + 4..].to_vec() })
}

/// A GET, in a limiter's window of its own.
pub(crate) async fn get(venue: &RunningEmulator, path: &str) -> Answer {
    venue.reset();
    raw_get(venue, path).await
}

/// A GET in the limiter's shared window.
pub(crate) async fn raw_get(venue: &RunningEmulator, path: &str) -> Answer {
    request(venue, "GET", path, "\r\n").await.unwrap()
}

pub(crate) async fn post(venue: &RunningEmulator, path: &str, body: &str) -> Answer {
    let rest = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    request(venue, "POST", path, &rest).await.unwrap()
}

/// A client's end of a socket.
pub(crate) struct Client(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub(crate) async fn connect(venue: &RunningEmulator) -> Self {
        Self(tokio_tungstenite::connect_async(venue.ws_url()).await.unwrap().0)
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message, or how the connection ended.
    pub(crate) async fn next_message(
        &mut self,
    ) -> Option<Result<Message, tokio_tungstenite::tungstenite::Error>> {
        timeout(DEADLINE, self.0.next()).await.expect("something within the deadline")
    }

    /// The next data frame, which must be a binary one, as JSON.
    pub(crate) async fn frame(&mut self) -> Value {
        loop {
            match self.next_message().await.expect("an open socket").unwrap() {
                Message::Binary(bytes) => return serde_json::from_slice(&bytes).unwrap(),
                Message::Pong(_) => {}
                other => panic!("not a binary frame: {other:?}"),
            }
        }
    }

    /// All frames until the server has answered a request that it answers at once.
    ///
    /// This changes the format of what follows back to the default.
    pub(crate) async fn frames_until_fence(&mut self) -> Vec<Value> {
        self.say(r#"[{"ticket":"fence"},{"method":"LIST_SUBSCRIPTIONS"},{"format":"DEFAULT"}]"#).await;
        let mut frames = Vec::new();
        loop {
            let frame = self.frame().await;
            if frame.get("method").is_some() {
                return frames;
            }
            frames.push(frame);
        }
    }
}

/// Units of 1e-8, from a number that JSON made a double.
pub(crate) fn e8(value: &Value) -> i128 {
    (value.as_f64().unwrap() * 1e8).round() as i128
}

/// `candle_date_time_utc` and its like, as ms since the epoch.
pub(crate) fn instant(text: &str) -> i64 {
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    // Days before the month, counted from a March so that leap days come last.
    let (y, m) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    days * DAY + number(11..13) * HOUR + number(14..16) * MINUTE + number(17..19) * 1_000
}
