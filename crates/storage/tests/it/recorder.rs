//! The recorder as a whole, under paused time: what it writes, the venue's confirmation, and failures.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{StreamExt, stream};
use market_backbone_core::{
    Candle, CandleQuery, CandleStore, Clock, FeedEvent, Origin, Provenance, SourceErrorKind, Span,
    StoreError, StoreErrorKind, TimeRange, Trade, TradeId,
};
use market_backbone_storage::{MemoryStore, Recorder, RecorderConfig, RecorderMetrics};
use market_backbone_testkit::{HookedStore, ScriptedCandles, StoreCall, TaskClock, flat_candle, minute_of};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;

use crate::derived::CAPABILITIES;
use crate::material::{everything, minute, minutes, series};

pub(crate) const START: i64 = 28_000_000;

pub(crate) fn bar(number: i64) -> Candle {
    Candle { volume: 0.3, turnover: 1.5, is_final: true, ..flat_candle(minute(number), 5.0) }
}

/// A venue whose every minute is the same.
fn venue() -> ScriptedCandles {
    venue_with(|_| 0.3)
}

fn venue_with(volume: impl Fn(i64) -> f64 + Send + Sync + 'static) -> ScriptedCandles {
    let provenance = Provenance { origin: Origin::Rest, observed_at: minute(START) };
    let rows = move |_: &CandleQuery, range: TimeRange| {
        let numbers = minute_of(range.from())..minute_of(range.to());
        numbers.map(|number| Candle { volume: volume(number), ..bar(number) }).collect()
    };
    ScriptedCandles::new(rows).proving(move |range| [Span { range, provenance }].into_iter().collect())
}

/// A store whose first commits fail, and that lets none through while its gate is shut.
#[derive(Clone)]
struct Flaky {
    store: Arc<dyn CandleStore>,
    failures: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Deref for Flaky {
    type Target = dyn CandleStore;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

impl Flaky {
    fn failing(times: usize) -> Self {
        let (failures, gate) = (Arc::new(AtomicUsize::new(times)), Arc::new(Semaphore::new(1)));
        let script = (Arc::clone(&failures), Arc::clone(&gate));
        let hook = move |call| {
            let (left, gate) = script.clone();
            async move {
                let StoreCall::Commit { .. } = call else { return Ok(()) };
                let _open = gate.acquire().await.unwrap();
                let fails = |left: usize| left.checked_sub(1);
                let failed = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok();
                if failed { Err(StoreError::new(StoreErrorKind::Database, "not now")) } else { Ok(()) }
            }
        };
        Self { store: Arc::new(HookedStore::new(Arc::new(MemoryStore::new()), hook)), failures, gate }
    }
}

struct Rig {
    store: Flaky,
    venue: ScriptedCandles,
    recorder: Recorder,
    clock: Arc<TaskClock>,
    said: AtomicUsize,
}

impl Rig {
    fn new(store: Flaky, venue: ScriptedCandles, config: RecorderConfig) -> Self {
        let clock = Arc::new(TaskClock::showing(minute(START)));
        let recorder = Recorder::start(
            Arc::clone(&store.store),
            Arc::new(venue.clone()),
            Arc::clone(&clock) as _,
            &CAPABILITIES,
            config,
        );
        Self { store, venue, recorder, clock, said: AtomicUsize::new(0) }
    }

    /// A feed whose events a test sends.
    fn feed(&self) -> (mpsc::Sender<FeedEvent>, market_backbone_core::LiveStream) {
        let (speak, hear) = mpsc::channel(64);
        (speak, stream::unfold(hear, |mut hear| async { Some((hear.recv().await?, hear)) }).boxed())
    }

    /// Three trades in each minute, for so many minutes, each when it happens.
    async fn talk(&self, speak: &mpsc::Sender<FeedEvent>, minutes: i64) {
        for _ in 0..minutes * 3 {
            let id = TradeId::Number(self.said.fetch_add(1, Ordering::SeqCst) as i64);
            let (time, symbol) = (self.clock.now(), series("KRW-BTC").symbol);
            let trade = Trade { symbol, id, price: 5.0, size: 0.1, side: None, time, received: time };
            speak.send(FeedEvent::Trade(trade)).await.unwrap();
            sleep(Duration::from_secs(20)).await;
        }
    }

    async fn stored(&self) -> Vec<i64> {
        let read = self.store.read(&series("KRW-BTC"), everything(), usize::MAX).await.unwrap();
        read.candles.iter().map(|candle| candle.open_time.as_secs() / 60 - START).collect()
    }

    async fn origins(&self, from: i64, to: i64) -> Vec<Origin> {
        let known = self.store.coverage(&series("KRW-BTC")).await.unwrap();
        assert!(known.covers(minutes(START + from, START + to)), "{known:?}");
        let known = known.within(minutes(START + from, START + to));
        known.spans().iter().map(|span| span.provenance.origin).collect()
    }
}

fn quietly() -> RecorderConfig {
    RecorderConfig::default().confirm_interval(None)
}

#[tokio::test(start_paused = true)]
async fn closed_bars_are_in_the_store_and_those_not_received_whole_are_not() {
    let rig = Rig::new(Flaky::failing(0), venue(), quietly());
    let (speak, feed) = rig.feed();
    let recording = rig.recorder.record(vec![series("KRW-BTC")], feed);
    rig.talk(&speak, 10).await;
    recording.stop().await;
    assert_eq!(rig.stored().await, (1..9).collect::<Vec<_>>());
    assert_eq!(rig.origins(1, 9).await, [Origin::Socket]);
    assert_eq!(rig.venue.requests(), 0);
    rig.recorder.shutdown().await;
    assert_eq!(rig.recorder.metrics(), RecorderMetrics { written: 8, ..RecorderMetrics::default() });
}

#[tokio::test(start_paused = true)]
async fn the_venue_confirms_a_page_at_a_time() {
    let config = RecorderConfig::default();
    let rig = Rig::new(Flaky::failing(0), venue(), config);
    let (speak, feed) = rig.feed();
    let recording = rig.recorder.record(vec![series("KRW-BTC")], feed);
    rig.talk(&speak, 12).await;
    assert_eq!(rig.venue.requests(), 2, "once in five minutes");
    assert_eq!(rig.origins(1, 9).await, [Origin::Rest]);
    let metrics = rig.recorder.metrics();
    assert_eq!((metrics.disputed, metrics.failed_confirms), (0, 0));
    assert!((8..=9).contains(&metrics.confirmed), "{metrics:?}");
    recording.stop().await;
}

#[tokio::test(start_paused = true)]
async fn where_the_venue_disagrees_the_slot_is_disputed_and_its_word_stands() {
    let venue = venue_with(|number| if number == START + 2 { 9.0 } else { 0.3 });
    let rig = Rig::new(Flaky::failing(0), venue, RecorderConfig::default());
    let (speak, feed) = rig.feed();
    let recording = rig.recorder.record(vec![series("KRW-BTC")], feed);
    rig.talk(&speak, 6).await;
    let known = rig.store.coverage(&series("KRW-BTC")).await.unwrap();
    let disputed: Vec<_> = known.disputes().iter().map(|dispute| dispute.range).collect();
    assert_eq!(disputed, [minutes(START + 2, START + 3)]);
    let read = rig.store.read(&series("KRW-BTC"), minutes(START + 2, START + 3), 9).await.unwrap();
    assert_eq!(read.candles.first().unwrap().volume, 9.0);
    assert_eq!(rig.recorder.metrics().disputed, 1);
    recording.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_left_unconfirmed_is_confirmed_by_the_next() {
    let store = Flaky::failing(0);
    let first = Rig::new(store.clone(), venue(), quietly());
    let (speak, feed) = first.feed();
    let recording = first.recorder.record(vec![series("KRW-BTC")], feed);
    first.talk(&speak, 5).await;
    recording.stop().await;
    first.recorder.shutdown().await;
    let second = Rig::new(store, venue(), RecorderConfig::default());
    let (_speak, feed) = second.feed();
    let recording = second.recorder.record(vec![series("KRW-BTC")], feed);
    sleep(Duration::from_secs(310)).await;
    assert_eq!(second.origins(1, 4).await, [Origin::Rest]);
    recording.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_fails_is_tried_again_and_in_the_end_given_up() {
    let rig = Rig::new(Flaky::failing(3), venue(), quietly());
    let (speak, feed) = rig.feed();
    let recording = rig.recorder.record(vec![series("KRW-BTC")], feed);
    rig.talk(&speak, 5).await;
    assert_eq!(rig.stored().await, [1, 2, 3]);
    assert_eq!((rig.recorder.metrics().failed_commits, rig.recorder.metrics().unknown), (3, 0));
    rig.store.failures.store(usize::MAX, Ordering::SeqCst);
    rig.talk(&speak, 3).await;
    rig.store.failures.store(0, Ordering::SeqCst);
    rig.talk(&speak, 3).await;
    recording.stop().await;
    let metrics = rig.recorder.metrics();
    assert!(metrics.unknown > 0, "{metrics:?}");
    assert_eq!(metrics.written, rig.stored().await.len() as u64);
    let known = rig.store.coverage(&series("KRW-BTC")).await.unwrap();
    assert!(!known.covers(minutes(START + 1, START + 10)), "unknown, not empty");
}

#[tokio::test(start_paused = true)]
async fn what_the_writer_has_no_room_for_is_counted_and_stays_unknown() {
    let config = quietly().queue_capacity(1);
    let rig = Rig::new(Flaky::failing(0), venue(), config);
    let shut = rig.store.gate.acquire().await.unwrap();
    let (speak, feed) = rig.feed();
    let recording = rig.recorder.record(vec![series("KRW-BTC")], feed);
    rig.talk(&speak, 8).await;
    drop(shut);
    recording.stop().await;
    let metrics = rig.recorder.metrics();
    assert_eq!((metrics.written, metrics.dropped), (2, 4), "one being written, one waiting");
    assert_eq!(rig.stored().await, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_venue_that_cannot_be_asked_costs_nothing_but_the_confirmation() {
    let rig = Rig::new(
        Flaky::failing(0),
        venue().failing(|_| Some(SourceErrorKind::Unreachable)),
        RecorderConfig::default(),
    );
    let (speak, feed) = rig.feed();
    let recording = rig.recorder.record(vec![series("KRW-BTC")], feed);
    rig.talk(&speak, 11).await;
    assert_eq!(rig.recorder.metrics().failed_confirms, 2);
    assert_eq!(rig.origins(1, 9).await, [Origin::Socket]);
    recording.stop().await;
}

#[tokio::test(start_paused = true)]
async fn at_shutdown_what_was_received_for_sure_is_written() {
    let rig = Rig::new(Flaky::failing(0), venue(), quietly());
    let (speak, feed) = rig.feed();
    let recording = rig.recorder.record(vec![series("KRW-BTC")], feed);
    rig.talk(&speak, 3).await;
    rig.recorder.shutdown().await;
    assert_eq!(rig.stored().await, [1]);
    recording.stop().await;
}
