//! A line about clocks: the last ten closed minutes, asked for twice before a step and twice after it.
//!
//! The first answer after a step may lack what it cannot know, but what it tells is closed and so.

use market_backbone::{Priority, RouterConfig, Timeframe};
use market_backbone_emulator::Faults;

use super::line::{Market, Off};
use super::pages::MINUTE;
use super::scene::{Driver, Going, Scene};

/// A print of a share may be reported so late; before that no bar is closed.
pub(super) const SETTLING_MS: i64 = 20 * MINUTE;

pub(super) async fn play(driver: Driver, market: Market, before: Off, after: Off) -> Result<(), String> {
    let faults = Faults { clock_offset: before.venue, ..Faults::default() };
    let when = (market.minute() + 20_000, Going::ByHand);
    let scene = Scene::set(driver, market, when, faults, RouterConfig::default()).await;
    let held = ask(&scene, before, after).await;
    scene.close().await;
    held
}

async fn ask(scene: &Scene, before: Off, after: Off) -> Result<(), String> {
    let code = scene.code();
    let settling_ms = if scene.market.is_of_massive() { SETTLING_MS } else { 0 };
    for (nth, off) in (1..).zip([before, before, after, after]) {
        scene.go_to(scene.hands.now_ms() + 2 * MINUTE).await;
        scene.ours.set_off(off.ours);
        scene.venue.change_faults(|faults| faults.clock_offset = off.venue);
        let minute_ms = (scene.venue.now_ms() - settling_ms).div_euclid(MINUTE) * MINUTE;
        let client = scene.backbone.client(Priority::Normal);
        let set = client.candles(&code, Timeframe::M1).last(10).closed().await;
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
