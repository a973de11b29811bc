//! Writes requests, and reads the remaining budget from a reply.
//!
//! Upbit silently reduces a count that is too large, so it is refused here, where the caller still learns of
//! it.

use market_backbone_core::{
    BookRequest, Call, CandlePageRequest, HttpCall, HttpReply, RateLimitGroup, SourceError, SourceErrorKind,
    Symbol, TickerRequest, Timeframe, Timestamp, TradeId, TradePageRequest,
};

use crate::capabilities::{
    BOOK_DEPTH, CANDLE_PAGE, CANDLES, GRID, MARKET, ORDERBOOK, REQUEST_GROUPS, TICKER, TRADE_DAYS,
    TRADE_PAGE, TRADES,
};
use crate::naming::candle_path;

type QueryPairs = Vec<(&'static str, String)>;

pub(crate) fn encode(call: &Call) -> Result<HttpCall, SourceError> {
    match call {
        Call::Candles(request) => candles(request),
        Call::Trades(request) => trades(request),
        Call::Tickers(request) => tickers(request),
        Call::Books(request) => books(request),
        Call::Markets => Ok(get(MARKET, "/v1/market/all", vec![("is_details", "true".to_owned())])),
        Call::PriceIncrements(symbols) => {
            Ok(get(ORDERBOOK, "/v1/orderbook/instruments", vec![("markets", codes(symbols)?)]))
        }
        Call::VenueSpecific(call) => Ok(call.clone()),
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
    let mut query = vec![
        ("market", series.symbol.code().to_owned()),
        ("count", page_size(*count, CANDLE_PAGE, "candles")?.to_string()),
    ];
    query.extend(before.and_then(to_parameter).map(|moment| ("to", moment)));
    Ok(get(CANDLES, candle_path(series.timeframe), query))
}

/// Returns the `to` parameter. It is exclusive, and open times are whole seconds, so rounding up changes no
/// answer.
fn to_parameter(before: Timestamp) -> Option<String> {
    if before == Timestamp::MAX {
        return None;
    }
    Some(GRID.ceil(Timeframe::S1, before.max(Timestamp::EPOCH)).to_string())
}

fn trades(request: &TradePageRequest) -> Result<HttpCall, SourceError> {
    let TradePageRequest { symbol, before, days_ago, count } = request;
    if *days_ago > TRADE_DAYS {
        let message = format!(
            "upbit keeps the trades of the last {TRADE_DAYS} days only, not those of {days_ago} days ago"
        );
        return Err(SourceError::new(SourceErrorKind::Unsupported, message));
    }
    let mut query = vec![
        ("market", symbol.code().to_owned()),
        ("count", page_size(*count, TRADE_PAGE, "trades")?.to_string()),
    ];
    match before {
        Some(TradeId::Number(id)) => query.push(("cursor", id.to_string())),
        Some(TradeId::Text(id)) => {
            return Err(bad_request(format!("`{id}` is not a number, as trade ids of upbit are")));
        }
        None => {}
    }
    if *days_ago > 0 {
        query.push(("days_ago", days_ago.to_string()));
    }
    Ok(get(TRADES, "/v1/trades/ticks", query))
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
    let depth = page_size(request.depth, BOOK_DEPTH, "levels of a book")?;
    let query = vec![("markets", codes(&request.symbols)?), ("count", depth.to_string())];
    Ok(get(ORDERBOOK, "/v1/orderbook", query))
}

pub(crate) fn get(group: RateLimitGroup, path: &str, query: QueryPairs) -> HttpCall {
    let query = query.into_iter().map(|(name, value)| (name.into(), value)).collect();
    HttpCall::new(group, path, query)
}

pub(crate) fn codes(symbols: &[Symbol]) -> Result<String, SourceError> {
    if symbols.is_empty() {
        return Err(bad_request("no market was named"));
    }
    Ok(symbols.iter().map(Symbol::code).collect::<Vec<_>>().join(","))
}

fn page_size(asked: u32, limit: u32, of_what: &str) -> Result<u32, SourceError> {
    if asked == 0 {
        return Err(bad_request(format!("cannot request 0 {of_what}; ask for 1 to {limit}")));
    }
    if asked > limit {
        let message = format!(
            "upbit gives at most {limit} {of_what} at once, {asked} were asked; \
             ask for {limit} at a time, or through a layer that splits"
        );
        return Err(SourceError::new(SourceErrorKind::PageTooLarge { asked, limit }, message));
    }
    Ok(asked)
}

fn bad_request(message: impl Into<String>) -> SourceError {
    SourceError::new(SourceErrorKind::BadRequest, message)
}
