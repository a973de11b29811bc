//! Ports for historical data: pages, candles, and the store that keeps them.

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;

use crate::{
    Candle, CandleColumns, CandlePage, CandlePageRequest, CandlePart, CandleQuery, CandleSet, Capabilities,
    Coverage, Instrument, PageSequence, Priority, Series, SourceError, StoreError, StoreErrorKind, TimeRange,
    Timestamp, TradePage, TradePageRequest,
};

/// A source of single pages. Implemented by the router.
#[async_trait]
pub trait PageSource: Send + Sync + 'static {
    /// Returns the capabilities of the venue behind the source.
    fn capabilities(&self) -> &Capabilities;

    /// Fetches one page of candles. Dropping the future abandons the request.
    ///
    /// # Errors
    ///
    /// [`PageTooLarge`](crate::SourceErrorKind::PageTooLarge) if more is asked than the venue gives at once,
    /// and whatever the venue answers.
    async fn candle_page(
        &self,
        request: &CandlePageRequest,
        priority: Priority,
    ) -> Result<CandlePage, SourceError>;

    /// Fetches one page of trades. Its [next](TradePage::next) page may be asked for whatever the venue's cursors are.
    ///
    /// # Errors
    ///
    /// As [`candle_page`](Self::candle_page); [`Unsupported`](crate::SourceErrorKind::Unsupported) for a cursor that the
    /// venue [does not take](Capabilities::trade_cursors), or that lies before what it has.
    async fn trade_page(
        &self,
        request: &TradePageRequest,
        priority: Priority,
    ) -> Result<TradePage, SourceError>;

    /// The candle in progress, by whichever channel is best now; `None` if nothing has traded in its slot yet.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    async fn forming(&self, series: &Series, priority: Priority) -> Result<Option<CandlePart>, SourceError>;

    /// Returns the markets the venue lists.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    async fn markets(&self, priority: Priority) -> Result<Vec<Instrument>, SourceError>;
}

/// The parts of an answer as they arrive. Dropping the stream abandons what is still in flight.
pub type PartStream = BoxStream<'static, Result<CandlePart, SourceError>>;

/// A source of any number of candles. Implemented by the coordinator and by storage.
#[async_trait]
pub trait CandleSource: Send + Sync + 'static {
    /// Answers `query` in parts, in no particular order. The stream ends after the first error.
    fn stream(&self, query: CandleQuery) -> PartStream;

    /// Returns the current position in the order of arriving pages, for [`CandleQuery::pages_since`], or `None`
    /// if the source shares no pages.
    fn page_sequence(&self) -> Option<PageSequence> {
        None
    }

    /// Sets the current page sequence on `query`, unless it has one. For callers that look elsewhere before they
    /// ask this source.
    fn pin_page_sequence(&self, query: CandleQuery) -> CandleQuery {
        let sequence = query.pages_since.or_else(|| self.page_sequence());
        query.pages_since(sequence)
    }

    /// Answers `query` as a whole: oldest first, with the coverage.
    ///
    /// # Errors
    ///
    /// Any failure of the venue or the store. A store keeps the parts that arrived before it.
    async fn candles(&self, query: CandleQuery) -> Result<CandleSet, SourceError> {
        let mut stream = self.stream(query.clone());
        let mut parts = Vec::new();
        while let Some(part) = stream.next().await {
            parts.push(part?);
        }
        Ok(CandleSet::for_query(&query, parts))
    }
}

/// The rows read from a store, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredCandles {
    /// The candles, oldest first; all final.
    pub candles: CandleColumns,
    /// The number of rows from memory. The rest came from disk.
    pub from_memory: u64,
}

/// A store of final candles and their coverage.
#[async_trait]
pub trait CandleStore: Send + Sync + 'static {
    /// Returns the coverage of a series.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    async fn coverage(&self, series: &Series) -> Result<Coverage, StoreError>;

    /// Returns the newest `limit` rows that open in `range`, oldest first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    async fn read(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
    ) -> Result<StoredCandles, StoreError>;

    /// Returns the number of rows that the store reads best at once from `range`, for readers who want all of it. Some
    /// thousands, unless it has them in a form that is copied as it is.
    async fn rows_at_once(&self, series: &Series, range: TimeRange) -> usize {
        let _ = (series, range);
        10_000
    }

    /// Returns the newest `limit` rows that open in `range`, each as it stood at `moment`: the oldest version
    /// that was replaced after it, or else the current row. A slot that was proven empty then has none.
    ///
    /// Two reads differ exactly by what was replaced between their moments. The store does not know what happened
    /// before it first wrote a slot: a row that arrived after `moment` reads as it arrived. Nor does it check
    /// whether a slot had ended by then; the caller does, because it knows how the venue cuts its candles. The
    /// writer of a row supplies the time of the replacement, so an observation that was written long after it was
    /// made counts from when it was made.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or keeps no earlier versions.
    async fn read_as_of(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
        moment: Timestamp,
    ) -> Result<StoredCandles, StoreError> {
        let _ = (range, limit);
        let message = format!("this store keeps no earlier versions of {series}, so none of {moment} either");
        Err(StoreError::new(StoreErrorKind::Database, message))
    }

    /// Stores rows and their proof, both or neither. Candles that are not final are left out. A row that exists
    /// already is replaced; the replaced version is kept for [`read_as_of`](Self::read_as_of).
    ///
    /// # Errors
    ///
    /// If they cannot be written; then none of them is stored.
    async fn commit(
        &self,
        series: &Series,
        candles: &[Candle],
        coverage: &Coverage,
    ) -> Result<(), StoreError>;

    /// Returns the series with any stored rows or coverage, sorted.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    async fn series(&self) -> Result<Vec<Series>, StoreError>;

    /// Removes the rows, their earlier versions and the coverage in `range`, all or nothing. Removed slots are
    /// unknown again.
    ///
    /// # Errors
    ///
    /// If it cannot be written; then nothing is removed.
    async fn forget(&self, series: &Series, range: TimeRange) -> Result<(), StoreError>;

    /// Finishes the work in progress and closes the files.
    async fn close(&self);
}
