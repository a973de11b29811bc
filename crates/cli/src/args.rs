//! What can be typed. Reading only: what it means is [`settings`](crate::settings) and the commands' business.

mod candles;
mod definition;
mod emulate;
mod examples;
mod heading;
mod moment;
mod shell;
mod store;
mod universe;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args as Group, Parser, Subcommand, ValueEnum};
use market_backbone::{Day, MASSIVE, Priority, StreamKind, UPBIT, UpbitRegion, VenueId};

pub(crate) use self::candles::{CandleFormat, CandleRangeArgs, CandlesArgs, PlanArgs, PlanFormat};
pub(crate) use self::definition::{command, parse};
pub(crate) use self::emulate::{
    EmulateArgs, EmulatedVenue, EvictArg, HoursArg, LimiterArg, StockArgs, TapeStartArg,
};
pub(crate) use self::moment::TimeArg;
pub(crate) use self::shell::{CompletionsArgs, ManArgs};
pub(crate) use self::store::{
    ArchiveFormatArg, CheckArgs, ClaimArgs, ExportArgs, ForgetArgs, ImportArgs, ReportFormat, StatsArgs,
    StoreArgs, StoreCommand, VacuumArgs,
};
pub(crate) use self::universe::{UniverseArgs, UniverseCommand};
use crate::secret_arg::SecretArg;

const EXIT_CODES: &str = "\
Exit codes:
  0         done; also a watch, demo or emulate that Ctrl-C, SIGTERM or --for ended
  1         failed: one line on stderr says what, where and what to do
  2         wrong usage
  130, 143  stopped by Ctrl-C or SIGTERM before it was done; what had arrived is kept

`market-backbone COMMAND --help` shows the options of a command, with examples.";

/// Market data for trading programs: say what you want and how urgently.
#[derive(Debug, Parser)]
#[command(
    name = "market-backbone",
    version,
    after_help = EXIT_CODES,
    disable_help_flag = true,
    max_term_width = 120
)]
pub(crate) struct CliArgs {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: CliCommand,
}

/// Settings that every command takes. A flag beats the environment, which beats the file.
#[derive(Clone, Debug, Default, Group)]
pub(crate) struct GlobalArgs {
    /// The venue; massive needs a key in `MASSIVE_API_KEY`
    #[arg(long, help_heading = heading::SOURCE, global = true, value_enum, default_value_t = VenueArg::Upbit)]
    pub(crate) venue: VenueArg,
    /// The address of the venue's REST API
    ///
    /// Environment: `MARKET_BACKBONE_UPBIT_REST_URL`, `MARKET_BACKBONE_MASSIVE_REST_URL`.
    #[arg(long, help_heading = heading::SOURCE, global = true, value_name = "URL")]
    pub(crate) rest_url: Option<SecretArg>,
    /// The address of its socket [default: derived from --rest-url, where that is given]
    ///
    /// Environment: `MARKET_BACKBONE_UPBIT_WS_URL`, `MARKET_BACKBONE_MASSIVE_WS_URL`.
    #[arg(long, help_heading = heading::SOURCE, global = true, value_name = "URL")]
    pub(crate) ws_url: Option<SecretArg>,
    /// Upbit's region: kr, sg, id or th, each an exchange of its own [default: kr]
    ///
    /// Environment: `MARKET_BACKBONE_UPBIT_REGION`.
    #[arg(long, help_heading = heading::SOURCE, global = true, value_name = "REGION")]
    pub(crate) region: Option<UpbitRegion>,
    /// The source whose data a proxy at --rest-url serves: upbit, massive, upbit-sg
    ///
    /// Without this option, another address is a source of its own, like upbit@127.0.0.1:9001, and its candles are kept
    /// apart. A name like upbit@seed-7 keeps emulators apart that run at one address, one after the other. Environment:
    /// `MARKET_BACKBONE_UPBIT_SAME_AS`, `MARKET_BACKBONE_MASSIVE_SAME_AS`.
    #[arg(long, help_heading = heading::SOURCE, global = true, value_name = "SOURCE")]
    pub(crate) same_as: Option<VenueId>,
    /// The folder in which candles are kept [default: ~/.local/share/market-backbone]
    ///
    /// `XDG_DATA_HOME` moves the default. A folder ./market-data of an older version is used as before, where there is one.
    #[arg(long, help_heading = heading::STORAGE, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The folder through which programs share the venue's rate limit [default: ~/.local/state/market-backbone/limits]
    ///
    /// Each request is noted there before it is sent. At another address than the venue's own, the default lies in the data
    /// folder.
    #[arg(long, help_heading = heading::STORAGE, global = true, value_name = "DIR", env = "MARKET_BACKBONE_LIMITS_DIR", hide_env = true)]
    pub(crate) limits_dir: Option<PathBuf>,
    /// A database that several machines share, behind the data folder: postgres://user@host/database
    ///
    /// Put the password into `PGPASSWORD` or ~/.pgpass.
    #[arg(
        long = "store",
        help_heading = heading::STORAGE,
        global = true,
        value_name = "URL",
        env = "MARKET_BACKBONE_STORE",
        hide_env_values = true
    )]
    pub(crate) shared: Option<SecretArg>,
    /// A TOML file of settings
    #[arg(long, help_heading = heading::GENERAL, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The log on stderr: off, error, warn, info, debug, trace, or MODULE=LEVEL,…
    #[arg(long, help_heading = heading::GENERAL, global = true, value_name = "LEVEL", default_value = "warn")]
    pub(crate) log: String,
    /// Print help; `-h` prints it in short
    #[arg(long, short, global = true, help_heading = heading::GENERAL, action = ArgAction::Help)]
    pub(crate) help: Option<bool>,
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
    /// Shows history and live prices from an emulator in this process; needs no key and no network.
    Demo(DemoArgs),
    /// Prints or writes candles of markets, oldest first.
    #[command(override_usage = "market-backbone candles [OPTIONS] [MARKET]... <TIMEFRAME>")]
    Candles(CandlesArgs),
    /// Stores the daily candles of all shares of a day by one request; prints day and number of shares.
    Daily(DailyArgs),
    /// Says what a fetch of candles would cost: pages, requests, time; asks the venue nothing.
    Plan(PlanArgs),
    /// Prints latest prices.
    Ticker(TickerArgs),
    /// Prints live events until Ctrl-C.
    Watch(WatchArgs),
    /// Lists the venue's markets.
    Markets(MarketsArgs),
    /// Looks after the data folder: statistics, checks, space, copies.
    Store(StoreArgs),
    /// Lists, imports and edits named lists of markets.
    Universe(UniverseArgs),
    /// Runs a look-alike of a venue, to try programs on.
    Emulate(EmulateArgs),
    /// Writes the completions of a shell to stdout.
    Completions(CompletionsArgs),
    /// Writes man pages of all commands.
    Man(ManArgs),
}

impl CliCommand {
    /// Whether it goes on until somebody ends it: then that is how it is done.
    pub(crate) const fn is_endless(&self) -> bool {
        matches!(self, Self::Demo(_) | Self::Watch(_) | Self::Emulate(_))
    }
}

#[derive(Debug, Group)]
pub(crate) struct DemoArgs {
    /// End after this long, like 10s [default: at Ctrl-C; 10s where the output is no terminal]
    #[arg(long = "for", value_name = "TIME", value_parser = duration, help_heading = heading::WHAT)]
    pub(crate) length: Option<Duration>,
    /// The number that the market's moves follow from
    #[arg(long, default_value_t = 1, help_heading = heading::WHAT)]
    pub(crate) seed: u64,
}

#[derive(Debug, Group)]
pub(crate) struct TickerArgs {
    /// Like KRW-BTC KRW-ETH
    #[arg(required_unless_present = "universe")]
    pub(crate) markets: Vec<String>,
    /// Also the markets of this universe; several joined by `:`
    #[arg(long, value_name = "KEY", help_heading = heading::WHAT)]
    pub(crate) universe: Option<String>,
    /// table to read, csv and json (one object a line) for programs
    #[arg(long, value_enum, default_value_t = OutputFormat::Table, help_heading = heading::OUTPUT)]
    pub(crate) format: OutputFormat,
    /// Who goes first when requests are scarce
    #[arg(long, value_enum, default_value_t = PriorityArg::Normal, help_heading = heading::WHAT)]
    pub(crate) priority: PriorityArg,
    /// Print what it cost as JSON, on the last line of stderr
    #[arg(long, help_heading = heading::OUTPUT)]
    pub(crate) stats: bool,
}

#[derive(Debug, Group)]
pub(crate) struct WatchArgs {
    /// Like KRW-BTC KRW-ETH, or AAPL; `*` for all shares
    #[arg(required_unless_present = "universe")]
    pub(crate) markets: Vec<String>,
    /// Also the markets of this universe; several joined by `:`
    #[arg(long, value_name = "KEY", help_heading = heading::WHAT)]
    pub(crate) universe: Option<String>,
    /// trade, ticker, book, band (US stocks), candle.1m (any timeframe the socket has), comma-separated
    #[arg(long, value_delimiter = ',', default_value = "trade", help_heading = heading::WHAT)]
    pub(crate) kinds: Vec<StreamKind>,
    /// Begin with what has happened since then, like 1h or "2026-11-28 03:00"
    ///
    /// Trades come as far back as the venue has them, and closed candles.
    #[arg(long, value_name = "TIME", help_heading = heading::WHAT)]
    pub(crate) from: Option<TimeArg>,
    /// Go on where the watch that wrote this file ended, also after a kill; without the file, begin at --from, or now
    ///
    /// With --output nothing is missing and nothing comes twice. On stdout, what followed the last note in the file comes
    /// again.
    #[arg(long, value_name = "FILE", help_heading = heading::WHAT)]
    pub(crate) resume: Option<PathBuf>,
    /// Append to this file; one that ends in .json, .ndjson or .jsonl gets JSON
    #[arg(long, value_name = "FILE", help_heading = heading::OUTPUT)]
    pub(crate) output: Option<PathBuf>,
    /// End after this long, like 10s
    #[arg(long = "for", value_name = "TIME", value_parser = duration, help_heading = heading::WHAT)]
    pub(crate) length: Option<Duration>,
    /// table to read, json (one object a line) for programs [default: as --output ends; else table]
    #[arg(long, value_enum, help_heading = heading::OUTPUT)]
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
    /// Only those priced in this currency, like KRW
    #[arg(long, help_heading = heading::WHAT)]
    pub(crate) quote: Option<String>,
    /// table to read, csv and json (one object a line) for programs
    #[arg(long, value_enum, default_value_t = OutputFormat::Table, help_heading = heading::OUTPUT)]
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

/// Reads a length of time: `10s`, `500ms`, `2m`, `1h`, `7d`, `2w`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let unreadable =
        || format!("cannot read `{text}` as a length of time; write it like 10s, 500ms, 2m, 1h, 7d");
    let split = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(unreadable)?;
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        "w" => 604_800.0,
        _ => return Err(unreadable()),
    };
    let length = number.parse::<f64>().map_err(|_| unreadable())? * seconds;
    Duration::try_from_secs_f64(length).map_err(|_| unreadable())
}

#[cfg(test)]
mod tests {
    use super::*;

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
