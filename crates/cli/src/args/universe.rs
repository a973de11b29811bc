//! `market-backbone universe …`: named lists of markets.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand};

use super::heading;
use super::store::ReportFormat;

#[derive(Debug, Group)]
pub(crate) struct UniverseArgs {
    #[command(subcommand)]
    pub(crate) command: UniverseCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UniverseCommand {
    /// Lists key, kind and number of markets of each universe.
    List {
        /// table to read, json (one object a line) for programs
        #[arg(long, value_enum, default_value_t = ReportFormat::Table, help_heading = heading::OUTPUT)]
        format: ReportFormat,
    },
    /// Prints the markets of a universe, or of several joined by `:`, one a line.
    Show {
        /// Like SPY:nasdaq100
        key: String,
    },
    /// Reads universes from a file: JSON of one list or of many, or codes separated by commas or lines.
    Import {
        /// The file; what may be in it is shown below
        file: PathBuf,
        /// The name of a list that has none in the file
        #[arg(long, help_heading = heading::WHAT)]
        key: Option<String>,
    },
    /// Adds markets to a universe; creates it if it does not exist.
    Add {
        /// Like majors
        key: String,
        /// Like KRW-BTC KRW-ETH; each must be listed by the venue
        #[arg(required = true)]
        markets: Vec<String>,
        /// Also markets that the venue does not list; asks it nothing
        #[arg(long, help_heading = heading::WHAT)]
        unlisted: bool,
    },
    /// Removes markets from a universe, or the universe itself where none is named.
    Remove {
        /// Like majors
        key: String,
        /// Like KRW-ETH
        markets: Vec<String>,
    },
}
