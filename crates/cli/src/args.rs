//! What can be typed. Reading only: what it means is [`settings`](crate::settings) and the commands' business.

mod candles;
mod store;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use market_backbone::{Priority, StreamKind};

pub(crate) use self::candles::{CandleFormat, Candles, Plan, PlanFormat, Wanted};
pub(crate) use self::store::{
    ArchiveFormat, Check, Export, Import, Report, Stats, Store, StoreCommand, Vacuum,
};
use crate::secret::Secret;

/// Market data for trading programs: say what you want and how urgently.
#[derive(Debug, Parser)]
#[command(name = "market-backbone", version)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Settings that every command takes. A flag beats the environment, which beats the file.
#[derive(Clone, Debug, Default, Group)]
pub(crate) struct Global {
    /// Whose data
    #[arg(long, global = true, value_enum, default_value_t = VenueName::Upbit)]
    pub(crate) venue: VenueName,
    /// Where the venue's REST API is
    #[arg(long, global = true, value_name = "URL", env = "MARKET_BACKBONE_UPBIT_REST_URL")]
    pub(crate) rest_url: Option<String>,
    /// Where its socket is [default: beside --rest-url, where that is given]
    #[arg(long, global = true, value_name = "URL", env = "MARKET_BACKBONE_UPBIT_WS_URL")]
    pub(crate) ws_url: Option<String>,
    /// Where candles are kept [default: market-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// A database that other machines share, behind the data folder: postgres://user@host/database
    /// (the password, if there is one, rather in PGPASSWORD or ~/.pgpass)
    #[arg(
        long = "store",
        global = true,
        value_name = "URL",
        env = "MARKET_BACKBONE_STORE",
        hide_env_values = true
    )]
    pub(crate) shared: Option<Secret>,
    /// A TOML file of settings
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What to log to stderr: error, warn, info, debug, trace, or a filter
    #[arg(long, global = true, value_name = "LEVEL", default_value = "warn")]
    pub(crate) log: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum VenueName {
    #[default]
    Upbit,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Emulator and backbone in one process: live prices and history, no key, no network
    Demo(Demo),
    /// Candles of a market, oldest first
    Candles(Candles),
    /// What a fetch of candles would cost: pages, requests, time. Asks nothing
    Plan(Plan),
    /// Latest prices
    Ticker(Ticker),
    /// Live events until Ctrl-C
    Watch(Watch),
    /// What the venue lists
    Markets(Markets),
    /// The data folder itself: its figures, its soundness, its size, copies of it
    Store(Store),
    /// A look-alike of a venue, to try programs on
    Emulate(Emulate),
}

#[derive(Debug, Group)]
pub(crate) struct Demo {
    /// Ends after this long, like 10s [default: at Ctrl-C; 10s where the output is no terminal]
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) length: Option<Duration>,
    /// What the market does follows from this number
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

#[derive(Debug, Group)]
pub(crate) struct Ticker {
    /// Like KRW-BTC KRW-ETH
    #[arg(required = true)]
    pub(crate) markets: Vec<String>,
    /// table for eyes, csv and json (one object a line) for programs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Who waits for whom when requests are short
    #[arg(long, value_enum, default_value_t = Urgency::Normal)]
    pub(crate) priority: Urgency,
}

#[derive(Debug, Group)]
pub(crate) struct Watch {
    /// Like KRW-BTC KRW-ETH
    #[arg(required = true)]
    pub(crate) markets: Vec<String>,
    /// trade, ticker, book, candle.1m (any timeframe the socket has), comma-separated
    #[arg(long, value_delimiter = ',', default_value = "trade", value_parser = kind)]
    pub(crate) kinds: Vec<StreamKind>,
    /// Ends after this long, like 10s
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) length: Option<Duration>,
    /// table for eyes, json for programs: one object a line
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

#[derive(Debug, Group)]
pub(crate) struct Markets {
    /// Only those priced in this
    #[arg(long)]
    pub(crate) quote: Option<String>,
    /// table for eyes, csv and json (one object a line) for programs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

#[derive(Debug, Group)]
pub(crate) struct Emulate {
    /// Whose look-alike
    #[arg(value_enum)]
    pub(crate) whose: VenueName,
    /// REST, socket and /__admin/report all listen here, on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 9001)]
    pub(crate) port: u16,
    /// What the market does follows from this number
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Plays recorded trades: csv or csv.gz with trade_timestamp_ms,market,trade_price,trade_volume
    #[arg(long, value_name = "FILE")]
    pub(crate) tape: Option<PathBuf>,
    /// When the recorded trades happen: when they were recorded, or from now on
    #[arg(long, value_enum, default_value_t = TapeStart::Recorded, requires = "tape")]
    pub(crate) tape_start: TapeStart,
    /// What goes wrong, like html=0.1,reset=0.1,latency_ms=40,drop_after_ms=5000
    /// (also cut, throttle, jitter_ms, stall_after_ms, refuse_sockets, duplicate, reorder)
    #[arg(long, value_name = "NAME=VALUE,…")]
    pub(crate) faults: Option<String>,
    /// How requests are counted
    #[arg(long, value_enum, default_value_t = Counting::Sliding)]
    pub(crate) limiter: Counting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TapeStart {
    Recorded,
    Now,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Counting {
    /// In any stretch of a second
    Sliding,
    /// In each second of the calendar
    Fixed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Csv,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Urgency {
    Critical,
    High,
    Normal,
    Low,
}

impl From<Urgency> for Priority {
    fn from(urgency: Urgency) -> Self {
        match urgency {
            Urgency::Critical => Self::Critical,
            Urgency::High => Self::High,
            Urgency::Normal => Self::Normal,
            Urgency::Low => Self::Low,
        }
    }
}

/// `trade`, `ticker`, `book`, `candle.1m`.
fn kind(text: &str) -> Result<StreamKind, String> {
    match text {
        "trade" => Ok(StreamKind::Trade),
        "ticker" => Ok(StreamKind::Ticker),
        "book" => Ok(StreamKind::Book),
        _ => match text.strip_prefix("candle.") {
            Some(frame) => frame.parse().map(StreamKind::Candle).map_err(|error| format!("{error}")),
            None => Err("there are trade, ticker, book and candle.TIMEFRAME (candle.1m)".to_owned()),
        },
    }
}

/// `10s`, `500ms`, `2m`, `1h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let unreadable = || format!("cannot read `{text}` as a length of time; write it like 10s, 500ms, 2m, 1h");
    let split = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(unreadable)?;
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err(unreadable()),
    };
    let length = number.parse::<f64>().map_err(|_| unreadable())? * seconds;
    Duration::try_from_secs_f64(length).map_err(|_| unreadable())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn lengths_of_time_read_as_they_are_said() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        for text in ["10", "s", "-5s", "10 days", ""] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn kinds_read_as_the_feed_writes_them() {
        for text in ["trade", "ticker", "book", "candle.1m", "candle.4h"] {
            assert_eq!(kind(text).map(|kind| kind.to_string()), Ok(text.to_owned()));
        }
        assert!(kind("candles").is_err());
    }
}
