//! `market-backbone universe …`: named lists of markets.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand};

use super::store::ReportFormat;

#[derive(Debug, Group)]
pub(crate) struct UniverseArgs {
    #[command(subcommand)]
    pub(crate) command: UniverseCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UniverseCommand {
    /// Lists the universes: key, kind and number of markets.
    List {
        #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
        format: ReportFormat,
    },
    /// Prints the markets of a universe, or of several joined by `:`, one a line.
    Show {
        /// Like SPY:nasdaq100
        key: String,
    },
    /// Imports a file: JSON of one list or of many, or codes separated by commas or lines.
    Import {
        file: PathBuf,
        /// The name of a list that brings none
        #[arg(long)]
        key: Option<String>,
    },
    /// Adds markets to a list; creates the list if it does not exist.
    Add {
        key: String,
        #[arg(required = true)]
        markets: Vec<String>,
    },
    /// Removes markets from a list, or the whole list where no market is named.
    Remove { key: String, markets: Vec<String> },
}
