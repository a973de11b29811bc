//! The events and subscriptions of a scripted venue, by their distance from noon.

use market_backbone_core::{
    Candle, Channel, Delivery, FeedEvent, Gap, GapCause, GapState, Series, StreamKind, Subscription, Symbol,
    Ticker, Timeframe, Timestamp, Trade,
};
use market_backbone_testkit::flat_candle;

use super::{FIRST_ID, NOON, VENUE};

pub(crate) fn symbol(code: &str) -> Symbol {
    Symbol::new(VENUE, code).unwrap()
}

pub(crate) fn channel(code: &str, kind: StreamKind) -> Channel {
    Channel { symbol: symbol(code), kind }
}

pub(crate) fn subscription(codes: &[&str], kinds: &[StreamKind]) -> Subscription {
    Subscription::new(codes.iter().map(|code| symbol(code)), kinds.iter().copied()).unwrap()
}

/// Returns a trade this many milliseconds after noon; its id contains the time.
pub(crate) fn trade(code: &str, ms: i64) -> Trade {
    sized(code, ms, 1.0)
}

pub(crate) fn sized(code: &str, ms: i64, size: f64) -> Trade {
    let time = at(ms);
    Trade { size, ..market_backbone_testkit::trade(symbol(code), FIRST_ID + ms, 100.0, time) }
}

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(NOON * 1_000 + ms)
}

pub(crate) fn ticker(code: &str, ms: i64, day_volume: f64) -> FeedEvent {
    let quiet = market_backbone_testkit::ticker(symbol(code), 100.0, at(ms));
    let (day_turnover, volume_24h, turnover_24h) = (day_volume, day_volume, day_volume);
    FeedEvent::Ticker(Ticker { day_volume, day_turnover, volume_24h, turnover_24h, ..quiet })
}

/// Returns a candle of the minute that opens this many minutes after noon.
pub(crate) fn candle(minute: i64, close: f64, is_final: bool) -> Candle {
    Candle { is_final, ..flat_candle(at(minute * 60_000), close) }
}

pub(crate) fn live_candle(minute: i64, close: f64) -> FeedEvent {
    let series = Series::new(symbol("A"), Timeframe::M1);
    FeedEvent::Candle { series, candle: candle(minute, close, false), received: at(minute * 60_000) }
}

pub(crate) fn gap(state: GapState, channels: &[Channel], from_ms: i64, to_ms: Option<i64>) -> FeedEvent {
    FeedEvent::Gap(Gap {
        state,
        channels: channels.into(),
        from: at(from_ms),
        to: to_ms.map(at),
        cause: GapCause::Disconnected,
        loss: None,
    })
}

pub(crate) fn shallow(mut subscription: Subscription, depth: usize) -> Subscription {
    subscription.delivery = Delivery::Buffered { capacity: depth };
    subscription
}
