//! Memory does not grow with time: after an hour of full traffic it is what it was after a minute.
//!
//! A process of its own, because resident memory is the process's. The normal run is a few minutes of made time;
//! `MEMORY=1h` listens for a real hour, `MEMORY=fast` passes an hour as fast as it can be read (build for release).

#![expect(clippy::unwrap_used, reason = "a helper of a test may stop at the first surprise, as the test may")]

mod firehose;
mod gauge;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use market_backbone::{
    Backbone, Client, ContinuityConfig, Feed, FeedEvent, ManualClock, Priority, StreamKind, Timeframe,
    Timestamp,
};
use tokio::time::{sleep, timeout};

use self::firehose::{Firehose, Time, UNREAD, code};
use self::gauge::Memory;

/// No event takes longer than this.
const PATIENCE: Duration = Duration::from_secs(30);
/// 2026-08-06T10:00:00Z.
const MADE_MS: i64 = 1_786_010_400_000;

/// How long it goes on.
struct Plan {
    markets: u32,
    minutes: u64,
    is_real: bool,
}

impl Plan {
    #[expect(clippy::disallowed_methods, reason = "how long a test may take is up to whoever runs it")]
    fn configured() -> Self {
        match std::env::var("MEMORY").as_deref() {
            Ok("fast") => Self { markets: 200, minutes: 60, is_real: false },
            Ok("1h") => Self { markets: 200, minutes: 60, is_real: true },
            Ok(other) => panic!("MEMORY={other}: there are 1h and fast"),
            Err(_) => Self { markets: 10, minutes: 10, is_real: false },
        }
    }
}

const KINDS: [StreamKind; 4] =
    [StreamKind::Trade, StreamKind::Ticker, StreamKind::Book, StreamKind::Candle(Timeframe::M1)];

async fn follow(client: &Client, markets: &[String]) -> Feed {
    let subscription = client.subscribe(markets.iter().map(String::as_str), KINDS);
    subscription.buffered(1 << 15).await.unwrap()
}

async fn glance(client: &Client, markets: &[String]) -> Feed {
    client.subscribe(markets.iter().map(String::as_str), KINDS).conflated().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_does_not_grow_with_time() {
    let plan = Plan::configured();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(MADE_MS)));
    let time = if plan.is_real { Time::Real } else { Time::Made(Arc::clone(&clock)) };
    let venue = Firehose::start(plan.markets, time).await;
    // Nothing answers there: nothing may be asked.
    let builder = Backbone::builder().upbit_at("http://127.0.0.1:9", &venue.url()).in_memory();
    // Two seconds of made time are some fiftieths of a second.
    let audit_delay = Duration::from_millis(20);
    let config = ContinuityConfig::default().audit_delay(audit_delay);
    let builder = if plan.is_real { builder } else { builder.clock(clock).continuity(config) };
    let backbone = builder.build().await.unwrap();
    let client = backbone.client(Priority::Normal);
    let markets: Vec<String> = (0..plan.markets).map(code).collect();
    let mut glances = glance(&client, &markets).await;
    let mut feed = follow(&client, &markets).await;

    // What may wait does so once, so that it is not the day of the worst delay that decides.
    let brim = async {
        while backbone.metrics().router.live.events < UNREAD as u64 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, brim).await.expect("in time");

    let mut minutes = Vec::new();
    for minute in 1..=plan.minutes {
        for _ in 0..Firehose::frames_a_minute(plan.markets) {
            let event = timeout(PATIENCE, feed.next()).await.expect("in time").expect("a feed without end");
            assert!(!matches!(event, FeedEvent::Gap(_) | FeedEvent::Lagged { .. }), "{event:?}");
            venue.read();
        }
        // Someone who looks once a minute.
        while glances.next().now_or_never().flatten().is_some() {}
        let memory = Memory::now();
        println!("minute {minute}: {} KiB resident, {} KiB live", memory.resident >> 10, memory.live >> 10);
        minutes.push(memory);
    }
    backbone.shutdown().await;

    // A buffer may double when a minute is busier than the first; a byte or two for each frame may not stay.
    let (first, last) = (minutes[0], minutes[minutes.len() - 1]);
    let grown = |before: usize, share: usize, spare: usize| before + before / share + spare;
    assert!(last.live <= grown(first.live, 20, 256 << 10), "{first:?}, then {last:?}");
    assert!(last.resident <= grown(first.resident, 5, 4 << 20), "{first:?}, then {last:?}");
}
