//! Snapshots of the day: of one ticker, of all, and of those with the largest changes.

use super::api_error::MassiveApiError;
use super::request_context::RestRequestContext;
use super::trades;
use crate::calendar::HOUR;
use crate::json::{self, JsonObject};
use crate::massive::exchange::StockExchange;
use crate::massive::exchange::adjusted_bar::AdjustedBar;
use crate::massive::exchange::print::StockPrint;
use crate::massive::exchange::unadjusted_bar::UnadjustedBar;
use crate::massive::new_york::{NS_PER_MS, day_of, midnight};
use crate::massive::plan::Entitlement;
use crate::massive::wire_format;
use crate::number::{NumberStyle, WireNumber};

/// The time after midnight when the old day is cleared and the new one begins.
const CLEARED_MS: i64 = 3 * HOUR + HOUR / 2;
/// The number of movers shown.
const MOVERS: usize = 20;
/// The volume that a mover needs, in units of 1e-8 shares.
const MOVER_VOLUME: i128 = 10_000 * 100_000_000;

/// The day of one ticker.
struct TickerDay {
    index: u32,
    day: UnadjustedBar,
    /// The previous day in the shares of this one; otherwise a split would be the largest change.
    previous: AdjustedBar,
    last: Option<UnadjustedBar>,
    /// The change since the previous close, in hundredths of a percent.
    change: i64,
}

/// Answers `GET …/tickers/{ticker}`.
pub(crate) fn one(
    exchange: &StockExchange,
    asked: &RestRequestContext,
    ticker: &str,
) -> Result<String, MassiveApiError> {
    let index = exchange.universe.find(ticker).ok_or(MassiveApiError::NoTicker)?;
    let row = row(exchange, asked, &ticker_day(exchange, asked, index));
    Ok(JsonObject::new()
        .text("request_id", &asked.request_id)
        .text("status", asked.status())
        .raw("ticker", &row)
        .end())
}

/// Answers `GET …/tickers`, for all or the named ones.
pub(crate) fn all(exchange: &StockExchange, asked: &RestRequestContext) -> String {
    let indices: Vec<u32> = match asked.parameters.get("tickers") {
        Some(list) => list.split(',').filter_map(|ticker| exchange.universe.find(ticker.trim())).collect(),
        None => exchange.universe.iter().map(|(index, _)| index).collect(),
    };
    let rows: Vec<String> =
        indices.into_iter().map(|index| row(exchange, asked, &ticker_day(exchange, asked, index))).collect();
    JsonObject::new()
        .int("count", rows.len() as i64)
        .text("status", asked.status())
        .raw("tickers", &json::array(rows))
        .end()
}

/// Answers `GET …/gainers` and `…/losers`.
pub(crate) fn movers(exchange: &StockExchange, asked: &RestRequestContext, gainers: bool) -> String {
    let states = exchange.universe.iter().map(|(index, _)| ticker_day(exchange, asked, index));
    let mut states: Vec<TickerDay> = states.filter(|state| state.day.volume >= MOVER_VOLUME).collect();
    states.sort_by_key(|state| if gainers { -state.change } else { state.change });
    let rows = states.iter().take(MOVERS).map(|state| row(exchange, asked, state));
    JsonObject::new().text("status", asked.status()).raw("tickers", &json::array(rows)).end()
}

fn ticker_day(exchange: &StockExchange, asked: &RestRequestContext, index: u32) -> TickerDay {
    let stock = exchange.universe.get(index);
    let day = current_day(exchange, asked.visible_ms);
    let before = exchange.open_day_before(day);
    let cells = exchange.minutes(index, day, asked.visible_ms);
    let mut whole = UnadjustedBar::empty(midnight(day));
    cells.iter().for_each(|cell| whole.append(&cell.bar, cell.session.counts_for_day()));
    let last = cells.iter().rev().map(|cell| cell.bar).find(UnadjustedBar::is_priced);
    let previous = exchange.day_bar(index, before, asked.visible_ms).unwrap_or_default();
    let previous = AdjustedBar::of(&previous, stock.splits.between(before, day));
    let before = previous.close_e8();
    let close = last.map_or(0, |bar| bar.close);
    let change = if close > 0 && before > 0 { (close - before).saturating_mul(10_000) / before } else { 0 };
    TickerDay { index, day: whole, previous, last, change }
}

/// Returns the day of snapshots.
fn current_day(exchange: &StockExchange, at_ms: i64) -> i64 {
    let today = day_of(at_ms);
    let is_begun = exchange.schedule(today).is_open() && at_ms - midnight(today) >= CLEARED_MS;
    if is_begun { today } else { exchange.open_day_before(today) }
}

fn row(exchange: &StockExchange, asked: &RestRequestContext, state: &TickerDay) -> String {
    let stock = exchange.universe.get(state.index);
    let plain = |units: i64| wire_format::plain(units.into());
    let print = exchange.last_print(state.index, asked.visible_ms).filter(|_| state.last.is_some());
    let before = state.previous.close_e8();
    let moved = state.last.map_or(0, |bar| bar.close - before);
    let moved = if before == 0 { 0 } else { moved };
    let mut out = JsonObject::new()
        .text("ticker", &stock.ticker)
        .raw("todaysChange", &plain(moved))
        .number("todaysChangePerc", WireNumber::ratio(state.change, 100), NumberStyle::Plain)
        .int("updated", print.map_or(asked.visible_ms * NS_PER_MS, |print| print.known_ns))
        .raw("day", &bar(exchange, &AdjustedBar::as_traded(&state.day)).end())
        .raw("prevDay", &bar(exchange, &state.previous).end());
    let minute = state.last.unwrap_or_default();
    let mut min = bar(exchange, &AdjustedBar::as_traded(&minute))
        .int("n", minute.count as i64)
        .int("t", minute.start_ms);
    min = min.raw("av", &wire_format::volume(&exchange.scenario, state.day.volume));
    out = out.raw("min", &min.text("dav", &wire_format::point(state.day.volume)).end());
    if let Some(print) = print.filter(|_| asked.plan.has(Entitlement::Trades)) {
        out = out.raw("lastTrade", &trades::short(JsonObject::new(), &print).int("t", print.sip_ns).end());
    }
    if let Some(print) = print.filter(|_| asked.plan.has(Entitlement::Quotes)) {
        let quote = JsonObject::new()
            .raw("p", &plain(print.bid_e8))
            .int("s", print.bid_size())
            .raw("P", &plain(print.ask_e8))
            .int("S", print.ask_size())
            .int("t", print.sip_ns - StockPrint::QUOTED_BEFORE_NS);
        out = out.raw("lastQuote", &quote.end());
    }
    out.end()
}

fn bar(exchange: &StockExchange, bar: &AdjustedBar) -> JsonObject {
    let row = wire_format::prices(&exchange.scenario, JsonObject::new(), bar);
    row.text("dv", &wire_format::point_of(WireNumber::e12(bar.volume)))
}
