//! The toy venue and the store of one's own, through all layers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use market_backbone::adapter::Venue;
use market_backbone::{
    Backbone, CandleStore, Endpoint, Error, Priority, SourceErrorKind, Storage, Timeframe,
};
use market_backbone_downstream::journal_store::JournalStore;
use market_backbone_downstream::toy_venue::{PAGE, TOY, ToyVenue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::rig::soon;

/// The first minute in which anything was traded: 2026-01-01.
const LISTED: i64 = 1_767_225_600;

/// A server that speaks the toy's protocol: nobody trades in every seventh minute.
struct ToyServer {
    url: String,
    asked: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl ToyServer {
    async fn start() -> Self {
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
                    "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                // Whoever asked may be gone: that is no matter here.
                let _ = socket.write_all(reply.as_bytes()).await;
            }
        });
        Self { url, asked, _tasks: tasks }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
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

async fn toy(server: &ToyServer, store: &Arc<JournalStore>) -> Backbone {
    let store: Arc<dyn CandleStore> = Arc::clone(store) as _;
    let endpoint = Endpoint::new(&server.url, "ws://127.0.0.1:1");
    let builder = Backbone::builder().venue(Arc::new(ToyVenue), endpoint).storage(Storage::Custom(store));
    builder.build().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn candles_of_an_unheard_of_venue_are_paged_proven_and_kept() {
    let (server, store) = (ToyServer::start().await, Arc::new(JournalStore::default()));
    let backbone = toy(&server, &store).await;
    assert_eq!((backbone.venue(), ToyVenue.capabilities().venue), (TOY, TOY));
    let client = backbone.client(Priority::Normal);
    let noon = || client.candles("ONE", Timeframe::M1).range("2026-01-01T06:00:00Z".."2026-01-01T12:00:00Z");
    let set = soon(noon()).await.unwrap();
    let (from, to) = (LISTED + 6 * 3_600, LISTED + 12 * 3_600);
    let want: Vec<_> = (from..to).step_by(60).filter(|open| open / 60 % 7 != 0).collect();
    assert_eq!(set.iter().map(|candle| candle.open_time.as_secs()).collect::<Vec<_>>(), want);
    let asked = server.asked();
    assert!(asked >= want.len() / PAGE as usize, "{asked} pages of {PAGE}");
    assert!(!store.journal().is_empty());
    assert_eq!(store.series().await.unwrap(), std::slice::from_ref(&set.series));

    assert_eq!(soon(noon()).await.unwrap().candles, set.candles);
    let again = server.asked() - asked;
    assert!(again <= 1, "{again} pages for what is kept but for its unproven edge");
    backbone.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_market_that_the_venue_does_not_list_is_an_error_that_names_a_near_one() {
    let (server, store) = (ToyServer::start().await, Arc::new(JournalStore::default()));
    let backbone = toy(&server, &store).await;
    let client = backbone.client(Priority::Normal);
    let answer = soon(client.candles("TWOO", Timeframe::M1).last(5)).await;
    let Err(Error::Source(error)) = answer else { panic!("{answer:?}") };
    assert_eq!(error.kind(), SourceErrorKind::UnknownMarket);
    assert!(error.to_string().contains("TWO?"), "{error}");
    let unsupported = soon(client.ticker("ONE")).await;
    assert!(matches!(unsupported, Err(Error::Source(error)) if error.kind() == SourceErrorKind::Unsupported));
    backbone.shutdown().await;
}
