//! Port for what is happening.

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::{
    BookRequest, Candle, FeedEvent, OrderBook, PriceBand, Priority, Series, SourceError, Subscription,
    Symbol, Ticker, TickerRequest, Trade,
};

/// Live events of one reader. Dropping it ends the reader's wish.
pub type LiveStream = BoxStream<'static, FeedEvent>;

/// Somewhere live data can be had from. Implemented by the router.
#[async_trait]
pub trait LiveSource: Send + Sync + 'static {
    /// Starts a reader. It does not wait for the venue: what happens to the connection reaches the reader as events.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](crate::SourceErrorKind::Unsupported) if the venue has no such stream.
    async fn subscribe(&self, subscription: Subscription) -> Result<LiveStream, SourceError>;

    /// The tickers of some markets, by whichever channel is best now.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    async fn tickers(&self, request: &TickerRequest, priority: Priority) -> Result<Vec<Ticker>, SourceError>;

    /// The books of some markets, by whichever channel is best now.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    async fn books(&self, request: &BookRequest, priority: Priority) -> Result<Vec<OrderBook>, SourceError>;

    /// The latest ticker heard of, if the market is being followed; without waiting.
    fn latest_ticker(&self, symbol: &Symbol) -> Option<Ticker>;

    /// The latest trade heard of, if the market's trades are being followed; without waiting.
    fn latest_trade(&self, symbol: &Symbol) -> Option<Trade>;

    /// The latest book heard of, if it is being followed; without waiting.
    fn latest_book(&self, symbol: &Symbol) -> Option<OrderBook>;

    /// The latest price band heard of, if it is being followed; without waiting. A source that keeps none has none.
    fn latest_band(&self, symbol: &Symbol) -> Option<PriceBand> {
        let _ = symbol;
        None
    }

    /// Returns what the venue refuses for good to send on its socket, if anything: nothing arrives until that changes.
    /// A source that cannot be refused has no such reason.
    fn refusal(&self) -> Option<SourceError> {
        None
    }

    /// The candle in progress as last heard of, if it is being followed; without waiting.
    fn latest_candle(&self, series: &Series) -> Option<Candle>;
}
