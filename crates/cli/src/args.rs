//! What can be typed. Reading only: what it means is [`settings`](crate::settings) and the commands' business.

mod candles;
mod emulate;
mod store;
mod universe;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use market_backbone::{Day, MASSIVE, Priority, StreamKind, Timestamp, UPBIT, UpbitRegion, VenueId};

pub(crate) use self::candles::{CandleFormat, CandleRangeArgs, CandlesArgs, PlanArgs, PlanFormat};
pub(crate) use self::emulate::{
    EmulateArgs, EmulatedVenue, EvictArg, HoursArg, LimiterArg, StockArgs, TapeStartArg,
};
pub(crate) use self::store::{
    ArchiveFormatArg, CheckArgs, ClaimArgs, ExportArgs, ForgetArgs, ImportArgs, ReportFormat, StatsArgs,
    StoreArgs, StoreCommand, VacuumArgs,
};
pub(crate) use self::universe::{UniverseArgs, UniverseCommand};
use crate::secret_arg::SecretArg;

const EXIT_CODES: &str = "\
Exit codes:
  0         done; a watch, demo or emulate ended by Ctrl-C, SIGTERM or --for; nobody reads the output any more
  1         failed: one line on stderr says what, where and what to do
  2         wrong usage
  130, 143  stopped by Ctrl-C or SIGTERM before it was done; what had arrived is kept";

/// Market data for trading programs: say what you want and how urgently.
#[derive(Debug, Parser)]
#[command(name = "market-backbone", version, after_help = EXIT_CODES)]
pub(crate) struct CliArgs {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: CliCommand,
}

/// Settings that every command takes. A flag beats the environment, which beats the file.
#[derive(Clone, Debug, Default, Group)]
pub(crate) struct GlobalArgs {
    /// Whose data; massive needs a key in `MASSIVE_API_KEY`
    #[arg(long, global = true, value_enum, default_value_t = VenueArg::Upbit)]
    pub(crate) venue: VenueArg,
    /// Where the venue's REST API is [env: `MARKET_BACKBONE_UPBIT_REST_URL`, `MARKET_BACKBONE_MASSIVE_REST_URL`]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) rest_url: Option<SecretArg>,
    /// Where its socket is [default: beside --rest-url, where that is given; env: as above with `WS_URL`]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) ws_url: Option<SecretArg>,
    /// Which of Upbit's houses: kr, sg, id or th, each an exchange of its own [default: kr; env:
    /// `MARKET_BACKBONE_UPBIT_REGION`]
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) region: Option<UpbitRegion>,
    /// Whose very data is served at --rest-url, where that is a proxy: upbit, massive, upbit-sg. Unless said, another
    /// address is a source of its own, like upbit@127.0.0.1:9001, and its candles are kept apart. A name like
    /// upbit@seed-7 keeps apart what stands at the same address one after the other [env:
    /// `MARKET_BACKBONE_UPBIT_SAME_AS`, `MARKET_BACKBONE_MASSIVE_SAME_AS`]
    #[arg(long, global = true, value_name = "SOURCE")]
    pub(crate) same_as: Option<VenueId>,
    /// Where candles are kept [default: ~/.local/share/market-backbone, or where XDG_DATA_HOME says; ./market-data, if an
    /// older version has left one]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Where what is sent is noted: programs that name the same folder share what the venue allows this machine
    /// [default: ~/.local/state/market-backbone/limits; at other addresses than the venue's own: in the data folder]
    #[arg(long, global = true, value_name = "DIR", env = "MARKET_BACKBONE_LIMITS_DIR", hide_env = true)]
    pub(crate) limits_dir: Option<PathBuf>,
    /// A database that other machines share, behind the data folder: postgres://user@host/database
    /// (the password, if there is one, rather in PGPASSWORD or ~/.pgpass)
    #[arg(
        long = "store",
        global = true,
        value_name = "URL",
        env = "MARKET_BACKBONE_STORE",
        hide_env_values = true
    )]
    pub(crate) shared: Option<SecretArg>,
    /// A TOML file of settings
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What to log to stderr: error, warn, info, debug, trace, or a filter
    #[arg(long, global = true, value_name = "LEVEL", default_value = "warn")]
    pub(crate) log: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum VenueArg {
    /// Coins; no key is needed.
    #[default]
    Upbit,
    /// US stocks; an API key is needed.
    Massive,
}

impl VenueArg {
    /// The venue that a source belongs to; `None` for one that this build does not know.
    pub(crate) fn of(venue: VenueId) -> Option<Self> {
        [(UPBIT, Self::Upbit), (MASSIVE, Self::Massive)]
            .into_iter()
            .find(|(id, _)| *id == venue.family())
            .map(|(_, name)| name)
    }

    /// The venue's own name.
    pub(crate) const fn id(self) -> VenueId {
        match self {
            Self::Upbit => UPBIT,
            Self::Massive => MASSIVE,
        }
    }

    /// As the names of variables have it.
    pub(crate) const fn env_prefix(self) -> &'static str {
        match self {
            Self::Upbit => "UPBIT",
            Self::Massive => "MASSIVE",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum CliCommand {
    /// Runs an emulator and the backbone in one process: live prices and history, no key, no network; with
    /// --venue massive, US stocks.
    Demo(DemoArgs),
    /// Prints candles of markets, oldest first.
    #[command(override_usage = "market-backbone candles [OPTIONS] [MARKET]... <TIMEFRAME>")]
    Candles(CandlesArgs),
    /// Fetches the daily candles of all shares of a day in one request and keeps them; prints day and number
    /// of shares as CSV. Massive only.
    Daily(DailyArgs),
    /// Estimates what a fetch of candles would cost: pages, requests, time. Sends nothing.
    Plan(PlanArgs),
    /// Prints the latest prices.
    Ticker(TickerArgs),
    /// Prints live events until Ctrl-C.
    Watch(WatchArgs),
    /// Lists the venue's markets.
    Markets(MarketsArgs),
    /// Maintains the data folder: statistics, integrity check, vacuum, export and import, retention.
    Store(StoreArgs),
    /// Manages named lists of markets: list, import, edit.
    Universe(UniverseArgs),
    /// Runs an emulated venue, to try programs on.
    Emulate(EmulateArgs),
}

impl CliCommand {
    /// Whether it goes on until somebody ends it: then that is how it is done.
    pub(crate) const fn is_endless(&self) -> bool {
        matches!(self, Self::Demo(_) | Self::Watch(_) | Self::Emulate(_))
    }
}

#[derive(Debug, Group)]
pub(crate) struct DemoArgs {
    /// Ends after this long, like 10s [default: at Ctrl-C; 10s where the output is no terminal]
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) length: Option<Duration>,
    /// What the market does follows from this number
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

#[derive(Debug, Group)]
pub(crate) struct TickerArgs {
    /// Like KRW-BTC KRW-ETH
    #[arg(required_unless_present = "universe")]
    pub(crate) markets: Vec<String>,
    /// The markets of this universe, too; several joined by `:`
    #[arg(long, value_name = "KEY")]
    pub(crate) universe: Option<String>,
    /// table for eyes, csv and json (one object a line) for programs
    #[arg(long, value_enum, default_value_t = OutputFormat::Table)]
    pub(crate) format: OutputFormat,
    /// Who waits for whom when requests are short
    #[arg(long, value_enum, default_value_t = PriorityArg::Normal)]
    pub(crate) priority: PriorityArg,
    /// Say on the last line of stderr what it cost, as JSON
    #[arg(long)]
    pub(crate) stats: bool,
}

#[derive(Debug, Group)]
pub(crate) struct WatchArgs {
    /// Like KRW-BTC KRW-ETH, or AAPL; `*` for all shares
    #[arg(required_unless_present = "universe")]
    pub(crate) markets: Vec<String>,
    /// The markets of this universe, too; several joined by `:`
    #[arg(long, value_name = "KEY")]
    pub(crate) universe: Option<String>,
    /// trade, ticker, book, band (US stocks), candle.1m (any timeframe the socket has), comma-separated
    #[arg(long, value_delimiter = ',', default_value = "trade")]
    pub(crate) kinds: Vec<StreamKind>,
    /// Begins with what happened then, RFC 3339: trades as far back as the venue has them, and closed candles
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Timestamp>,
    /// Goes on where the watch that wrote this file ended, be it killed; without such a file begins at --from, or now.
    /// With --output nothing is missing and nothing comes twice; on stdout what followed the last bookmark comes again
    #[arg(long, value_name = "FILE")]
    pub(crate) resume: Option<PathBuf>,
    /// Appends the lines to this file instead; one that ends in .json, .ndjson or .jsonl gets JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Ends after this long, like 10s
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) length: Option<Duration>,
    /// table for eyes, json for programs: one object a line [default: what the ending of --output says; else table]
    #[arg(long, value_enum)]
    pub(crate) format: Option<OutputFormat>,
}

#[derive(Debug, Group)]
pub(crate) struct DailyArgs {
    /// Days of New York that are over, like 2026-08-03
    #[arg(required = true)]
    pub(crate) days: Vec<Day>,
}

#[derive(Debug, Group)]
pub(crate) struct MarketsArgs {
    /// Only those priced in this
    #[arg(long)]
    pub(crate) quote: Option<String>,
    /// table for eyes, csv and json (one object a line) for programs
    #[arg(long, value_enum, default_value_t = OutputFormat::Table)]
    pub(crate) format: OutputFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Table,
    Csv,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PriorityArg {
    Critical,
    High,
    Normal,
    Low,
}

impl From<PriorityArg> for Priority {
    fn from(urgency: PriorityArg) -> Self {
        match urgency {
            PriorityArg::Critical => Self::Critical,
            PriorityArg::High => Self::High,
            PriorityArg::Normal => Self::Normal,
            PriorityArg::Low => Self::Low,
        }
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
        CliArgs::command().debug_assert();
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
}
