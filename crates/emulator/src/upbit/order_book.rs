//! Order books, made up around the last trade.
//!
//! A book changes at moments of a 100 ms grid that each market draws for itself, and is a function of that
//! moment: REST and socket show the same book.

use super::api_error::UpbitApiError;
use super::listing;
use super::markets::EmulatedMarket;
use super::route::UpbitQueryParams;
use crate::hash_random;
use crate::json::{self, JsonObject};
use crate::number::{NumberStyle, WireNumber, parse_e8};
use crate::scenario::MarketActivity;
use crate::tape::{IDS_PER_MS, TakerSide};
use crate::upbit::tick_sizes;
use crate::world::EmulatorWorld;

/// The largest number of levels on each side.
pub(crate) const DEPTH: usize = 30;
/// The grid on which books change, in ms.
const GRID_MS: i64 = 100;

/// One price level of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SyntheticLevel {
    pub(crate) price: i64,
    pub(crate) size: i64,
}

/// A book as of its last change; each side best first, without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntheticBook {
    pub(crate) changed_ms: i64,
    pub(crate) asks: Vec<SyntheticLevel>,
    pub(crate) bids: Vec<SyntheticLevel>,
}

/// Returns when the book at `now_ms` last changed.
pub(crate) fn changed_ms(market: &EmulatedMarket, now_ms: i64) -> i64 {
    // One change in every cell of so many steps of the grid.
    let steps = match market.activity {
        MarketActivity::Wild => 1,
        MarketActivity::Busy => 2,
        MarketActivity::Fresh => 4,
        MarketActivity::Normal => 10,
        MarketActivity::Thin | MarketActivity::Dead | MarketActivity::Never => 70,
    };
    let phase = (market.tape.key() % GRID_MS.unsigned_abs()).cast_signed();
    let still_ms = now_ms.min(market.tape.until_ms());
    let change_in = |cell: i64| {
        let draw = hash_random::draw(market.tape.key() ^ 0xB00C, cell.cast_unsigned());
        (cell * steps + (draw % steps.unsigned_abs()).cast_signed()) * GRID_MS + phase
    };
    let cell = (still_ms - phase).div_euclid(GRID_MS * steps);
    let newest = change_in(cell);
    if newest <= still_ms { newest } else { change_in(cell - 1) }
}

/// Returns the book of a market at `now_ms`.
pub(crate) fn at(market: &EmulatedMarket, now_ms: i64) -> SyntheticBook {
    let changed_ms = changed_ms(market, now_ms);
    let last = market.tape.last_before((changed_ms + 1) * IDS_PER_MS);
    let price = last.map_or(market.base_price, |trade| trade.price_e8);
    // The last taker hit the side that rests at the last price.
    let (ask, bid) = match last.map_or(TakerSide::Buy, |trade| trade.side) {
        TakerSide::Buy => (price, market.ticks.down(price)),
        TakerSide::Sell => (market.ticks.up(price), price),
    };
    let key = hash_random::draw(market.tape.key() ^ 0xB11D, changed_ms.cast_unsigned());
    let (asks, bids) = (side(market, key, ask, true), side(market, key ^ 1, bid, false));
    SyntheticBook { changed_ms, asks, bids }
}

/// Returns one side, from its best price outward; it ends early on quiet markets and at zero.
fn side(market: &EmulatedMarket, key: u64, best: i64, up: bool) -> Vec<SyntheticLevel> {
    let draw = hash_random::draw(key, 0);
    let (depth, widest_gap) = match market.activity {
        MarketActivity::Wild | MarketActivity::Busy | MarketActivity::Fresh => (DEPTH, 1),
        MarketActivity::Normal => (DEPTH, 2),
        MarketActivity::Thin => (3 + (draw % 32) as usize, 6),
        MarketActivity::Dead | MarketActivity::Never => ((draw % 6) as usize, 9),
    };
    let smallest = tick_sizes::smallest_trade(market.quote());
    let mut levels = Vec::new();
    let mut price = best;
    for k in 1..=depth.min(DEPTH) as u64 {
        if price <= 0 {
            break;
        }
        let draw = hash_random::draw(key, k);
        let worth = smallest * (1 << (draw & 7)) as f64 * (1.0 + hash_random::unit(draw) * 15.0);
        levels.push(SyntheticLevel { price, size: ((worth / (price as f64 / 1e8) * 1e8) as i64).max(1) });
        for _ in 0..=(draw >> 8) % widest_gap {
            price = if up { market.ticks.up(price) } else { market.ticks.down(price) };
        }
    }
    levels
}

impl SyntheticBook {
    /// Returns the book with its levels grouped in steps of `level`, asks rounded up, bids down.
    fn grouped(&self, level: i64) -> Self {
        let group = |levels: &[SyntheticLevel], round: &dyn Fn(i64) -> i64| {
            let mut grouped: Vec<SyntheticLevel> = Vec::new();
            for next in levels {
                let price = round(next.price);
                match grouped.last_mut() {
                    Some(last) if last.price == price => last.size += next.size,
                    _ => grouped.push(SyntheticLevel { price, size: next.size }),
                }
            }
            grouped.retain(|level| level.price > 0);
            grouped
        };
        Self {
            changed_ms: self.changed_ms,
            asks: group(&self.asks, &|price| (price + level - 1) / level * level),
            bids: group(&self.bids, &|price| price / level * level),
        }
    }

    /// Groups the book by a level that the market supports; `None` where it does not.
    pub(crate) fn at_level(self, market: &EmulatedMarket, level: i64, now_ms: i64) -> Option<Self> {
        match level {
            0 => Some(self),
            level if listing::levels(market, now_ms).contains(&level) => Some(self.grouped(level)),
            _ => None,
        }
    }

    /// Returns the sums of the shown sizes: asks, bids.
    pub(crate) fn totals(&self, units: usize) -> (i128, i128) {
        let total =
            |levels: &[SyntheticLevel]| levels.iter().take(units).map(|level| i128::from(level.size)).sum();
        (total(&self.asks), total(&self.bids))
    }

    /// Returns pairs of the k-th best ask and bid, padded with zeros.
    pub(crate) fn units(&self, units: usize) -> impl Iterator<Item = (SyntheticLevel, SyntheticLevel)> {
        const NOTHING: SyntheticLevel = SyntheticLevel { price: 0, size: 0 };
        let nth = |levels: &[SyntheticLevel], at: usize| levels.get(at).copied().unwrap_or(NOTHING);
        (0..units).map(move |at| (nth(&self.asks, at), nth(&self.bids, at)))
    }
}

/// Answers `GET /v1/orderbook`; lower-case codes are accepted here, and only here.
pub(crate) fn for_markets(
    world: &EmulatorWorld,
    parameters: &UpbitQueryParams,
    now_ms: i64,
) -> Result<String, UpbitApiError> {
    let markets = listing::named(world, &parameters.required("markets")?.to_ascii_uppercase())?;
    let count = parameters.count(DEPTH, DEPTH)?;
    let has_levels = world.scenario.region.is_korea();
    let level = match parameters.get(&["level"]) {
        Some(_) if !has_levels => return Err(UpbitApiError::InvalidValue),
        Some(text) => parse_e8(text).ok_or(UpbitApiError::InvalidValue)?,
        None => 0,
    };
    let row = |market: &EmulatedMarket| {
        let book = at(market, now_ms).at_level(market, level, now_ms)?;
        Some(row(world, market, &book, count, level))
    };
    Ok(json::array(markets.into_iter().filter_map(row)))
}

fn row(
    world: &EmulatorWorld,
    market: &EmulatedMarket,
    book: &SyntheticBook,
    count: usize,
    level: i64,
) -> String {
    let style = world.scenario.number_format.style(if market.is_national() {
        NumberStyle::Plain
    } else {
        NumberStyle::Fixed8
    });
    let (asks, bids) = book.totals(count);
    let number = |units: i64| WireNumber::e8(units.into());
    let units = book.units(count).map(|(ask, bid)| {
        JsonObject::new()
            .number("bid_price", number(bid.price), style)
            .number("bid_size", number(bid.size), style)
            .number("ask_price", number(ask.price), style)
            .number("ask_size", number(ask.size), style)
            .end()
    });
    let row = JsonObject::new()
        .text("market", &market.code)
        .int("timestamp", book.changed_ms)
        .number("total_ask_size", WireNumber::e8(asks), style)
        .number("total_bid_size", WireNumber::e8(bids), style)
        .raw("orderbook_units", &json::array(units));
    if world.scenario.region.is_korea() {
        row.number("level", number(level), NumberStyle::Plain).end()
    } else {
        row.end()
    }
}
