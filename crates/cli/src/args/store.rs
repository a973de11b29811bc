//! `market-backbone store …`: what can be asked of the data folder itself, and of the database behind it.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand, ValueEnum};
use market_backbone::{Timeframe, VenueId};

use super::{TimeArg, heading};

#[derive(Debug, Group)]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Counts series, rows, spans, bytes and free space.
    ///
    /// Where --store names a database, of that and not of the folder.
    Stats(StatsArgs),
    /// Checks whether all that is stored can be true; exits with 1 if not.
    ///
    /// Where --store names a database, there as well.
    Check(CheckArgs),
    /// Gives free space back to the disk.
    ///
    /// Where --store names a database, there and not in the folder.
    Vacuum(VacuumArgs),
    /// Copies stored candles into the files that long ranges are read from.
    ///
    /// That happens by itself as well, some seconds after they were written, so this is for who cannot wait.
    Seal,
    /// Forgets candles of one series, so that the venue is asked again.
    ///
    /// Their earlier versions and what is known of them go as well. Where --store names a database, there as well.
    Forget(ForgetArgs),
    /// Writes series to files, with what is known of them and a hash of the content.
    ///
    /// Where --store names a database, of that and not of the folder.
    Export(ExportArgs),
    /// Takes in an archive that `export` wrote.
    ///
    /// Where --store names a database, into that and not into the folder.
    Import(ImportArgs),
    /// Names the source of candles that an older version stored.
    ///
    /// Those versions did not tell the venue from an emulator or a region.
    Claim(ClaimArgs),
}

#[derive(Debug, Group)]
pub(crate) struct StatsArgs {
    /// Also each series on a line of its own
    #[arg(long, help_heading = heading::OUTPUT)]
    pub(crate) series: bool,
    /// table to read, json (one object a line) for programs
    #[arg(long, value_enum, default_value_t = ReportFormat::Table, help_heading = heading::OUTPUT)]
    pub(crate) format: ReportFormat,
}

#[derive(Debug, Group)]
pub(crate) struct CheckArgs {
    /// Forget what cannot be true, wherever it is kept, and ask the venue for it again
    #[arg(long, help_heading = heading::WHAT)]
    pub(crate) repair: bool,
    /// table to read, json (one object a line) for programs
    #[arg(long, value_enum, default_value_t = ReportFormat::Table, help_heading = heading::OUTPUT)]
    pub(crate) format: ReportFormat,
}

#[derive(Debug, Group)]
pub(crate) struct VacuumArgs {
    /// table to read, json (one object a line) for programs
    #[arg(long, value_enum, default_value_t = ReportFormat::Table, help_heading = heading::OUTPUT)]
    pub(crate) format: ReportFormat,
}

#[derive(Debug, Group)]
pub(crate) struct ForgetArgs {
    /// Like KRW-BTC or AAPL
    pub(crate) market: String,
    /// 1s 1m 3m 5m 10m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M 1y
    pub(crate) timeframe: Timeframe,
    /// From this time on like 7d or "2026-11-28 03:00" [default: from the first]
    #[arg(long, value_name = "TIME", help_heading = heading::WHAT)]
    pub(crate) from: Option<TimeArg>,
    /// Up to this time, exclusive [default: to the last]
    #[arg(long, value_name = "TIME", help_heading = heading::WHAT)]
    pub(crate) to: Option<TimeArg>,
    /// Whose series, as `store stats --series --format json` names it, where several sources have one of that name
    /// [default: the source that --rest-url, --region or --same-as name]
    #[arg(long, value_name = "NAME", help_heading = heading::WHAT)]
    pub(crate) source: Option<String>,
    /// Do not ask on a terminal whether it is meant
    #[arg(long, help_heading = heading::WHAT)]
    pub(crate) yes: bool,
    /// table to read, json (one object a line) for programs
    #[arg(long, value_enum, default_value_t = ReportFormat::Table, help_heading = heading::OUTPUT)]
    pub(crate) format: ReportFormat,
}

#[derive(Debug, Group)]
pub(crate) struct ExportArgs {
    /// Like "KRW-BTC 1m", as often as needed [default: all there are]
    #[arg(long, value_name = "MARKET TIMEFRAME", help_heading = heading::WHAT)]
    pub(crate) series: Vec<String>,
    /// Only of this source, like VENUE or VENUE@127.0.0.1:9001 [default: of all]
    #[arg(long, value_name = "SOURCE", help_heading = heading::WHAT)]
    pub(crate) source: Option<VenueId>,
    /// From this time on like 7d or "2026-11-28 03:00"
    #[arg(long, value_name = "TIME", help_heading = heading::WHAT)]
    pub(crate) from: Option<TimeArg>,
    /// Up to this time, exclusive
    #[arg(long, value_name = "TIME", help_heading = heading::WHAT)]
    pub(crate) to: Option<TimeArg>,
    /// The format of the files
    #[arg(long, value_enum, default_value_t = ArchiveFormatArg::Csv, help_heading = heading::OUTPUT)]
    pub(crate) format: ArchiveFormatArg,
    /// The folder to write to
    #[arg(long, value_name = "DIR", help_heading = heading::OUTPUT)]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Group)]
pub(crate) struct ImportArgs {
    /// A folder that `export` wrote
    pub(crate) dir: PathBuf,
    /// Keeps its candles as those of this source: VENUE, VENUE-REGION, VENUE@127.0.0.1:9001 [default: the source that it
    /// names; where --rest-url, --region or --same-as say which source is meant, nothing else is taken in]
    #[arg(long = "as", value_name = "SOURCE", help_heading = heading::WHAT)]
    pub(crate) rename: Option<VenueId>,
}

#[derive(Debug, Group)]
pub(crate) struct ClaimArgs {
    /// The venue under whose name they are kept
    pub(crate) claimed: VenueId,
    /// Their source, like VENUE@127.0.0.1:9001 or VENUE-REGION [default: the venue's own]
    #[arg(long = "as", value_name = "SOURCE", help_heading = heading::WHAT)]
    pub(crate) source: Option<VenueId>,
}

/// How figures are told: to eyes, to programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    Table,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArchiveFormatArg {
    Csv,
    Parquet,
}
