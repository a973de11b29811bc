//! A server that speaks the toy's protocol.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use market_backbone::VenueConfig;
use market_backbone_downstream::toy_descriptor::DESCRIPTOR;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The first minute in which anything was traded: 2026-01-01.
pub(crate) const LISTED: i64 = 1_767_225_600;

/// A server that speaks the toy's protocol: nobody trades in every seventh minute.
pub(crate) struct ToyServer {
    pub(crate) url: String,
    asked: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl ToyServer {
    pub(crate) async fn start() -> Self {
        Self::with_header("").await
    }

    /// A server at which it is `date`, for ever. Of one that does not say what time it is, nothing recent is believed.
    pub(crate) async fn at(date: &str) -> Self {
        Self::with_header(&format!("date: {date}\r\n")).await
    }

    async fn with_header(header: &str) -> Self {
        let header = header.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let count = Arc::clone(&asked);
        tasks.spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match socket.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => break,
                    }
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                if head.contains("/candles") {
                    count.fetch_add(1, Ordering::SeqCst);
                }
                let (status, body) = answer(head.split(' ').nth(1).unwrap_or_default());
                let length = body.len();
                let reply = format!(
                    "HTTP/1.1 {status} x\r\n{header}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                // Whoever asked may be gone: that is no matter here.
                let _ = socket.write_all(reply.as_bytes()).await;
            }
        });
        Self { url, asked, _tasks: tasks }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The toy where this server answers.
    pub(crate) fn config(&self) -> VenueConfig {
        VenueConfig::new(&DESCRIPTOR).at(&self.url, "ws://127.0.0.1:1").key("k")
    }
}

fn answer(target: &str) -> (u16, String) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let value =
        |name: &str| query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
    if path == "/markets" {
        return (200, "ONE\nTWO\n".to_owned());
    }
    if value("market").is_none_or(|(_, market)| market != "ONE" && market != "TWO") {
        return (404, String::new());
    }
    let number = |name| value(name).and_then(|(_, text)| text.parse::<i64>().ok());
    let before = number("before").unwrap_or(LISTED + 86_400);
    let count = usize::try_from(number("count").unwrap_or(1)).unwrap_or(1);
    let newest_first =
        (LISTED / 60..before / 60).rev().map(|minute| minute * 60).filter(|open| open / 60 % 7 != 0);
    (200, newest_first.take(count).map(|open| format!("{open} {}\n", 100 + open / 60 % 10)).collect())
}
