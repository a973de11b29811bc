//! The values in the answers.

use market_backbone_core::{Calendar, Day, OrderBook, Symbol, Timestamp, Trade};

/// The unit of a bar's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Timespan {
    /// Bars of seconds.
    Second,
    /// Bars of minutes.
    Minute,
    /// Bars of hours.
    Hour,
    /// Days in New York.
    Day,
    /// Weeks, from Sunday.
    Week,
    /// Bars of calendar months.
    Month,
    /// Quarters of a year.
    Quarter,
    /// Bars of calendar years.
    Year,
}

impl Timespan {
    /// Returns the venue's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }
}

/// The kind of bars to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggregateSpec {
    /// The number of timespans in one bar.
    pub multiplier: u32,
    /// The unit of the bar's length.
    pub timespan: Timespan,
    /// `true` to adjust prices from before a split to today's shares.
    pub adjusted: bool,
}

/// The bar of a range of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AggregateBar {
    /// The start of the bar.
    pub open_time: Timestamp,
    /// The first price, in US dollars.
    pub open: f64,
    /// The highest price, in US dollars.
    pub high: f64,
    /// The lowest price, in US dollars.
    pub low: f64,
    /// The last price, in US dollars.
    pub close: f64,
    /// The number of shares traded; not always whole.
    pub volume: f64,
    /// The average price, weighted by volume.
    pub vwap: Option<f64>,
    /// The number of trades.
    pub trades: Option<u64>,
    /// `true` if the share is traded over the counter.
    pub otc: bool,
}

/// A share's bar of a whole day, sent after the day's session.
#[derive(Clone, Debug, PartialEq)]
pub struct DayBar {
    /// The share of the bar.
    pub symbol: Symbol,
    /// The day of the bar, in New York.
    pub day: Day,
    /// The bar. It opens when the day does, as the bars of a range of days do.
    pub bar: AggregateBar,
    /// The venue's own timestamp: the end of the session, 16:00 in New York.
    pub venue_time: Timestamp,
}

/// A share's official figures of a day.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenClose {
    /// The share of the figures.
    pub symbol: Symbol,
    /// The day of the figures, in New York.
    pub day: Day,
    /// The price of the opening auction.
    pub open: f64,
    /// The highest price of the session.
    pub high: f64,
    /// The lowest price of the session.
    pub low: f64,
    /// The price of the closing auction.
    pub close: f64,
    /// The number of shares traded.
    pub volume: f64,
    /// The last price of the after-hours session.
    pub after_hours: Option<f64>,
    /// The first price of the pre-market session.
    pub pre_market: Option<f64>,
    /// `true` if the share is traded over the counter.
    pub otc: bool,
}

/// A trade with every field of the tape.
#[derive(Clone, Debug, PartialEq)]
pub struct TradeRecord {
    /// The trade itself.
    pub trade: Trade,
    /// The time of the trade by the exchange's clock.
    pub participant_time: Option<Timestamp>,
    /// The sequence number, which rises within a share's day, with gaps.
    pub sequence: i64,
    /// The number of the exchange.
    pub exchange: i64,
    /// The number of the reporting facility, if it was not an exchange.
    pub facility: Option<i64>,
    /// The tape: 1, 2 or 3.
    pub tape: Option<i64>,
    /// The numbers of the conditions of the trade.
    pub conditions: Vec<i64>,
    /// The later correction of the trade: 1 is corrected, 7, 8 and 10 are cancelled, 11 is an error, 12 is the
    /// correction itself.
    pub correction: Option<i64>,
}

/// The best bid and ask.
pub type Quote = OrderBook;

/// A share's snapshot. Fields that the plan does not include are missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The share of the snapshot.
    pub symbol: Symbol,
    /// The change against the session before, in US dollars.
    pub change: Option<f64>,
    /// The change against the session before, in percent.
    pub change_percent: Option<f64>,
    /// The time of the latest change of any field.
    pub updated: Timestamp,
    /// The bar of the day so far, or `None` between 03:30 in New York and the first trade after it.
    pub day: Option<AggregateBar>,
    /// The bar of the day before.
    pub previous_day: Option<AggregateBar>,
    /// The bar of the last minute with trades.
    pub minute: Option<AggregateBar>,
    /// The latest trade.
    pub last_trade: Option<TradeRecord>,
    /// The best bid and ask.
    pub last_quote: Option<Quote>,
}

/// The direction of the movers to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MoverDirection {
    /// The shares that gained most.
    Gainers,
    /// The shares that lost most.
    Losers,
}

impl MoverDirection {
    /// Returns the venue's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gainers => "gainers",
            Self::Losers => "losers",
        }
    }
}

/// A listed share or other security.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The ticker of the security.
    pub symbol: Symbol,
    /// The name of the company or fund.
    pub name: String,
    /// The exchange, by its code of four letters (MIC).
    pub exchange: Option<String>,
    /// The type: `CS` for a common share, `ETF`, and so on.
    pub kind: Option<String>,
    /// The currency of its price.
    pub currency: Option<String>,
    /// The company's number at the SEC (CIK).
    pub cik: Option<String>,
    /// The instrument's global identifier (FIGI).
    pub figi: Option<String>,
    /// `true` if it is still traded.
    pub active: bool,
}

/// The current state of the exchanges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketStatus {
    /// The state: `open`, `closed` or `extended-hours`.
    pub market: String,
    /// `true` during the pre-market session.
    pub early_hours: bool,
    /// `true` during the after-hours session.
    pub after_hours: bool,
    /// The time by the venue's clock.
    pub server_time: Timestamp,
}

/// The effect of a holiday on trading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HolidayKind {
    /// Nobody trades on this day.
    Closed,
    /// The session ends at this time.
    ClosesEarly(Timestamp),
}

/// A holiday of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holiday {
    /// The day of the holiday.
    pub day: Day,
    /// The exchange: `NYSE`, `NASDAQ`, `OTC`.
    pub exchange: String,
    /// The name of the holiday.
    pub name: String,
    /// The effect on trading.
    pub kind: HolidayKind,
}

/// Applies what the venue reports about the New York Stock Exchange to `calendar`. Where the report and the
/// exchange's rules differ, the report wins.
pub fn apply_holidays(calendar: &mut Calendar, holidays: &[Holiday]) {
    for holiday in holidays.iter().filter(|holiday| holiday.exchange == "NYSE") {
        match holiday.kind {
            HolidayKind::Closed => calendar.mark_closed(holiday.day),
            HolidayKind::ClosesEarly(close) => calendar.mark_early_close(holiday.day, close),
        }
    }
}

/// A dividend of a share.
#[derive(Clone, Debug, PartialEq)]
pub struct Dividend {
    /// The share that pays the dividend.
    pub symbol: Symbol,
    /// The ex-dividend day: from this day on the share is traded without the right to the dividend.
    pub ex_day: Day,
    /// The day on which the dividend is paid.
    pub pay_day: Option<Day>,
    /// The amount for each share.
    pub amount: f64,
    /// The currency; US dollars where it is missing.
    pub currency: Option<String>,
}

/// The lists of the meanings of numbers and codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Glossary {
    /// The exchanges, by the numbers in trades.
    Exchanges,
    /// The trade conditions, by the numbers in trades.
    Conditions,
    /// The types of shares, by the codes in listings.
    ShareTypes,
}

impl Glossary {
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Exchanges => "/v3/reference/exchanges",
            Self::Conditions => "/v3/reference/conditions",
            Self::ShareTypes => "/v3/reference/tickers/types",
        }
    }
}

/// The meaning of a number or a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlossaryTerm {
    /// The number or the code, as text.
    pub code: String,
    /// The name it stands for.
    pub name: String,
}
