//! The capabilities and rate limits of Massive, both of which depend on the plan.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use market_backbone_core::{
    Calendar, Capabilities, Grid, KeepAlive, RateLimitGroup, RateLimitRule, RevisionPolicy, SocketLimits,
    StreamKind, Timeframe, Timestamp, TradeCursorKind, VenueId,
};

use crate::naming::base_bars;

/// The only rate limit group: all requests are counted together.
pub(crate) const REQUESTS: RateLimitGroup = RateLimitGroup("massive");
const CONNECT: RateLimitGroup = RateLimitGroup("massive-websocket");

/// The calendar that cuts the candles.
pub(crate) const GRID: Grid = Grid::NewYork;

/// The most bars one page counts. If more are asked for, the venue sends this many.
pub(crate) const BASE_BARS: u32 = 50_000;
/// The most trades of a page: less than the venue allows, because a page is requested with [`TRADE_SLACK`] more
/// than is wanted.
pub(crate) const TRADE_PAGE: u32 = 49_000;
/// The most trades that may be requested twice, because pages begin at a millisecond and not at a trade.
pub(crate) const TRADE_SLACK: u32 = 1_000;
/// Days before today that are looked through for trades. The venue has years of them: those are for
/// [`MassiveClient::trades`](crate::MassiveClient::trade_channel).
pub(crate) const TRADE_DAYS: u64 = 7;
pub(crate) const BOOK_DEPTH: u32 = 1;
pub(crate) const LISTING_PAGE: u32 = 1_000;

/// The first year of which the venue has any data.
const FIRST_YEAR: i16 = 1998;
/// The time by which a trade may be reported late. Then the bars it belongs to change.
const LATE_REPORT_WINDOW: Duration = Duration::from_secs(20 * 60);
/// The age at which a candle includes the corrections made at the end of its day.
const RECONCILE_DELAY: Duration = Duration::from_secs(18 * 3_600);
const DELAY: Duration = Duration::from_secs(15 * 60);
/// The length of the longest day in New York.
const END_OF_DAY_DELAY: Duration = Duration::from_secs(25 * 3_600);

/// The plan the account has paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MassivePlan {
    /// Free: bars of past days, two years back, five requests a minute, no socket.
    Basic,
    /// Bars a quarter of an hour late, five years back.
    Starter,
    /// Trades as well, ten years back.
    Developer,
    /// Everything in real time, quotes included.
    Advanced,
}

impl MassivePlan {
    /// Returns `basic`, `starter`, `developer` or `advanced`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Starter => "starter",
            Self::Developer => "developer",
            Self::Advanced => "advanced",
        }
    }

    /// Returns the rate limit of the plan.
    #[must_use]
    pub const fn rate(self) -> MassiveRate {
        match self {
            Self::Basic => MassiveRate::FivePerMinute,
            Self::Starter | Self::Developer | Self::Advanced => MassiveRate::HundredPerSecond,
        }
    }

    /// Returns the delay with which this plan shows events.
    #[must_use]
    pub const fn delay(self) -> Duration {
        match self {
            Self::Basic => END_OF_DAY_DELAY,
            Self::Starter | Self::Developer => DELAY,
            Self::Advanced => Duration::ZERO,
        }
    }

    /// Returns whether the plan includes single trades.
    pub(crate) const fn has_trades(self) -> bool {
        matches!(self, Self::Developer | Self::Advanced)
    }

    /// Returns the first day that may be requested at `now`, with a day to spare, or `None` if the plan has no
    /// limit.
    pub(crate) fn history_start(self, now: Timestamp) -> Option<Timestamp> {
        let years: i32 = match self {
            Self::Basic => 2,
            Self::Starter => 5,
            Self::Developer => 10,
            Self::Advanced => return None,
        };
        Some(Calendar::midnight(Calendar::day_of(now).plus(1 - 365 * years)))
    }

    /// Returns the range that a page of candles requested at `now` covers if the request does not narrow it.
    pub(crate) fn window(self, now: Timestamp) -> (Timestamp, Timestamp) {
        let today = Calendar::day_of(now);
        let first =
            || market_backbone_core::Day::new(FIRST_YEAR, 1, 1).map_or(Timestamp::EPOCH, Calendar::midnight);
        let to = match self {
            // A request for the running day is refused.
            Self::Basic => today,
            _ => today.plus(2),
        };
        (self.history_start(now).unwrap_or_else(first), Calendar::midnight(to))
    }
}

impl fmt::Display for MassivePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An error for a text that names no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MassivePlanError(String);

impl fmt::Display for MassivePlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no plan `{}`; there are basic, starter, developer and advanced", self.0)
    }
}

impl std::error::Error for MassivePlanError {}

/// Reads what [`Display`](fmt::Display) writes, and `free` as another name of `basic`.
impl FromStr for MassivePlan {
    type Err = MassivePlanError;

    fn from_str(text: &str) -> Result<Self, MassivePlanError> {
        let plans = [Self::Basic, Self::Starter, Self::Developer, Self::Advanced];
        let named = plans.into_iter().find(|plan| plan.as_str() == text);
        let free = || (text == "free").then_some(Self::Basic);
        named.or_else(free).ok_or_else(|| MassivePlanError(text.chars().take(40).collect()))
    }
}

/// The rate limit that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MassiveRate {
    /// Five requests a minute: the limit of the free plan.
    FivePerMinute,
    /// A hundred a minute: for accounts that are shared, or for caution.
    HundredPerMinute,
    /// A hundred a second: what the venue asks of plans without a limit.
    HundredPerSecond,
}

impl MassiveRate {
    const fn limits(self) -> &'static [RateLimitRule] {
        const fn limit(max: u32, secs: u64) -> RateLimitRule {
            RateLimitRule::new(REQUESTS, max, Duration::from_secs(secs))
        }
        match self {
            Self::FivePerMinute => &const { [limit(5, 60)] },
            Self::HundredPerMinute => &const { [limit(100, 60)] },
            Self::HundredPerSecond => &const { [limit(100, 1)] },
        }
    }
}

/// Returns the number of candles a page is sure to hold, since the venue counts the bars they are made of.
const fn page(timeframe: Timeframe) -> (Timeframe, u32) {
    (timeframe, BASE_BARS / base_bars(timeframe))
}

/// The timeframes of which it is known how Massive cuts them. It has bars of any multiple of an hour and of a day, but
/// from where it counts six hours or three days is said nowhere.
static TIMEFRAMES: [Timeframe; 13] = [
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
];

static SHORTER_PAGES: [(Timeframe, u32); 10] = [
    page(Timeframe::M3),
    page(Timeframe::M5),
    page(Timeframe::M10),
    page(Timeframe::M15),
    page(Timeframe::M30),
    page(Timeframe::H1),
    page(Timeframe::H4),
    page(Timeframe::W1),
    page(Timeframe::Month),
    page(Timeframe::Year),
];

pub(crate) fn capabilities(
    source: VenueId,
    plan: MassivePlan,
    rate: MassiveRate,
    connections: u32,
) -> Capabilities {
    Capabilities {
        venue: source,
        grid: GRID,
        candle_page: BASE_BARS,
        shorter_pages: &SHORTER_PAGES,
        trade_page: TRADE_PAGE,
        book_depth: BOOK_DEPTH,
        trade_history: Duration::from_secs(TRADE_DAYS * 86_400),
        trade_cursors: &[TradeCursorKind::Latest, TradeCursorKind::Before, TradeCursorKind::At],
        // Seconds are not free.
        timeframes: if plan == MassivePlan::Basic { &TIMEFRAMES[1..] } else { &TIMEFRAMES },
        live_timeframes: if plan == MassivePlan::Basic { &[] } else { &[Timeframe::S1, Timeframe::M1] },
        streamed_kinds: streamed_kinds(plan),
        finality_delay: LATE_REPORT_WINDOW + plan.delay(),
        revision_policy: RevisionPolicy { live_is_provisional: true, reconcile_after: &[RECONCILE_DELAY] },
        limits: rate.limits(),
        socket: SocketLimits {
            // Nothing is documented; one a second is little enough.
            connects: RateLimitRule::new(CONNECT, 1, Duration::from_secs(1)),
            messages: &[],
            keep_alive: KeepAlive::Ping,
            keep_alive_every: Duration::from_secs(15),
            // Pings are answered. Without them, nights are long and silent.
            idle_timeout: Duration::from_secs(40),
            max_connections: Some(connections),
            channels_per_connection: None,
        },
    }
}

/// No plan has tickers: there is no such channel.
const fn streamed_kinds(plan: MassivePlan) -> &'static [StreamKind] {
    match plan {
        MassivePlan::Basic | MassivePlan::Starter => &[],
        MassivePlan::Developer => &[StreamKind::Trade],
        MassivePlan::Advanced => &[StreamKind::Trade, StreamKind::Book, StreamKind::Band],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naming::{MASSIVE, channel_name, timespan};

    const PLANS: [MassivePlan; 4] =
        [MassivePlan::Basic, MassivePlan::Starter, MassivePlan::Developer, MassivePlan::Advanced];

    #[test]
    fn what_is_said_to_stream_has_a_channel() {
        for plan in PLANS {
            let can = capabilities(MASSIVE, plan, plan.rate(), 1);
            let kinds = [StreamKind::Trade, StreamKind::Ticker, StreamKind::Book, StreamKind::Band];
            for kind in kinds.into_iter().chain(Timeframe::ALL.map(StreamKind::Candle)) {
                assert!(!can.streams(kind) || channel_name(kind).is_some(), "{plan} {kind}");
            }
            for kind in [StreamKind::Book, StreamKind::Band] {
                assert_eq!(can.streams(kind), plan == MassivePlan::Advanced);
            }
        }
    }

    #[test]
    fn a_page_never_counts_more_bars_than_the_venue_does() {
        let can = capabilities(MASSIVE, MassivePlan::Advanced, MassiveRate::HundredPerSecond, 1);
        for timeframe in TIMEFRAMES {
            let bars = can.candle_page_of(timeframe) * base_bars(timeframe);
            assert!((BASE_BARS - 366..=BASE_BARS).contains(&bars), "{timeframe}: {bars}");
        }
        assert_eq!(can.candle_page_of(Timeframe::H1), 833);
        for timeframe in Timeframe::ALL {
            assert_eq!(can.timeframes.contains(&timeframe), timespan(timeframe).is_some(), "{timeframe}");
        }
    }

    #[test]
    fn a_plan_reads_as_it_is_written() {
        for plan in PLANS {
            assert_eq!(plan.to_string().parse(), Ok(plan));
        }
        assert_eq!("free".parse(), Ok(MassivePlan::Basic));
        assert!("gold".parse::<MassivePlan>().unwrap_err().to_string().contains("advanced"));
    }
}
