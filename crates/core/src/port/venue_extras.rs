//! Ports for what some venues offer besides market data: splits, and the daily candles of all markets at once.

use async_trait::async_trait;

use crate::{Candle, Day, Priority, Series, SourceError, Split, Symbol};

/// A venue whose markets are split now and then, and that says when.
#[async_trait]
pub trait SplitSource: Send + Sync + 'static {
    /// Asks for the splits of `symbol`, oldest first, announced ones included.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    async fn splits(&self, symbol: &Symbol, priority: Priority) -> Result<Vec<Split>, SourceError>;
}

/// A venue that has the daily candles of all its markets in one answer.
#[async_trait]
pub trait MarketDaySource: Send + Sync + 'static {
    /// Asks for the daily candles of all markets on `day`, as the venue counts days; none if nothing was traded.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    async fn market_day(&self, day: Day, priority: Priority) -> Result<Vec<(Series, Candle)>, SourceError>;
}
