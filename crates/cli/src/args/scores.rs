//! The options of `scores`.

use std::time::Duration;

use clap::{Args as Group, ValueEnum};

use super::{PriorityArg, RunFormat, duration, heading};

#[derive(Debug, Group)]
pub(crate) struct ScoresArgs {
    /// Like KRW-BTC KRW-ETH
    #[arg(required_unless_present = "universe")]
    pub(crate) markets: Vec<String>,
    /// Also the markets of this universe; several joined by `:`
    #[arg(long, value_name = "KEY", help_heading = heading::WHAT)]
    pub(crate) universe: Option<String>,
    /// Print the scores again each second, from the live feed, until Ctrl-C
    #[arg(long, help_heading = heading::WHAT)]
    pub(crate) watch: bool,
    /// End a --watch after this long, like 10s
    #[arg(
        long = "for",
        value_name = "TIME",
        value_parser = duration,
        requires = "watch",
        help_heading = heading::WHAT
    )]
    pub(crate) length: Option<Duration>,
    /// The profile of the ignition score
    #[arg(long, value_enum, default_value_t = IgnitionArg::Ramps, help_heading = heading::WHAT)]
    pub(crate) ignition: IgnitionArg,
    /// The profile of the accumulation scores
    #[arg(long, value_enum, default_value_t = AccumulationArg::Pinpoint, help_heading = heading::WHAT)]
    pub(crate) accumulation: AccumulationArg,
    /// text to read, json (one object a line) for programs
    #[arg(long, value_enum, default_value_t = RunFormat::Text, help_heading = heading::OUTPUT)]
    pub(crate) format: RunFormat,
    /// Who goes first when requests are scarce
    #[arg(long, value_enum, default_value_t = PriorityArg::Normal, help_heading = heading::WHAT)]
    pub(crate) priority: PriorityArg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IgnitionArg {
    Ramps,
    Steps,
    Legacy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AccumulationArg {
    Pinpoint,
    Refactored,
}
