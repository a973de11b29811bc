//! Secrets that the most detailed log must never contain: a key, a password, a token.
//!
//! A test program of its own, because a process has one log: it captures what `tracing` and `log` record,
//! from us and from all dependencies. The servers are written by hand: a library would log what it receives.

#![expect(clippy::unwrap_used, reason = "in a test, failing is how it speaks")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use market_backbone_core::{
    Clock, LiveStream, Login, ManualClock, Secret, StreamKind, Subscription, Timestamp,
};
use market_backbone_routing::{Limiter, LiveHub, SessionConfig};
use market_backbone_testkit::{CONNECTS, PlainVenue, symbol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing_subscriber::filter::LevelFilter;

const KEY: &str = "s3cret-k3y";

/// All that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn start() -> Self {
        let log = Self::default();
        let writer = log.clone();
        // Captures records of `log`, too.
        tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .init();
        log
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn head_of(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Reads one masked text of less than 126 bytes.
async fn next_text(stream: &mut TcpStream) -> String {
    let mut begin = [0; 6];
    stream.read_exact(&mut begin).await.unwrap();
    assert_eq!((begin[0], begin[1] & 0x80), (0x81, 0x80), "a whole text, masked");
    let mut text = vec![0; usize::from(begin[1] & 0x7f)];
    stream.read_exact(&mut text).await.unwrap();
    text.iter_mut().zip(begin[2..].iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    String::from_utf8(text).unwrap()
}

async fn say(stream: &mut TcpStream, text: &str) {
    let frame = [&[0x81, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    stream.write_all(&frame).await.unwrap();
}

/// Accepts a client, reads its login, and sends it a trade.
async fn serve(mut stream: TcpStream) {
    let asked = head_of(&mut stream).await;
    assert!(asked.starts_with(&format!("GET /{KEY}?token={KEY} ")), "{asked}");
    let key = asked.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = derive_accept_key(key.as_bytes());
    let reply = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-accept: {accept}\r\n\r\n"
    );
    stream.write_all(reply.as_bytes()).await.unwrap();
    say(&mut stream, "hello").await;
    assert_eq!(next_text(&mut stream).await, format!("login {KEY}"));
    say(&mut stream, "ready").await;
    assert_eq!(next_text(&mut stream).await, "set KRW-BTC/trade");
    say(&mut stream, "trade KRW-BTC 1 100").await;
    // Stays until the client goes.
    let _ = stream.read(&mut [0; 64]).await;
}

fn follow(address: &str, tracker: &TaskTracker, cancel: &CancellationToken) -> (LiveHub, LiveStream) {
    let messages = vec![Secret::new(format!("login {KEY}"))];
    let greeting = Login { messages, awaits_prompt: true, timeout: Duration::from_secs(5) };
    let venue = PlainVenue { login: Some(greeting), ..PlainVenue::default() };
    let tls = market_backbone_routing::client_config().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
    let hub = LiveHub::start(
        Arc::new(venue),
        address,
        Arc::new(tls),
        Limiter::new(&[CONNECTS]),
        clock,
        SessionConfig::default(),
        tracker,
        cancel.clone(),
    );
    let stream = hub.subscribe(&Subscription::new([symbol("KRW-BTC")], [StreamKind::Trade]).unwrap());
    (hub, stream)
}

#[tokio::test]
async fn no_log_holds_a_login_or_what_an_address_hides() {
    let log = Log::start();
    let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let tail = format!("127.0.0.1:{port}/{KEY}?token={KEY}");
    let (hub, mut stream) = follow(&format!("ws://bob:{KEY}@{tail}"), &tracker, &cancel);
    let (accepted, _) = listener.accept().await.unwrap();
    let served = tracker.spawn(serve(accepted));
    let event = timeout(Duration::from_secs(10), stream.next()).await.unwrap().unwrap();
    assert!(format!("{event:?}").contains("KRW-BTC"), "{event:?}");
    assert!(!format!("{hub:?}").contains(KEY));

    // Failures log no secrets either: a port that refuses, and an invalid address.
    drop(listener);
    let refused = follow(&format!("ws://bob:{KEY}@127.0.0.1:1/{KEY}?token={KEY}"), &tracker, &cancel);
    let unreadable = follow(&format!("ws:/{KEY}:{KEY}"), &tracker, &cancel);
    let two_complaints = async {
        while log.text().matches("cannot open a socket").count() + log.text().matches("not readable").count()
            < 2
        {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), two_complaints).await.unwrap();
    drop((stream, refused, unreadable));
    cancel.cancel();
    tracker.close();
    tracker.wait().await;
    served.await.unwrap();

    let text = log.text();
    assert!(text.contains("tungstenite::protocol") && text.contains("TRACE"), "the log is not fine enough");
    // Frames are logged by their digits, too.
    let digits: String = KEY.bytes().map(|byte| format!("{byte:02x}")).collect();
    for line in text.lines() {
        assert!(!line.contains(KEY) && !line.contains(&digits), "{line}");
    }
}
