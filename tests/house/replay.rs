//! A recording of a live run, replayed: the same events at any speed, breaks and what healed them included.

use std::collections::BTreeMap;
use std::path::Path;

use market_backbone::tape::{RecorderLimits, TapeRecorder, TapeSession};
use market_backbone::{Channel, FeedEvent, GapState, Priority, ReplayOptions, StreamKind, Symbol, Timeframe};
use market_backbone_emulator::{Faults, Scenario};
use market_backbone_testkit::soon;
use market_backbone_tests::House;
use tempfile::tempdir;

const CODES: [&str; 2] = ["KRW-BTC", "KRW-ETH"];
const KINDS: [StreamKind; 3] = [StreamKind::Trade, StreamKind::Book, StreamKind::Candle(Timeframe::S1)];

/// An event without the times that the clock makes and not what was received: those of gaps, and those of candles, which
/// may be of a page.
fn shown(event: &FeedEvent) -> String {
    match event {
        FeedEvent::Gap(gap) => format!("{} {}", gap.state.as_str(), gap.cause.as_str()),
        FeedEvent::Candle { series, candle, .. } => format!("{series:?} {candle:?}"),
        other => format!("{other:?}"),
    }
}

/// The events of each channel, in their order; gaps are of all of them.
fn by_channel(events: &[FeedEvent]) -> BTreeMap<String, Vec<String>> {
    let mut channels = BTreeMap::<_, Vec<_>>::new();
    for event in events {
        let channel = event.channel().map(|(symbol, kind)| format!("{} {kind}", symbol.code()));
        channels.entry(channel.unwrap_or_default()).or_default().push(shown(event));
    }
    channels
}

/// Records a live run into `dir` until `is_over` says so, and returns what its feed delivered.
async fn recorded(dir: &Path, faults: Faults, mut is_over: impl FnMut(&FeedEvent) -> bool) -> Vec<FeedEvent> {
    let recorder = TapeRecorder::prepare(dir, RecorderLimits::default()).unwrap();
    let observer = recorder.observer();
    let scenario = Scenario { faults, ..Scenario::default() };
    let house = House::built(scenario, |builder| builder.in_memory().observer(observer)).await.unwrap();
    let venue = house.backbone.venue();
    let channels = CODES.iter().flat_map(|code| {
        let symbol = Symbol::new(venue, code).unwrap();
        KINDS.map(|kind| Channel { symbol: symbol.clone(), kind })
    });
    recorder.begin(TapeSession { venue, channels: channels.collect() });
    let client = house.backbone.client(Priority::High);
    let mut feed = client.subscribe(CODES, KINDS).await.unwrap();
    let mut events = Vec::new();
    loop {
        let event = soon(feed.next()).await.unwrap();
        let is_last = is_over(&event);
        events.push(event);
        if is_last {
            break;
        }
    }
    drop(feed);
    house.backbone.shutdown().await;
    house.venue.stop().await;
    let stats = recorder.finish().unwrap();
    assert_eq!(stats.missed, 0);
    events
}

fn replayed(options: ReplayOptions) -> Vec<FeedEvent> {
    let mut replay = options.start().unwrap();
    let mut events = Vec::new();
    while let Some(event) = replay.next() {
        events.push(event);
    }
    let report = replay.finish().unwrap();
    assert!(report.stats.frames > 0 && report.stats.missed == 0, "{report:?}");
    events
}

/// Replays at two speeds, which must not differ by a single time, and returns the events.
fn replayed_twice(dir: &Path) -> Vec<FeedEvent> {
    let at_once = replayed(ReplayOptions::new(dir));
    let paced = replayed(ReplayOptions::new(dir).speed(Some(5.0)));
    let differs = at_once.iter().zip(&paced).find(|(one, other)| format!("{one:?}") != format!("{other:?}"));
    assert!(differs.is_none() && at_once.len() == paced.len(), "the speed changes something: {differs:?}");
    at_once
}

/// Asserts that `replay` begins with all of `live`; it goes on until the recording was ended.
fn assert_begins_with(replay: &[String], live: &[String], what: &str) {
    let common = replay.iter().zip(live).take_while(|(one, other)| one == other).count();
    let around = |lines: &[String]| lines[common.saturating_sub(3)..lines.len().min(common + 6)].join("\n  ");
    assert!(
        common == live.len(),
        "{what}: {common} of {} are the same; then live\n  {}\nand in the replay\n  {}",
        live.len(),
        around(live),
        around(replay)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_delivers_what_the_live_run_did_at_any_speed() {
    let dir = tempdir().unwrap();
    let mut left = 400;
    let live = recorded(dir.path(), Faults::default(), |_| {
        left -= 1;
        left == 0
    });
    let live = live.await;
    let shown_all = |events: &[FeedEvent]| events.iter().map(shown).collect::<Vec<_>>();
    assert_begins_with(&shown_all(&replayed_twice(dir.path())), &shown_all(&live), "all events");
    let trades = replayed(ReplayOptions::new(dir.path()).kinds([StreamKind::Trade]));
    let is_trade = |event: &&FeedEvent| matches!(event, FeedEvent::Trade(_));
    assert!(trades.len() >= live.iter().filter(is_trade).count());
    assert!(trades.iter().all(|event| matches!(event, FeedEvent::Trade(_) | FeedEvent::Snapshot(_))));
    // Bars were not recorded; they are made of the candles that were.
    let bars = replayed(ReplayOptions::new(dir.path()).kinds([StreamKind::Bar(Timeframe::S1)]));
    assert!(bars.iter().any(|event| matches!(event, FeedEvent::Bar { .. })), "{bars:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_opens_and_heals_in_a_replay_as_it_did_live() {
    let dir = tempdir().unwrap();
    let faults = Faults { drop_after_ms: 3_000, ..Faults::default() };
    let mut healed = 0;
    let live = recorded(dir.path(), faults, |event| {
        healed += usize::from(matches!(event, FeedEvent::Gap(gap) if gap.state == GapState::Healed));
        healed == 2
    });
    let live = by_channel(&live.await);
    let replay = by_channel(&replayed_twice(dir.path()));
    // While a page is fetched, which of two channels is read first hangs on the machine; within a channel nothing does.
    for (channel, live) in &live {
        assert_begins_with(&replay[channel], live, channel);
    }
    assert!(live[""].iter().any(|gap| gap.starts_with("healed")), "{:?}", live[""]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_a_recording_is_replayed_alone() {
    let dir = tempdir().unwrap();
    let mut left = 300;
    let live = recorded(dir.path(), Faults::default(), |_| {
        left -= 1;
        left == 0
    });
    live.await;
    let all = replayed(ReplayOptions::new(dir.path()));
    let times: Vec<_> = all.iter().filter_map(FeedEvent::received).collect();
    let (from, to) = (times[times.len() / 3], times[times.len() * 2 / 3]);
    let part = replayed(ReplayOptions::new(dir.path()).from(from).to(to));
    assert!(!part.is_empty() && part.len() < all.len());
    assert!(part.iter().filter_map(FeedEvent::received).all(|time| from <= time && time < to));
}

#[test]
fn a_replay_of_nothing_is_an_error_and_one_that_is_dropped_ends() {
    let error = ReplayOptions::new(tempdir().unwrap().path().join("nowhere")).start().unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}
