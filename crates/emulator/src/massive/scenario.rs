//! The settings of the Massive emulator: one value, every field with a default.

mod split_spec;

pub use self::split_spec::{ParseSplitsError, SplitSpec};
use super::plan::EmulatedPlan;

/// The settings of the Massive emulator. `StocksScenario::default()` is a healthy venue in New York's hours.
#[derive(Clone, Debug)]
pub struct StocksScenario {
    /// The trading hours of the exchange.
    pub hours: ExchangeHours,
    /// The listed tickers.
    pub tickers: TickerSet,
    /// The splits of some tickers, besides those of the ticker set.
    pub splits: Vec<(String, SplitSpec)>,
    /// The number of days of history before the start.
    pub history_days: u32,
    /// The keys and their plans. Each key is an account of its own.
    pub keys: Vec<(String, EmulatedPlan)>,
    /// The number of requests in a minute for plans without a limit; `None` for any number.
    pub requests_per_minute: Option<u32>,
    /// True if a 429 says when to retry.
    pub retry_after: bool,
    /// True if volumes from ten million on are spelled `5.617399e+07`.
    pub exp_volume: bool,
    /// The number of sockets an account may have.
    pub max_connections: usize,
    /// The socket that is closed when an account has too many.
    pub evict: EvictionPolicy,
    /// The time after which a socket without a login is closed, in ms.
    pub auth_timeout_ms: u64,
    /// The largest queue for a slow client, in bytes; beyond it the socket is closed.
    pub queue_bytes: usize,
    /// The share of off-exchange prints that are published 20 s to 15 min late, and change bars then.
    pub late_share: f64,
    /// The share of off-exchange prints that only REST returns, from an hour after midnight on.
    pub overnight_share: f64,
    /// The share of events that are in their frame twice.
    pub duplicate_share: f64,
    /// The way in which the fault `drop_after_ms` ends a socket.
    pub termination: SocketTermination,
    /// The flood that replaces the trades of the tape on sockets.
    pub flood: Option<TradeFlood>,
}

impl Default for StocksScenario {
    fn default() -> Self {
        let keys = [
            ("test-key", EmulatedPlan::Advanced),
            ("developer-key", EmulatedPlan::Developer),
            ("starter-key", EmulatedPlan::Starter),
            ("free-key", EmulatedPlan::Basic),
        ];
        Self {
            hours: ExchangeHours::NewYork,
            tickers: TickerSet::Standard(12_000),
            splits: Vec::new(),
            history_days: 730,
            keys: keys.map(|(key, plan)| (key.to_owned(), plan)).into(),
            requests_per_minute: None,
            retry_after: false,
            exp_volume: false,
            max_connections: 1,
            evict: EvictionPolicy::Oldest,
            auth_timeout_ms: 10_000,
            queue_bytes: 16 << 20,
            late_share: 0.01,
            overnight_share: 0.000_5,
            duplicate_share: 0.0,
            termination: SocketTermination::Abort,
            flood: None,
        }
    }
}

/// The trading hours. Where bars begin does not depend on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExchangeHours {
    /// Trading from 04:00 to 20:00 in New York, closed on weekends and holidays, shorter on half days.
    #[default]
    NewYork,
    /// Trading around the clock, with less volume outside regular hours; active stocks trade every ten
    /// seconds.
    Always,
    /// Regular hours around the clock, every day: as busy at night as at noon.
    AlwaysRegular,
}

/// The set of listed tickers.
#[derive(Clone, Debug, PartialEq)]
pub enum TickerSet {
    /// A number of tickers: some well-known ones, and made-up ones that trade little.
    Standard(usize),
    /// The caller's own tickers.
    Own(Vec<TickerSpec>),
}

/// One made-up stock.
#[derive(Clone, Debug, PartialEq)]
pub struct TickerSpec {
    /// The ticker in the venue's spelling: `BRK.A`.
    pub ticker: String,
    /// The name of the company or fund.
    pub name: String,
    /// The current price level, in dollars.
    pub price: f64,
    /// The trading activity of the stock.
    pub activity: StockActivity,
    /// The past and future splits of the stock.
    pub splits: Vec<SplitSpec>,
}

impl TickerSpec {
    /// Creates a stock at $100 that was never split.
    #[must_use]
    pub fn new(ticker: &str, thickness: StockActivity) -> Self {
        Self {
            ticker: ticker.to_owned(),
            name: format!("{ticker} Inc."),
            price: 100.0,
            activity: thickness,
            splits: Vec::new(),
        }
    }
}

/// The trading activity of a stock; the shares of minutes are those measured on real files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StockActivity {
    /// Trades like SPY: every regular minute, nearly every other one.
    Thick,
    /// Trades like no real stock: two to four prints in a regular second, so that seconds matter. Otherwise
    /// like SPY.
    Wild,
    /// Trades like AAPL: every regular minute, two thirds of those before the open.
    Busy,
    /// Trades like AIG: one or two empty minutes in a regular session, little outside it.
    Medium,
    /// Trades like SHY: 15 % of the regular minutes are empty.
    Thin,
    /// Trades in one regular minute in ten.
    Rare,
    /// The stock is listed, but never trades.
    Never,
}

/// The socket that is closed when an account has too many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EvictionPolicy {
    /// The socket that was opened first.
    #[default]
    Oldest,
    /// The socket that was opened last.
    Newest,
}

/// The way in which the venue ends a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SocketTermination {
    /// The connection is cut without a close frame.
    #[default]
    Abort,
    /// The connection ends with a close frame of this code.
    Close(u16),
}

/// A flood of trades on every socket that has subscribed to them, for measurements.
///
/// The `q` of each ticker's trades counts from 1 without a gap, and `t` is the time at which a trade was
/// sent, so a reader can measure loss and delay. REST does not return these trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeFlood {
    /// The number of trades a second, over all tickers.
    pub per_second: u32,
    /// The number of tickers, from the front of the listing, that take turns.
    pub tickers: usize,
}
