//! Order books, made up around the last trade.
//!
//! A book changes at moments of a 100 ms grid that each market draws for itself, and is a function of
//! that moment: REST and socket show the same book.

use super::listing;
use super::markets::Market;
use super::refusal::Refusal;
use super::route::Parameters;
use crate::chance;
use crate::json::{self, Object};
use crate::number::{Number, Style, parse_e8};
use crate::scenario::Pace;
use crate::tape::{IDS_PER_MS, Side};
use crate::upbit::ticks;
use crate::world::World;

/// Units on each side, at most.
pub(crate) const DEPTH: usize = 30;
/// Books change on a grid of so many ms.
const GRID_MS: i64 = 100;

/// One price of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) price: i64,
    pub(crate) size: i64,
}

/// A book as of its last change; each side best first, without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Book {
    pub(crate) changed_ms: i64,
    pub(crate) asks: Vec<Level>,
    pub(crate) bids: Vec<Level>,
}

/// When the book that stands at `now_ms` came to be.
pub(crate) fn changed_ms(market: &Market, now_ms: i64) -> i64 {
    // Out of a hundred-odd ms of the grid, one change in every cell of so many steps.
    let steps = match market.pace {
        Pace::Wild => 1,
        Pace::Busy => 2,
        Pace::Fresh => 4,
        Pace::Normal => 10,
        Pace::Thin | Pace::Dead | Pace::Never => 70,
    };
    let phase = (market.tape.key() % GRID_MS.unsigned_abs()).cast_signed();
    let still_ms = now_ms.min(market.tape.until_ms());
    let change_in = |cell: i64| {
        let draw = chance::draw(market.tape.key() ^ 0xB00C, cell.cast_unsigned());
        (cell * steps + (draw % steps.unsigned_abs()).cast_signed()) * GRID_MS + phase
    };
    let cell = (still_ms - phase).div_euclid(GRID_MS * steps);
    let newest = change_in(cell);
    if newest <= still_ms { newest } else { change_in(cell - 1) }
}

/// The book of a market at `now_ms`.
pub(crate) fn at(market: &Market, now_ms: i64) -> Book {
    let changed_ms = changed_ms(market, now_ms);
    let last = market.tape.last_before((changed_ms + 1) * IDS_PER_MS);
    let price = last.map_or(market.base_price, |trade| trade.price_e8);
    // The last taker hit the side that rests at the last price.
    let (ask, bid) = match last.map_or(Side::Buy, |trade| trade.side) {
        Side::Buy => (price, market.ticks.down(price)),
        Side::Sell => (market.ticks.up(price), price),
    };
    let key = chance::draw(market.tape.key() ^ 0xB11D, changed_ms.cast_unsigned());
    let (asks, bids) = (side(market, key, ask, true), side(market, key ^ 1, bid, false));
    Book { changed_ms, asks, bids }
}

/// One side, from its best price outward; ends early on quiet markets and at zero.
fn side(market: &Market, key: u64, best: i64, up: bool) -> Vec<Level> {
    let draw = chance::draw(key, 0);
    let (depth, widest_gap) = match market.pace {
        Pace::Wild | Pace::Busy | Pace::Fresh => (DEPTH, 1),
        Pace::Normal => (DEPTH, 2),
        Pace::Thin => (3 + (draw % 32) as usize, 6),
        Pace::Dead | Pace::Never => ((draw % 6) as usize, 9),
    };
    let smallest = ticks::smallest_trade(market.quote());
    let mut levels = Vec::new();
    let mut price = best;
    for k in 1..=depth.min(DEPTH) as u64 {
        if price <= 0 {
            break;
        }
        let draw = chance::draw(key, k);
        let worth = smallest * (1 << (draw & 7)) as f64 * (1.0 + chance::unit(draw) * 15.0);
        levels.push(Level { price, size: ((worth / (price as f64 / 1e8) * 1e8) as i64).max(1) });
        for _ in 0..=(draw >> 8) % widest_gap {
            price = if up { market.ticks.up(price) } else { market.ticks.down(price) };
        }
    }
    levels
}

impl Book {
    /// The book with its levels put together in steps of `level`, asks rounded up, bids down.
    fn grouped(&self, level: i64) -> Self {
        let group = |levels: &[Level], round: &dyn Fn(i64) -> i64| {
            let mut grouped: Vec<Level> = Vec::new();
            for next in levels {
                let price = round(next.price);
                match grouped.last_mut() {
                    Some(last) if last.price == price => last.size += next.size,
                    _ => grouped.push(Level { price, size: next.size }),
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

    /// Grouped by a level that the market supports; none where it does not.
    pub(crate) fn at_level(self, market: &Market, level: i64, now_ms: i64) -> Option<Self> {
        match level {
            0 => Some(self),
            level if listing::levels(market, now_ms).contains(&level) => Some(self.grouped(level)),
            _ => None,
        }
    }

    /// The sums of the sizes shown: asks, bids.
    pub(crate) fn totals(&self, units: usize) -> (i128, i128) {
        let total = |levels: &[Level]| levels.iter().take(units).map(|level| i128::from(level.size)).sum();
        (total(&self.asks), total(&self.bids))
    }

    /// Pairs of the k-th best ask and bid, padded with zeros.
    pub(crate) fn units(&self, units: usize) -> impl Iterator<Item = (Level, Level)> {
        const NOTHING: Level = Level { price: 0, size: 0 };
        let nth = |levels: &[Level], at: usize| levels.get(at).copied().unwrap_or(NOTHING);
        (0..units).map(move |at| (nth(&self.asks, at), nth(&self.bids, at)))
    }
}

/// `GET /v1/orderbook`; lower-case codes are understood here, and only here.
pub(crate) fn some(world: &World, parameters: &Parameters, now_ms: i64) -> Result<String, Refusal> {
    let markets = listing::named(world, &parameters.required("markets")?.to_ascii_uppercase())?;
    let count = parameters.count(DEPTH, DEPTH)?;
    let has_levels = world.scenario.region.is_korea();
    let level = match parameters.get(&["level"]) {
        Some(_) if !has_levels => return Err(Refusal::InvalidValue),
        Some(text) => parse_e8(text).ok_or(Refusal::InvalidValue)?,
        None => 0,
    };
    let row = |market: &Market| {
        let book = at(market, now_ms).at_level(market, level, now_ms)?;
        Some(row(world, market, &book, count, level))
    };
    Ok(json::array(markets.into_iter().filter_map(row)))
}

fn row(world: &World, market: &Market, book: &Book, count: usize, level: i64) -> String {
    let style =
        world.scenario.spelling.style(if market.is_national() { Style::Plain } else { Style::Fixed8 });
    let (asks, bids) = book.totals(count);
    let number = |units: i64| Number::e8(units.into());
    let units = book.units(count).map(|(ask, bid)| {
        Object::new()
            .number("bid_price", number(bid.price), style)
            .number("bid_size", number(bid.size), style)
            .number("ask_price", number(ask.price), style)
            .number("ask_size", number(ask.size), style)
            .end()
    });
    let row = Object::new()
        .text("market", &market.code)
        .int("timestamp", book.changed_ms)
        .number("total_ask_size", Number::e8(asks), style)
        .number("total_bid_size", Number::e8(bids), style)
        .raw("orderbook_units", &json::array(units));
    if world.scenario.region.is_korea() {
        row.number("level", number(level), Style::Plain).end()
    } else {
        row.end()
    }
}
