//! Removes tickers and books with timestamps in the future from a reply; counts and logs them, with the bound
//! of live events.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use market_backbone_core::{Clock, OrderBook, Ticker, Timestamp, drop_after};

use crate::http_stats::HttpStats;
use crate::venue_clock_sync::VenueClockSync;

/// A filter for the timestamps of replies.
#[derive(Clone, Debug)]
pub(crate) struct FutureStampFilter {
    pub(crate) time: Arc<VenueClockSync>,
    /// The largest accepted time ahead of the venue's clock.
    pub(crate) max_ahead: Duration,
    pub(crate) stats: Arc<HttpStats>,
}

impl FutureStampFilter {
    /// Filters the tickers of a reply that was `received` then, by the venue's clock.
    pub(crate) fn tickers(&self, tickers: Vec<Ticker>, received: Timestamp) -> Vec<Ticker> {
        let stamp = |ticker: &Ticker| ticker.time.max(ticker.trade_time);
        self.filter(tickers, received, stamp, |ticker| &ticker.symbol, "ticker")
    }

    /// Filters the books of a reply that was `received` then, by the venue's clock.
    pub(crate) fn books(&self, books: Vec<OrderBook>, received: Timestamp) -> Vec<OrderBook> {
        self.filter(books, received, |book| book.time, |book| &book.symbol, "book")
    }

    fn filter<T, N: Display>(
        &self,
        mut rows: Vec<T>,
        received: Timestamp,
        stamp: impl Fn(&T) -> Timestamp,
        symbol: impl Fn(&T) -> &N,
        what: &str,
    ) -> Vec<T> {
        // A clock that was never compared with another may be behind.
        if !self.time.clock().is_measured() {
            return rows;
        }
        for row in drop_after(&mut rows, received.plus(self.max_ahead), &stamp) {
            self.stats.future.fetch_add(1, Relaxed);
            let (symbol, stamp) = (symbol(&row), stamp(&row));
            tracing::warn!(%symbol, %stamp, now = %received, "a {what} is stamped in the future and left out");
        }
        rows
    }
}
