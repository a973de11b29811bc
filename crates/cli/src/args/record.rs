//! The options of `record`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as Group;
use market_backbone::StreamKind;

use super::{duration, heading};

#[derive(Debug, Group)]
pub(crate) struct RecordArgs {
    /// The folder of the recording; a recording that is there already is continued beside it
    pub(crate) dir: PathBuf,
    /// Like KRW-BTC KRW-ETH, or AAPL; `*` for all shares
    #[arg(required_unless_present = "universe")]
    pub(crate) markets: Vec<String>,
    /// Also the markets of this universe; several joined by `:`
    #[arg(long, value_name = "KEY", help_heading = heading::WHAT)]
    pub(crate) universe: Option<String>,
    /// trade, ticker, book, band (US stocks), candle.1m (any timeframe the socket has), comma-separated
    #[arg(long, value_delimiter = ',', default_value = "trade", help_heading = heading::WHAT)]
    pub(crate) kinds: Vec<StreamKind>,
    /// End after this long, like 10s
    #[arg(long = "for", value_name = "TIME", value_parser = duration, help_heading = heading::WHAT)]
    pub(crate) length: Option<Duration>,
}
