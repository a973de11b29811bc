//! What the Massive look-alike plays: one value, every field with a default.

mod split_spec;

pub use self::split_spec::{ParseSplitsError, SplitSpec};
use super::plan::EmulatedPlan;

/// What the Massive look-alike plays. `StocksScenario::default()` is a healthy venue in New York's hours.
#[derive(Clone, Debug)]
pub struct StocksScenario {
    /// When there is trading.
    pub hours: ExchangeHours,
    /// What is listed.
    pub tickers: TickerSet,
    /// Splits of some tickers, besides those that come with them.
    pub splits: Vec<(String, SplitSpec)>,
    /// How many days before the start the tape begins.
    pub history_days: u32,
    /// Which key has which plan. Each key is an account of its own.
    pub keys: Vec<(String, EmulatedPlan)>,
    /// Requests that plans without a limit may make in a minute; `None` for any number.
    pub requests_per_minute: Option<u32>,
    /// Whether a 429 says when to come back.
    pub retry_after: bool,
    /// Whether volumes from ten million on are spelled `5.617399e+07`.
    pub exp_volume: bool,
    /// Sockets an account may have.
    pub max_connections: usize,
    /// Which socket goes when there are too many.
    pub evict: EvictionPolicy,
    /// A socket that does not say who it is goes after so many ms.
    pub auth_timeout_ms: u64,
    /// What waits for a slow client, in bytes; one more and it is closed.
    pub queue_bytes: usize,
    /// Share of the off-exchange prints that are told 20 s to 15 min late, and change bars then.
    pub late_share: f64,
    /// Share of the off-exchange prints that only REST tells of, from an hour after midnight on.
    pub overnight_share: f64,
    /// Share of events that are in their frame twice.
    pub duplicate_share: f64,
    /// How a socket ends that the fault `drop_after_ms` ends.
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

/// When there is trading. Where bars begin does not depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExchangeHours {
    /// 04:00 to 20:00 in New York, weekends and holidays closed, half days cut short.
    #[default]
    NewYork,
    /// Also at night, on weekends and holidays: quieter than in regular hours, but what trades much trades
    /// every ten seconds.
    Always,
    /// Regular hours around the clock, every day: as busy at night as at noon.
    AlwaysRegular,
}

/// What is listed.
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
    /// As the venue spells it: `BRK.A`.
    pub ticker: String,
    /// Name of the company or fund.
    pub name: String,
    /// Price around which it trades now, in dollars.
    pub price: f64,
    /// How often it trades.
    pub activity: StockActivity,
    /// When it was split, and will be.
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

/// How often a stock trades; the shares of minutes are those measured on real files.
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

/// Which socket goes when an account has too many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EvictionPolicy {
    /// The one that was there first.
    #[default]
    Oldest,
    /// The one that came last.
    Newest,
}

/// How the venue ends a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SocketTermination {
    /// Without a word.
    #[default]
    Abort,
    /// With a close frame of this code.
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
