//! Port for live data.

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::{
    BookRequest, Candle, FeedEvent, OrderBook, PriceBand, Priority, Series, SourceError, Subscription,
    Symbol, Ticker, TickerRequest, Trade,
};

/// The live events of one reader. Dropping the stream ends the reader's subscription.
pub type LiveStream = BoxStream<'static, FeedEvent>;

/// A source of live data. Implemented by the router.
#[async_trait]
pub trait LiveSource: Send + Sync + 'static {
    /// Starts a reader. It does not wait for the venue: changes of the connection reach the reader as events.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](crate::SourceErrorKind::Unsupported) if the venue has no such stream.
    async fn subscribe(&self, subscription: Subscription) -> Result<LiveStream, SourceError>;

    /// Returns the tickers of some markets, by whichever channel is best now.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    async fn tickers(&self, request: &TickerRequest, priority: Priority) -> Result<Vec<Ticker>, SourceError>;

    /// Returns the books of some markets, by whichever channel is best now.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    async fn books(&self, request: &BookRequest, priority: Priority) -> Result<Vec<OrderBook>, SourceError>;

    /// Returns the latest ticker that arrived, if the market is followed, without waiting.
    fn latest_ticker(&self, symbol: &Symbol) -> Option<Ticker>;

    /// Returns the latest trade that arrived, if the market's trades are followed, without waiting.
    fn latest_trade(&self, symbol: &Symbol) -> Option<Trade>;

    /// Returns the latest book that arrived, if it is followed, without waiting.
    fn latest_book(&self, symbol: &Symbol) -> Option<OrderBook>;

    /// Returns the latest price band that arrived, if it is followed, without waiting. A source that keeps none
    /// returns `None`.
    fn latest_band(&self, symbol: &Symbol) -> Option<PriceBand> {
        let _ = symbol;
        None
    }

    /// Returns why the venue permanently refuses to send on its socket, if it does: nothing arrives until that changes.
    /// A source that cannot be refused returns `None`.
    fn refusal(&self) -> Option<SourceError> {
        None
    }

    /// Returns the latest state of the forming candle that arrived, if it is followed, without waiting.
    fn latest_candle(&self, series: &Series) -> Option<Candle>;
}
