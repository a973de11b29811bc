//! The format in which rows are printed.

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    #[value(alias = "text")]
    Table,
    Csv,
    Json,
}
