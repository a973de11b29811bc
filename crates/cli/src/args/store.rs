//! `market-backbone store …`: what can be asked of the data folder itself, and of the database behind it.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand, ValueEnum};
use market_backbone::{Timeframe, Timestamp, VenueId};

#[derive(Debug, Group)]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Reports series, rows, spans, bytes and the unused share of the files. Where --store names a database:
    /// of the database, not of the folder.
    Stats(StatsArgs),
    /// Checks the integrity of all stored data; exits with 1 if it finds an issue. Where --store names a
    /// database, checks that as well.
    Check(CheckArgs),
    /// Gives free space back to the disk. Where --store names a database: there, not in the folder.
    Vacuum(VacuumArgs),
    /// Deletes candles of one series, their earlier versions and their coverage: the venue is asked anew.
    /// Where --store names a database, there as well.
    Forget(ForgetArgs),
    /// Writes series to files, with their coverage and a content hash. Where --store names a database: from
    /// the database, not from the folder.
    Export(ExportArgs),
    /// Reads what `export` wrote. Where --store names a database: into the database, not into the folder.
    Import(ImportArgs),
    /// Assigns a source to candles written by an older version, which did not tell a venue from an emulator
    /// or a region.
    Claim(ClaimArgs),
}

#[derive(Debug, Group)]
pub(crate) struct StatsArgs {
    /// Each series on a line of its own, too
    #[arg(long)]
    pub(crate) series: bool,
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) format: ReportFormat,
}

#[derive(Debug, Group)]
pub(crate) struct CheckArgs {
    /// Forget what cannot be true, wherever it is kept, and ask the venue for it again
    #[arg(long)]
    pub(crate) repair: bool,
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) format: ReportFormat,
}

#[derive(Debug, Group)]
pub(crate) struct VacuumArgs {
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) format: ReportFormat,
}

#[derive(Debug, Group)]
pub(crate) struct ForgetArgs {
    /// Like KRW-BTC or AAPL
    pub(crate) market: String,
    /// 1s 1m 3m 5m 10m 15m 30m 1h 4h 1d 1w 1M 1y
    pub(crate) timeframe: Timeframe,
    /// From this time on (RFC 3339, or a date: 2026-08-03T10:40:00Z) [default: from the first]
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Timestamp>,
    /// Up to this time, exclusive [default: to the last]
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Timestamp>,
    /// Whose series, as `store stats --series --format json` names it, where several sources have one of that name
    /// [default: the source that --rest-url, --region or --same-as name]
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// Do not ask on a terminal whether it is meant
    #[arg(long)]
    pub(crate) yes: bool,
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) format: ReportFormat,
}

#[derive(Debug, Group)]
pub(crate) struct ExportArgs {
    /// Like "KRW-BTC 1m", as often as needed [default: all there are]
    #[arg(long, value_name = "MARKET TIMEFRAME")]
    pub(crate) series: Vec<String>,
    /// Of this source only, like upbit or upbit@127.0.0.1:9001 [default: of all]
    #[arg(long, value_name = "SOURCE")]
    pub(crate) source: Option<VenueId>,
    /// From this time on (RFC 3339, or a date: 2026-08-03T10:40:00Z)
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Timestamp>,
    /// Up to this time, exclusive
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Timestamp>,
    #[arg(long, value_enum, default_value_t = ArchiveFormatArg::Csv)]
    pub(crate) format: ArchiveFormatArg,
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Group)]
pub(crate) struct ImportArgs {
    /// A folder that `export` wrote
    pub(crate) dir: PathBuf,
    /// Keeps its candles as those of this source: upbit, upbit-sg, upbit@127.0.0.1:9001 [default: the source that it
    /// names; where --rest-url, --region or --same-as say which source is meant, nothing else is taken in]
    #[arg(long = "as", value_name = "SOURCE")]
    pub(crate) rename: Option<VenueId>,
}

#[derive(Debug, Group)]
pub(crate) struct ClaimArgs {
    /// Under which name they are kept: upbit or massive
    pub(crate) claimed: VenueId,
    /// Whose they are, like upbit@127.0.0.1:9001 or upbit-sg [default: the venue's own]
    #[arg(long = "as", value_name = "SOURCE")]
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
