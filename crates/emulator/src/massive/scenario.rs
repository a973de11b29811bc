//! What the Massive look-alike plays: one value, every field with a default.

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
    /// Splits of some tickers, besides those that come with them.
    pub splits: Vec<(String, SplitSpec)>,
    /// The number of days of history before the start.
    pub history_days: u32,
    /// The keys and their plans. Each key is an account of its own.
    pub keys: Vec<(String, EmulatedPlan)>,
    /// Requests that plans without a limit may make in a minute; `None` for any number.
    pub requests_per_minute: Option<u32>,
    /// True if a 429 says when to retry.
    pub retry_after: bool,
    /// True if volumes from ten million on are spelled `5.617399e+07`.
    pub exp_volume: bool,
    /// Sockets an account may have.
    pub max_connections: usize,
    /// The socket that is closed when an account has too many.
    pub evict: EvictionPolicy,
    /// A socket that does not say who it is goes after so many ms.
    pub auth_timeout_ms: u64,
    /// The largest queue for a slow client, in bytes; beyond it the socket is closed.
    pub queue_bytes: usize,
    /// Share of the off-exchange prints that are told 20 s to 15 min late, and change bars then.
    pub late_share: f64,
    /// Share of the off-exchange prints that only REST tells of, from an hour after midnight on.
    pub overnight_share: f64,
    /// Share of events that are in their frame twice.
    pub duplicate_share: f64,
    /// The way in which the fault `drop_after_ms` ends a socket.
    pub termination: SocketTermination,
    /// Trades on sockets are not those of the tape but a flood of these.
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
    /// 04:00 to 20:00 in New York, weekends and holidays closed, half days cut short.
    #[default]
    NewYork,
    /// Trading around the clock, with less volume outside regular hours; active stocks trade every ten
    /// seconds.
    Always,
}

/// The set of listed tickers.
#[derive(Clone, Debug, PartialEq)]
pub enum TickerSet {
    /// Some well-known names, filled up to so many with made-up ones that trade little.
    Standard(usize),
    /// Tickers of one's own.
    Own(Vec<TickerSpec>),
}

/// One made-up stock.
#[derive(Clone, Debug, PartialEq)]
pub struct TickerSpec {
    /// The ticker in the venue's spelling: `BRK.A`.
    pub ticker: String,
    /// Name of the company or fund.
    pub name: String,
    /// Price around which it trades now, in dollars.
    pub price: f64,
    /// The trading activity of the stock.
    pub activity: StockActivity,
    /// The past and future splits of the stock.
    pub splits: Vec<SplitSpec>,
}

impl TickerSpec {
    /// A stock at $100 that was never split.
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
    /// Like SPY: every regular minute, nearly every other one.
    Thick,
    /// Like no share: two to four prints in a regular second, so that seconds matter. Else like SPY.
    Wild,
    /// Like AAPL: every regular minute, two thirds of those before the bell.
    Busy,
    /// Like AIG: a hole or two in a regular session, little outside it.
    Medium,
    /// Like SHY: 15 % of the regular minutes are holes.
    Thin,
    /// One regular minute in ten.
    Rare,
    /// Listed, never traded.
    Never,
}

/// The socket that is closed when an account has too many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EvictionPolicy {
    /// The one that was there first.
    #[default]
    Oldest,
    /// The one that came last.
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

/// A flood of trades on every socket that has subscribed to them, to measure with.
///
/// The `q` of each ticker's trades counts from 1 without a gap and `t` is when a trade was sent, so a reader
/// can tell loss and delay. REST knows nothing of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeFlood {
    /// Trades of a second, over all tickers.
    pub per_second: u32,
    /// Tickers, from the front of the listing, that take turns.
    pub tickers: usize,
}
