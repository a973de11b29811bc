//! Single prints and quotes over REST, to the nanosecond.

use super::asked::Asked;
use super::query;
use super::refusal::Refusal;
use crate::calendar::MINUTE;
use crate::json::{self, Object};
use crate::massive::exchange::Exchange;
use crate::massive::exchange::print::Print;
use crate::massive::exchange::stock::Stock;
use crate::massive::moment::Moment;
use crate::massive::newyork::{self, NS_PER_MS, midnight};
use crate::massive::spell;

/// Rows of a page, unless asked otherwise.
const DEFAULT_LIMIT: usize = 1_000;
/// More is cut to this in silence.
const MOST: usize = 50_000;

/// What a row shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    Trade,
    Quote,
}

/// `GET /v3/trades/{ticker}` and `/v3/quotes/{ticker}`.
pub(crate) fn page(exchange: &Exchange, asked: &Asked, ticker: &str, row: Row) -> Result<String, Refusal> {
    let parameters = &asked.parameters;
    // A quote is found by its own stamp, a little before that of its print.
    let shift_ns = if row == Row::Quote { Print::QUOTED_BEFORE_NS } else { 0 };
    let (from_ns, to_ns) = parameters.range_ns("timestamp")?;
    let (from_ns, to_ns) = (from_ns.saturating_add(shift_ns), to_ns.saturating_add(shift_ns));
    let limit = parameters.limit(DEFAULT_LIMIT, MOST)?;
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
    let rows = found.iter().filter_map(|print| Some(spelled(stock?, print, row)));
    let body = Object::new()
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

fn is_edge(print: &Print, (from_ns, to_ns): (i64, i64), descends: bool) -> bool {
    if descends { print.sip_ns == to_ns - 1 } else { print.sip_ns == from_ns }
}

fn cursor(last: &Print, limit: usize, descends: bool, (from_ns, to_ns): (i64, i64), shift_ns: i64) -> String {
    let stamp = newyork::stamp_ns(last.sip_ns - shift_ns);
    let mut pairs = vec![
        ("ap", last.sequence.to_string()),
        ("as", String::new()),
        ("limit", limit.to_string()),
        ("order", if descends { "desc" } else { "asc" }.to_owned()),
        ("sort", "timestamp".to_owned()),
    ];
    if descends {
        pairs.push(("timestamp.gte", newyork::stamp_ns(from_ns - shift_ns)));
        pairs.push(("timestamp.lte", stamp));
    } else {
        pairs.push(("timestamp.gte", stamp));
        if to_ns < i64::MAX {
            pairs.push(("timestamp.lt", newyork::stamp_ns(to_ns - shift_ns)));
        }
    }
    query::encode(&pairs)
}

/// Known prints with `from_ns <= stamp < to_ns` in the order asked for, up to `most`.
pub(crate) fn search(
    exchange: &Exchange,
    index: u32,
    at_ms: i64,
    (from_ns, to_ns): (i64, i64),
    descends: bool,
    most: usize,
) -> Vec<Print> {
    let stock = exchange.universe.get(index);
    let first_ms = (from_ns.div_euclid(NS_PER_MS)).max(midnight(exchange.first_day));
    let last_ms = (to_ns.saturating_sub(1).div_euclid(NS_PER_MS)).min(at_ms);
    let (first, last) = (newyork::day_of(first_ms), newyork::day_of(last_ms));
    let mut found: Vec<Print> = Vec::new();
    for nth in 0..=last - first {
        let day = if descends { last - nth } else { first + nth };
        let sheet = exchange.sheet(day);
        if !sheet.is_open() {
            continue;
        }
        let inside = |at: &Moment| (at.minute + 1) * MINUTE > first_ms && at.minute * MINUTE <= last_ms;
        let mut take = |at: Moment| {
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
        let minutes = Moment::all(day, sheet);
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

/// `GET /v2/last/trade/{ticker}` and `/v2/last/nbbo/{ticker}`.
pub(crate) fn last(exchange: &Exchange, asked: &Asked, ticker: &str, row: Row) -> Result<String, Refusal> {
    let index = exchange.universe.find(ticker).ok_or(Refusal::NoTicker)?;
    let print = exchange.last_print(index, asked.visible_ms).ok_or(Refusal::NoData)?;
    let stock = exchange.universe.get(index);
    let start = Object::new().text("T", ticker);
    let results = match row {
        Row::Trade => {
            let body = short(start, &print).int("q", print.sequence).int("t", print.sip_ns);
            let body = body.int("y", print.participant_ns).int("z", stock.tape());
            match print.facility {
                Some(facility) => body.int("f", print.facility_ns()).int("r", facility.into()),
                None => body,
            }
        }
        Row::Quote => start
            .raw("p", &spell::plain(print.bid_e8.into()))
            .int("s", print.bid_size())
            .int("x", 11)
            .raw("P", &spell::plain(print.ask_e8.into()))
            .int("S", print.ask_size())
            .int("X", 12)
            .int("q", print.sequence)
            .int("t", print.sip_ns - Print::QUOTED_BEFORE_NS)
            .int("y", print.participant_ns - Print::QUOTED_BEFORE_NS)
            .int("z", stock.tape()),
    };
    Ok(Object::new()
        .raw("results", &results.end())
        .text("status", asked.status())
        .text("request_id", &asked.request_id)
        .end())
}

/// A print's fields as snapshots and the last trade name them, but for its times.
pub(crate) fn short(row: Object, print: &Print) -> Object {
    let mut row = row
        .raw("p", &spell::plain(print.price_e8.into()))
        .raw("s", &spell::plain(print.size_e8.into()))
        .text("ds", &spell::point(print.size_e8.into()))
        .int("x", print.exchange.into())
        .text("i", &print.id.to_string());
    let codes: Vec<String> = print.conditions.codes().map(|code| code.to_string()).collect();
    if !codes.is_empty() {
        row = row.raw("c", &json::array(codes));
    }
    row
}

fn spelled(stock: &Stock, print: &Print, row: Row) -> String {
    if row == Row::Quote {
        return Object::new()
            .int("ask_exchange", 12)
            .raw("ask_price", &spell::plain(print.ask_e8.into()))
            .int("ask_size", print.ask_size())
            .int("bid_exchange", 11)
            .raw("bid_price", &spell::plain(print.bid_e8.into()))
            .int("bid_size", print.bid_size())
            .raw("conditions", "[1]")
            .int("participant_timestamp", print.participant_ns - Print::QUOTED_BEFORE_NS)
            .int("sequence_number", print.sequence)
            .int("sip_timestamp", print.sip_ns - Print::QUOTED_BEFORE_NS)
            .int("tape", stock.tape())
            .end();
    }
    let codes: Vec<String> = print.conditions.codes().map(|code| code.to_string()).collect();
    let mut body = Object::new();
    if !codes.is_empty() {
        body = body.raw("conditions", &json::array(codes));
    }
    body = body
        .int("exchange", print.exchange.into())
        .text("id", &print.id.to_string())
        .int("participant_timestamp", print.participant_ns)
        .raw("price", &spell::plain(print.price_e8.into()))
        .int("sequence_number", print.sequence)
        .int("sip_timestamp", print.sip_ns)
        .raw("size", &spell::plain(print.size_e8.into()))
        .text("decimal_size", &spell::point(print.size_e8.into()))
        .int("tape", stock.tape());
    match print.facility {
        Some(facility) => body.int("trf_id", facility.into()).int("trf_timestamp", print.facility_ns()).end(),
        None => body.end(),
    }
}
