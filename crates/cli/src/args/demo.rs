//! The options of `demo`.

use std::time::Duration;

use clap::Args as Group;

use super::{duration, heading};

#[derive(Debug, Group)]
pub(crate) struct DemoArgs {
    /// End after this long, like 10s [default: at Ctrl-C; 10s where the output is no terminal]
    #[arg(long = "for", value_name = "TIME", value_parser = duration, help_heading = heading::WHAT)]
    pub(crate) length: Option<Duration>,
    /// The number that the market's moves follow from
    #[arg(long, default_value_t = 1, help_heading = heading::WHAT)]
    pub(crate) seed: u64,
}
