//! The ticker of a market, over REST and as the basis of the socket's.

use super::api_error::UpbitApiError;
use super::listing;
use super::markets::EmulatedMarket;
use super::route::UpbitQueryParams;
use super::trades::previous_close;
use crate::calendar::{self, DAY, HOUR, SECOND};
use crate::json::{self, JsonObject};
use crate::number::{NumberStyle, WireNumber};
use crate::tape::{IDS_PER_MS, PriceExtremes, TapeBar, TapeTrade};
use crate::world::EmulatorWorld;

/// The delay between a trade and its publication, in ms.
pub(crate) const PUBLISHED_AFTER_MS: i64 = 25;
/// The length of "52 weeks", in days.
const YEAR: i64 = 364;

/// The values of a ticker, as of one trade.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TickerSummary {
    pub(crate) last: TapeTrade,
    /// The time at which these values were true.
    pub(crate) as_of_ms: i64,
    /// The UTC day so far; where it has no trade yet, empty at the last price.
    pub(crate) day: TapeBar,
    pub(crate) previous_close: i64,
    pub(crate) turnover_24h: i128,
    pub(crate) volume_24h: i128,
    pub(crate) year: PriceExtremes,
}

impl TickerSummary {
    /// Returns the values after the last trade with `id < cut`, at `as_of_ms`; `None` where nothing was
    /// traded.
    pub(crate) fn of(market: &EmulatedMarket, cut: i64, as_of_ms: i64) -> Option<Self> {
        let tape = &market.tape;
        let last = tape.last_before(cut)?;
        let today = as_of_ms.div_euclid(DAY);
        let midnight = today * DAY;
        let day = tape.bar_between(midnight, midnight * IDS_PER_MS, cut).unwrap_or_else(|| {
            let still = TapeBar::of(midnight, &last);
            TapeBar { volume: 0, buy_volume: 0, turnover: 0, ..still }
        });
        let rolling = tape.bar_between(0, (as_of_ms - DAY + 1) * IDS_PER_MS, cut);
        let of_day = PriceExtremes::of(&day);
        Some(Self {
            last,
            as_of_ms,
            day,
            previous_close: previous_close(market, as_of_ms),
            turnover_24h: rolling.map_or(0, |bar| bar.turnover),
            volume_24h: rolling.map_or(0, |bar| bar.volume),
            year: tape.extremes(today - YEAR, today).map_or(of_day, |year| year.and(of_day)),
        })
    }

    /// Returns the difference between the last price and the close of the day before.
    pub(crate) const fn change(&self) -> i64 {
        self.last.price_e8 - self.previous_close
    }

    /// Returns the direction of the change in a word.
    pub(crate) const fn direction(&self) -> &'static str {
        direction(self.change())
    }
}

/// Returns the direction of a change in a word.
pub(crate) const fn direction(change: i64) -> &'static str {
    match change {
        0 => "EVEN",
        1.. => "RISE",
        _ => "FALL",
    }
}

/// Answers `GET /v1/ticker`.
pub(crate) fn for_markets(
    world: &EmulatorWorld,
    parameters: &UpbitQueryParams,
    now_ms: i64,
) -> Result<String, UpbitApiError> {
    let markets = listing::named(world, parameters.required("markets")?)?;
    Ok(json::array(markets.into_iter().filter_map(|market| row(world, market, now_ms))))
}

/// Answers `GET /v1/ticker/all`; without `quote_currencies` for all.
pub(crate) fn all(world: &EmulatorWorld, parameters: &UpbitQueryParams, now_ms: i64) -> String {
    let quotes = parameters.get(&["quote_currencies", "quoteCurrencies"]);
    let wanted = |market: &&EmulatedMarket| {
        quotes
            .is_none_or(|list| list.split(',').any(|quote| quote.trim().eq_ignore_ascii_case(market.quote())))
    };
    json::array(world.markets.iter().filter(wanted).filter_map(|market| row(world, market, now_ms)))
}

/// Returns a row of the REST ticker; `None` for a market that never traded.
fn row(world: &EmulatorWorld, market: &EmulatedMarket, now_ms: i64) -> Option<String> {
    let summary = TickerSummary::of(market, (now_ms + 1) * IDS_PER_MS, now_ms)?;
    let style = world.scenario.number_format.style(if market.is_national() {
        NumberStyle::Point
    } else {
        NumberStyle::Fixed8
    });
    let sums = world.scenario.number_format.style(NumberStyle::Fixed8);
    let price = |units: i64| WireNumber::e8(units.into());
    let (last, day, year, change) = (summary.last, summary.day, summary.year, summary.change());
    let ratio = |change: i64| WireNumber::ratio(change, summary.previous_close.max(1));
    let compact = |text: String| text.replace(['-', ':'], "");
    let kst = last.time_ms + 9 * HOUR;
    let mut row = JsonObject::new()
        .text("market", &market.code)
        .text("trade_date", &compact(calendar::date(last.time_ms)))
        .text("trade_time", &compact(calendar::time(last.time_ms)));
    if world.scenario.region.is_korea() {
        row = row
            .text("trade_date_kst", &compact(calendar::date(kst)))
            .text("trade_time_kst", &compact(calendar::time(kst)));
    }
    let row = row
        .int("trade_timestamp", last.time_ms)
        .number("opening_price", price(day.open), style)
        .number("high_price", price(day.high), style)
        .number("low_price", price(day.low), style)
        .number("trade_price", price(last.price_e8), style)
        .number("prev_closing_price", price(summary.previous_close), style)
        .text("change", summary.direction())
        .number("change_price", price(change.abs()), style)
        .number("change_rate", ratio(change.abs()), NumberStyle::Point)
        .number("signed_change_price", price(change), style)
        .number("signed_change_rate", ratio(change), NumberStyle::Point)
        .number("trade_volume", price(last.size_e8), sums)
        .number("acc_trade_price", WireNumber::e16(day.turnover), sums)
        .number("acc_trade_price_24h", WireNumber::e16(summary.turnover_24h), sums)
        .number("acc_trade_volume", WireNumber::e8(day.volume), sums)
        .number("acc_trade_volume_24h", WireNumber::e8(summary.volume_24h), sums)
        .number("highest_52_week_price", price(year.high.price), style)
        .text("highest_52_week_date", &calendar::date(year.high.time_ms))
        .number("lowest_52_week_price", price(year.low.price), style)
        .text("lowest_52_week_date", &calendar::date(year.low.time_ms));
    // The venue stamps a ticker with the last change of its values: at most some seconds ago.
    let moved_ms = (last.time_ms + PUBLISHED_AFTER_MS).max(now_ms - now_ms.rem_euclid(15 * SECOND));
    Some(row.int("timestamp", moved_ms.min(now_ms)).end())
}
