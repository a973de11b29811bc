//! Requests that only Upbit offers. They go through the router like all others: rate limited and retried.

mod answers;
mod replies;

use std::fmt;
use std::sync::Arc;

use market_backbone_core::{CallSource, Priority, SourceError, Symbol};
use market_backbone_venue_kit::get;

pub use self::answers::Grouping;
use crate::capabilities::ORDERBOOK;
use crate::rest::codes;

/// A client for what only Upbit offers; cheap to clone.
#[derive(Clone)]
pub struct UpbitClient {
    calls: Arc<dyn CallSource>,
    priority: Priority,
}

impl fmt::Debug for UpbitClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpbitClient").field("priority", &self.priority).finish_non_exhaustive()
    }
}

impl UpbitClient {
    /// Creates a client that sends its requests through `calls`.
    #[must_use]
    pub fn new(calls: Arc<dyn CallSource>) -> Self {
        Self { calls, priority: Priority::default() }
    }

    /// Returns the same client with another priority.
    #[must_use]
    pub fn with_priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Fetches the price steps by which Upbit can group the levels of some markets' books.
    ///
    /// # Errors
    ///
    /// [`BadRequest`](market_backbone_core::SourceErrorKind::BadRequest) if no market is named, and whatever the venue
    /// answers.
    pub async fn groupings(&self, symbols: &[Symbol]) -> Result<Vec<Grouping>, SourceError> {
        let call = get(ORDERBOOK, "/v1/orderbook/instruments", vec![("markets", codes(symbols)?)]);
        let source = self.calls.venue();
        replies::groupings(source, &self.calls.call(call, self.priority).await?)
            .map_err(|error| error.at_venue(source))
    }
}
