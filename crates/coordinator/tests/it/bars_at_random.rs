//! Whatever happens to a feed of bars: when all is over, its bars are the candles that the venue's pages show, each delivered
//! once and every revision of it numbered, through interruptions, late frames and restarts of the program.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use market_backbone_coordinator::{Feed, Start};
use market_backbone_core::{Candle, FeedEvent, GapState, Series, StreamKind, Subscription, Timeframe};
use proptest::prelude::*;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::feed_rig::{CANDLE, Venue, at, channel, gap, strict, subscription, symbol, token};

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
    /// Whether minutes without a trade are asked for.
    shows_quiet: bool,
}

/// A bar as it was delivered.
#[derive(Clone, Copy, Debug)]
struct DeliveredBar {
    revision: u32,
    candle: Candle,
    is_quiet: bool,
    /// When it came, in ms.
    ms: i64,
}

fn stories() -> impl Strategy<Value = BarStory> {
    (
        prop::collection::vec((0..TAPE, any::<u8>(), 0..4_000_i64), 1..80),
        prop::collection::vec((1_000..200_000_i64, 1_000..150_000_i64, 1..=100_i64), 0..4),
        prop::collection::vec((1_000..TAPE, 1..100_000_i64, 0..3_usize), 0..3),
        any::<[bool; 2]>(),
    )
        .prop_map(|(mut trades, breaks, mut restarts, [shows_candles, shows_quiet])| {
            trades.sort_unstable();
            restarts.sort_unstable();
            BarStory { trades, breaks, restarts, shows_candles, shows_quiet }
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
    subscription: Subscription,
    feed: Option<Feed>,
    cursor: Option<market_backbone_coordinator::Cursor>,
    started: Instant,
    /// The revisions of each bar, in the order in which they were delivered.
    delivered: BTreeMap<i64, Vec<DeliveredBar>>,
    order: Vec<i64>,
    /// The minute whose forming candle was shown last.
    forming: Option<i64>,
}

impl BarRun {
    fn note(&mut self, event: &FeedEvent) {
        let minute = |candle: &Candle| (candle.open_time.as_millis() - at(0).as_millis()).div_euclid(60_000);
        match *event {
            FeedEvent::Bar { candle, revision, is_quiet, .. } => {
                let (minute, ms) = (minute(&candle), self.venue.clock_ms());
                let bar = DeliveredBar { revision, candle, is_quiet, ms };
                self.delivered.entry(minute).or_default().push(bar);
                if revision == 0 {
                    self.order.push(minute);
                }
            }
            FeedEvent::Candle { candle, .. } if !candle.is_final => {
                let minute = minute(&candle);
                if let Some(before) = self.forming.filter(|before| *before < minute) {
                    assert!(
                        self.delivered.contains_key(&before),
                        "{minute} forms and {before} has not closed"
                    );
                }
                self.forming = Some(minute);
            }
            _ => {}
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
                self.feed = Some(self.venue.feed_with(self.subscription.clone(), start, strict()).await);
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
    let mut subscription = subscription(&["A"], kinds);
    subscription.includes_quiet_bars = story.shows_quiet;
    let feed = venue.feed_with(subscription.clone(), Start::Now, strict()).await;
    let (started, delivered) = (Instant::now(), BTreeMap::new());
    let (order, cursor, forming) = (Vec::new(), None, None);
    let mut run =
        BarRun { venue, subscription, feed: Some(feed), cursor, started, delivered, order, forming };
    for (ms, act) in story.acts() {
        run.read_until(ms).await;
        run.play(ms, act, story).await;
    }
    run.read_until(END).await;
    prop_assert!(run.order.is_sorted_by(|one, next| one < next), "{:?}", run.order);
    for (minute, want) in &truth {
        let delivered = run.delivered.get(minute).map(Vec::as_slice).unwrap_or_default();
        let last = delivered.last().filter(|bar| !bar.is_quiet).map(|bar| bar.candle);
        prop_assert!(
            last.is_some_and(|last| last.agrees_with(want)),
            "bar {minute}: {delivered:?}, not {want:?}"
        );
        let repeated = delivered.windows(2).any(|pair| pair[0].candle.agrees_with(&pair[1].candle));
        prop_assert!(!repeated, "bar {minute}: a revision changes something: {delivered:?}");
    }
    for (minute, delivered) in &run.delivered {
        check_revisions(story, *minute, delivered, truth.contains_key(minute))?;
    }
    if story.shows_quiet && story.breaks.is_empty() && story.restarts.is_empty() {
        let (first, end) = (truth.keys().next().copied().unwrap_or_default(), TAPE / 60_000);
        let missing: Vec<_> = (first..end).filter(|minute| !run.delivered.contains_key(minute)).collect();
        prop_assert!(missing.is_empty(), "quiet or not, minutes {missing:?} are over");
    }
    Ok(())
}

/// The revisions of a bar are numbered, none comes before its end, and at most the first says that nothing was traded.
fn check_revisions(
    story: &BarStory,
    minute: i64,
    delivered: &[DeliveredBar],
    was_traded: bool,
) -> Result<(), TestCaseError> {
    let numbers = delivered.iter().map(|bar| bar.revision);
    prop_assert!(numbers.eq(0..u32::try_from(delivered.len()).unwrap()), "bar {minute}: {delivered:?}");
    let is_over = |bar: &DeliveredBar| bar.candle.is_final && bar.ms >= (minute + 1) * 60_000;
    prop_assert!(delivered.iter().all(is_over), "bar {minute} before its end: {delivered:?}");
    let quiet: Vec<_> = delivered.iter().filter(|bar| bar.is_quiet).collect();
    let is_flat = |bar: &&DeliveredBar| bar.candle.volume == 0.0 && bar.candle.high == bar.candle.low;
    prop_assert!(quiet.iter().all(is_flat), "bar {minute}: {delivered:?}");
    prop_assert!(quiet.len() <= usize::from(story.shows_quiet), "bar {minute}: {delivered:?}");
    prop_assert!(was_traded || delivered.len() == quiet.len(), "bar {minute} is invented: {delivered:?}");
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

/// The only frame of a minute was lost in an outage during which the program began anew, from a cursor of a minute before.
#[test]
fn a_minute_of_an_outage_after_a_restart_is_delivered() {
    let story = BarStory {
        trades: vec![(0, 0, 0), (164_150, 0, 2_978)],
        breaks: vec![(128_271, 113_729, 100)],
        restarts: vec![(35_839, 84_062, 0)],
        shows_candles: false,
        shows_quiet: true,
    };
    on_paused_time(&story).unwrap();
}

/// The program resumed a moment after a minute had begun, and an outage that was noticed late began in that minute: the
/// minutes after it were quiet as far as anyone knew.
#[test]
fn a_minute_whose_beginning_nobody_heard_comes_before_the_next_one() {
    let story = BarStory {
        trades: vec![(0, 0, 0), (292_399, 0, 2_796)],
        breaks: vec![(114_906, 125_095, 1), (1_000, 130_107, 93)],
        restarts: vec![],
        shows_candles: false,
        shows_quiet: true,
    };
    on_paused_time(&story).unwrap();
}

/// The last frame of a minute was lost in an outage that was noticed after two further minutes, quiet ones.
#[test]
fn a_bar_is_revised_although_the_clock_closed_quiet_ones_after_it() {
    let story = BarStory {
        trades: vec![(240_000, 0, 0), (292_399, 0, 2_796)],
        breaks: vec![(161_337, 125_095, 1), (8_046, 137_121, 93)],
        restarts: vec![],
        shows_candles: false,
        shows_quiet: true,
    };
    on_paused_time(&story).unwrap();
}
