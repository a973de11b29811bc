//! A line about feeds: something happens to the socket, the trades over REST are not what they should be, and
//! whatever is missing in the end has been said to be.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use market_backbone::config::{ReconnectConfig, SessionConfig};
use market_backbone::{Clock, GapState, Priority, RouterConfig, Side, StreamKind, Timestamp, Trade};
use market_backbone_emulator::{Faults, PageFault, PageKind, TakerSide as TapeSide};
use tokio::time::Instant;

use super::line::{Happens, Holds, Market};
use super::scene::{Driver, Going, Scene};
use crate::witness::{Watch, Witness};

/// Before anything happens, and after all is well again.
const CALM: Duration = Duration::from_secs(3);
/// A gap that ends later than this has not been healed.
const HEALED_WITHIN: Duration = Duration::from_secs(25);
/// On paused time, the first trades of a subscription are those after it has reached the venue.
const REACHES_MS: i64 = 700;
/// A market that trades several times a second is not silent for so long.
const GOES_ON_WITHIN: Duration = Duration::from_secs(10);
/// Where time is real this machine may be busy, and everything takes so much longer.
const BUSY: u32 = 4;
/// What has just happened may come a little after what happened then.
const ON_ITS_WAY_MS: i64 = 1_500;
/// A ticker or a quote of a market that trades several times a second is not older than this.
const STATE_MS: i64 = 3_000;
/// Of fewer trades nothing can be said.
const FEW: usize = 20;
/// Whatever is stamped further ahead has not happened.
const FUTURE_MS: i64 = 60_000;

fn hasty() -> RouterConfig {
    let reconnect = ReconnectConfig::default()
        .initial_delay(Duration::from_millis(300))
        .max_delay(Duration::from_secs(1));
    RouterConfig::default().session(SessionConfig::default().reconnect(reconnect))
}

/// What a trade of the tape is to a reader.
#[derive(Debug, PartialEq)]
struct Print {
    time: Timestamp,
    price: f64,
    size: f64,
    side: Option<Side>,
}

impl From<&Trade> for Print {
    fn from(trade: &Trade) -> Self {
        Self { time: trade.time, price: trade.price, size: trade.size, side: trade.side }
    }
}

impl Scene {
    /// The trades of the tape that sockets tell, by their ids.
    fn prints(&self, code: &str, (from_ms, to_ms): (i64, i64)) -> HashMap<String, Print> {
        if !self.market.is_of_massive() {
            let trades = self.venue.tape().trades(code, from_ms, to_ms);
            let print = |trade: &market_backbone_emulator::TapeTrade| Print {
                time: Timestamp::from_millis(trade.time_ms),
                price: trade.price(),
                size: trade.size(),
                side: Some(if trade.side == TapeSide::Buy { Side::Buy } else { Side::Sell }),
            };
            return trades.iter().map(|trade| (trade.id.to_string(), print(trade))).collect();
        }
        let trades = self.venue.stocks().trades(code, from_ms * 1_000_000, to_ms * 1_000_000);
        let of = |trade: &market_backbone_emulator::StockTrade| {
            let (at_ms, facility) = (trade.sip_ns / 1_000_000, trade.facility.unwrap_or(0));
            let id = format!("{at_ms:013}:{:012}:{}:{facility}:{}", trade.sequence, trade.exchange, trade.id);
            // The socket knows no digits behind the millisecond.
            let time = Timestamp::from_millis(at_ms);
            let (price, size) = (trade.price_e8 as f64 / 1e8, trade.size_e8 as f64 / 1e8);
            (id, Print { time, price, size, side: None })
        };
        trades.iter().filter(|trade| trade.is_streamed).map(of).collect()
    }
}

pub(super) async fn play(
    driver: Driver,
    market: Market,
    (happens, faults, next): (Happens, &str, &[(PageKind, PageFault)]),
    holds: Holds,
) -> Result<(), String> {
    let mut faults: Faults = faults.parse().map_err(|error| format!("{error}"))?;
    // A clock is off from the start, and so is the door shut; pages go wrong when they are needed.
    let mut from_start = Faults { clock_offset: faults.clock_offset, ..Faults::default() };
    match happens {
        Happens::Cut(away_ms) | Happens::Away(away_ms) => faults.refuse_ws_ms = away_ms,
        Happens::RefusedAtFirst(ms) => (faults.refuse_ws_ms, from_start.refuse_ws_ms) = (ms, ms),
        Happens::OneAhead(_) | Happens::SomeAhead => {}
    }
    let when = (market.minute(), Going::ByThemselves);
    let scene = Scene::set(driver, market, when, from_start, hasty()).await;
    let held = watch(&scene, happens, (from_start, faults), next, holds).await;
    scene.close().await;
    held
}

async fn watch(
    scene: &Scene,
    happens: Happens,
    (from_start, faults): (Faults, Faults),
    next: &[(PageKind, PageFault)],
    holds: Holds,
) -> Result<(), String> {
    let (venue, codes) = (&scene.venue, scene.market.codes());
    let patience = if scene.driver == Driver::Sockets { BUSY } else { 1 };
    let mut from_ms = venue.now_ms() + REACHES_MS;
    let client = scene.backbone.client(Priority::High);
    let state = if scene.market.is_of_massive() { StreamKind::Book } else { StreamKind::Ticker };
    // A ticker's running total finds what was told healed and is not: here the gap itself must be judged rightly.
    let is_cut = matches!(happens, Happens::Cut(_) | Happens::Away(_));
    let has_states = !is_cut || faults.future_trade > 0.0;
    let kinds = [StreamKind::Trade].into_iter().chain(has_states.then_some(state));
    let subscription = client.subscribe(codes.iter().map(String::as_str), kinds);
    let feed = subscription.buffered(1 << 14).await.map_err(|error| format!("subscribing: {error}"))?;
    let clock = Arc::clone(&scene.ours) as Arc<dyn Clock>;
    let mut watch = Watch { feed, seen: Witness::default(), clock };
    if scene.driver == Driver::Sockets {
        // However long it takes to subscribe: what it brings from now on is to be whole.
        let began = |seen: &Witness| !seen.is_whole() || codes.iter().all(|code| !seen.of(code).is_empty());
        if !watch.read(Instant::now() + GOES_ON_WITHIN * patience, began).await {
            return Err("nothing came at all".to_owned());
        }
        from_ms = venue.now_ms();
    }
    watch.read(Instant::now() + CALM, |_| false).await;

    venue.set_faults(faults);
    for (page, fault) in next {
        venue.corrupt_next_page(*page, *fault);
    }
    let needs_gap = match happens {
        Happens::Cut(_) | Happens::Away(_) => venue.drop_sockets() > 0,
        Happens::RefusedAtFirst(_) => true,
        Happens::OneAhead(ahead_ms) => {
            venue.stamp_next_trade(ahead_ms);
            false
        }
        Happens::SomeAhead => false,
    };
    if is_cut && !needs_gap {
        return Err("there was no socket to cut".to_owned());
    }
    let mut within = match holds {
        _ if !needs_gap => CALM * 3,
        // So long it goes on; it need not be healed before.
        Holds::Reported => HEALED_WITHIN,
        _ => HEALED_WITHIN * patience,
    };
    if let Happens::Away(away_ms) = happens {
        if scene.driver == Driver::Sockets {
            let noticed = Instant::now() + GOES_ON_WITHIN * patience;
            watch.read(noticed, |seen| seen.gaps(GapState::Opened) > 0).await;
            scene.hands.advance(i64::try_from(away_ms).unwrap_or(0));
            venue.change_faults(|faults| faults.refuse_ws_ms = 0);
        } else {
            within += Duration::from_millis(away_ms);
        }
    }
    let until = Instant::now() + within;
    watch.read(until, |seen| needs_gap && seen.gaps(GapState::Opened) > 0 && seen.is_whole()).await;
    venue.set_faults(Faults { refuse_ws_ms: 0, ..from_start });
    watch.read(Instant::now() + CALM, |_| false).await;
    // What has only just been found missing is given time.
    watch.read(Instant::now() + HEALED_WITHIN * patience, |seen| seen.is_whole()).await;

    let now_ms = goes_on(scene, &mut watch, has_states, patience).await?;
    let seen = &watch.seen;
    gaps(seen, needs_gap, holds)?;
    let played = venue.report().played;
    if played.is_empty() && (faults != Faults::default() || !next.is_empty()) {
        return Err("the venue was well".to_owned());
    }
    let ahead = match happens {
        Happens::OneAhead(_) => codes.len() as u64,
        _ => played.get("future_trade").copied().unwrap_or_default(),
    };
    truth(scene, seen, (from_ms, now_ms - ON_ITS_WAY_MS), ahead, faults.clock_offset)
}

/// What was told of gaps.
fn gaps(seen: &Witness, needs_gap: bool, holds: Holds) -> Result<(), String> {
    if needs_gap && seen.gaps(GapState::Opened) == 0 {
        return Err("no gap was told".to_owned());
    }
    if !seen.is_whole() {
        return Err(format!("a gap is still open: {:?}", seen.announced()));
    }
    if matches!(holds, Holds::Healed) && (seen.gaps(GapState::Healed) == 0 || seen.gaps(GapState::Lost) > 0) {
        return Err(format!("not healed: {:?}", seen.announced()));
    }
    Ok(())
}

/// Reads until every market has gone on and all is well. What has happened by the moment that is returned is there then,
/// however busy this machine: something later is.
async fn goes_on(scene: &Scene, watch: &mut Watch, has_states: bool, patience: u32) -> Result<i64, String> {
    let (codes, now_ms) = (scene.market.codes(), scene.venue.now_ms());
    let is_later = |trade: Option<&Trade>| trade.is_some_and(|trade| trade.time.as_millis() > now_ms);
    let have_gone_on = |seen: &Witness| codes.iter().all(|code| is_later(seen.of(code).last()));
    if !watch.read(Instant::now() + GOES_ON_WITHIN * patience, have_gone_on).await {
        return Err("a market fell silent".to_owned());
    }
    // What the last of the bad stamps had left out may have been found missing only now.
    let are_of_now = |seen: &Witness| !has_states || states(seen, &codes, scene.venue.now_ms()).is_ok();
    let is_well = |seen: &Witness| seen.is_whole() && are_of_now(seen);
    if !watch.read(Instant::now() + HEALED_WITHIN * patience, is_well).await && has_states {
        states(&watch.seen, &codes, scene.venue.now_ms())?;
    }
    Ok(now_ms)
}

/// Each trade once, none that never was, and none missing that is not in a gap that was told to be lost; but for
/// so many that were stamped ahead.
fn truth(
    scene: &Scene,
    seen: &Witness,
    (from_ms, to_ms): (i64, i64),
    ahead: u64,
    offset_ms: i64,
) -> Result<(), String> {
    if let Some(trade) = seen.doubled.first() {
        return Err(format!("told twice: {trade:?} and {} more", seen.doubled.len() - 1));
    }
    let (mut all, mut untold) = (0, Vec::new());
    for code in scene.market.codes() {
        let mut prints = scene.prints(&code, (from_ms, to_ms));
        all += prints.len();
        for trade in seen.of(&code) {
            let at_ms = trade.time.as_millis();
            if at_ms > to_ms + FUTURE_MS {
                return Err(format!("of the future: {trade:?}"));
            }
            let is_so = match prints.remove(&trade.id.to_string()) {
                Some(print) => Print { time: Timestamp::from_millis(at_ms), ..Print::from(trade) } == print,
                None => !(from_ms..to_ms).contains(&at_ms),
            };
            if !is_so {
                return Err(format!("never happened: {trade:?}"));
            }
        }
        let is_lost = |print: &Print| seen.is_in_lost_gap(&code, print.time.as_millis() - offset_ms);
        untold.extend(prints.into_iter().filter(|(_, print)| !is_lost(print)));
    }
    if all < FEW {
        return Err(format!("only {all} trades were to be seen"));
    }
    if untold.len() as u64 > ahead {
        untold.sort_by_key(|(_, print)| print.time);
        return Err(format!(
            "{} of {all} trades are missing that no gap tells of, {ahead} stamped ahead, {:?}, from {:?} to {:?}",
            untold.len(),
            seen.announced(),
            untold.first(),
            untold.last()
        ));
    }
    Ok(())
}

/// The last ticker or quote of each market is of now.
fn states(seen: &Witness, codes: &[String], now_ms: i64) -> Result<(), String> {
    for code in codes {
        let at_ms = seen.latest_state(code).map(Timestamp::as_millis);
        if !at_ms.is_some_and(|at_ms| now_ms - STATE_MS <= at_ms && at_ms <= now_ms + STATE_MS) {
            return Err(format!("{code}: the last ticker or quote is of {at_ms:?}, and it is {now_ms}"));
        }
    }
    Ok(())
}
