//! The options of `ticker`.

use clap::Args as Group;

use super::{OutputFormat, PriorityArg, heading};

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
