//! What can be typed. Reading only: what it means is [`settings`](crate::settings) and the commands' business.

mod backtest;
mod candles;
mod channels;
mod daily;
mod definition;
mod demo;
mod duration;
mod emulate;
mod examples;
mod global;
mod heading;
mod markets;
mod moment;
mod output_format;
mod priority;
mod record;
mod replay;
mod scores;
mod screen;
mod shell;
mod store;
mod ticker;
mod universe;
mod venue;
mod watch;
mod whole_number;

use clap::{Parser, Subcommand};

pub(crate) use self::backtest::{BacktestArgs, BarSourceArgs, DiffArgs, MoneyArgs, RunFormat, SweepArgs};
pub(crate) use self::candles::{CandleFormat, CandleRangeArgs, CandlesArgs, PlanArgs, PlanFormat};
pub(crate) use self::channels::ChannelArgs;
pub(crate) use self::daily::DailyArgs;
pub(crate) use self::definition::{command, parse};
pub(crate) use self::demo::DemoArgs;
pub(crate) use self::duration::duration;
pub(crate) use self::emulate::{EmulateArgs, EvictArg, HoursArg, LimiterArg, StockArgs, TapeStartArg};
pub(crate) use self::global::GlobalArgs;
pub(crate) use self::markets::MarketsArgs;
pub(crate) use self::moment::TimeArg;
pub(crate) use self::output_format::OutputFormat;
pub(crate) use self::priority::PriorityArg;
pub(crate) use self::record::RecordArgs;
pub(crate) use self::replay::ReplayArgs;
pub(crate) use self::scores::{AccumulationArg, IgnitionArg, ScoresArgs};
pub(crate) use self::screen::ScreenArgs;
pub(crate) use self::shell::{CompletionsArgs, ManArgs};
pub(crate) use self::store::{
    ArchiveFormatArg, CheckArgs, ClaimArgs, ExportArgs, ForgetArgs, ImportArgs, ReportFormat, StatsArgs,
    StoreArgs, StoreCommand, VacuumArgs,
};
pub(crate) use self::ticker::TickerArgs;
pub(crate) use self::universe::{UniverseArgs, UniverseCommand};
pub(crate) use self::venue::{VenueArg, VenueFlags};
pub(crate) use self::watch::WatchArgs;
use self::whole_number::whole_number;

const EXIT_CODES: &str = "\
Exit codes:
  0         done; also a watch, record, demo or emulate that Ctrl-C, SIGTERM or --for ended
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

#[derive(Debug, Subcommand)]
pub(crate) enum CliCommand {
    /// Shows history and live prices from an emulator in this process; needs no key and no network.
    Demo(DemoArgs),
    /// Prints or writes candles of markets, oldest first.
    #[command(override_usage = "market-backbone candles [OPTIONS] [MARKET]... <TIMEFRAME>")]
    Candles(CandlesArgs),
    /// Stores the daily candles of all markets of a day by one request; prints day and number of markets.
    Daily(DailyArgs),
    /// Says what a fetch of candles would cost: pages, requests, time; asks the venue nothing.
    Plan(PlanArgs),
    /// Prints latest prices.
    Ticker(TickerArgs),
    /// Lists the markets that meet a condition over indicators and prices, ranked.
    Screen(ScreenArgs),
    /// Prints scores of markets: accumulation, ignition, checks against traps, zenV and zenP.
    Scores(ScoresArgs),
    /// Prints live events until Ctrl-C.
    Watch(WatchArgs),
    /// Records all that the venue sends, frame by frame, until Ctrl-C.
    Record(RecordArgs),
    /// Plays a recording through the layers of a live run, without a network.
    Replay(ReplayArgs),
    /// Lists the venue's markets.
    Markets(MarketsArgs),
    /// Runs a strategy over stored candles or a file of bars, and reports what came of it.
    #[command(
        override_usage = "market-backbone backtest [OPTIONS] --fee <SHARE> <STRATEGY> [MARKET] [TIMEFRAME]"
    )]
    Backtest(BacktestArgs),
    /// Runs a strategy with every combination of its parameters, best first.
    #[command(
        override_usage = "market-backbone sweep [OPTIONS] --fee <SHARE> <STRATEGY> [MARKET] [TIMEFRAME]"
    )]
    Sweep(SweepArgs),
    /// Compares two decision logs and prints where they part first, and what each knew there.
    Diff(DiffArgs),
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
        matches!(
            self,
            Self::Demo(_)
                | Self::Watch(_)
                | Self::Record(_)
                | Self::Emulate(_)
                | Self::Scores(ScoresArgs { watch: true, .. })
        )
    }
}
