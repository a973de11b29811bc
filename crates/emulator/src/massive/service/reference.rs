//! Reference data: tickers, splits, and opening hours.

use super::api_error::MassiveApiError;
use super::query;
use super::request_context::RestRequestContext;
use crate::calendar::{self, HOUR, MINUTE};
use crate::hash_random;
use crate::json::{self, JsonObject};
use crate::massive::exchange::StockExchange;
use crate::massive::exchange::splits::SplitDay;
use crate::massive::exchange::stock::EmulatedStock;
use crate::massive::new_york::{self, day_of, midnight};
use crate::massive::trading_calendar::{DayKind, StockSession, day_kind};
use crate::massive::trading_minute::TradingMinute;

/// The default and the largest number of rows of a page of tickers.
const TICKERS: (usize, usize) = (100, 1_000);
/// The number of days for which holidays are announced.
const UPCOMING_DAYS: i64 = 400;

/// Answers `GET /v3/reference/tickers`.
pub(crate) fn tickers(
    exchange: &StockExchange,
    asked: &RestRequestContext,
) -> Result<String, MassiveApiError> {
    let parameters = &asked.parameters;
    let limit = parameters.limit(TICKERS.0, TICKERS.1)?;
    let descends = parameters.descends("order", false)?;
    let marker = parameters.get("page_marker").and_then(|text| text.split('|').next());
    let search = parameters.get("search").map(str::to_lowercase);
    let is_wanted = |stock: &&EmulatedStock| {
        let ticker = stock.ticker.as_str();
        let text = |name| parameters.get(name);
        text("ticker").is_none_or(|want| want == ticker)
            && text("ticker.gte").is_none_or(|want| want <= ticker)
            && text("ticker.gt").is_none_or(|want| want < ticker)
            && text("ticker.lte").is_none_or(|want| ticker <= want)
            && text("ticker.lt").is_none_or(|want| ticker < want)
            && text("ticker.any_of").is_none_or(|list| list.split(',').any(|want| want == ticker))
            && text("market").is_none_or(|market| market == "stocks")
            && text("type").is_none_or(|wanted| wanted == class(stock))
            && text("exchange").is_none_or(|wanted| wanted == listed_on(stock))
            // No emulated ticker was ever delisted.
            && text("active").is_none_or(|active| active == "true")
            && marker.is_none_or(|marker| if descends { ticker < marker } else { ticker > marker })
            && search.as_deref().is_none_or(|text| {
                ticker.to_lowercase().contains(text) || stock.name.to_lowercase().contains(text)
            })
    };
    let all = exchange.universe.iter().map(|(_, stock)| stock);
    let mut found: Vec<&EmulatedStock> = if descends {
        all.rev().filter(is_wanted).take(limit + 1).collect()
    } else {
        all.filter(is_wanted).take(limit + 1).collect()
    };
    let more = found.len() > limit;
    found.truncate(limit);
    let rows = found.iter().map(|stock| element(stock, asked.now_ms).end());
    let body = JsonObject::new()
        .raw("results", &json::array(rows))
        .text("status", "OK")
        .text("request_id", &asked.request_id)
        .int("count", found.len() as i64);
    Ok(match found.last().filter(|_| more) {
        Some(last) => {
            let cursor = ticker_cursor(asked, last, limit);
            body.text("next_url", &format!("{}{}?cursor={cursor}", asked.origin, asked.path)).end()
        }
        None => body.end(),
    })
}

/// Builds the cursor: all filters again, and where the page ended.
fn ticker_cursor(asked: &RestRequestContext, last: &EmulatedStock, limit: usize) -> String {
    let kept = [
        "active",
        "exchange",
        "market",
        "order",
        "search",
        "ticker.any_of",
        "ticker.gt",
        "ticker.gte",
        "ticker.lt",
        "ticker.lte",
        "type",
    ];
    let marker = format!("{}|{:016x}", last.ticker, hash_random::key(0, &last.ticker));
    let mut pairs: Vec<(&str, String)> =
        kept.iter().filter_map(|name| Some((*name, asked.parameters.get(name)?.to_owned()))).collect();
    pairs.extend([("limit", limit.to_string()), ("page_marker", marker), ("sort", "ticker".to_owned())]);
    query::encode(&pairs)
}

/// Answers `GET /v3/reference/tickers/{ticker}`.
pub(crate) fn ticker(
    exchange: &StockExchange,
    asked: &RestRequestContext,
    ticker: &str,
) -> Result<String, MassiveApiError> {
    let index = exchange.universe.find(ticker).ok_or(MassiveApiError::NoTicker)?;
    let details = element(exchange.universe.get(index), asked.now_ms).int("round_lot", 100).end();
    Ok(JsonObject::new()
        .text("request_id", &asked.request_id)
        .raw("results", &details)
        .text("status", "OK")
        .end())
}

fn element(stock: &EmulatedStock, now_ms: i64) -> JsonObject {
    JsonObject::new()
        .text("ticker", &stock.ticker)
        .text("name", &stock.name)
        .text("market", "stocks")
        .text("locale", "us")
        .text("primary_exchange", listed_on(stock))
        .text("type", class(stock))
        .raw("active", "true")
        .text("currency_name", "usd")
        .text("last_updated_utc", &format!("{}T00:00:00Z", calendar::date(now_ms)))
}

fn class(stock: &EmulatedStock) -> &'static str {
    if stock.name.contains("ETF") || stock.name.contains("Trust") { "ETF" } else { "CS" }
}

const fn listed_on(stock: &EmulatedStock) -> &'static str {
    match stock.tape() {
        1 => "XNYS",
        2 => "ARCX",
        _ => "XNAS",
    }
}

/// Answers `GET /stocks/v1/splits`.
pub(crate) fn splits(
    exchange: &StockExchange,
    asked: &RestRequestContext,
) -> Result<String, MassiveApiError> {
    let parameters = &asked.parameters;
    let day = |name: &str| match parameters.get(name) {
        None => Ok(None),
        Some(text) => new_york::parse_day(text).map(Some).ok_or(MassiveApiError::BadTime("execution_date")),
    };
    let (on, from) = (day("execution_date")?, day("execution_date.gte")?);
    let to = day("execution_date.lte")?;
    let today = day_of(asked.now_ms);
    let wanted = parameters.get("ticker");
    let stocks = exchange.universe.iter().map(|(_, stock)| stock);
    let stocks = stocks.filter(|stock| wanted.is_none_or(|ticker| ticker == stock.ticker));
    let mut rows: Vec<(i64, String)> = stocks
        .flat_map(|stock| stock.splits.iter().enumerate().map(move |(nth, split)| (stock, nth, split)))
        .filter(|(.., split)| {
            let day = split.day;
            on.is_none_or(|on| on == day)
                && from.is_none_or(|from| from <= day)
                && to.is_none_or(|to| day <= to)
        })
        .map(|(stock, nth, split)| (split.day, split_row(stock, nth as u64, split, today)))
        .collect();
    // `sort=execution_date.asc`, or `sort=execution_date&order=asc` of the older endpoint.
    let ascends =
        ["sort", "order"].iter().any(|name| parameters.get(name).is_some_and(|text| text.ends_with("asc")));
    rows.sort_by_key(|(day, _)| if ascends { *day } else { -*day });
    Ok(listed(asked, rows.into_iter().map(|(_, row)| row)))
}

fn split_row(stock: &EmulatedStock, nth: u64, split: SplitDay, today: i64) -> String {
    let kind = if split.to > split.from { "forward_split" } else { "reverse_split" };
    // The factor of earlier prices, for this split and all later ones.
    let (old, new) = stock.splits.between(split.day - 1, today.max(split.day));
    let key = stock.key() ^ nth;
    JsonObject::new()
        .text("id", &format!("E{key:016x}{:016x}", hash_random::draw(key, 9)))
        .text("ticker", &stock.ticker)
        .text("execution_date", &new_york::date_text(split.day))
        .text("adjustment_type", kind)
        .int("split_from", split.from)
        .int("split_to", split.to)
        .raw("historical_adjustment_factor", &format!("{:.6}", old as f64 / new as f64))
        .end()
}

/// Answers an endpoint that never has data.
pub(crate) fn empty_list(asked: &RestRequestContext) -> String {
    listed(asked, std::iter::empty())
}

/// Answers `GET /v3/reference/exchanges`.
pub(crate) fn exchanges(asked: &RestRequestContext) -> String {
    let known = [
        (4, "Finra TRF and ADF", "FINR"),
        (8, "Cboe EDGX", "EDGX"),
        (10, "New York Stock Exchange", "XNYS"),
        (11, "NYSE Arca", "ARCX"),
        (12, "Nasdaq", "XNAS"),
        (19, "Cboe BZX", "BATS"),
    ];
    let rows = known.map(|(id, name, mic)| {
        let row = JsonObject::new().int("id", id).text("type", if id == 4 { "TRF" } else { "exchange" });
        row.text("asset_class", "stocks").text("locale", "us").text("name", name).text("mic", mic).end()
    });
    listed(asked, rows)
}

/// Answers `GET /v3/reference/conditions`, with what a print of each may change.
pub(crate) fn conditions(asked: &RestRequestContext) -> String {
    // As the venue lists them; that Form T changes prices outside regular hours is not in its list.
    let known = [
        (2, "Average Price Trade", false, false),
        (12, "Form T/Extended Hours", false, false),
        (14, "Intermarket Sweep", true, true),
        (37, "Odd Lot Trade", false, false),
        (41, "Trade Thru Exempt", true, true),
    ];
    let rows = known.map(|(id, name, high_low, open_close)| {
        let rules = format!(
            r#"{{"consolidated":{{"updates_high_low":{high_low},"updates_open_close":{open_close},"updates_volume":true}}}}"#
        );
        let row = JsonObject::new().int("id", id).text("type", "sale_condition").text("name", name);
        row.text("asset_class", "stocks").raw("data_types", r#"["trade"]"#).raw("update_rules", &rules).end()
    });
    listed(asked, rows)
}

fn listed(asked: &RestRequestContext, rows: impl IntoIterator<Item = String>) -> String {
    JsonObject::new()
        .raw("results", &json::array(rows))
        .text("status", "OK")
        .text("request_id", &asked.request_id)
        .end()
}

/// Answers `GET /v1/marketstatus/now`.
pub(crate) fn status_now(exchange: &StockExchange, asked: &RestRequestContext) -> String {
    let session = TradingMinute::at(asked.now_ms, exchange.scenario.hours).session;
    let (market, early, late) = match session {
        StockSession::Regular | StockSession::Overnight => ("open", false, false),
        StockSession::Pre => ("extended-hours", true, false),
        StockSession::After | StockSession::AfterEarlyClose => ("extended-hours", false, true),
        StockSession::Closed => ("closed", false, false),
    };
    let exchanges = JsonObject::new().text("nyse", market).text("nasdaq", market).text("otc", "closed").end();
    let flag = |is: bool| if is { "true" } else { "false" };
    JsonObject::new()
        .text("market", market)
        .raw("earlyHours", flag(early))
        .raw("afterHours", flag(late))
        .text("serverTime", &new_york::stamp(asked.now_ms))
        .raw("exchanges", &exchanges)
        .raw("currencies", r#"{"fx":"open","crypto":"open"}"#)
        .end()
}

/// Answers `GET /v1/marketstatus/upcoming` with a bare array.
pub(crate) fn status_upcoming(asked: &RestRequestContext) -> String {
    let today = day_of(asked.now_ms);
    let mut rows = Vec::new();
    for day in today..today + UPCOMING_DAYS {
        let (name, is_half) = match day_kind(day) {
            DayKind::Holiday(name) => (name, false),
            DayKind::Half(name) => (name, true),
            DayKind::Full | DayKind::Weekend => continue,
        };
        for exchange in ["NYSE", "NASDAQ"] {
            let mut row =
                JsonObject::new().text("date", &new_york::date_text(day)).text("exchange", exchange);
            row = row.text("name", name).text("status", if is_half { "early-close" } else { "closed" });
            if is_half {
                let at = |ms: i64| format!("{}.000Z", calendar::stamp(midnight(day) + ms));
                row = row.text("open", &at(9 * HOUR + 30 * MINUTE)).text("close", &at(13 * HOUR));
            }
            rows.push(row.end());
        }
    }
    json::array(rows)
}
