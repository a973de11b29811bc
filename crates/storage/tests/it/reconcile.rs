//! A venue that revises what it sends live, under paused time: what it sends again, its replies after twenty
//! minutes and the next morning; and what a query as of an earlier moment returns.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{StreamExt, stream};
use market_backbone_core::{
    Candle, CandlePage, CandleStore, Capabilities, Clock, FeedEvent, Origin, PageProof, RevisionPolicy,
    Selection, SourceErrorKind, TimeRange, Timeframe, Timestamp,
};
use market_backbone_storage::{MemoryStore, Recorder, RecorderConfig, RecorderMetrics};
use market_backbone_testkit::{ScriptedCandles, TaskClock};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::derived::CAPABILITIES;
use crate::material::{everything, minute, minute_of, minutes, series};
use crate::recorder::{START, bar};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const VENUE: Capabilities = Capabilities {
    candle_page: 50_000,
    live_timeframes: &[Timeframe::M1],
    finality_delay: Duration::from_secs(1_200),
    revision_policy: RevisionPolicy {
        live_is_provisional: true,
        reconcile_after: &[Duration::from_secs(18 * 3_600)],
    },
    ..CAPABILITIES
};
/// Minutes of the recording of which the venue says more later: again on the socket, in the pages from the start, in the
/// pages of the next morning; and one that it sent nothing of.
const AGAIN: i64 = 3;
const IN_PAGES: i64 = 5;
const NEXT_MORNING: i64 = 7;
const UNHEARD: i64 = 9;
const LAST: i64 = 16;

fn more(number: i64, volume: f64) -> Candle {
    Candle { volume, ..bar(START + number) }
}

/// What the venue says of a minute at `now`.
fn said(number: i64, now: Timestamp) -> Candle {
    let is_morning = now > minute(START).plus(15 * HOUR);
    match number {
        AGAIN => more(AGAIN, 0.7),
        IN_PAGES => more(IN_PAGES, 0.8),
        NEXT_MORNING if is_morning => more(NEXT_MORNING, 0.9),
        other => bar(START + other),
    }
}

/// The venue, and when it was asked for what.
fn venue(clock: &Arc<TaskClock>) -> (ScriptedCandles, Asked) {
    let asked = Asked::default();
    let (log, [time, rows, proof]) = (Arc::clone(&asked), [(); 3].map(|()| Arc::clone(clock)));
    let source = ScriptedCandles::new(move |_, range| {
        let numbers = minute_of(range.from()) - START..minute_of(range.to()) - START;
        numbers.map(|number| said(number, rows.now())).collect()
    });
    let source = source.observed_by(move |query| {
        let Selection::Range(range) = query.selection() else { panic!("a range is asked for") };
        log.lock().unwrap().push((minute_of(time.now()) - START, range));
    });
    let source = source.proving(move |range| {
        let covered = PageProof { covered: Some(range), ..PageProof::default() };
        let page = CandlePage { proof: covered, asked_at: proof.now(), ..CandlePage::default() };
        VENUE.coverage_of(Timeframe::M1, &page)
    });
    (source, asked)
}

type Asked = Arc<Mutex<Vec<(i64, TimeRange)>>>;

struct Rig {
    store: Arc<MemoryStore>,
    asked: Asked,
    clock: Arc<TaskClock>,
    recorder: Recorder,
}

impl Rig {
    fn new(store: &Arc<MemoryStore>, clock: &Arc<TaskClock>) -> Self {
        Self::failing(0, store, clock)
    }

    /// A rig whose venue does not answer so many questions.
    fn failing(times: usize, store: &Arc<MemoryStore>, clock: &Arc<TaskClock>) -> Self {
        let (venue, asked) = venue(clock);
        let venue = venue.failing(move |number| (number < times).then_some(SourceErrorKind::Unreachable));
        // Hours pass here: ticks need not be as frequent.
        let config = RecorderConfig::default().tick_interval(Duration::from_secs(5));
        let recorder =
            Recorder::start(Arc::clone(store) as _, Arc::new(venue), Arc::clone(clock) as _, &VENUE, config);
        Self { store: Arc::clone(store), asked, clock: Arc::clone(clock), recorder }
    }

    fn fresh() -> Self {
        Self::new(&Arc::default(), &Arc::new(TaskClock::showing(minute(START))))
    }

    /// A bar for each minute when it has ended, but of one; and one of them again, much later.
    async fn talk(&self) -> market_backbone_storage::Recording {
        let (speak, hear) = mpsc::channel(64);
        let feed = stream::unfold(hear, |mut hear| async { Some((hear.recv().await?, hear)) }).boxed();
        let recording = self.recorder.record(vec![series("KRW-BTC")], feed);
        for number in 0..=LAST {
            sleep(MINUTE).await;
            let again = (number == 12).then(|| more(AGAIN, 0.7));
            let bars = [(number != UNHEARD).then(|| bar(START + number)), again];
            for candle in bars.into_iter().flatten() {
                let candle = Candle { is_final: false, ..candle };
                let (series, received) = (series("KRW-BTC"), self.clock.now());
                speak.send(FeedEvent::Candle { series, candle, received }).await.unwrap();
            }
        }
        sleep(MINUTE).await;
        // Who speaks no more: the recording ends, the questions go on.
        recording
    }

    async fn as_of(&self, number: i64) -> Vec<(i64, f64)> {
        let moment = minute(START + number);
        let read = self.store.read_as_of(&series("KRW-BTC"), everything(), usize::MAX, moment).await.unwrap();
        read.candles.iter().map(|row| (minute_of(row.open_time) - START, row.volume)).collect()
    }

    fn asked(&self) -> Vec<(i64, TimeRange)> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// All minutes that were heard whole, at their volumes, but for these.
fn received(but: &[(i64, f64)]) -> Vec<(i64, f64)> {
    let volume = |number| but.iter().find(|(odd, _)| *odd == number).map_or(0.3, |(_, volume)| *volume);
    (2..=LAST).map(|number| (number, volume(number))).filter(|(_, volume)| *volume > 0.0).collect()
}

#[tokio::test(start_paused = true)]
async fn a_bar_that_is_sent_again_is_an_amendment_and_a_program_sees_what_it_knew() {
    let rig = Rig::fresh();
    let recording = rig.talk().await;
    recording.stop().await;
    assert_eq!(rig.as_of(12).await, received(&[(UNHEARD, 0.0)]));
    assert_eq!(rig.as_of(99).await, received(&[(UNHEARD, 0.0), (AGAIN, 0.7)]));
    let known = rig.store.coverage(&series("KRW-BTC")).await.unwrap();
    assert_eq!((known.missing(minutes(START + 2, START + LAST)), known.disputes()), (vec![], [].as_slice()));
    assert!(known.spans().iter().all(|span| span.provenance.origin == Origin::Provisional));
    let metrics = rig.recorder.metrics();
    assert_eq!((metrics.withdrawn, metrics.unknown, metrics.written), (0, 0, LAST as u64 - 1), "{metrics:?}");
    assert_eq!(rig.asked(), [], "nothing has settled");
    rig.recorder.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn the_venue_is_asked_after_twenty_minutes_and_the_next_morning() {
    let rig = Rig::fresh();
    let recording = rig.talk().await;
    sleep(30 * MINUTE).await;
    let once: Vec<_> = rig.asked();
    let covered: Vec<_> = once.iter().map(|(_, range)| *range).collect();
    assert!((2..=5).contains(&once.len()), "batched: {once:?}");
    assert!(once.iter().all(|(now, range)| minute_of(range.to()) + 20 <= START + now), "{once:?}");
    assert_eq!(
        (covered[0].from(), covered.last().unwrap().to()),
        (minute(START + 2), minute(START + LAST + 1))
    );
    let metrics = rig.recorder.metrics();
    let want = RecorderMetrics { confirmed: LAST as u64 - 3, amended: 2, ..metrics };
    assert_eq!((metrics, metrics.disputed), (want, 0), "one it says otherwise, one that was not heard");
    let before = received(&[(UNHEARD, 0.0), (AGAIN, 0.7)]);
    assert_eq!(rig.as_of(LAST + 2).await, before);
    assert_eq!(rig.as_of(60).await, received(&[(AGAIN, 0.7), (IN_PAGES, 0.8)]));

    sleep(25 * HOUR).await;
    assert_eq!(rig.asked(), [], "the oldest waits for others");
    sleep(3 * HOUR).await;
    let twice = rig.asked();
    assert_eq!(
        twice.iter().map(|(_, range)| *range).collect::<Vec<_>>(),
        [minutes(START + 2, START + LAST + 1)]
    );
    let metrics = rig.recorder.metrics();
    assert_eq!((metrics.amended, metrics.disputed, metrics.reconciled), (3, 0, LAST as u64 - 2));
    let known = rig.store.coverage(&series("KRW-BTC")).await.unwrap();
    assert_eq!(known.disputes(), [], "what was said within the day was an early word");
    let corrections = [(AGAIN, 0.7), (IN_PAGES, 0.8), (NEXT_MORNING, 0.9)];
    assert_eq!(rig.as_of(60).await, received(&corrections[..2]), "and is what was known then");
    assert_eq!(rig.as_of(30 * 60).await, received(&corrections));
    recording.stop().await;
    rig.recorder.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn another_run_asks_what_was_too_fresh_when_the_last_one_asked() {
    let first = Rig::fresh();
    let recording = first.talk().await;
    sleep(30 * MINUTE).await;
    recording.stop().await;
    first.recorder.shutdown().await;
    let second = Rig::failing(1, &first.store, &first.clock);
    let recording = second.recorder.record(vec![series("KRW-BTC")], stream::pending().boxed());
    sleep(26 * HOUR).await;
    assert_eq!(second.asked(), []);
    sleep(2 * HOUR).await;
    let asked = second.asked();
    assert_eq!(asked.len(), 2, "what fails is asked again: {asked:?}");
    assert!(asked[1].0 - asked[0].0 >= 5 && asked[0].1 == minutes(START + 2, START + LAST + 1), "{asked:?}");
    let metrics = second.recorder.metrics();
    assert_eq!((metrics.amended, metrics.disputed), (1, 0));
    recording.stop().await;
    second.recorder.shutdown().await;
}
