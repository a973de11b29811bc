//! The options of `watch`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as Group;

use super::{ChannelArgs, OutputFormat, TimeArg, duration, heading};

#[derive(Debug, Group)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    pub(crate) channels: ChannelArgs,
    /// Begin with what has happened since then, like 1h or "2026-11-28 03:00"
    ///
    /// Trades come as far back as the venue has them, and closed candles.
    #[arg(long, value_name = "TIME", help_heading = heading::WHAT)]
    pub(crate) from: Option<TimeArg>,
    /// Go on where the watch that wrote this file ended, also after a kill; without the file, begin at --from, or now
    ///
    /// With --output nothing is missing and nothing comes twice. On stdout, what followed the last note in the file comes
    /// again.
    #[arg(long, value_name = "FILE", help_heading = heading::WHAT)]
    pub(crate) resume: Option<PathBuf>,
    /// Append to this file; one that ends in .json, .ndjson or .jsonl gets JSON
    #[arg(long, value_name = "FILE", help_heading = heading::OUTPUT)]
    pub(crate) output: Option<PathBuf>,
    /// End after this long, like 10s
    #[arg(long = "for", value_name = "TIME", value_parser = duration, help_heading = heading::WHAT)]
    pub(crate) length: Option<Duration>,
    /// table to read, json (one object a line) for programs [default: as --output ends; else table]
    #[arg(long, value_enum, help_heading = heading::OUTPUT)]
    pub(crate) format: Option<OutputFormat>,
}
