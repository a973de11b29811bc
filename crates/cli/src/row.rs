//! Candles, tickers and events as CSV, as JSON, and as text for people.

mod candle;
mod text;
mod units;

use market_backbone::{
    Candle, Channel, ChannelHistory, FeedEvent, Gap, Instrument, Level, OrderBook, PriceBand, Series, Side,
    Ticker, TimeRange, Timestamp, Trade,
};
use serde_json::{Value, json};

use self::candle::candle_json;
pub(crate) use self::candle::{CANDLE_CSV, view_csv, view_json};
pub(crate) use self::text::{candle_text, clock, event_body, event_text, number, tint_of_change};
use self::units::with_units;

/// A ticker as one JSON object.
pub(crate) fn ticker_json(ticker: &Ticker) -> Value {
    with_units(json!({
        "kind": "ticker",
        "symbol": ticker.symbol.code(),
        "time": ticker.time.as_nanos(),
        "received": ticker.received.as_nanos(),
        "price": ticker.price,
        "open": ticker.open,
        "high": ticker.high,
        "low": ticker.low,
        "previous_close": ticker.previous_close,
        "change_rate": ticker.change_rate(),
        "size": ticker.size,
        "side": ticker.side.map(Side::as_str),
        "day_volume": ticker.day_volume,
        "day_turnover": ticker.day_turnover,
        "volume_24h": ticker.volume_24h,
        "turnover_24h": ticker.turnover_24h,
        "trade_time": ticker.trade_time.as_nanos(),
    }))
}

pub(crate) fn market_json(market: &Instrument) -> Value {
    json!({
        "symbol": market.symbol.code(),
        "base": market.base,
        "quote": market.quote,
        "name": market.name,
        "local_name": market.local_name,
        "warning": market.warning,
    })
}

fn trade_json(trade: &Trade, is_snapshot: bool) -> Value {
    json!({
        "kind": "trade",
        "symbol": trade.symbol.code(),
        "time": trade.time.as_nanos(),
        "received": trade.received.as_nanos(),
        "price": trade.price,
        "size": trade.size,
        "side": trade.side.map(Side::as_str),
        "id": trade.id.to_string(),
        "snapshot": is_snapshot,
    })
}

fn book_json(book: &OrderBook) -> Value {
    let levels = |levels: &[Level]| levels.iter().map(|level| [level.price, level.size]).collect::<Vec<_>>();
    json!({
        "kind": "book",
        "symbol": book.symbol.code(),
        "time": book.time.as_nanos(),
        "received": book.received.as_nanos(),
        "asks": levels(&book.asks),
        "bids": levels(&book.bids),
    })
}

fn band_json(band: &PriceBand) -> Value {
    json!({
        "kind": "band",
        "symbol": band.symbol.code(),
        "time": band.time.as_nanos(),
        "received": band.received.as_nanos(),
        "low": band.low,
        "high": band.high,
        "indicators": band.indicators.iter().collect::<Vec<_>>(),
    })
}

fn live_candle_json(series: &Series, candle: &Candle, received: Timestamp) -> Value {
    let mut value = candle_json(candle);
    value["kind"] = "candle".into();
    value["symbol"] = series.symbol.code().into();
    value["timeframe"] = series.timeframe.as_str().into();
    value["received"] = received.as_nanos().into();
    value
}

fn gap_json(gap: &Gap) -> Value {
    json!({
        "kind": "gap",
        "state": gap.state.as_str(),
        "from": gap.from.as_nanos(),
        "to": gap.to.map(Timestamp::as_nanos),
        "from_time": gap.from.to_string(),
        "to_time": gap.to.as_ref().map(ToString::to_string),
        "cause": gap.cause.as_str(),
        "why": gap.loss.as_ref().map(ToString::to_string),
        "channels": gap.channels.iter().map(channel_text).collect::<Vec<_>>(),
    })
}

fn channel_text(channel: &Channel) -> String {
    format!("{} {}", channel.symbol, channel.kind)
}

/// The known history of each channel as JSON: the complete ranges, and why the rest is missing.
fn caught_up_json(histories: &[ChannelHistory]) -> Value {
    let range = |range: &TimeRange| json!([range.from().as_nanos(), range.to().as_nanos()]);
    let times = |range: &TimeRange| [range.from().to_string(), range.to().to_string()];
    let one = |history: &ChannelHistory| {
        json!({
            "channel": channel_text(&history.channel),
            "complete_ns": history.coverage.ranges().iter().map(range).collect::<Vec<_>>(),
            "complete": history.coverage.ranges().iter().map(range).collect::<Vec<_>>(),
            "complete_times": history.coverage.ranges().iter().map(times).collect::<Vec<_>>(),
            "lost": history.loss.as_ref().map(ToString::to_string),
        })
    };
    json!({ "kind": "caught_up", "channels": histories.iter().map(one).collect::<Vec<_>>() })
}

/// Returns an event as one JSON object. An unknown event is reported, not dropped.
pub(crate) fn event_json(event: &FeedEvent) -> Value {
    with_units(match event {
        FeedEvent::Trade(trade) => trade_json(trade, false),
        FeedEvent::Snapshot(trade) => trade_json(trade, true),
        FeedEvent::Ticker(ticker) => return ticker_json(ticker),
        FeedEvent::Book(book) => book_json(book),
        FeedEvent::Band(band) => band_json(band),
        FeedEvent::Candle { series, candle, received } => live_candle_json(series, candle, *received),
        FeedEvent::Bar { series, candle, revision, is_quiet, received } => {
            let mut value = live_candle_json(series, candle, *received);
            value["kind"] = "bar".into();
            value["revision"] = (*revision).into();
            value["quiet"] = (*is_quiet).into();
            value
        }
        FeedEvent::Gap(gap) => gap_json(gap),
        FeedEvent::CaughtUp(histories) => caught_up_json(histories),
        FeedEvent::Lagged { missed } => json!({ "kind": "lagged", "missed": missed }),
        FeedEvent::Ended { reason } => json!({ "kind": "ended", "reason": reason.to_string() }),
        other => json!({ "kind": "other", "text": format!("{other:?}") }),
    })
}
