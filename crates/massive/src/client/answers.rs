//! What the answers hold.

use market_backbone_core::{Calendar, Day, OrderBook, Symbol, Timestamp, Trade};

/// What bars are measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timespan {
    /// Seconds.
    Second,
    /// Minutes.
    Minute,
    /// Hours.
    Hour,
    /// Days in New York.
    Day,
    /// Weeks, from Sunday.
    Week,
    /// Months.
    Month,
    /// Quarters of a year.
    Quarter,
    /// Years.
    Year,
}

impl Timespan {
    /// As the venue writes it.
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

/// Which bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggregateSpec {
    /// How many of the timespan one bar is.
    pub multiplier: u32,
    /// What bars are measured in.
    pub timespan: Timespan,
    /// Whether prices from before a split are told in today's shares.
    pub adjusted: bool,
}

/// The trades of a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AggregateBar {
    /// When it begins.
    pub open_time: Timestamp,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Shares traded; not always whole ones.
    pub volume: f64,
    /// The average price, weighted by volume.
    pub vwap: Option<f64>,
    /// How many trades it was.
    pub trades: Option<u64>,
    /// Whether it was traded over the counter.
    pub otc: bool,
}

/// A share's bar of a whole day, told when the day's session was over.
#[derive(Clone, Debug, PartialEq)]
pub struct DayBar {
    /// Of which share.
    pub symbol: Symbol,
    /// Of which day.
    pub day: Day,
    /// The bar; it opens when the day does, as those of a range of days do.
    pub bar: AggregateBar,
    /// What the venue dates it: the end of the session, 16:00 in New York.
    pub venue_time: Timestamp,
}

/// A share's official figures of a day.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenClose {
    /// Of which share.
    pub symbol: Symbol,
    /// Of which day.
    pub day: Day,
    /// Price of the opening auction.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Price of the closing auction.
    pub close: f64,
    /// Shares traded.
    pub volume: f64,
    /// Last price of the evening.
    pub after_hours: Option<f64>,
    /// First price of the morning.
    pub pre_market: Option<f64>,
    /// Whether it is traded over the counter.
    pub otc: bool,
}

/// A trade and all that the tape says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TradeRecord {
    /// The trade.
    pub trade: Trade,
    /// When it happened by the exchange's clock.
    pub participant_time: Option<Timestamp>,
    /// Rises within a share's day, with gaps.
    pub sequence: i64,
    /// The number of the exchange.
    pub exchange: i64,
    /// The number of the facility that reported it, if it was no exchange.
    pub facility: Option<i64>,
    /// 1, 2 or 3.
    pub tape: Option<i64>,
    /// The numbers of what was special about it.
    pub conditions: Vec<i64>,
    /// What became of it later: 1 was corrected, 7 and 8 and 10 cancelled, 11 an error, 12 is the correction.
    pub correction: Option<i64>,
}

/// The best bid and ask.
pub type Quote = OrderBook;

/// A share at a glance. What the plan does not include is missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Which share.
    pub symbol: Symbol,
    /// Change against the session before.
    pub change: Option<f64>,
    /// The same in percent.
    pub change_percent: Option<f64>,
    /// When any of it changed last.
    pub updated: Timestamp,
    /// The day so far; `None` between 03:30 in New York and the first trade after it.
    pub day: Option<AggregateBar>,
    /// The day before.
    pub previous_day: Option<AggregateBar>,
    /// The last minute in which there were trades.
    pub minute: Option<AggregateBar>,
    /// The latest trade.
    pub last_trade: Option<TradeRecord>,
    /// The best bid and ask.
    pub last_quote: Option<Quote>,
}

/// Which movers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MoverDirection {
    /// Those that won most.
    Gainers,
    /// Those that lost most.
    Losers,
}

impl MoverDirection {
    /// As the venue writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gainers => "gainers",
            Self::Losers => "losers",
        }
    }
}

/// What is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Its ticker.
    pub symbol: Symbol,
    /// Its name.
    pub name: String,
    /// The exchange, by its code of four letters.
    pub exchange: Option<String>,
    /// What it is: `CS` for a common share, `ETF`, and so on.
    pub kind: Option<String>,
    /// What it is priced in.
    pub currency: Option<String>,
    /// Its number at the supervisor.
    pub cik: Option<String>,
    /// Its number among all instruments.
    pub figi: Option<String>,
    /// Whether it is still traded.
    pub active: bool,
}

/// Whether the exchanges are open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketStatus {
    /// `open`, `closed` or `extended-hours`.
    pub market: String,
    /// Whether it is the time before the session.
    pub early_hours: bool,
    /// Whether it is the time after it.
    pub after_hours: bool,
    /// The venue's clock.
    pub server_time: Timestamp,
}

/// What is different about a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HolidayKind {
    /// Nobody trades.
    Closed,
    /// The session ends at this time.
    ClosesEarly(Timestamp),
}

/// A holiday of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holiday {
    /// Which day.
    pub day: Day,
    /// Which exchange: `NYSE`, `NASDAQ`, `OTC`.
    pub exchange: String,
    /// What is celebrated.
    pub name: String,
    /// What is different.
    pub kind: HolidayKind,
}

/// Makes `calendar` go by what the venue says of the New York Stock Exchange; where that and the exchange's rules differ,
/// the venue knows better.
pub fn apply_holidays(calendar: &mut Calendar, holidays: &[Holiday]) {
    for holiday in holidays.iter().filter(|holiday| holiday.exchange == "NYSE") {
        match holiday.kind {
            HolidayKind::Closed => calendar.mark_closed(holiday.day),
            HolidayKind::ClosesEarly(close) => calendar.mark_early_close(holiday.day, close),
        }
    }
}

/// What a share pays its owners.
#[derive(Clone, Debug, PartialEq)]
pub struct Dividend {
    /// Which share.
    pub symbol: Symbol,
    /// From this day on it is traded without the right to it.
    pub ex_day: Day,
    /// When it is paid.
    pub pay_day: Option<Day>,
    /// How much for each share.
    pub amount: f64,
    /// In what; US dollars where nothing is said.
    pub currency: Option<String>,
}

/// The lists of what numbers and codes stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Glossary {
    /// The exchanges, by the numbers that trades bear.
    Exchanges,
    /// What can be special about a trade, by the numbers that trades bear.
    Conditions,
    /// The kinds of shares, by the codes that listings bear.
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

/// What a number or a code stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlossaryTerm {
    /// The number or the code, as a text.
    pub code: String,
    /// What it stands for.
    pub name: String,
}
