//! Writes requests, and reads the remaining budget from a reply.
//!
//! Upbit silently reduces a count that is too large, so it is refused here, where the caller still learns of
//! it.

use std::time::Duration;

use market_backbone_core::{
    BookRequest, Call, CandlePageRequest, Grid, HttpCall, HttpReply, RateLimitGroup, SourceError, Symbol,
    TickerRequest, Timeframe, Timestamp, TradeCursor, TradeId, TradePageRequest,
};
use market_backbone_venue_kit::{bad_request, get, page_size, unsupported};

use crate::capabilities::{
    BOOK_DEPTH, CANDLE_PAGE, CANDLES, CAPABILITIES, GRID, MARKET, ORDERBOOK, REQUEST_GROUPS, TICKER,
    TRADE_DAYS, TRADE_PAGE, TRADES,
};
use crate::naming::{VENUE, candle_path, first_id_of, time_of_id};

pub(crate) fn encode(call: &Call, now: Timestamp) -> Result<HttpCall, SourceError> {
    match call {
        Call::Candles(request) => candles(request),
        Call::Trades(request) => trades(request, now),
        Call::Tickers(request) => tickers(request),
        Call::Books(request) => books(request),
        Call::Markets => Ok(get(MARKET, "/v1/market/all", vec![("is_details", "true".to_owned())])),
        Call::PriceIncrements(symbols) => {
            Ok(get(ORDERBOOK, "/v1/orderbook/instruments", vec![("markets", codes(symbols)?)]))
        }
        Call::VenueSpecific(call) => Ok(call.clone()),
        _ => Err(unsupported("upbit has no request of this kind")),
    }
}

/// Returns what `group=candles; min=600; sec=9` leaves of the current second. `min` has been a constant since
/// 2023.
pub(crate) fn remaining(reply: &HttpReply<'_>) -> Option<(RateLimitGroup, u32)> {
    let header = reply.header("remaining-req")?;
    let field = |name: &str| {
        let mut pairs = header.split(';').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
    };
    let (named, left) = (field("group")?, field("sec")?.parse().ok()?);
    let group = REQUEST_GROUPS.into_iter().find(|group| group.0 == named)?;
    Some((group, left))
}

fn candles(request: &CandlePageRequest) -> Result<HttpCall, SourceError> {
    let CandlePageRequest { series, before, count } = request;
    let path =
        candle_path(series.timeframe).ok_or_else(|| CAPABILITIES.no_such_timeframe(series.timeframe))?;
    let mut query = vec![
        ("market", series.symbol.code().to_owned()),
        ("count", page_size(VENUE, *count, CANDLE_PAGE, "candles")?.to_string()),
    ];
    query.extend(before.and_then(to_parameter).map(|moment| ("to", moment)));
    Ok(get(CANDLES, path, query))
}

/// Returns the `to` parameter. It is exclusive, and open times are whole seconds, so rounding up changes no
/// answer.
fn to_parameter(before: Timestamp) -> Option<String> {
    if before == Timestamp::MAX {
        return None;
    }
    Some(GRID.ceil(Timeframe::S1, before.max(Timestamp::EPOCH)).to_string())
}

/// A page is of one UTC day, which Upbit wants to know beside the id that the page ends before. It counts days from that
/// of the market's newest trade, which is not always today: nothing may have been traded since midnight.
fn trades(request: &TradePageRequest, now: Timestamp) -> Result<HttpCall, SourceError> {
    let TradePageRequest { symbol, cursor, count, newest } = request;
    let (id, day) = match cursor {
        TradeCursor::Latest => (None, now),
        TradeCursor::Before(TradeId::Number(id)) => (Some(*id), time_of_id(*id)),
        TradeCursor::Before(TradeId::Text(id)) => {
            return Err(bad_request(format!("`{id}` is not a number, as trade ids of upbit are")));
        }
        // What is before midnight is of the day before.
        TradeCursor::At(moment) => (Some(first_id_of(*moment)), moment.minus(Duration::from_nanos(1))),
    };
    let days_ago = (day_number(newest.unwrap_or(now)) - day_number(day)).max(0);
    if days_ago > TRADE_DAYS {
        return Err(unsupported(format!(
            "upbit keeps the trades of the last {TRADE_DAYS} days only, not those of {days_ago} days ago"
        )));
    }
    let mut query = vec![
        ("market", symbol.code().to_owned()),
        ("count", page_size(VENUE, *count, TRADE_PAGE, "trades")?.to_string()),
    ];
    query.extend(id.map(|id| ("cursor", id.to_string())));
    if days_ago > 0 {
        query.push(("days_ago", days_ago.to_string()));
    }
    Ok(get(TRADES, "/v1/trades/ticks", query))
}

/// The UTC days between the epoch and `moment`.
fn day_number(moment: Timestamp) -> i64 {
    Grid::Utc.floor(Timeframe::D1, moment).as_secs() / 86_400
}

fn tickers(request: &TickerRequest) -> Result<HttpCall, SourceError> {
    match request {
        TickerRequest::Symbols(symbols) => Ok(get(TICKER, "/v1/ticker", vec![("markets", codes(symbols)?)])),
        TickerRequest::Quotes(quotes) if quotes.is_empty() => Err(bad_request("no quote currency was named")),
        TickerRequest::Quotes(quotes) => {
            Ok(get(TICKER, "/v1/ticker/all", vec![("quote_currencies", quotes.join(","))]))
        }
    }
}

fn books(request: &BookRequest) -> Result<HttpCall, SourceError> {
    let depth = page_size(VENUE, request.depth, BOOK_DEPTH, "levels of a book")?;
    let query = vec![("markets", codes(&request.symbols)?), ("count", depth.to_string())];
    Ok(get(ORDERBOOK, "/v1/orderbook", query))
}

pub(crate) fn codes(symbols: &[Symbol]) -> Result<String, SourceError> {
    if symbols.is_empty() {
        return Err(bad_request("no market was named"));
    }
    Ok(symbols.iter().map(Symbol::code).collect::<Vec<_>>().join(","))
}
