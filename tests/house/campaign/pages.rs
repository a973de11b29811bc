//! One line about pages: the same question five times, while the venue is not what it should be and after.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use market_backbone::{
    Backbone, CandleSet, Clock as _, ManualClock, MassivePlan, Priority, Slot, Timeframe, Timestamp,
};
use market_backbone_emulator::{
    Clock, Emulator, Faults, MarketSet, Massive, Running, Scenario, Scripted, StockBar, Thickness, TickerSet,
    TickerSpec,
};

use crate::witness::{agrees, fold};

/// 2026-08-06T13:14:00Z, a Thursday.
const UPBIT_MINUTE: i64 = 1_786_022_040_000;
/// 2026-08-06T15:00:00Z, 11:00 in New York.
const SHARES_MINUTE: i64 = 1_786_028_400_000;
const MINUTE: i64 = 60_000;
/// The question is asked again so long after it was asked first; from the fourth time on the venue is well.
const AGAIN_MS: [i64; 5] = [0, 5_000, 3 * MINUTE, 43 * MINUTE, 103 * MINUTE];
const WELL_FROM: usize = 3;

type Played = BoxFuture<'static, Result<(), String>>;

/// What the venue does.
pub(super) struct Wrong {
    pub(super) faults: Faults,
    pub(super) script: Vec<Scripted>,
}

/// What is asked, so long after a minute ended.
#[derive(Clone, Copy)]
pub(super) enum Ask {
    /// The minutes before it.
    Range { minutes: i64, into_ms: i64 },
}

/// What must hold besides the truth of every answer.
pub(super) struct Holds {
    /// From this answer on every minute is there.
    pub(super) whole_at: usize,
    /// So many requests in all five, at most; the last costs none.
    pub(super) requests: u64,
}

/// Whole when the venue is well again, and of which minute that need not hold.
pub(super) struct Late {
    holds: Holds,
    but: Option<&'static str>,
}

/// Whole when the venue is well again.
pub(super) const fn late(requests: u64) -> Late {
    Late { holds: Holds { whole_at: WELL_FROM + 1, requests }, but: None }
}

impl Late {
    /// But for this minute, of which nobody can tell what it was: it is in dispute, or not known.
    pub(super) const fn but(self, minute: &'static str) -> Self {
        Self { but: Some(minute), ..self }
    }
}

impl From<Holds> for Late {
    fn from(holds: Holds) -> Self {
        Self { holds, but: None }
    }
}

/// A venue, a backbone, and the hands of both their clocks.
struct Scene {
    venue: Running,
    backbone: Backbone,
    hands: (Clock, Arc<ManualClock>),
    market: &'static str,
    group: &'static str,
}

impl Scene {
    async fn upbit(market: &'static str, now_ms: i64, faults: Faults) -> Self {
        let clock = Clock::manual(now_ms);
        let markets = MarketSet::Only(vec![market.to_owned(), "KRW-ADA".to_owned()]);
        let scenario =
            Scenario { markets, history_days: 10, faults, clock: clock.clone(), ..Scenario::default() };
        let venue = Emulator::start(scenario).await.unwrap();
        let ours = Arc::new(ManualClock::new(Timestamp::from_millis(now_ms)));
        let builder = Backbone::builder().upbit_at(&venue.rest_url(), &venue.ws_url()).in_memory();
        let backbone = builder.clock(Arc::<ManualClock>::clone(&ours)).build().await.unwrap();
        Self { venue, backbone, hands: (clock, ours), market, group: "candles" }
    }

    async fn shares(now_ms: i64) -> Self {
        let clock = Clock::manual(now_ms);
        let specs = ["AAPL", "MSFT"].map(|ticker| TickerSpec::new(ticker, Thickness::Busy));
        let massive = Massive {
            tickers: TickerSet::Own(specs.into()),
            history_days: 40,
            // Prints that change bars later are another story.
            late_share: 0.0,
            overnight_share: 0.0,
            ..Massive::default()
        };
        let scenario = Scenario { clock: clock.clone(), massive, ..Scenario::default() };
        let venue = Emulator::start(scenario).await.unwrap();
        let ours = Arc::new(ManualClock::new(Timestamp::from_millis(now_ms)));
        let (rest, socket) = (venue.rest_url(), venue.stocks_ws_url());
        let builder =
            Backbone::builder().massive_at("test-key", MassivePlan::Advanced, &rest, &socket).in_memory();
        let backbone = builder.clock(Arc::<ManualClock>::clone(&ours)).build().await.unwrap();
        Self { venue, backbone, hands: (clock, ours), market: "AAPL", group: "massive" }
    }

    /// The figures of a minute as the tape has them.
    fn truth(&self, open_ms: i64) -> Option<[f64; 5]> {
        if self.group == "candles" {
            return fold(&self.venue.tape().trades(self.market, open_ms, open_ms + MINUTE));
        }
        let bars = self.venue.stocks().minutes(self.market, open_ms, open_ms + MINUTE, i64::MAX);
        bars.first().map(figures)
    }

    fn go_to(&self, now_ms: i64) {
        let ahead = now_ms - self.hands.0.now_ms();
        self.hands.0.advance(ahead);
        self.hands.1.advance(Duration::from_millis(ahead.unsigned_abs()));
        assert_eq!(self.hands.1.now().as_millis(), now_ms);
    }

    /// What an answer says of `from_ms..to_ms` that is not so; how many minutes it does not tell.
    fn judge(&self, set: &CandleSet, (from_ms, to_ms): (i64, i64)) -> Result<Vec<i64>, String> {
        let mut untold = Vec::new();
        let inside = |open_ms: i64| (from_ms..to_ms).contains(&open_ms) && open_ms % MINUTE == 0;
        if let Some(stray) = set.candles.iter().find(|candle| !inside(candle.open_time.as_millis())) {
            return Err(format!("a row that nobody asked for: {stray:?}"));
        }
        for open_ms in (from_ms..to_ms).step_by(MINUTE as usize) {
            let truth = self.truth(open_ms);
            let hour = || format!("{:02}:{:02}", open_ms / 3_600_000 % 24, open_ms / MINUTE % 60);
            match set.slot(Timestamp::from_millis(open_ms)) {
                Slot::Present(candle) if candle.is_final && !agrees(Some(&candle), truth) => {
                    return Err(format!("{} is {truth:?}, told final as {candle:?}", hour()));
                }
                Slot::Empty if truth.is_some() => {
                    return Err(format!("{} is told to be empty, and is not", hour()));
                }
                Slot::Present(candle) if candle.is_final => {}
                Slot::Empty => {}
                Slot::Present(_) | Slot::Unknown | Slot::Disputed(_) => untold.push(open_ms),
            }
        }
        Ok(untold)
    }

    async fn close(self) {
        self.backbone.shutdown().await;
        self.venue.stop().await;
    }
}

fn figures(bar: &StockBar) -> [f64; 5] {
    let price = |units: i64| units as f64 / 1e8;
    [
        price(bar.open_e8),
        price(bar.high_e8),
        price(bar.low_e8),
        price(bar.close_e8),
        bar.volume_e8 as f64 / 1e8,
    ]
}

/// A line about Upbit.
pub(super) fn upbit(
    what: &'static str,
    market: &'static str,
    wrong: Wrong,
    ask: Ask,
    holds: impl Into<Late>,
) -> Played {
    let holds = holds.into();
    async move {
        let Ask::Range { minutes, into_ms } = ask;
        let scene = Scene::upbit(market, UPBIT_MINUTE + into_ms, Faults::default()).await;
        let range = (UPBIT_MINUTE - minutes * MINUTE, UPBIT_MINUTE);
        play(scene, wrong, range, holds).await.map_err(|why| format!("Upbit, {what}: {why}"))
    }
    .boxed()
}

/// A line about US stocks.
pub(super) fn shares(what: &'static str, wrong: Wrong, ask: Ask, holds: impl Into<Late>) -> Played {
    let holds = holds.into();
    async move {
        let Ask::Range { minutes, into_ms } = ask;
        let scene = Scene::shares(SHARES_MINUTE + into_ms).await;
        let range = (SHARES_MINUTE - minutes * MINUTE, SHARES_MINUTE);
        play(scene, wrong, range, holds).await.map_err(|why| format!("Massive, {what}: {why}"))
    }
    .boxed()
}

async fn play(scene: Scene, wrong: Wrong, range: (i64, i64), late: Late) -> Result<(), String> {
    let began_ms = scene.hands.0.now_ms();
    let is_wrong = wrong.faults != Faults::default() || !wrong.script.is_empty();
    scene.venue.set_faults(wrong.faults);
    scene.venue.set_script(wrong.script);
    let asked = || scene.venue.report().group(scene.group).asked;
    for (at, again_ms) in AGAIN_MS.into_iter().enumerate() {
        scene.go_to(began_ms + again_ms);
        if at == WELL_FROM {
            scene.venue.set_faults(Faults::default());
            scene.venue.set_script(Vec::new());
        }
        let (before, nth) = (asked(), at + 1);
        let client = scene.backbone.client(Priority::Normal);
        let (from, to) = (Timestamp::from_millis(range.0), Timestamp::from_millis(range.1));
        let set = client.candles(scene.market, Timeframe::M1).range(from..to).await;
        let set = set.map_err(|error| format!("answer {nth}: {error}"))?;
        let mut untold = scene.judge(&set, range).map_err(|why| format!("answer {nth}: {why}"))?;
        let excused = |open_ms: &i64| {
            late.but == Some(&*format!("{:02}:{:02}", open_ms / 3_600_000 % 24, open_ms / MINUTE % 60))
        };
        untold.retain(|open_ms| !excused(open_ms));
        if nth >= late.holds.whole_at && !untold.is_empty() {
            return Err(format!("answer {nth}: {} minutes are not told", untold.len()));
        }
        if nth == AGAIN_MS.len() && asked() != before && late.but.is_none() {
            return Err(format!("the last answer costs {} requests, and all is known", asked() - before));
        }
    }
    let (all, played) = (asked(), scene.venue.report().played);
    scene.close().await;
    if is_wrong && played.is_empty() {
        return Err("the venue was well".to_owned());
    }
    if all > late.holds.requests {
        return Err(format!("{all} requests, at most {}", late.holds.requests));
    }
    Ok(())
}

/// How far the venue's clock is ahead of true time, and how far ours is, in ms; true time never steps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Off {
    pub(super) venue: i64,
    pub(super) ours: i64,
}

/// A line about clocks: the last ten closed minutes, asked for twice before a step and twice after it.
///
/// The first answer after a step may lack what it cannot know, but what it tells is closed and so.
pub(super) fn closed(what: &'static str, before: Off, after: Off) -> Played {
    async move {
        let faults = Faults { clock_offset: before.venue, ..Faults::default() };
        let scene = Scene::upbit("KRW-BTC", UPBIT_MINUTE + 30_000, faults).await;
        let held = clocks(&scene, before, after).await;
        scene.close().await;
        held.map_err(|why| format!("Clocks, {what}: {why}"))
    }
    .boxed()
}

async fn clocks(scene: &Scene, before: Off, after: Off) -> Result<(), String> {
    for (nth, off) in (1..).zip([before, before, after, after]) {
        scene.hands.0.advance(2 * MINUTE);
        scene.hands.1.set(Timestamp::from_millis(scene.hands.0.now_ms() + off.ours));
        scene.venue.change_faults(|faults| faults.clock_offset = off.venue);
        let minute_ms = scene.venue.now_ms().div_euclid(MINUTE) * MINUTE;
        let client = scene.backbone.client(Priority::Normal);
        let set = client.candles(scene.market, Timeframe::M1).count(10).closed().await;
        let set = set.map_err(|error| format!("answer {nth}: {error}"))?;
        if let Some(forming) = set.candles.iter().find(|candle| !candle.is_final) {
            return Err(format!("answer {nth}: not closed: {forming:?}"));
        }
        let is_step = nth == 3 && before != after;
        let reach_ms = if is_step { 180 } else { 10 } * MINUTE;
        let untold = scene
            .judge(&set, (minute_ms - reach_ms, minute_ms))
            .map_err(|why| format!("answer {nth}: {why}"))?;
        if !is_step && !untold.is_empty() {
            return Err(format!("answer {nth}: {} minutes are not told", untold.len()));
        }
    }
    Ok(())
}
