//! The options of `markets`.

use clap::Args as Group;

use super::{OutputFormat, heading};

#[derive(Debug, Group)]
pub(crate) struct MarketsArgs {
    /// Only those priced in this currency, like KRW
    #[arg(long, help_heading = heading::WHAT)]
    pub(crate) quote: Option<String>,
    /// table to read, csv and json (one object a line) for programs
    #[arg(long, value_enum, default_value_t = OutputFormat::Table, help_heading = heading::OUTPUT)]
    pub(crate) format: OutputFormat,
}
