//! Which live data: the markets and the kinds of it, the same for every command that listens.

use clap::Args as Group;
use market_backbone::StreamKind;

use super::heading;

#[derive(Debug, Group)]
pub(crate) struct ChannelArgs {
    /// Like KRW-BTC KRW-ETH, or AAPL; `*` for all shares
    #[arg(required_unless_present = "universe")]
    pub(crate) markets: Vec<String>,
    /// Also the markets of this universe; several joined by `:`
    #[arg(long, value_name = "KEY", help_heading = heading::WHAT)]
    pub(crate) universe: Option<String>,
    /// trade, ticker, book, band (US stocks), candle.1m (any timeframe the socket has), comma-separated
    #[arg(long, value_delimiter = ',', default_value = "trade", help_heading = heading::WHAT)]
    pub(crate) kinds: Vec<StreamKind>,
}
