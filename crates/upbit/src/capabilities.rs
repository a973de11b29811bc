//! The capabilities and rate limits of Upbit.
//!
//! The groups have the names of the `remaining-req` header (`candles`, `crix-trades`), which differ from those
//! in the documentation.

use std::time::Duration;

use market_backbone_core::{
    Capabilities, Grid, KeepAlive, RateLimitGroup, RateLimitRule, RevisionPolicy, SocketLimits, StreamKind,
    Timeframe, TradeCursorKind,
};

use crate::naming::UPBIT;

pub(crate) const MARKET: RateLimitGroup = RateLimitGroup("market");
pub(crate) const CANDLES: RateLimitGroup = RateLimitGroup("candles");
pub(crate) const TRADES: RateLimitGroup = RateLimitGroup("crix-trades");
pub(crate) const TICKER: RateLimitGroup = RateLimitGroup("ticker");
pub(crate) const ORDERBOOK: RateLimitGroup = RateLimitGroup("orderbook");
const CONNECT: RateLimitGroup = RateLimitGroup("websocket");
const MESSAGE: RateLimitGroup = RateLimitGroup("websocket-message");

/// The groups that a reply may name.
pub(crate) const REQUEST_GROUPS: [RateLimitGroup; 5] = [MARKET, CANDLES, TRADES, TICKER, ORDERBOOK];

/// The calendar that cuts the candles: minutes to days on UTC, weeks on Monday.
pub(crate) const GRID: Grid = Grid::Utc;

/// The time after its end at which a candle is final if the page shows no newer one although it could: the
/// venue may lag.
pub(crate) const UNCONFIRMED_FINALITY_DELAY: Duration = Duration::from_secs(30);

/// The time after its end at which a candle is final, if the page ends with it.
///
/// A venue that lags shows a closed minute without its last seconds. Lags of up to three seconds were reported.
pub(crate) const FINALITY_DELAY: Duration = Duration::from_secs(3);

/// The time after its end at which a candle is final if the page shows a newer one.
///
/// Candles of 2026 were stamped at most 54 ms after their end, and of 198 that were read again after 70 s none
/// had changed. One second leaves room for the clocks.
pub(crate) const VISIBILITY_DELAY: Duration = Duration::from_secs(1);

/// Days before today (UTC) of which trades can be asked.
pub(crate) const TRADE_DAYS: i64 = 7;
/// Of more than this, Upbit silently sends this.
pub(crate) const CANDLE_PAGE: u32 = 200;
pub(crate) const TRADE_PAGE: u32 = 500;
pub(crate) const BOOK_DEPTH: u32 = 30;

pub(crate) const CAPABILITIES: Capabilities = Capabilities {
    venue: UPBIT,
    grid: GRID,
    candle_page: CANDLE_PAGE,
    shorter_pages: &[],
    trade_page: TRADE_PAGE,
    book_depth: BOOK_DEPTH,
    trade_history: Duration::from_secs(TRADE_DAYS.unsigned_abs() * 86_400),
    // The day that Upbit wants to know beside a cursor is told by the cursor itself.
    trade_cursors: &[TradeCursorKind::Latest, TradeCursorKind::Before, TradeCursorKind::At],
    timeframes: &[
        Timeframe::S1,
        Timeframe::M1,
        Timeframe::M3,
        Timeframe::M5,
        Timeframe::M10,
        Timeframe::M15,
        Timeframe::M30,
        Timeframe::H1,
        Timeframe::H4,
        Timeframe::D1,
        Timeframe::W1,
        Timeframe::Month,
        Timeframe::Year,
    ],
    // No bands: nothing limits how far a price may go.
    streamed_kinds: &[StreamKind::Trade, StreamKind::Ticker, StreamKind::Book],
    live_timeframes: &[
        Timeframe::S1,
        Timeframe::M1,
        Timeframe::M3,
        Timeframe::M5,
        Timeframe::M10,
        Timeframe::M15,
        Timeframe::M30,
        Timeframe::H1,
        Timeframe::H4,
    ],
    finality_delay: FINALITY_DELAY,
    revision_policy: RevisionPolicy::NONE,
    limits: &[
        per_second(MARKET, 10),
        per_second(CANDLES, 10),
        per_second(TRADES, 10),
        per_second(TICKER, 10),
        per_second(ORDERBOOK, 10),
    ],
    socket: SocketLimits {
        connects: per_second(CONNECT, 5),
        messages: &[per_second(MESSAGE, 5), RateLimitRule::new(MESSAGE, 100, Duration::from_secs(60))],
        // Pings of the protocol are answered and, unlike the text `PING`, do not count as messages.
        keep_alive: KeepAlive::Ping,
        keep_alive_every: Duration::from_secs(10),
        // Upbit drops a silent socket after 60 s without a close frame; two lost pongs show it sooner.
        idle_timeout: Duration::from_secs(25),
        // One connection has carried all 855 codes; neither number is documented.
        max_connections: None,
        channels_per_connection: None,
    },
};

const fn per_second(group: RateLimitGroup, max: u32) -> RateLimitRule {
    RateLimitRule::new(group, max, Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naming::{candle_path, candle_stream};

    #[test]
    fn what_is_said_to_be_there_has_a_path_and_a_stream() {
        for timeframe in Timeframe::ALL {
            let live = CAPABILITIES.live_timeframes.contains(&timeframe);
            assert_eq!(live, candle_stream(timeframe).is_some(), "{timeframe}");
            let has_pages = CAPABILITIES.timeframes.contains(&timeframe);
            assert_eq!(has_pages, candle_path(timeframe).is_some(), "{timeframe}");
        }
    }

    #[test]
    fn every_request_group_has_a_limit() {
        for group in REQUEST_GROUPS {
            assert!(CAPABILITIES.limits.iter().any(|limit| limit.group == group), "{group}");
        }
    }
}
