//! Writes requests, and finds the address of the next page.
//!
//! Prices are always requested unadjusted: what is adjusted for splits changes with every split, and is a view.

use market_backbone_core::{
    BookRequest, Calendar, Call, CandlePageRequest, Capabilities, Day, HttpCall, HttpReply, QueryParams,
    SourceError, SourceErrorKind, Symbol, TickerRequest, Timeframe, Timestamp, TradeCursor, TradePageRequest,
};
use market_backbone_venue_kit::{bad_request, excerpt, page_size, unsupported};

use crate::capabilities::{
    BASE_BARS, BOOK_DEPTH, LISTING_PAGE, MassivePlan, REQUESTS, TRADE_DAYS, TRADE_PAGE, TRADE_SLACK,
};
use crate::error::malformed;
use crate::naming::{MASSIVE, VENUE, base_bars, is_ticker, millis_of, timespan};
use crate::wire::Envelope;

const SNAPSHOTS: &str = "/v2/snapshot/locale/us/markets/stocks/tickers";

pub(crate) fn encode(
    call: &Call,
    plan: MassivePlan,
    (capabilities, now): (&Capabilities, Timestamp),
) -> Result<HttpCall, SourceError> {
    match call {
        Call::Candles(request) => candles(request, plan, (capabilities, now)),
        Call::Trades(request) => trades(request, plan, (capabilities, now)),
        Call::Tickers(request) => tickers(request),
        Call::Books(request) => books(request),
        Call::Markets => Ok(get("/v3/reference/tickers".to_owned(), listing_query())),
        Call::PriceIncrements(_) => Err(unsupported(
            "massive does not publish price increments; they are one cent from one dollar on",
        )),
        Call::VenueSpecific(call) => Ok(call.clone()),
        _ => Err(unsupported("massive has no request of this kind")),
    }
}

/// Returns the address of the rest of the answer to `sent`.
///
/// The venue sends this address. The request carries the key, so the address is followed only if it is on the
/// host that requests go to anyway.
pub(crate) fn next_page(
    sent: &HttpCall,
    reply: &HttpReply<'_>,
    base: &str,
) -> Result<Option<HttpCall>, SourceError> {
    if reply.body.trim_ascii().first() == Some(&b'[') {
        return Ok(None);
    }
    let envelope: Envelope<'_> =
        serde_json::from_slice(reply.body).map_err(|error| malformed(reply.body).with_source(error))?;
    let Some(url) = envelope.next_url.filter(|url| !url.is_empty()) else { return Ok(None) };
    let wrong = |what: &str| {
        let message = format!("{what}: `{}`", excerpt(url.as_bytes()));
        SourceError::new(SourceErrorKind::Malformed, message)
    };
    let origin = base.trim_end_matches('/');
    let rest = match url.get(..origin.len()) {
        Some(start) if start.eq_ignore_ascii_case(origin) => &url[origin.len()..],
        _ => return Err(wrong("massive's next page is at another address than the requested one")),
    };
    if !rest.starts_with('/') {
        return Err(wrong("massive's next page is at another address than the requested one"));
    }
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let next = HttpCall::new(sent.group, path, parse_query(query)).with_weight(sent.weight);
    if next == *sent {
        return Err(wrong("massive's next page is the page before"));
    }
    Ok(Some(next))
}

/// A GET request: all of them count together.
pub(crate) fn get(path: String, query: Vec<(&'static str, String)>) -> HttpCall {
    market_backbone_venue_kit::get(REQUESTS, path, query)
}

/// Returns the code of a market, if it can stand in a path.
pub(crate) fn ticker(symbol: &Symbol) -> Result<&str, SourceError> {
    if symbol.venue().family() != MASSIVE || !is_ticker(symbol.code()) {
        let message =
            format!("`{symbol}` is not a market of massive; markets are written like AAPL or BRK.A");
        return Err(SourceError::new(SourceErrorKind::UnknownMarket, message));
    }
    Ok(symbol.code())
}

pub(crate) fn listing_query() -> Vec<(&'static str, String)> {
    vec![
        ("market", "stocks".to_owned()),
        ("active", "true".to_owned()),
        ("sort", "ticker".to_owned()),
        ("order", "asc".to_owned()),
        ("limit", LISTING_PAGE.to_string()),
    ]
}

/// Returns the requests for the current and the past listing of a market. They cover all markets, because bars
/// of shares traded over the counter exist too.
pub(crate) fn lookups(symbol: &Symbol) -> Vec<HttpCall> {
    if ticker(symbol).is_err() {
        return Vec::new();
    }
    let lookup = |active: bool| {
        let query = vec![("ticker", symbol.code().to_owned()), ("active", active.to_string())];
        get("/v3/reference/tickers".to_owned(), query)
    };
    vec![lookup(true), lookup(false)]
}

pub(crate) fn snapshots_path(symbol: Option<&Symbol>) -> Result<String, SourceError> {
    Ok(match symbol {
        Some(symbol) => format!("{SNAPSHOTS}/{}", ticker(symbol)?),
        None => SNAPSHOTS.to_owned(),
    })
}

/// Returns tickers joined by commas, each once: if one came twice, the venue would answer for the last one
/// alone.
pub(crate) fn codes(symbols: &[Symbol]) -> Result<String, SourceError> {
    if symbols.is_empty() {
        return Err(bad_request("no market was named"));
    }
    let codes: Vec<_> = symbols.iter().map(ticker).collect::<Result<_, _>>()?;
    Ok(codes.join(","))
}

fn candles(
    request: &CandlePageRequest,
    plan: MassivePlan,
    (capabilities, now): (&Capabilities, Timestamp),
) -> Result<HttpCall, SourceError> {
    let CandlePageRequest { series, before, count } = request;
    let timeframe = series.timeframe;
    if plan == MassivePlan::Basic && timeframe == Timeframe::S1 {
        return Err(not_in_plan("bars of a second are not in the plan basic"));
    }
    let (multiplier, span) = timespan(timeframe).ok_or_else(|| capabilities.no_such_timeframe(timeframe))?;
    let bars = base_bars(timeframe);
    let count = page_size(VENUE, *count, BASE_BARS / bars, &format!("candles of {timeframe}"))?;
    let (from, newest) = plan.window(now);
    // Both ends belong to the venue's range, but `before` is exclusive.
    let to = before.map_or(newest, |before| before.min(newest)).as_millis().saturating_sub(1).max(0);
    let from = from.as_millis().clamp(0, to);
    let code = ticker(&series.symbol)?;
    let query = vec![
        ("adjusted", "false".to_owned()),
        ("sort", "desc".to_owned()),
        ("limit", (count * bars).to_string()),
    ];
    Ok(get(format!("/v2/aggs/ticker/{code}/range/{multiplier}/{span}/{from}/{to}"), query))
}

/// The newest trades before a moment, however far back they lie: a day without any costs no request of its own.
fn trades(
    request: &TradePageRequest,
    plan: MassivePlan,
    (capabilities, now): (&Capabilities, Timestamp),
) -> Result<HttpCall, SourceError> {
    let TradePageRequest { symbol, cursor, count, newest: _ } = request;
    if !plan.has_trades() {
        return Err(not_in_plan(format!("single trades are not in the plan {plan}")));
    }
    let end = match cursor {
        TradeCursor::Latest => None,
        TradeCursor::At(moment) if *moment <= capabilities.trades_kept_since(now) => {
            return Err(unsupported(format!(
                "pages of massive's trades reach {TRADE_DAYS} days back, those before {moment} were asked; \
                 ask for a range of trades instead"
            )));
        }
        TradeCursor::At(moment) => Some(*moment),
        TradeCursor::Before(id) => {
            let unreadable = || bad_request(format!("`{id}` is not a trade id of massive"));
            // A page begins between milliseconds. Trades that are not before the cursor are left out when it is
            // read.
            Some(Timestamp::from_millis(millis_of(id).ok_or_else(unreadable)?.saturating_add(1)))
        }
    };
    let mut query = Vec::new();
    if let Some(end) = end {
        query.push(("timestamp.lt", end.as_nanos().max(0).to_string()));
    }
    let count = page_size(VENUE, *count, TRADE_PAGE, "trades")?;
    query.extend([
        ("order", "desc".to_owned()),
        ("sort", "timestamp".to_owned()),
        ("limit", (count + TRADE_SLACK).to_string()),
    ]);
    Ok(get(format!("/v3/trades/{}", ticker(symbol)?), query))
}

fn tickers(request: &TickerRequest) -> Result<HttpCall, SourceError> {
    match request {
        TickerRequest::Symbols(symbols) => Ok(get(snapshots_path(None)?, vec![("tickers", codes(symbols)?)])),
        TickerRequest::Quotes(quotes) if quotes.iter().any(|quote| quote.eq_ignore_ascii_case("USD")) => {
            Ok(get(snapshots_path(None)?, Vec::new()))
        }
        TickerRequest::Quotes(_) => Err(bad_request("all markets of massive are priced in USD")),
    }
}

fn books(request: &BookRequest) -> Result<HttpCall, SourceError> {
    page_size(VENUE, request.depth, BOOK_DEPTH, "levels of a book")?;
    match request.symbols.as_slice() {
        [only] => Ok(get(format!("/v2/last/nbbo/{}", ticker(only)?), Vec::new())),
        symbols => Ok(get(snapshots_path(None)?, vec![("tickers", codes(symbols)?)])),
    }
}

/// Returns the path of a range of bars, from one day to another, both included.
pub(crate) fn range_path(
    symbol: &Symbol,
    (multiplier, span): (u32, &str),
    (from, to): (Timestamp, Timestamp),
) -> Result<String, SourceError> {
    if multiplier == 0 || to <= from {
        return Err(bad_request("bars need a multiplier of at least 1 and a range that runs forwards"));
    }
    let (from, to) = (from.as_millis(), to.as_millis().saturating_sub(1));
    Ok(format!("/v2/aggs/ticker/{}/range/{multiplier}/{span}/{from}/{to}", ticker(symbol)?))
}

/// Returns the day of a moment, as paths write it.
pub(crate) fn day_of(moment: Timestamp) -> Day {
    Calendar::day_of(moment)
}

/// Returns the names and values of the query in an address.
fn parse_query(query: &str) -> QueryParams {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let decoded = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (percent_decoded(name), percent_decoded(value))
    });
    // The address never carries the key. If it did, the key would be in the request twice.
    decoded.filter(|(name, _)| name != "apiKey").map(|(name, value)| (name.into(), value)).collect()
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit =
            |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut ahead = rest.clone();
                if let (Some(high), Some(low)) = (digit(ahead.next()), digit(ahead.next())) {
                    bytes.push(high * 16 + low);
                    rest = ahead;
                } else {
                    bytes.push(byte);
                }
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn not_in_plan(message: impl Into<String>) -> SourceError {
    SourceError::new(SourceErrorKind::Forbidden, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_was_written() {
        let read =
            parse_query("cursor=bGltaXQ9NSZzb3J0PWFzYw&ticker.gte=BRK%2EA&a=b+c%20d&odd=%zz%4&apiKey=k&flag");
        let want = [
            ("cursor", "bGltaXQ9NSZzb3J0PWFzYw"),
            ("ticker.gte", "BRK.A"),
            ("a", "b c d"),
            ("odd", "%zz%4"),
            ("flag", ""),
        ];
        let read: Vec<_> = read.iter().map(|(name, value)| (&**name, value.as_str())).collect();
        assert_eq!(read, want);
    }
}
