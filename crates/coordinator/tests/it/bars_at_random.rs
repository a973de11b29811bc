//! Whatever happens to a feed of bars: when all is over, its bars are the candles that the venue's pages show, each told
//! once and every revision of it numbered, through interruptions, late frames and restarts of the program.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use market_backbone_coordinator::{Feed, Start};
use market_backbone_core::{Candle, FeedEvent, GapState, Series, StreamKind, Subscription, Timeframe};
use proptest::prelude::*;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::feed_rig::{CANDLE, Venue, at, channel, gap, strict, symbol, token, wish};

const BAR: StreamKind = StreamKind::Bar(Timeframe::M1);
/// Trades happen for so long, in ms.
const TAPE: i64 = 600_000;
/// Until then everything has been heard, fetched and closed.
const END: i64 = TAPE + 400_000;

/// What happens, and how.
#[derive(Clone, Debug)]
struct BarStory {
    /// When each trade happens, its price, and how much later its frame arrives.
    trades: Vec<(i64, u8, i64)>,
    /// How long the socket is whole, how long it is broken then, and after what part of that this is noticed.
    breaks: Vec<(i64, i64, i64)>,
    /// When the program stops, for how long, and how many events it still reads before its cursor is kept.
    restarts: Vec<(i64, i64, usize)>,
    shows_candles: bool,
}

fn stories() -> impl Strategy<Value = BarStory> {
    (
        prop::collection::vec((0..TAPE, any::<u8>(), 0..4_000_i64), 1..80),
        prop::collection::vec((1_000..200_000_i64, 1_000..150_000_i64, 1..=100_i64), 0..4),
        prop::collection::vec((1_000..TAPE, 1..100_000_i64, 0..3_usize), 0..3),
        any::<bool>(),
    )
        .prop_map(|(mut trades, breaks, mut restarts, shows_candles)| {
            trades.sort_unstable();
            restarts.sort_unstable();
            BarStory { trades, breaks, restarts, shows_candles }
        })
}

#[derive(Clone, Debug)]
enum BarAct {
    Frame(Candle),
    Broken(i64),
    Restored(i64),
    Stop(usize),
    Begin,
}

impl BarStory {
    /// The candle of the minute of `ms`, as of the trades up to then.
    fn candle(&self, ms: i64, is_final: bool) -> Option<Candle> {
        let minute = ms.div_euclid(60_000);
        let of = self.trades.iter().filter(|(time, ..)| time.div_euclid(60_000) == minute && *time <= ms);
        let prices: Vec<f64> = of.map(|(_, price, _)| 100.0 + f64::from(*price)).collect();
        let (first, last) = (prices.first()?, prices.last()?);
        let volume = prices.len() as f64;
        Some(Candle {
            open_time: at(minute * 60_000),
            open: *first,
            high: prices.iter().copied().fold(f64::MIN, f64::max),
            low: prices.iter().copied().fold(f64::MAX, f64::min),
            close: *last,
            volume,
            turnover: prices.iter().sum(),
            is_final,
        })
    }

    /// Returns the snapshot that a new subscription receives: the candle of the last trade.
    fn snapshot(&self, ms: i64) -> Option<Candle> {
        let last = self.trades.iter().rev().find(|(time, ..)| *time <= ms)?;
        self.candle(
            last.0.div_euclid(60_000) * 60_000 + (ms - last.0.div_euclid(60_000) * 60_000).min(59_999),
            false,
        )
    }

    fn outages(&self) -> Vec<(i64, i64, i64)> {
        let mut from = 0;
        let outage = |(whole, broken, noticed): &(i64, i64, i64)| {
            from += whole;
            let outage = (from, from + broken * noticed / 100, from + broken);
            from += broken;
            outage
        };
        self.breaks.iter().map(outage).collect()
    }

    fn acts(&self) -> Vec<(i64, BarAct)> {
        let outages = self.outages();
        let is_down = |ms: i64| outages.iter().any(|(from, _, to)| *from <= ms && ms < *to);
        let mut acts = Vec::new();
        for (ms, _, delay) in &self.trades {
            let heard = ms + delay;
            if !is_down(heard)
                && let Some(candle) = self.candle(*ms, false)
            {
                acts.push((heard, BarAct::Frame(candle)));
            }
        }
        for (from, noticed, to) in &outages {
            acts.push((*noticed, BarAct::Broken(*from)));
            acts.push((*to, BarAct::Restored(*from)));
        }
        let mut free = 0;
        for (stop, away, unread) in &self.restarts {
            let stop = (*stop).max(free);
            let begin = stop + away;
            acts.push((stop, BarAct::Stop(*unread)));
            acts.push((begin, BarAct::Begin));
            free = begin + 1;
        }
        acts.sort_by_key(|(ms, _)| *ms);
        acts
    }
}

struct BarRun {
    venue: Arc<Venue>,
    wish: Subscription,
    feed: Option<Feed>,
    cursor: Option<market_backbone_coordinator::Cursor>,
    started: Instant,
    /// The revisions of each bar, in the order in which they were told.
    told: BTreeMap<i64, Vec<(u32, Candle)>>,
    order: Vec<i64>,
}

impl BarRun {
    fn note(&mut self, event: &FeedEvent) {
        if let FeedEvent::Bar { candle, revision, .. } = *event {
            let minute = (candle.open_time.as_millis() - at(0).as_millis()).div_euclid(60_000);
            self.told.entry(minute).or_default().push((revision, candle));
            if revision == 0 {
                self.order.push(minute);
            }
        }
    }

    async fn read_until(&mut self, ms: i64) {
        let end = self.started + Duration::from_millis(ms.unsigned_abs());
        while let Some(feed) = &mut self.feed {
            let Ok(Some(event)) = timeout_at(end, feed.next()).await else { return };
            self.note(&event);
        }
        sleep_until(end).await;
    }

    fn say(&self, candle: Option<Candle>, ms: i64) {
        if let Some(candle) = candle {
            let series = Series::new(symbol("A"), Timeframe::M1);
            self.venue.say(FeedEvent::Candle { series, candle, received: at(ms) });
        }
    }

    async fn play(&mut self, ms: i64, act: BarAct, story: &BarStory) {
        let outages = story.outages();
        let bars = [channel("A", CANDLE)];
        match act {
            BarAct::Frame(candle) => self.say(Some(candle), ms),
            BarAct::Broken(from) => self.venue.say(gap(GapState::Opened, &bars, from, None)),
            BarAct::Restored(from) => {
                self.venue.say(gap(GapState::Resumed, &bars, from, Some(ms)));
                self.say(story.snapshot(ms), ms);
            }
            BarAct::Stop(unread) => {
                let Some(mut feed) = self.feed.take() else { return };
                for _ in 0..unread {
                    let Some(Some(event)) = futures::FutureExt::now_or_never(feed.next()) else { break };
                    self.note(&event);
                }
                self.cursor = Some(token(&feed));
            }
            BarAct::Begin => {
                let start = Start::from(self.cursor.take());
                self.feed = Some(self.venue.feed_with(self.wish.clone(), start, strict()).await);
                if outages.iter().any(|(from, _, to)| *from <= ms && ms < *to) {
                    self.venue.say(gap(GapState::Opened, &bars, ms, None));
                } else {
                    self.say(story.snapshot(ms), ms);
                }
            }
        }
    }
}

async fn live(story: &BarStory) -> Result<(), TestCaseError> {
    let venue = Venue::new();
    let truth: BTreeMap<i64, Candle> = (0..TAPE / 60_000)
        .filter_map(|minute| Some((minute, story.candle(minute * 60_000 + 59_999, true)?)))
        .collect();
    venue.closed(truth.values().copied());
    let kinds: &[StreamKind] = if story.shows_candles { &[BAR, CANDLE] } else { &[BAR] };
    let wish = wish(&["A"], kinds);
    let feed = venue.feed_with(wish.clone(), Start::Now, strict()).await;
    let (started, told) = (Instant::now(), BTreeMap::new());
    let mut run = BarRun { venue, wish, feed: Some(feed), cursor: None, started, told, order: Vec::new() };
    for (ms, act) in story.acts() {
        run.read_until(ms).await;
        run.play(ms, act, story).await;
    }
    run.read_until(END).await;
    prop_assert!(run.order.is_sorted(), "{:?}", run.order);
    for (minute, want) in &truth {
        let told = run.told.get(minute).map(Vec::as_slice).unwrap_or_default();
        let revisions: Vec<_> = told.iter().map(|(revision, _)| *revision).collect();
        let numbered: Vec<_> = (0..u32::try_from(told.len()).unwrap()).collect();
        prop_assert_eq!(&revisions, &numbered, "bar {}", minute);
        let last = told.last().map(|(_, candle)| *candle);
        prop_assert!(last.is_some_and(|last| last.agrees_with(want)), "bar {minute}: {told:?}, not {want:?}");
        let repeated = told.windows(2).any(|pair| pair[0].1.agrees_with(&pair[1].1));
        prop_assert!(!repeated, "bar {minute}: a revision changes something: {told:?}");
    }
    let invented: Vec<_> = run.told.keys().filter(|minute| !truth.contains_key(minute)).collect();
    prop_assert!(invented.is_empty(), "{invented:?}");
    Ok(())
}

fn on_paused_time(story: &BarStory) -> Result<(), TestCaseError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(live(story))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn bars_are_what_the_pages_show_afterwards_each_once(story in stories()) {
        on_paused_time(&story)?;
    }
}
