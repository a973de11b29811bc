//! The settings of the emulator: one value, every field with a default.

use std::path::PathBuf;

use crate::clock::EmulatorClock;
use crate::faults::{Faults, ScriptedFault};
use crate::limiter::{BanRule, LimitRule, LimiterKind};
use crate::massive::{ExchangeHours, StocksScenario, TickerSet};
use crate::number::NumberFormat;
use crate::upbit::EmulatedRegion;

/// The settings of the emulator. `Scenario::default()` is a healthy venue at the present time.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The seed: the same one plays the same trades at the same times.
    pub seed: u64,
    /// The listed markets. Ignored with a tape file, which brings its own.
    pub markets: MarketSet,
    /// The number of days before the start when old markets were listed.
    pub history_days: u32,
    /// The file of recorded trades to play instead of made-up ones: CSV, plain or gzipped, with the header
    /// `trade_timestamp_ms,market,trade_price,trade_volume`.
    pub tape: Option<PathBuf>,
    /// The time at which recorded trades are played.
    pub tape_start: TapeAlignment,
    /// The times without trades on the whole venue. Ignored with a tape file.
    pub outages: Vec<Outage>,
    /// The only source of "now".
    pub clock: EmulatorClock,
    /// The way in which requests are counted against the limits.
    pub limiter: LimiterKind,
    /// The rules that replace the venue's own for their groups: with weights, or several windows at once.
    pub limits: Vec<LimitRule>,
    /// The rule by which repeated 429s end in a 418; `None` for never.
    pub ban: Option<BanRule>,
    /// The spelling of numbers.
    pub number_format: NumberFormat,
    /// The faults from the start; can be changed at run time.
    pub faults: Faults,
    /// The faults at single places; can be changed at run time.
    pub script: Vec<ScriptedFault>,
    /// The emulated region of Upbit: each has markets, trades and books of its own.
    pub region: EmulatedRegion,
    /// The inconsistencies in the venue's data.
    pub quirks: Quirks,
    /// The time without a byte in either direction after which a socket is cut, in ms.
    pub socket_idle_ms: u64,
    /// The number of days that candles of seconds reach back.
    pub seconds_days: u32,
    /// The settings of the US stock market on the same port.
    pub massive: StocksScenario,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            seed: 1,
            markets: MarketSet::Standard,
            history_days: 120,
            tape: None,
            tape_start: TapeAlignment::Recorded,
            outages: Vec::new(),
            clock: EmulatorClock::system(),
            limiter: LimiterKind::Sliding,
            limits: Vec::new(),
            ban: Some(BanRule::default()),
            number_format: NumberFormat::Measured,
            faults: Faults::default(),
            script: Vec::new(),
            region: EmulatedRegion::Korea,
            quirks: Quirks::default(),
            socket_idle_ms: 60_500,
            seconds_days: 90,
            massive: StocksScenario::default(),
        }
    }
}

impl Scenario {
    /// Makes the scenario of a demonstration: all markets are open around the clock, and soon ready.
    #[must_use]
    pub fn demonstration(seed: u64) -> Self {
        let stocks = StocksScenario {
            hours: ExchangeHours::AlwaysRegular,
            tickers: TickerSet::Standard(300),
            // A trade that is told minutes later would be a line that runs backwards.
            late_share: 0.0,
            overnight_share: 0.0,
            ..StocksScenario::default()
        };
        Self { seed, ..Self::default() }.with_stocks(stocks)
    }

    /// Replaces the US stock market of the scenario.
    #[must_use]
    pub fn with_stocks(mut self, stocks: StocksScenario) -> Self {
        self.massive = stocks;
        self
    }
}

/// The set of listed markets.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum MarketSet {
    /// A set of about 150 KRW markets and some in BTC and USDT.
    #[default]
    Standard,
    /// Some markets of the standard set, by code.
    Only(Vec<String>),
    /// The caller's own markets.
    Own(Vec<MarketSpec>),
}

impl MarketSet {
    /// Creates `count` markets `KRW-M000`, `KRW-M001` and so on, with the same activity, at prices of every
    /// size.
    #[must_use]
    pub fn many(count: usize, pace: MarketActivity) -> Self {
        let spec = |number: usize| MarketSpec {
            code: format!("KRW-M{number:03}"),
            korean_name: format!("시장 {number}"),
            english_name: format!("Market {number}"),
            price: 10_f64.powf(number as f64 * 0.7 % 8.0) * 1.5,
            activity: pace,
        };
        Self::Own((0..count).map(spec).collect())
    }
}

/// A made-up market.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketSpec {
    /// The market's code, `QUOTE-BASE`.
    pub code: String,
    /// The name in Korean.
    pub korean_name: String,
    /// The name in English.
    pub english_name: String,
    /// The price level, in quote currency.
    pub price: f64,
    /// The trading activity of the market.
    pub activity: MarketActivity,
}

/// The trading activity of a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketActivity {
    /// Trades about ten times a second, as on an extreme day.
    Wild,
    /// Trades about once a second, and at the start of every minute.
    Busy,
    /// Trades like `Busy` at a third of the rate, and was listed an hour before the start.
    Fresh,
    /// Trades a few times a minute; most minutes have a trade.
    Normal,
    /// Trades in one minute of twenty-five.
    Thin,
    /// Trades like `Thin`, until it stopped three weeks before the start.
    Dead,
    /// The market is listed, but never trades.
    Never,
}

impl MarketActivity {
    /// Returns the number of trades of a minute, from the minute's random number.
    pub(crate) const fn trades_in_a_minute(self, draw: u64) -> u64 {
        /// The numbers of trades, 3.6 on average.
        const NORMAL: [u64; 16] = [0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 10];
        match self {
            Self::Wild => 350 + (draw >> 32) % 511,
            Self::Busy => 35 + (draw >> 32) % 51,
            Self::Fresh => 10 + (draw >> 32) % 21,
            Self::Normal => NORMAL[((draw >> 40) & 15) as usize],
            Self::Thin | Self::Dead if draw % 1_000 < 40 => 1 + (draw >> 40) % 3,
            Self::Thin | Self::Dead | Self::Never => 0,
        }
    }

    /// Returns whether the first trade of a minute comes at once.
    pub(crate) const fn fills_every_minute(self) -> bool {
        matches!(self, Self::Wild | Self::Busy | Self::Fresh)
    }
}

/// A stretch of time without trades on the whole venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The first ms without trades.
    pub from_ms: i64,
    /// The first ms with trades again.
    pub to_ms: i64,
}

/// The time at which the trades of a tape file are played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TapeAlignment {
    /// The time at which they were recorded.
    #[default]
    Recorded,
    /// All trades are shifted alike, so that the first happens at start-up and the rest play live.
    Now,
}

/// Inconsistencies in the venue's data, on Upbit as measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quirks {
    /// The share of trades that a socket delivers late, after newer ones.
    pub late_share: f64,
    /// The delay of late trades, in ms, at most a minute. Above 1,000 a trade may come after its bar has
    /// closed.
    pub late_ms: i64,
    /// The addition to the `timestamp` of REST candles, in ms, so that some lie past the end of their bar.
    pub candle_lag_ms: i64,
    /// The interval of days whose volume is not the sum of their hours, one in so many; 0 for none.
    pub odd_days: u64,
    /// True if trades requested without `days_ago` end at the midnight before the newest.
    pub ticks_stop_at_midnight: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self { late_share: 0.01, late_ms: 300, candle_lag_ms: 0, odd_days: 0, ticks_stop_at_midnight: false }
    }
}
