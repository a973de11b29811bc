//! Tickers and books that are stamped in the future: left out of an answer, counted and named, by the bound of live events.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use market_backbone_core::{Clock, OrderBook, Ticker, Timestamp, drop_beyond};

use crate::figures::Figures;
use crate::venue_time::VenueTime;

/// What judges the stamps of answers.
#[derive(Clone, Debug)]
pub(crate) struct Beyond {
    pub(crate) time: Arc<VenueTime>,
    /// Stamps up to so much ahead of the venue's clock are believed.
    pub(crate) bound: Duration,
    pub(crate) figures: Arc<Figures>,
}

impl Beyond {
    /// The tickers of an answer that was `received` then, by the venue's clock.
    pub(crate) fn tickers(&self, tickers: Vec<Ticker>, received: Timestamp) -> Vec<Ticker> {
        let stamp = |ticker: &Ticker| ticker.time.max(ticker.trade_time);
        self.judge(tickers, received, stamp, |ticker| &ticker.symbol, "ticker")
    }

    /// The books of an answer that was `received` then, by the venue's clock.
    pub(crate) fn books(&self, books: Vec<OrderBook>, received: Timestamp) -> Vec<OrderBook> {
        self.judge(books, received, |book| book.time, |book| &book.symbol, "book")
    }

    fn judge<T, N: Display>(
        &self,
        mut rows: Vec<T>,
        received: Timestamp,
        stamp: impl Fn(&T) -> Timestamp,
        symbol: impl Fn(&T) -> &N,
        what: &str,
    ) -> Vec<T> {
        // Of a clock that was compared with nothing nobody knows that it is not behind.
        if !self.time.clock().is_measured() {
            return rows;
        }
        for row in drop_beyond(&mut rows, received.plus(self.bound), &stamp) {
            self.figures.future.fetch_add(1, Relaxed);
            let (symbol, stamp) = (symbol(&row), stamp(&row));
            tracing::warn!(%symbol, %stamp, now = %received, "a {what} is stamped in the future and left out");
        }
        rows
    }
}
