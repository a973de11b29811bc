//! The options of `replay`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args as Group;
use market_backbone::StreamKind;

use super::{OutputFormat, TimeArg, heading};

#[derive(Debug, Group)]
pub(crate) struct ReplayArgs {
    /// The folder that `record` wrote
    pub(crate) dir: PathBuf,
    /// Kinds to print, comma-separated; bar.1m is made of recorded candle.1m [default: what was recorded]
    #[arg(long, value_delimiter = ',', help_heading = heading::WHAT)]
    pub(crate) kinds: Vec<StreamKind>,
    /// How many times faster than it was recorded, like 10, or `max`; the lines are the same
    #[arg(long, value_name = "N", default_value = "max", help_heading = heading::WHAT)]
    pub(crate) speed: SpeedArg,
    /// Begin at this time
    #[arg(long, value_name = "TIME", help_heading = heading::WHAT)]
    pub(crate) from: Option<TimeArg>,
    /// End before this time
    #[arg(long, value_name = "TIME", help_heading = heading::WHAT)]
    pub(crate) to: Option<TimeArg>,
    /// table to read, json (one object a line) for programs
    #[arg(long, value_enum, default_value_t = OutputFormat::Table, help_heading = heading::OUTPUT)]
    pub(crate) format: OutputFormat,
}

/// The speed of a replay; `None` for as fast as possible.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SpeedArg(pub(crate) Option<f64>);

impl FromStr for SpeedArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self(None));
        }
        let speed: f64 =
            text.parse().map_err(|_| format!("`{text}` is no speed; write max, or a number like 10"))?;
        if speed.is_finite() && speed > 0.0 {
            return Ok(Self(Some(speed)));
        }
        Err(format!("a speed is above 0, and `{text}` is not; write max for as fast as possible"))
    }
}
