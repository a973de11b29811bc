//! A line about candles: the same question five times, while the venue is not what it should be and after.

use market_backbone::{CandleSet, Priority, RouterConfig, Slot, Timeframe, Timestamp};
use market_backbone_emulator::{Faults, ScriptedFault, StockBar};

use super::clocks::SETTLING_MS;
use super::line::{Market, Rows};
use super::scene::{Driver, Going, Scene};
use crate::witness::{agrees, fold};

pub(super) const MINUTE: i64 = 60_000;
/// The question is asked again so long after it was asked first; from the fourth time on the venue is well.
const AGAIN_MS: [i64; 5] = [0, 5_000, 3 * MINUTE, 43 * MINUTE, 103 * MINUTE];
const WELL_FROM: usize = 3;

impl Scene {
    /// The one market that is asked for.
    pub(super) fn code(&self) -> String {
        self.market.codes().swap_remove(0)
    }

    /// The figures of a minute as the tape has them.
    fn truth(&self, open_ms: i64) -> Option<[f64; 5]> {
        let code = self.code();
        if self.market.is_of_massive() {
            let bars = self.venue.stocks().minutes(&code, open_ms, open_ms + MINUTE, i64::MAX);
            return bars.first().map(figures);
        }
        fold(&self.venue.tape().trades(&code, open_ms, open_ms + MINUTE))
    }

    /// What an answer says of `from_ms..to_ms` that is not so; how many minutes it does not tell.
    pub(super) fn judge(&self, set: &CandleSet, (from_ms, to_ms): (i64, i64)) -> Result<Vec<i64>, String> {
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

/// Asks for what is newest, and judges each answer.
pub(super) async fn play_newest(
    driver: Driver,
    market: Market,
    (faults, script): (&str, &str),
) -> Result<(), String> {
    let when = (market.minute() + 30_000, Going::ByHand);
    let scene = Scene::set(driver, market, when, Faults::default(), RouterConfig::default()).await;
    scene.venue.set_faults(faults.parse().map_err(|error| format!("{error}"))?);
    scene.venue.set_script(ScriptedFault::parse_list(script).map_err(|error| error.to_string())?);
    let held = ask_newest(&scene).await;
    let played = scene.venue.report().played;
    scene.close().await;
    held?;
    if played.is_empty() { Err("the venue was well".to_owned()) } else { Ok(()) }
}

async fn ask_newest(scene: &Scene) -> Result<(), String> {
    let (began_ms, code) = (scene.hands.now_ms(), scene.code());
    let settling_ms = if scene.market.is_of_massive() { SETTLING_MS } else { 0 };
    for (at, again_ms) in AGAIN_MS.into_iter().enumerate() {
        scene.go_to(began_ms + again_ms).await;
        if at == WELL_FROM {
            scene.venue.set_faults(Faults::default());
            scene.venue.set_script(Vec::new());
        }
        let nth = at + 1;
        let minute = |ms: i64| ms.div_euclid(MINUTE) * MINUTE;
        let (forming_ms, closed_ms) =
            (minute(scene.hands.now_ms()), minute(scene.hands.now_ms() - settling_ms));
        let client = scene.backbone.client(Priority::Normal);
        let newest = client.candles(&code, Timeframe::M1).last(10);
        let closed = client.candles(&code, Timeframe::M1).last(10).closed();
        for (set, to_ms, what) in
            [(newest.await, forming_ms + MINUTE, "the newest"), (closed.await, closed_ms, "those closed")]
        {
            let set = set.map_err(|error| format!("answer {nth}, {what}: {error}"))?;
            // What is bad is made up for from before.
            let untold = scene
                .judge(&set, (to_ms - 60 * MINUTE, to_ms))
                .map_err(|why| format!("answer {nth}, {what}: {why}"))?;
            let due = to_ms - 10 * MINUTE..to_ms.min(closed_ms);
            let missing = untold.iter().filter(|open_ms| due.contains(open_ms)).count();
            if at >= WELL_FROM && missing > 0 {
                return Err(format!("answer {nth}, {what}: {missing} minutes are not told"));
            }
        }
    }
    Ok(())
}

/// Asks, and judges each answer.
pub(super) async fn play(
    driver: Driver,
    market: Market,
    (faults, script): (&str, &str),
    rows: Rows,
) -> Result<(), String> {
    let to_ms = market.minute();
    let when = (to_ms + rows.into_ms, Going::ByHand);
    let scene = Scene::set(driver, market, when, Faults::default(), RouterConfig::default()).await;
    scene.venue.set_faults(faults.parse().map_err(|error| format!("{error}"))?);
    scene.venue.set_script(ScriptedFault::parse_list(script).map_err(|error| error.to_string())?);
    let held = ask(&scene, (to_ms - rows.minutes * MINUTE, to_ms), rows).await;
    let (all, played) = (scene.venue.report().group(market.group()).asked, scene.venue.report().played);
    scene.close().await;
    held?;
    if (faults, script) != ("", "") && played.is_empty() {
        return Err("the venue was well".to_owned());
    }
    if all > rows.requests {
        return Err(format!("{all} requests, at most {}", rows.requests));
    }
    Ok(())
}

async fn ask(scene: &Scene, range: (i64, i64), rows: Rows) -> Result<(), String> {
    let (began_ms, code) = (scene.hands.now_ms(), scene.code());
    let mut is_named = false;
    let asked = || scene.venue.report().group(scene.market.group()).asked;
    for (at, again_ms) in AGAIN_MS.into_iter().enumerate() {
        scene.go_to(began_ms + again_ms).await;
        if at == WELL_FROM {
            scene.venue.set_faults(Faults::default());
            scene.venue.set_script(Vec::new());
        }
        let (before, nth) = (asked(), at + 1);
        let client = scene.backbone.client(Priority::Normal);
        let (from, to) = (Timestamp::from_millis(range.0), Timestamp::from_millis(range.1));
        let set = client.candles(&code, Timeframe::M1).range(from..to).await;
        let set = set.map_err(|error| format!("answer {nth}: {error}"))?;
        is_named |= set.rejected.iter().any(|row| !row.market.is_empty() && !row.reason.is_empty());
        let mut untold = scene.judge(&set, range).map_err(|why| format!("answer {nth}: {why}"))?;
        let excused = |open_ms: &i64| {
            rows.but == Some(&*format!("{:02}:{:02}", open_ms / 3_600_000 % 24, open_ms / MINUTE % 60))
        };
        untold.retain(|open_ms| !excused(open_ms));
        if nth >= rows.whole_at && !untold.is_empty() {
            return Err(format!("answer {nth}: {} minutes are not told", untold.len()));
        }
        if nth == AGAIN_MS.len() && asked() != before && rows.but.is_none() {
            return Err(format!("the last answer costs {} requests, and all is known", asked() - before));
        }
    }
    if rows.names && !is_named {
        return Err(format!("no answer names what was left out: {:?}", scene.venue.report().played));
    }
    Ok(())
}
