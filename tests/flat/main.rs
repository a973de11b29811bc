//! A stream of candles holds two chunks, however long the range: memory is flat from the first chunk to the last.
//!
//! A process of its own, because resident memory is the process's. `FLAT_ROWS=100000000` streams a hundred million rows
//! (build for release).

#[path = "../memory/gauge.rs"]
mod gauge;
mod minutes;

use std::sync::Arc;
use std::time::Duration;

use market_backbone::{Backbone, ManualClock, Priority, Storage, Timeframe};
use tokio::time::timeout;

use self::gauge::Memory;
use self::minutes::MinuteStore;

/// No chunk takes longer than this.
const PATIENCE: Duration = Duration::from_secs(60);
const CHUNK: usize = 10_000;
/// The chunks after which everything that is made once has been made.
const FIRST: usize = 10;
/// What a stream of any length may add to what the system counts.
const MAX_RESIDENT: usize = 64 << 20;
/// What may be in use beyond what was in use after the first chunks: one chunk more or less, and odds and ends.
const MAX_LIVE: usize = 4 << 20;

#[expect(clippy::disallowed_methods, reason = "how long a test may take is up to whoever runs it")]
fn wanted_rows() -> usize {
    std::env::var("FLAT_ROWS").map_or(600_000, |rows| rows.parse().expect("FLAT_ROWS is a number of rows"))
}

#[tokio::test]
async fn a_stream_of_any_length_holds_two_chunks() {
    let rows = wanted_rows();
    let store = Arc::new(MinuteStore::of(rows));
    let (range, clock) =
        (store.range(), Arc::new(ManualClock::new(store.range().to().plus(Duration::from_secs(30)))));
    // Nothing answers there: nothing may be asked.
    let builder = Backbone::builder().upbit_at("http://127.0.0.1:9", "ws://127.0.0.1:9");
    let backbone = builder.storage(Storage::Custom(store)).clock(clock).build().await.unwrap();
    let client = backbone.client(Priority::Low);
    let before = Memory::now();
    let mut chunks =
        client.candles("KRW-BTC", Timeframe::M1).range(range.from()..range.to()).closed().stream(CHUNK);
    let (mut came, mut sum, mut settled) = (0, 0.0, before);
    let mut worst = Memory { resident: 0, live: 0 };
    for number in 0.. {
        let Some(chunk) = timeout(PATIENCE, chunks.next()).await.unwrap() else { break };
        let chunk = chunk.unwrap();
        came += chunk.len();
        sum += chunk.closes().iter().sum::<f64>();
        let now = Memory::now();
        if number < FIRST {
            settled = Memory { live: settled.live.max(now.live), ..now };
        }
        worst = Memory { resident: worst.resident.max(now.resident), live: worst.live.max(now.live) };
    }
    assert_eq!((came, sum), (rows, (rows * (rows + 1) / 2) as f64), "each candle once");
    let (resident, live) =
        (worst.resident.saturating_sub(before.resident), worst.live.saturating_sub(settled.live));
    assert!(resident < MAX_RESIDENT, "{rows} rows took {resident} bytes");
    assert!(live < MAX_LIVE, "after the first chunks, {rows} rows took {live} bytes more");
    backbone.shutdown().await;
}
