//! Whole days: all tickers at once, the previous day, and one day with its pre-market and after-hours prices.

use super::api_error::MassiveApiError;
use super::request_context::RestRequestContext;
use crate::calendar::HOUR;
use crate::json::{self, JsonObject};
use crate::massive::exchange::StockExchange;
use crate::massive::exchange::adjusted_bar::AdjustedBar;
use crate::massive::exchange::unadjusted_bar::UnadjustedBar;
use crate::massive::new_york::{self, day_of, midnight};
use crate::massive::plan::EmulatedPlan;
use crate::massive::trading_calendar::StockSession;
use crate::massive::wire_format;
use crate::number::{NumberStyle, WireNumber};

/// The close as the daily endpoints stamp it, half days included.
const BELL_MS: i64 = 16 * HOUR;
/// The end of a day's last session.
const END_MS: i64 = 20 * HOUR;

/// Returns the end of the last finished day, in ms.
pub(crate) fn last_finished_ms(now_ms: i64) -> i64 {
    let day = day_of(now_ms);
    if now_ms - midnight(day) >= END_MS { now_ms } else { midnight(day) - 1 }
}

/// Answers `GET /v2/aggs/grouped/locale/us/market/stocks/{date}`.
pub(crate) fn grouped(
    exchange: &StockExchange,
    asked: &RestRequestContext,
    date: &str,
) -> Result<String, MassiveApiError> {
    let day = new_york::parse_day(date).ok_or(MassiveApiError::BadTime("date"))?;
    if asked.plan == EmulatedPlan::Basic && midnight(day) > asked.visible_ms {
        return Err(MassiveApiError::NotInTimeframe);
    }
    let adjusted = asked.parameters.flag("adjusted", true);
    let rows: Vec<String> =
        exchange.universe.iter().filter_map(|(index, _)| row(exchange, asked, index, day)).collect();
    Ok(envelope(asked, None, adjusted, &rows))
}

/// Answers `GET /v2/aggs/ticker/{ticker}/prev`.
pub(crate) fn previous(
    exchange: &StockExchange,
    asked: &RestRequestContext,
    ticker: &str,
) -> Result<String, MassiveApiError> {
    let adjusted = asked.parameters.flag("adjusted", true);
    let index = exchange.universe.find(ticker);
    let mut day = exchange.open_day_before(day_of(asked.now_ms));
    let mut rows = Vec::new();
    // A thin stock's previous bar may be a few days old.
    for _ in 0..10 {
        rows.extend(index.and_then(|index| row(exchange, asked, index, day)));
        if !rows.is_empty() {
            break;
        }
        day = exchange.open_day_before(day);
    }
    Ok(envelope(asked, Some(ticker), adjusted, &rows))
}

/// Returns the bar of a day as requested: in today's shares, or unadjusted.
fn shown(
    exchange: &StockExchange,
    asked: &RestRequestContext,
    index: u32,
    day: i64,
    bar: &UnadjustedBar,
) -> AdjustedBar {
    if !asked.parameters.flag("adjusted", true) {
        return AdjustedBar::as_traded(bar);
    }
    let splits = &exchange.universe.get(index).splits;
    AdjustedBar::of(bar, splits.between(day, day_of(asked.now_ms)))
}

fn row(exchange: &StockExchange, asked: &RestRequestContext, index: u32, day: i64) -> Option<String> {
    let stock = exchange.universe.get(index);
    let bar = exchange.day_bar(index, day, asked.visible_ms)?;
    let bar = shown(exchange, asked, index, day, &bar);
    let row = JsonObject::new().text("T", &stock.ticker);
    Some(wire_format::bar(&exchange.scenario, row, &bar, midnight(day) + BELL_MS).end())
}

fn envelope(asked: &RestRequestContext, ticker: Option<&str>, adjusted: bool, rows: &[String]) -> String {
    let mut body = JsonObject::new();
    if let Some(ticker) = ticker {
        body = body.text("ticker", ticker);
    }
    let count = rows.len() as i64;
    body = body.int("queryCount", count).int("resultsCount", count);
    body = body.raw("adjusted", if adjusted { "true" } else { "false" });
    if count > 0 {
        body = body.raw("results", &json::array(rows));
    }
    body = body.text("status", asked.status()).text("request_id", &asked.request_id);
    if count > 0 { body.int("count", count).end() } else { body.end() }
}

/// Answers `GET /v1/open-close/{ticker}/{date}`.
pub(crate) fn open_close(
    exchange: &StockExchange,
    asked: &RestRequestContext,
    ticker: &str,
    date: &str,
) -> Result<String, MassiveApiError> {
    let day = new_york::parse_day(date).ok_or(MassiveApiError::BadTime("date"))?;
    let index = exchange.universe.find(ticker).ok_or(MassiveApiError::NoData)?;
    if asked.plan == EmulatedPlan::Basic && midnight(day) > asked.visible_ms {
        return Err(MassiveApiError::NotInTimeframe);
    }
    let bar = exchange.day_bar(index, day, asked.visible_ms).ok_or(MassiveApiError::NoData)?;
    let bar = shown(exchange, asked, index, day, &bar);
    let cells = exchange.minutes(index, day, asked.visible_ms);
    let session = |wanted: StockSession| {
        let mut whole = UnadjustedBar::empty(0);
        cells.iter().filter(|cell| cell.session == wanted).for_each(|cell| whole.append(&cell.bar, true));
        whole.is_priced().then(|| shown(exchange, asked, index, day, &whole))
    };
    let price = |row: JsonObject, key: &'static str, price: i128| {
        row.number(key, WireNumber::e12(price), NumberStyle::Plain)
    };
    let row = JsonObject::new().text("status", "OK").text("from", date).text("symbol", ticker);
    let row = price(price(row, "open", bar.open), "high", bar.high);
    let mut row = price(price(row, "low", bar.low), "close", bar.close);
    row = row.raw("volume", &wire_format::volume_e12(&exchange.scenario, bar.volume));
    if let Some(after) = session(StockSession::After) {
        row = price(row, "afterHours", after.close);
    }
    if let Some(before) = session(StockSession::Pre) {
        row = price(row, "preMarket", before.open);
    }
    Ok(row.end())
}
