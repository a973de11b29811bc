//! One line about feeds: something happens to the socket, the trades over REST are not what they should be, and
//! whatever is missing in the end has been said to be.

use std::collections::HashSet;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use market_backbone::{GapState, Priority, RouterConfig, StreamKind, TradeId};
use market_backbone_emulator::{Faults, MarketSet, Pace, Page, PageFault, Scenario, Tape};
use market_backbone_tests::House;
use tokio::time::Instant;

use crate::witness::{Watch, Witness};

/// Before anything happens, and after all is well again.
const CALM: Duration = Duration::from_millis(1_500);
/// A gap that ends later than this has not been healed.
const HEALED_WITHIN: Duration = Duration::from_secs(25);
/// The first trades of a subscription are those after it has reached the venue.
const REACHES_MS: i64 = 700;
/// What has just happened may still be on its way.
const ON_ITS_WAY_MS: i64 = 1_500;
/// A ticker of a market that trades ten times a second is not older than this.
const TICKER_MS: i64 = 3_000;

/// What happens to the feed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Heals {
    /// Its sockets are cut.
    Cut,
    /// Its first socket is refused for a while.
    RefusedAtFirst,
    /// The next trade of each market is stamped so many ms ahead.
    OneAhead(u64),
    /// Some trades are stamped ahead.
    SomeAhead,
}

fn hasty() -> RouterConfig {
    let mut config = RouterConfig::default();
    config.session.reconnect.first = Duration::from_millis(300);
    config.session.reconnect.cap = Duration::from_secs(1);
    config
}

/// A line about a feed of two markets that trade ten times a second.
pub(super) fn live(
    what: &'static str,
    heals: Heals,
    faults: &'static str,
    next: &'static [(Page, PageFault)],
) -> BoxFuture<'static, Result<(), String>> {
    async move {
        let faults: Faults = faults.parse().unwrap();
        // A clock is off from the start, and so is the door shut; pages go wrong when they are needed.
        let from_start = Faults {
            refuse_ws_ms: faults.refuse_ws_ms,
            clock_offset: faults.clock_offset,
            ..Faults::default()
        };
        let scenario = Scenario {
            markets: MarketSet::many(2, Pace::Wild),
            history_days: 1,
            faults: from_start,
            ..Scenario::default()
        };
        let house = House::built(scenario, |builder| builder.in_memory().router(hasty())).await.unwrap();
        let held = play(&house, heals, (from_start, faults), next).await;
        house.close().await;
        held.map_err(|why| format!("Feed, {what}: {why}"))
    }
    .boxed()
}

async fn play(
    house: &House,
    heals: Heals,
    (from_start, faults): (Faults, Faults),
    next: &[(Page, PageFault)],
) -> Result<(), String> {
    let (tape, markets) = (house.venue.tape(), house.venue.tape().markets());
    let from_ms = house.venue.now_ms() + REACHES_MS;
    let client = house.backbone.client(Priority::High);
    let kinds = [StreamKind::Trade, StreamKind::Ticker];
    let wish = client.subscribe(markets.iter().map(String::as_str), kinds).lossless(1 << 14);
    let feed = wish.await.map_err(|error| format!("subscribing: {error}"))?;
    let mut watch = Watch { feed, seen: Witness::default() };
    watch.read(Instant::now() + CALM, |_| false).await;

    house.venue.set_faults(faults);
    for (page, fault) in next {
        house.venue.spoil_next(*page, *fault);
    }
    let needs_gap = match heals {
        Heals::Cut => house.venue.drop_sockets() > 0,
        Heals::RefusedAtFirst => true,
        Heals::OneAhead(ahead_ms) => {
            house.venue.stamp_next_trade(ahead_ms);
            false
        }
        Heals::SomeAhead => false,
    };
    let until = Instant::now() + if needs_gap { HEALED_WITHIN } else { CALM * 3 };
    watch.read(until, |seen| needs_gap && seen.gaps(GapState::Opened) > 0 && seen.is_whole()).await;
    house.venue.set_faults(Faults { refuse_ws_ms: 0, ..from_start });
    watch.read(Instant::now() + CALM, |_| false).await;
    // What has only just been found missing is given time.
    watch.read(Instant::now() + HEALED_WITHIN, |seen| seen.is_whole()).await;

    let seen = &watch.seen;
    if needs_gap && seen.gaps(GapState::Opened) == 0 {
        return Err("no gap was told".to_owned());
    }
    if !seen.is_whole() {
        return Err(format!("a gap is still open: {:?}", seen.announced()));
    }
    let played = house.venue.report().played;
    if played.is_empty() && (faults != Faults::default() || !next.is_empty()) {
        return Err("the venue was well".to_owned());
    }
    let to_ms = house.venue.now_ms() - ON_ITS_WAY_MS;
    let ahead = match heals {
        Heals::OneAhead(_) => markets.len() as u64,
        Heals::SomeAhead => played.get("future_trade").copied().unwrap_or_default(),
        Heals::Cut | Heals::RefusedAtFirst => 0,
    };
    truth(seen, &tape, &markets, (from_ms, to_ms), ahead, faults.clock_offset)?;
    if heals != Heals::Cut {
        tickers(seen, &markets, house.venue.now_ms())?;
    }
    Ok(())
}

/// Each trade once, none that never was, and none missing that is not in a gap that was told to be lost; but for
/// so many that were stamped ahead.
fn truth(
    seen: &Witness,
    tape: &Tape,
    markets: &[String],
    (from_ms, to_ms): (i64, i64),
    ahead: u64,
    offset_ms: i64,
) -> Result<(), String> {
    if let Some(trade) = seen.doubled.first() {
        return Err(format!("told twice: {trade:?} and {} more", seen.doubled.len() - 1));
    }
    for trade in markets.iter().flat_map(|market| seen.of(market)) {
        if trade.time.as_millis() > to_ms + 60_000 {
            return Err(format!("of the future: {trade:?}"));
        }
    }
    let (missing, wrong): (Vec<String>, Vec<String>) = seen
        .differences(tape, markets, (from_ms, to_ms))
        .into_iter()
        .partition(|line| line.contains(": missing "));
    if let Some(line) = wrong.first() {
        return Err(format!("{line} and {} more", wrong.len() - 1));
    }
    let ids =
        |market: &str| -> HashSet<TradeId> { seen.of(market).iter().map(|trade| trade.id.clone()).collect() };
    let mut untold = 0;
    for market in markets {
        let seen_ids = ids(market);
        let missing = tape.trades(market, from_ms, to_ms).into_iter();
        let missing = missing.filter(|trade| !seen_ids.contains(&TradeId::Number(trade.id)));
        untold += missing.filter(|trade| !seen.is_in_lost_gap(market, trade.time_ms - offset_ms)).count();
    }
    if untold as u64 > ahead {
        return Err(format!(
            "{untold} trades are missing that no gap tells of, {} in all, {} seen, {:?}, first: {}",
            missing.len(),
            seen.len(),
            seen.announced(),
            missing[0]
        ));
    }
    Ok(())
}

/// The last ticker of each market is of now.
fn tickers(seen: &Witness, markets: &[String], now_ms: i64) -> Result<(), String> {
    for market in markets {
        let at_ms = seen.ticker(market).map(|ticker| ticker.time.as_millis());
        if !at_ms.is_some_and(|at_ms| now_ms - TICKER_MS <= at_ms && at_ms <= now_ms + TICKER_MS) {
            return Err(format!("{market}: the last ticker is of {at_ms:?}, and it is {now_ms}"));
        }
    }
    Ok(())
}
