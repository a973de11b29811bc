//! Ports for what has happened: pages, candles, and where they are kept.

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;

use crate::{
    Candle, CandlePage, CandlePageRequest, CandlePart, CandleQuery, CandleSet, Capabilities, Coverage,
    Instrument, PageSequence, Priority, Series, SourceError, StoreError, StoreErrorKind, TimeRange,
    Timestamp, TradeId, TradePage, TradePageRequest,
};

/// Somewhere single pages can be had from. Implemented by the router.
#[async_trait]
pub trait PageSource: Send + Sync + 'static {
    /// What the venue behind it can do.
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

    /// Fetches one page of trades.
    ///
    /// # Errors
    ///
    /// As [`candle_page`](Self::candle_page).
    async fn trade_page(
        &self,
        request: &TradePageRequest,
        priority: Priority,
    ) -> Result<TradePage, SourceError>;

    /// A name that sorts before those of all trades that happened at `moment` or later, and after those of all others:
    /// a page of trades before it ends there. `None` where names do not follow the time.
    fn trade_cursor(&self, moment: Timestamp) -> Option<TradeId> {
        let _ = moment;
        None
    }

    /// The candle in progress, by whichever channel is best now; `None` if nothing has traded in its slot yet.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    async fn forming(&self, series: &Series, priority: Priority) -> Result<Option<CandlePart>, SourceError>;

    /// The markets the venue lists.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    async fn markets(&self, priority: Priority) -> Result<Vec<Instrument>, SourceError>;
}

/// Pieces of an answer as they arrive. Dropping it abandons what is still under way.
pub type PartStream = BoxStream<'static, Result<CandlePart, SourceError>>;

/// Somewhere any number of candles can be had from. Implemented by the coordinator and by storage.
#[async_trait]
pub trait CandleSource: Send + Sync + 'static {
    /// Answers `query` piece by piece, in no particular order. The stream ends after the first error.
    fn stream(&self, query: CandleQuery) -> PartStream;

    /// Where in the order of landing pages it is now, for [`CandleQuery::put`]; `None` if it shares no pages.
    fn page_sequence(&self) -> Option<PageSequence> {
        None
    }

    /// `query`, put now unless it was put before: for whoever looks elsewhere before this source is asked.
    fn pin_page_sequence(&self, query: CandleQuery) -> CandleQuery {
        let sequence = query.pages_since.or_else(|| self.page_sequence());
        query.pages_since(sequence)
    }

    /// Answers `query` as a whole: oldest first, with what is known of the stretch.
    ///
    /// # Errors
    ///
    /// Whatever the venue or the store answers. Pieces that arrived before it are kept by a store.
    async fn candles(&self, query: CandleQuery) -> Result<CandleSet, SourceError> {
        let mut stream = self.stream(query.clone());
        let mut parts = Vec::new();
        while let Some(part) = stream.next().await {
            parts.push(part?);
        }
        Ok(CandleSet::for_query(&query, parts))
    }
}

/// Rows read from a store, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredCandles {
    /// Oldest first; all final.
    pub candles: Vec<Candle>,
    /// How many of them came from memory; the rest came from disk.
    pub from_memory: u64,
}

/// Where final candles and the knowledge about them are kept.
#[async_trait]
pub trait CandleStore: Send + Sync + 'static {
    /// What is known of a series.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    async fn coverage(&self, series: &Series) -> Result<Coverage, StoreError>;

    /// The newest `limit` rows that open in `range`.
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

    /// The newest `limit` rows that open in `range`, each as it stood at `moment`: the oldest version that was replaced
    /// after it, or else the row as it is. A slot that was proven empty then has none.
    ///
    /// It promises that two reads differ exactly by what was replaced between their moments. It does not know what
    /// happened before a slot was first written, here: a row that came after `moment` reads as it came. Nor does it look at
    /// whether a slot had ended by then; that is for the caller, who knows how the venue cuts its candles. Who replaced a row
    /// says when, so an observation that was written long after it was made counts from when it was made.
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

    /// Keeps rows and what was proven with them, both or neither. Candles that are not final are left out.
    /// A row that is there already is replaced; what it was is kept for [`read_as_of`](Self::read_as_of).
    ///
    /// # Errors
    ///
    /// If they cannot be written; then nothing of them was.
    async fn commit(
        &self,
        series: &Series,
        candles: &[Candle],
        coverage: &Coverage,
    ) -> Result<(), StoreError>;

    /// The series of which anything is stored or known, in order.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    async fn series(&self) -> Result<Vec<Series>, StoreError>;

    /// Forgets rows, their earlier versions and knowledge in `range`, all or nothing: what is forgotten is unknown again.
    ///
    /// # Errors
    ///
    /// If it cannot be written; then nothing was forgotten.
    async fn forget(&self, series: &Series, range: TimeRange) -> Result<(), StoreError>;

    /// Finishes what is under way and lets go of the files.
    async fn close(&self);
}
