//! Single prints and quotes over REST, to the nanosecond.

use super::api_error::MassiveApiError;
use super::query;
use super::request_context::RestRequestContext;
use crate::calendar::MINUTE;
use crate::json::{self, JsonObject};
use crate::massive::exchange::StockExchange;
use crate::massive::exchange::print::StockPrint;
use crate::massive::exchange::stock::EmulatedStock;
use crate::massive::new_york::{self, NS_PER_MS, midnight};
use crate::massive::trading_minute::TradingMinute;
use crate::massive::wire_format;

/// The default number of rows of a page.
const DEFAULT_LIMIT: usize = 1_000;
/// The largest limit; larger ones are silently cut to this.
const MAX_LIMIT: usize = 50_000;

/// The content of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TickRowKind {
    Trade,
    Quote,
}

/// Answers `GET /v3/trades/{ticker}` and `/v3/quotes/{ticker}`.
pub(crate) fn page(
    exchange: &StockExchange,
    asked: &RestRequestContext,
    ticker: &str,
    row: TickRowKind,
) -> Result<String, MassiveApiError> {
    let parameters = &asked.parameters;
    // A quote has its own timestamp, a little before that of its print.
    let shift_ns = if row == TickRowKind::Quote { StockPrint::QUOTED_BEFORE_NS } else { 0 };
    let (from_ns, to_ns) = parameters.range_ns("timestamp")?;
    let (from_ns, to_ns) = (from_ns.saturating_add(shift_ns), to_ns.saturating_add(shift_ns));
    let limit = parameters.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let descends = parameters.descends("order", true)?;
    let after: Option<i64> = parameters.get("ap").and_then(|text| text.parse().ok());
    let mut found = Vec::new();
    if let Some(index) = exchange.universe.find(ticker) {
        let from_ns =
            asked.plan.reach_ms().map_or(from_ns, |reach| from_ns.max((asked.now_ms - reach) * NS_PER_MS));
        found = search(exchange, index, asked.visible_ms, (from_ns, to_ns), descends, limit + 2);
    }
    // A cursor names the last row shown, which the filters still let through.
    found.retain(|print| after != Some(print.sequence) || !is_edge(print, (from_ns, to_ns), descends));
    let more = found.len() > limit;
    found.truncate(limit);
    let stock = exchange.universe.find(ticker).map(|index| exchange.universe.get(index));
    let rows = found.iter().filter_map(|print| Some(encode_row(stock?, print, row)));
    let body = JsonObject::new()
        .raw("results", &json::array(rows))
        .text("status", asked.status())
        .text("request_id", &asked.request_id);
    Ok(match found.last().filter(|_| more) {
        Some(last) => {
            let cursor = cursor(last, limit, descends, (from_ns, to_ns), shift_ns);
            body.text("next_url", &format!("{}{}?cursor={cursor}", asked.origin, asked.path)).end()
        }
        None => body.end(),
    })
}

fn is_edge(print: &StockPrint, (from_ns, to_ns): (i64, i64), descends: bool) -> bool {
    if descends { print.sip_ns == to_ns - 1 } else { print.sip_ns == from_ns }
}

fn cursor(
    last: &StockPrint,
    limit: usize,
    descends: bool,
    (from_ns, to_ns): (i64, i64),
    shift_ns: i64,
) -> String {
    let stamp = new_york::stamp_ns(last.sip_ns - shift_ns);
    let mut pairs = vec![
        ("ap", last.sequence.to_string()),
        ("as", String::new()),
        ("limit", limit.to_string()),
        ("order", if descends { "desc" } else { "asc" }.to_owned()),
        ("sort", "timestamp".to_owned()),
    ];
    if descends {
        pairs.push(("timestamp.gte", new_york::stamp_ns(from_ns - shift_ns)));
        pairs.push(("timestamp.lte", stamp));
    } else {
        pairs.push(("timestamp.gte", stamp));
        if to_ns < i64::MAX {
            pairs.push(("timestamp.lt", new_york::stamp_ns(to_ns - shift_ns)));
        }
    }
    query::encode(&pairs)
}

/// Returns known prints with `from_ns <= stamp < to_ns` in the requested order, up to `most`.
pub(crate) fn search(
    exchange: &StockExchange,
    index: u32,
    at_ms: i64,
    (from_ns, to_ns): (i64, i64),
    descends: bool,
    most: usize,
) -> Vec<StockPrint> {
    let stock = exchange.universe.get(index);
    let first_ms = (from_ns.div_euclid(NS_PER_MS)).max(midnight(exchange.first_day));
    let last_ms = (to_ns.saturating_sub(1).div_euclid(NS_PER_MS)).min(at_ms);
    let (first, last) = (new_york::day_of(first_ms), new_york::day_of(last_ms));
    let mut found: Vec<StockPrint> = Vec::new();
    for nth in 0..=last - first {
        let day = if descends { last - nth } else { first + nth };
        let sheet = exchange.schedule(day);
        if !sheet.is_open() {
            continue;
        }
        let inside =
            |at: &TradingMinute| (at.minute + 1) * MINUTE > first_ms && at.minute * MINUTE <= last_ms;
        let mut take = |at: TradingMinute| {
            let before = found.len();
            exchange.minute(stock, at, at_ms, |print| {
                if from_ns <= print.sip_ns && print.sip_ns < to_ns {
                    found.push(print);
                }
            });
            if descends {
                found[before..].reverse();
            }
            found.len() < most
        };
        let minutes = TradingMinute::all(day, sheet);
        let wants_more = if descends {
            minutes.rev().filter(inside).all(&mut take)
        } else {
            minutes.filter(inside).all(&mut take)
        };
        if !wants_more {
            break;
        }
    }
    found
}

/// Answers `GET /v2/last/trade/{ticker}` and `/v2/last/nbbo/{ticker}`.
pub(crate) fn last(
    exchange: &StockExchange,
    asked: &RestRequestContext,
    ticker: &str,
    row: TickRowKind,
) -> Result<String, MassiveApiError> {
    let index = exchange.universe.find(ticker).ok_or(MassiveApiError::NoTicker)?;
    let print = exchange.last_print(index, asked.visible_ms).ok_or(MassiveApiError::NoData)?;
    let stock = exchange.universe.get(index);
    let start = JsonObject::new().text("T", ticker);
    let results = match row {
        TickRowKind::Trade => {
            let body = short(start, &print).int("q", print.sequence).int("t", print.sip_ns);
            let body = body.int("y", print.participant_ns).int("z", stock.tape());
            match print.facility {
                Some(facility) => body.int("f", print.facility_ns()).int("r", facility.into()),
                None => body,
            }
        }
        TickRowKind::Quote => start
            .raw("p", &wire_format::plain(print.bid_e8.into()))
            .int("s", print.bid_size())
            .int("x", 11)
            .raw("P", &wire_format::plain(print.ask_e8.into()))
            .int("S", print.ask_size())
            .int("X", 12)
            .int("q", print.sequence)
            .int("t", print.sip_ns - StockPrint::QUOTED_BEFORE_NS)
            .int("y", print.participant_ns - StockPrint::QUOTED_BEFORE_NS)
            .int("z", stock.tape()),
    };
    Ok(JsonObject::new()
        .raw("results", &results.end())
        .text("status", asked.status())
        .text("request_id", &asked.request_id)
        .end())
}

/// Adds a print's fields, except its times, under the names of snapshots and the last trade.
pub(crate) fn short(row: JsonObject, print: &StockPrint) -> JsonObject {
    let mut row = row
        .raw("p", &wire_format::plain(print.price_e8.into()))
        .raw("s", &wire_format::plain(print.size_e8.into()))
        .text("ds", &wire_format::point(print.size_e8.into()))
        .int("x", print.exchange.into())
        .text("i", &print.id.to_string());
    let codes: Vec<String> = print.conditions.codes().map(|code| code.to_string()).collect();
    if !codes.is_empty() {
        row = row.raw("c", &json::array(codes));
    }
    row
}

fn encode_row(stock: &EmulatedStock, print: &StockPrint, row: TickRowKind) -> String {
    if row == TickRowKind::Quote {
        return JsonObject::new()
            .int("ask_exchange", 12)
            .raw("ask_price", &wire_format::plain(print.ask_e8.into()))
            .int("ask_size", print.ask_size())
            .int("bid_exchange", 11)
            .raw("bid_price", &wire_format::plain(print.bid_e8.into()))
            .int("bid_size", print.bid_size())
            .raw("conditions", "[1]")
            .int("participant_timestamp", print.participant_ns - StockPrint::QUOTED_BEFORE_NS)
            .int("sequence_number", print.sequence)
            .int("sip_timestamp", print.sip_ns - StockPrint::QUOTED_BEFORE_NS)
            .int("tape", stock.tape())
            .end();
    }
    let codes: Vec<String> = print.conditions.codes().map(|code| code.to_string()).collect();
    let mut body = JsonObject::new();
    if !codes.is_empty() {
        body = body.raw("conditions", &json::array(codes));
    }
    body = body
        .int("exchange", print.exchange.into())
        .text("id", &print.id.to_string())
        .int("participant_timestamp", print.participant_ns)
        .raw("price", &wire_format::plain(print.price_e8.into()))
        .int("sequence_number", print.sequence)
        .int("sip_timestamp", print.sip_ns)
        .raw("size", &wire_format::plain(print.size_e8.into()))
        .text("decimal_size", &wire_format::point(print.size_e8.into()))
        .int("tape", stock.tape());
    match print.facility {
        Some(facility) => body.int("trf_id", facility.into()).int("trf_timestamp", print.facility_ns()).end(),
        None => body.end(),
    }
}
