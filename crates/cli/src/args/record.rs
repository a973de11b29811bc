//! The options of `record`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as Group;

use super::{ChannelArgs, duration, heading};

#[derive(Debug, Group)]
pub(crate) struct RecordArgs {
    /// The folder of the recording; a recording that is there already is continued beside it
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) channels: ChannelArgs,
    /// End after this long, like 10s
    #[arg(long = "for", value_name = "TIME", value_parser = duration, help_heading = heading::WHAT)]
    pub(crate) length: Option<Duration>,
}
