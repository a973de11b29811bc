//! The options of `screen`.

use std::num::NonZeroUsize;

use clap::Args as Group;
use market_backbone::Timeframe;

use super::{OutputFormat, PriorityArg, heading};

#[derive(Debug, Group)]
pub(crate) struct ScreenArgs {
    /// The condition, like "rsi(14, 15m) < 30 && turnover(24h) > 1e9"
    #[arg(value_name = "EXPR")]
    pub(crate) condition: String,
    /// Like KRW-BTC KRW-ETH
    #[arg(required_unless_present_any = ["quote", "universe"])]
    pub(crate) markets: Vec<String>,
    /// All markets that are priced in this currency, like KRW
    #[arg(long, help_heading = heading::WHAT)]
    pub(crate) quote: Option<String>,
    /// Also the markets of this universe; several joined by `:`
    #[arg(long, value_name = "KEY", help_heading = heading::WHAT)]
    pub(crate) universe: Option<String>,
    /// The timeframe of what names none
    #[arg(long, default_value = "1d", value_parser = timeframe, help_heading = heading::WHAT)]
    pub(crate) timeframe: Timeframe,
    /// Judge by the bar that is still forming too, and not by closed ones alone
    #[arg(long, help_heading = heading::WHAT)]
    pub(crate) forming: bool,
    /// Who goes first when requests are scarce
    #[arg(long, value_enum, default_value_t = PriorityArg::High, help_heading = heading::WHAT)]
    pub(crate) priority: PriorityArg,
    /// Rank by this, the highest first: like "turnover(24h)", or "-rsi(14)" for the lowest RSI first
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true, help_heading = heading::OUTPUT)]
    pub(crate) sort: Option<String>,
    /// Print this many at most
    #[arg(long, value_name = "N", help_heading = heading::OUTPUT)]
    pub(crate) limit: Option<NonZeroUsize>,
    /// Print every market with its verdict, and not the matches alone
    #[arg(long, help_heading = heading::OUTPUT)]
    pub(crate) all: bool,
    /// table to read, csv and json (one object a line) for programs
    #[arg(long, value_enum, default_value_t = OutputFormat::Table, help_heading = heading::OUTPUT)]
    pub(crate) format: OutputFormat,
    /// Print what it cost as JSON, on the last line of stderr
    #[arg(long, help_heading = heading::OUTPUT)]
    pub(crate) stats: bool,
}

fn timeframe(text: &str) -> Result<Timeframe, String> {
    text.parse().map_err(|error: market_backbone::TimeframeError| error.to_string())
}
