//! Pages of trades in Upbit's spelling.

use super::api_error::UpbitApiError;
use super::markets::EmulatedMarket;
use super::route::UpbitQueryParams;
use crate::calendar::{self, DAY, MINUTE};
use crate::json::{self, JsonObject};
use crate::number::{NumberStyle, WireNumber};
use crate::tape::{IDS_PER_MS, TakerSide, TapeTrade};
use crate::world::EmulatorWorld;

/// The largest number of rows of a page; larger ones are silently cut to this.
pub(crate) const PAGE: usize = 500;
/// The number of days that trades reach back.
const DAYS: i64 = 7;

/// Answers `GET /v1/trades/ticks`, newest first.
///
/// With `days_ago` the page holds trades of that UTC day only. Without it the page reaches back over
/// midnight, unless the scenario says otherwise: which of the two the venue does is not established.
pub(crate) fn page(
    world: &EmulatorWorld,
    parameters: &UpbitQueryParams,
    now_ms: i64,
) -> Result<String, UpbitApiError> {
    let market = world.markets.get(parameters.required("market")?).ok_or(UpbitApiError::UnknownMarket)?;
    let count = parameters.count(1, PAGE)?;
    let days_ago = whole(parameters, &["days_ago", "daysAgo"])?;
    if days_ago.is_some_and(|days| !(1..=DAYS).contains(&days)) {
        return Err(UpbitApiError::InvalidValue);
    }
    let cursor = whole(parameters, &["cursor"])?;
    let to = match parameters.get(&["to"]) {
        Some(text) => Some(calendar::parse_time_of_day(text).ok_or(UpbitApiError::InvalidValue)?),
        None => None,
    };

    let happened = (now_ms + 1) * IDS_PER_MS;
    // Days count from the newest trade, which on a thin market may be days old.
    let Some(newest) = market.tape.last_before(happened) else { return Ok("[]".to_owned()) };
    let today = newest.time_ms.div_euclid(DAY);
    let day = today - days_ago.unwrap_or(0);
    let end_ms = to.map_or((day + 1) * DAY, |within| day * DAY + within);
    let cut = happened.min(end_ms * IDS_PER_MS).min(cursor.unwrap_or(i64::MAX));
    let one_day = days_ago.is_some() || world.scenario.quirks.ticks_stop_at_midnight;
    let from_ms = if one_day { day * DAY } else { (today - DAYS) * DAY };

    let mut closes = PreviousCloses::default();
    let rows = newest_first(market, from_ms, cut, count);
    Ok(json::array(rows.iter().map(|trade| row(world, market, trade, closes.previous_close(market, trade)))))
}

fn whole(parameters: &UpbitQueryParams, names: &[&str]) -> Result<Option<i64>, UpbitApiError> {
    parameters.get(names).map(|text| text.parse().map_err(|_| UpbitApiError::TypeMismatch)).transpose()
}

/// Returns the newest trades with `from_ms <= time` and `id < cut`.
fn newest_first(market: &EmulatedMarket, from_ms: i64, cut: i64, count: usize) -> Vec<TapeTrade> {
    let mut rows = Vec::new();
    let mut cut = cut;
    // Skips silent stretches from one trade to the next older.
    while rows.len() < count
        && let Some(next) = market.tape.last_before(cut)
        && from_ms <= next.time_ms
    {
        let minute = next.time_ms.div_euclid(MINUTE);
        let trades = market.tape.minute(minute);
        let older = trades.iter().rev().filter(|trade| trade.id < cut && from_ms <= trade.time_ms);
        rows.extend(older.copied());
        cut = minute * MINUTE * IDS_PER_MS;
    }
    rows.truncate(count);
    rows
}

/// The close of the day before a trade's, looked up once for each day of a page.
#[derive(Debug, Default)]
struct PreviousCloses(Option<(i64, i64)>);

impl PreviousCloses {
    fn previous_close(&mut self, market: &EmulatedMarket, trade: &TapeTrade) -> i64 {
        let day = trade.time_ms.div_euclid(DAY);
        match self.0 {
            Some((known, close)) if known == day => close,
            _ => {
                let close = previous_close(market, trade.time_ms);
                self.0 = Some((day, close));
                close
            }
        }
    }
}

/// Returns the last price before the UTC day of `ms`; on the first day of all, its opening price.
pub(crate) fn previous_close(market: &EmulatedMarket, ms: i64) -> i64 {
    let midnight = ms.div_euclid(DAY) * DAY;
    let before = market.tape.last_before(midnight * IDS_PER_MS).map(|trade| trade.price_e8);
    before.unwrap_or_else(|| {
        let first_day = market.tape.minutes_of_day(ms.div_euclid(DAY));
        first_day.first().map_or(market.base_price, |bar| bar.open)
    })
}

/// Returns the wire name of the taker's side.
pub(crate) const fn ask_bid(side: TakerSide) -> &'static str {
    match side {
        TakerSide::Buy => "BID",
        TakerSide::Sell => "ASK",
    }
}

fn row(world: &EmulatorWorld, market: &EmulatedMarket, trade: &TapeTrade, before: i64) -> String {
    let style = world.scenario.number_format.style(NumberStyle::Point);
    JsonObject::new()
        .text("market", &market.code)
        .text("trade_date_utc", &calendar::date(trade.time_ms))
        .text("trade_time_utc", &calendar::time(trade.time_ms))
        .int("timestamp", trade.time_ms)
        .number("trade_price", WireNumber::e8(trade.price_e8.into()), style)
        .number("trade_volume", WireNumber::e8(trade.size_e8.into()), style)
        .number("prev_closing_price", WireNumber::e8(before.into()), style)
        .number("change_price", WireNumber::e8((trade.price_e8 - before).into()), style)
        .text("ask_bid", ask_bid(trade.side))
        .int("sequential_id", trade.id)
        .end()
}
